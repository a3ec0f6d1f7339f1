"""Which headers pass, in either direction, and which the front adds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from ...wire.doors import CLIENT_ADDRESS, CLIENT_SCHEME, OF_FRONT

Headers: TypeAlias = list[tuple[bytes, bytes]]

_ADDRESS, _SCHEME, _OURS = CLIENT_ADDRESS.encode(), CLIENT_SCHEME.encode(), OF_FRONT.encode()

#: Those about the connection and not about the message (RFC 9110, 7.6.1), and the body's framing, which is anew.
_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade", b"expect", b"content-length",
})  # fmt: skip

#: Headers that say who asks or what is sent. A second one would be read by one program and overlooked by another, and
#: no `Connection` can name them as its own, so that they would get lost on the way.
SINGLE = frozenset({
    b"authorization", b"content-encoding", b"content-type", b"cookie", b"host", b"if-match", b"if-none-match",
    b"origin", b"referer", b"sec-fetch-site",
})  # fmt: skip

#: On every answer. Scripts and styles come from files of ours alone, nobody may put us in a frame, and a request to
#: another site never says more than that it comes from nowhere. `same-origin` and not `no-referrer`, because with
#: the latter browsers send "Origin: null" with forms of our own.
_SECURITY: Headers = [
    (b"Content-Security-Policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
     b" frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
    (b"Referrer-Policy", b"same-origin"),
    (b"Permissions-Policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Embedder-Policy", b"require-corp"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Server", b"hpm"),
]  # fmt: skip

#: A browser that has read this never speaks plain HTTP with this *host name* again, on whatever port. So it is said
#: only where hpm was given the host's name: a certificate, and the port 443. On another port it would lock people
#: out of other services of the host; with our own certificate browsers ignore it.
_TRANSPORT_SECURITY = (b"Strict-Transport-Security", b"max-age=31536000")

_REPLACED = frozenset(name.lower() for name, _ in _SECURITY) | {_TRANSPORT_SECURITY[0].lower()}


def security_headers(strict_transport: bool) -> Headers:
    """The headers that every answer of a front has."""
    return [*_SECURITY, _TRANSPORT_SECURITY] if strict_transport else list(_SECURITY)


def to_manager(headers: Iterable[tuple[bytes, bytes]], address: str, length: int | None) -> Headers:
    """The headers of a client's request (names in lower case) as the manager gets them.

    `length` in bytes of the body that goes with it; None: there is none.
    """
    headers = list(headers)
    dropped = _HOP_BY_HOP | _named_by_connection(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name not in dropped and not name.replace(b"_", b"-").startswith(_OURS)
    ]
    kept += [(_ADDRESS, address.encode()), (_SCHEME, b"https")]
    if length is not None:
        kept.append((b"Content-Length", b"%d" % length))
    return kept


def to_client(headers: Iterable[tuple[bytes, bytes]], method: bytes, security: Headers) -> Headers:
    """The headers of the manager's answer as the client gets them; the body's length stays."""
    headers = list(headers)
    dropped = (_HOP_BY_HOP - {b"content-length"}) | _named_by_connection(headers) | _REPLACED
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    if not any(name.lower() == b"cache-control" for name, _ in kept):
        # what one user may read is kept for no other, and asked for again each time (`ETag` makes that cheap)
        kept.append((b"Cache-Control", b"private, no-cache" if method in (b"GET", b"HEAD") else b"no-store"))
    return kept + security


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    named = (value.split(b",") for name, value in headers if name.lower() == b"connection")
    return frozenset(word.strip().lower() for words in named for word in words) - SINGLE
