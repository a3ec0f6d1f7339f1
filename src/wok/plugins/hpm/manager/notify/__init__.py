"""Notifications: what is noticed, what waits to be told, and to whom. They are delivered by `host.delivery`."""
