"""Content codings: what is large goes out compressed where the client takes that (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping

import zstandard

#: Bytes below which compressing saves nothing worth the trouble.
LEAST = 1000

#: Fast rather than small: in the order of preference.
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda data: zstandard.ZstdCompressor(level=3).compress(data),    # one for each: they are not thread-safe
    "gzip": lambda data: gzip.compress(data, 5, mtime=0),
}

_NONE = re.compile(r"q=0(?:\.0*)?")


def chosen(header: str | None, size: int) -> str | None:
    """The coding of an answer of so many bytes for a client whose `Accept-Encoding` is this; None: as it is."""
    if header is None or size < LEAST:
        return None
    return next((name for name in CODINGS if _takes(header, name)), None)


def takes_gzip(header: str) -> bool:
    """Whether a client whose `Accept-Encoding` is this takes gzip."""
    return _takes(header, "gzip")


def _takes(header: str, coding: str) -> bool:
    taken: set[str] = set()
    refused: set[str] = set()
    for part in header.lower().replace(" ", "").split(","):
        name, *parameters = part.split(";")
        (refused if any(_NONE.fullmatch(one) for one in parameters) else taken).add(name)
    return coding in taken or ("*" in taken and coding not in refused)
