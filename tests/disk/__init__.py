"""A disk with faults, below SQLite and below Python's own files: the N-th write, fsync, … fails, or all ends there."""
