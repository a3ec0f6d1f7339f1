"""Delivering notifications: each by a process of its own, which has no rights and ends soon.

`courier` starts it. `child` is the process, with `webhook` and `mail` for the two ways.
"""
