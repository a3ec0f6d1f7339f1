"""The soak: whether hpm stays as it is, in memory, files, shares and time, however long it works.

`python -m tests.soak real` on real guests, `simulated` in virtual time; docs/reliability.md tells what is promised.
"""
