"""Golden scenarios: a host, its guests and what happens to them in a few words, and what hpm decides about it.

`form` is what stands in a file, `words` the short words in it, `play` plays a file through the real manager on the
simulated host in virtual time, `claims` and `invariants` check what came of it, `recording` is its text.
"""
