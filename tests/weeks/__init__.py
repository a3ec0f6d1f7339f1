"""Whole systems played through weeks: the real manager on the simulated host, with injected time, and all that goes
wrong on a host in that time (docs/reliability.md, "Weeks")."""
