"""Which content codings a client takes (RFC 9110, section 12.5.3); the manager and the web front both ask that."""

from __future__ import annotations

import re

#: Bytes below which compressing saves nothing worth the trouble.
LEAST = 1000

_NONE = re.compile(r"q=0(?:\.0*)?")


def takes(header: str, coding: str) -> bool:
    """Whether a client whose `Accept-Encoding` is this takes that coding."""
    taken: set[str] = set()
    refused: set[str] = set()
    for part in header.lower().replace(" ", "").split(","):
        name, *parameters = part.split(";")
        (refused if any(_NONE.fullmatch(one) for one in parameters) else taken).add(name)
    return coding in taken or ("*" in taken and coding not in refused)
