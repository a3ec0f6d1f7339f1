"""Simulations: the real manager on the simulated host, in virtual time, without a hypervisor.

`described` makes host and catalog of what was described, `play` lets them live, `figures` tells how they fared,
`simulate` puts the sides beside each other. `limits` says how large a simulation may be; `process` runs one in a
process of its own (`worker`), so that it never takes the manager's time.
"""
