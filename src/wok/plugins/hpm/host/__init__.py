"""The doors: the manager's socket (and later the web front, and Wok). Only here is known who hosts us."""
