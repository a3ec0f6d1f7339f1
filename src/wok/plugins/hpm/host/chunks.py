"""A request's body in chunks (RFC 9112, 7.1), read strictly.

cheroot's reader takes a line of any length for a chunk's size, and whatever Python takes for a number. A line without
an end would fill the memory, and what two programs read in two ways can hide a request.
"""

from __future__ import annotations

import re
from typing import Protocol

from cheroot.errors import MaxSizeExceeded

#: Bytes of the line with a chunk's size; extensions, which nobody uses, stand there too.
LONGEST_LINE = 1024

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")


class _File(Protocol):
    def read(self, size: int) -> bytes: ...

    def readline(self, size: int) -> bytes: ...


class ChunkedBody:
    """The body of one request, read from `file`; at most `most` bytes of it."""

    def __init__(self, file: _File, most: int) -> None:
        self._file = file
        self._most = most

    def read(self, size: int) -> bytes:
        """The whole body. Raises `ValueError` where it is malformed, `MaxSizeExceeded` where it has more than `size`
        bytes or as many as are taken here."""
        data, most = bytearray(), min(size, self._most)
        while (length := self._next()) > 0:
            if len(data) + length > most:
                raise MaxSizeExceeded
            piece = self._file.read(length)
            if len(piece) < length or self._file.read(2) != b"\r\n":
                raise ValueError("a chunk does not end where its size says")
            data += piece
        return bytes(data)

    def _next(self) -> int:
        line = self._file.readline(LONGEST_LINE)
        found = _SIZE.fullmatch(line)
        if found is None:
            raise ValueError(f"{line[:40]!r} is no line with the size of a chunk")
        return int(found[1], 16)
