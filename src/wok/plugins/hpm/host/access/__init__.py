"""Who comes in through the web front: passwords, sessions, tokens, throttle, and the door that asks them.

All of it runs in the manager. The front only forwards requests, so whoever takes it over can do what the sessions
that pass through it may do, and has no password file, no store and no right on the host.
"""
