"""Content codings: what is large goes out compressed where the client takes that."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping

import zstandard

from ..wire.codings import LEAST, takes

#: Fast rather than small: in the order of preference.
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda data: zstandard.ZstdCompressor(level=3).compress(data),    # one for each: they are not thread-safe
    "gzip": lambda data: gzip.compress(data, 5, mtime=0),
}


def chosen(header: str | None, size: int) -> str | None:
    """The coding of an answer of so many bytes for a client whose `Accept-Encoding` is this; None: as it is."""
    if header is None or size < LEAST:
        return None
    return next((name for name in CODINGS if takes(header, name)), None)
