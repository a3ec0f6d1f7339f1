"""The loads that a Linux guest's init understands; init.c says what each does."""

from __future__ import annotations

import re

_NUMBER = r"\d+(\.\d+)?"
_TERM = re.compile(
    rf"spin|idle|(periodic|requests):{_NUMBER}/{_NUMBER}(x[1-9]\d*)?|busy:{_NUMBER},idle:{_NUMBER}"
    rf"|turns:{_NUMBER}/{_NUMBER},{_NUMBER}|(memory|filled):[1-9]\d*|later:[1-9]\d*,{_NUMBER}"
    rf"|swing:[1-9]\d*,{_NUMBER},{_NUMBER}(,{_NUMBER}){{0,2}}"
)


def check(load: str) -> str:
    """Return the load if it is one; raises ValueError."""
    for term in load.split("+"):
        if not _TERM.fullmatch(term):
            raise ValueError(
                f"unknown load {term!r} in {load!r}; known are spin, idle, periodic:ON/OFF (milliseconds), "
                "requests:R/MS (a second, of so many milliseconds), both with xN for N threads, busy:S,idle:S "
                "(seconds), turns:ON/OFF,S (periodic for S seconds, then busy for as long), memory:MIB, filled:MIB, "
                "later:MIB,S (seconds), swing:MIB,ON,OFF,FIRST,GROWTH (seconds; the last two may be left "
                "out), and several joined by '+'"
            )
    return load
