"""The files that browsers get: a fixed table, made at the start. No path of a request ever names a file."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...wire.codings import LEAST, takes
from .headers import Headers
from .refusals import Refused

#: What only this server has: the page around the components.
_OWN = Path(__file__).with_name("files")

#: What Wok serves, too: the components, which are built (`make ui`), and images.
_SHARED = Path(__file__).parents[2] / "ui"

_TYPES = {
    ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".json": "application/json", ".png": "image/png", ".svg": "image/svg+xml",
}  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A file as it is sent; `packed` with gzip, where that saves something."""

    kind: str
    content: bytes
    packed: bytes | None
    tag: str


class Pages:
    """The table of pages."""

    def __init__(self, shared: Path = _SHARED) -> None:
        self._pages = {b"/page.css": _read(_OWN / "page.css")}
        for folder in ("js", "images"):
            for file in _files(shared / folder):
                self._pages[f"/{file.relative_to(shared).as_posix()}".encode()] = _read(file)
        # The documents are large and seldom read: they stay on the disk.
        self._documents = {f"/{file.relative_to(shared).as_posix()}".encode(): file for file in _files(shared / "docs")}
        #: Whether the components are there; a checkout has none before they are built.
        self.built = b"/js/hpm.js" in self._pages
        self._pages[b"/"] = _read(_OWN / ("index.html" if self.built else "unbuilt.html"))

    def answer(
        self, method: bytes, path: bytes, known: bytes | None, codings: bytes | None = None
    ) -> tuple[int, Headers, bytes]:
        """Status, headers and body for a path. Raises `Refused`.

        `known` is the request's `If-None-Match`, `codings` its `Accept-Encoding`.
        """
        page = self._pages.get(path)
        if page is None and path in self._documents:
            page = _document(self._documents[path])
        if page is None:
            missing = path.startswith(b"/docs/") and not self._documents
            hint = "; the documents are not built here ('make site')" if missing else ""
            raise Refused(404, f"there is no such path: {path[:200].decode('latin-1')}{hint}")
        if method not in (b"GET", b"HEAD"):
            raise Refused(405, f"{method[:20].decode('latin-1')} is not possible here; possible: GET, HEAD",
                          [(b"Allow", b"GET, HEAD")])    # fmt: skip
        headers = [(b"ETag", page.tag.encode()), (b"Cache-Control", b"no-cache"), (b"Vary", b"Accept-Encoding")]
        tags = [tag.strip().removeprefix(b"W/") for tag in (known or b"").split(b",")]
        if page.tag.removeprefix("W/").encode() in tags or tags == [b"*"]:
            return 304, headers, b""
        headers.insert(0, (b"Content-Type", page.kind.encode()))
        if page.packed is not None and codings is not None and takes(codings.decode("latin-1"), "gzip"):
            return 200, [*headers, (b"Content-Encoding", b"gzip")], page.packed
        return 200, headers, page.content


def _files(folder: Path) -> Iterator[Path]:
    """The files in it and below that browsers understand."""
    return (file for file in sorted(folder.rglob("*")) if file.suffix in _TYPES and file.is_file())


def _document(file: Path) -> Page | None:
    """One that is read now, and not packed, so that it costs next to nothing; None: it is not there any more."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    return Page(_TYPES[file.suffix], content, None, _tag(content))


def _tag(content: bytes) -> str:
    """A weak validator: it stands for the file in whatever coding."""
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def _read(file: Path) -> Page:
    content = file.read_bytes()
    packed = gzip.compress(content, 9, mtime=0) if len(content) >= LEAST else None
    return Page(_TYPES[file.suffix], content, packed, _tag(content))
