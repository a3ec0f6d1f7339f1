"""The files that browsers get: a fixed table, read once at the start. No path of a request ever names a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .headers import Headers
from .refusals import Refused

_FOLDER = Path(__file__).with_name("files")

_FILES = (
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/hpm.css", "hpm.css", "text/css; charset=utf-8"),
    ("/hpm.js", "hpm.js", "text/javascript; charset=utf-8"),
)


@dataclass(frozen=True)
class Page:
    """A file as it is sent."""

    kind: str
    content: bytes
    tag: str


class Pages:
    """The table of pages."""

    def __init__(self) -> None:
        self._pages = {path.encode(): _read(_FOLDER / name, kind) for path, name, kind in _FILES}

    def answer(self, method: bytes, path: bytes, known: bytes | None) -> tuple[int, Headers, bytes]:
        """Status, headers and body for a path; `known` is the request's `If-None-Match`. Raises `Refused`."""
        page = self._pages.get(path)
        if page is None:
            raise Refused(404, f"there is no such path: {path[:200].decode('latin-1')}")
        if method not in (b"GET", b"HEAD"):
            raise Refused(405, f"{method[:20].decode('latin-1')} is not possible here; possible: GET, HEAD",
                          [(b"Allow", b"GET, HEAD")])    # fmt: skip
        headers = [(b"ETag", page.tag.encode()), (b"Cache-Control", b"no-cache")]
        tags = [tag.strip().removeprefix(b"W/") for tag in (known or b"").split(b",")]
        if page.tag.encode() in tags or tags == [b"*"]:
            return 304, headers, b""
        return 200, [(b"Content-Type", page.kind.encode()), *headers], page.content


def _read(file: Path, kind: str) -> Page:
    content = file.read_bytes()
    return Page(kind, content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"')
