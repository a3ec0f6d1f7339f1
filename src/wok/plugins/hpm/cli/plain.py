"""Text that is safe to print."""

from __future__ import annotations

import re

#: What would end a line, or turn the direction of writing, is as bad as a control character.
_LOOSE = "\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_CONTROLS = re.compile(f"[\x00-\x1f{_LOOSE}]")
_CONTROLS_BUT_LINES = re.compile(f"[\x00-\x09\x0b-\x1f{_LOOSE}]")


def plain(text: str, lines: bool = False) -> str:
    """`text` without control characters (with `lines`: but line ends).

    Names, titles and attributes may come from guests, and a terminal obeys what is printed.
    """
    return (_CONTROLS_BUT_LINES if lines else _CONTROLS).sub("\N{REPLACEMENT CHARACTER}", text)
