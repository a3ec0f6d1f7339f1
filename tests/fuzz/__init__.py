"""Fuzzers of everything that reads what others wrote.

Each module of `targets` is one: its `TARGET` takes bytes, has a parser read them, and fails on whatever a parser must
not do. `python -m tests.fuzz NAME` has atheris look for such bytes, guided by coverage. `corpus/NAME/` is where it
begins from, `found/NAME/` is what it found once: both are tried in `make check`, with or without atheris.
"""
