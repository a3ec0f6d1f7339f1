"""HTTP in, model call, HTTP out. Plain CherryPy: the same tree serves under our own server and in Wok."""
