"""Text that is safe to print."""

from __future__ import annotations

import re

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROLS_BUT_LINES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def plain(text: str, lines: bool = False) -> str:
    """`text` without control characters (with `lines`: but line ends).

    Names, titles and attributes may come from guests, and a terminal obeys what is printed.
    """
    return (_CONTROLS_BUT_LINES if lines else _CONTROLS).sub("\N{REPLACEMENT CHARACTER}", text)
