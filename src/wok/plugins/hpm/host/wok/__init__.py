"""hpm inside Wok: the only part that knows it. `root.Hpm` is what Wok asks for; see docs/wok.md.

Wok is imported by `root`, `door` and `activity` alone, so the rest can be tried without it.
"""
