"""The doors: the manager's sockets, the web front, and Wok. Only here is known who hosts us."""
