"""Stores as each version of the schema left them, after a crash; see `make`."""
