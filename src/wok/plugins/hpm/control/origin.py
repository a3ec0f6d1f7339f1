"""Whether a request comes from a page of our own: a browser sends its cookies whoever makes it ask.

SameSite=Strict alone does not do: to a browser all ports of a host are one site, and other programs serve pages there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from .caller import CrossSite

_PORTS = {"http": 80, "https": 443}

#: What a browser may say of where a request comes from (W3C Fetch Metadata) if it is one of our own pages, or nobody's.
_OUR_SITES = ("", "same-origin", "none")

#: A URL as browsers write it there: no user, and no character that programs read differently (RFC 3986, WHATWG URL).
_PLAIN = re.compile(r"(?:https?:)?//[a-z0-9.:_\[\]-]+(?:[/?#][\x21-\x7e]*)?", re.ASCII | re.IGNORECASE)


def check_origin(
    headers: Mapping[str, str], *, required: bool = True, host: str | None = None, scheme: str | None = None
) -> None:
    """Refuse a write that a page of another site made a browser send. Raises `CrossSite`.

    `headers` are looked up by ``Origin``, ``Referer``, ``Host`` and ``Sec-Fetch-Site``. `host` is what the browser
    calls us (default: the header ``Host``), `scheme` how it reached us (None: either). `required`: also refuse if
    nothing says which page it is, as for a write that is allowed only because of a cookie.
    """
    site = headers.get("Sec-Fetch-Site", "").strip().lower()
    if site not in _OUR_SITES:
        raise CrossSite("a page of another site made your browser send this; do it on a page of hpm's own")
    said = headers.get("Origin") or headers.get("Referer")
    if not said:
        if required:
            raise CrossSite(
                "a write in a session must say from which page it comes, in the header Origin; programs use a token"
            )
        return
    ours = _place("//" + (host or headers.get("Host") or ""), scheme)
    theirs = _place(said, None)
    if theirs is None or ours is None or theirs[1:] != _as_reached(ours, theirs[0])[1:] or (
        scheme is not None and theirs[0] != scheme
    ):
        raise CrossSite(f"the page {said[:80]!r} is not one of hpm's; do it on a page of hpm's own")


def _place(url: str, scheme: str | None) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of a URL; None if it has none, or is not written as browsers do."""
    if not _PLAIN.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    word = (parts.scheme or scheme or "").lower()
    if not parts.hostname or (parts.scheme and word not in _PORTS):
        return None
    return word, parts.hostname.lower().rstrip("."), port if port is not None else _PORTS.get(word)


def _as_reached(place: tuple[str, str, int | None], scheme: str) -> tuple[str, str, int | None]:
    """A place without a scheme, as one of that scheme."""
    word, name, port = place
    return word or scheme, name, port if port is not None else _PORTS.get(scheme)
