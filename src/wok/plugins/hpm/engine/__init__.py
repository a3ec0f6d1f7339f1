"""How goals become shares: samples → accounted time → windows → velocity, PI → plan with reasons.

Pure: no clock, no I/O, no state of its own. What must be remembered goes in and comes out as a value.
"""
