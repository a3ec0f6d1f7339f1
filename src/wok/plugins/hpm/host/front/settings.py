"""What a front is told at its start."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ...errors import InvalidValue
from ..rights import web_user

#: Where the front listens unless it is told: this host only.
LISTEN = "127.0.0.1:8643"


class FrontSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one front process; paths are absolute."""

    #: The manager's socket for the front.
    manager_socket: str

    #: Where the front keeps its own certificate: a directory of its own.
    directory: str

    #: Address and port, as `parse_listen` takes them apart.
    listen: str = LISTEN

    #: The number of a socket that listens there already; None: the front makes it.
    listen_fd: int | None = None

    #: Files of a given certificate (with its chain) and key; None: an own one.
    tls_cert: str | None = None
    tls_key: str | None = None

    #: User and group, by number, that the front becomes at its start, if root starts it.
    user: tuple[int, int] | None = None

    #: Seconds for a request to arrive whole.
    request_seconds: float = 15.0

    #: Whether the front ends when its standard input does: so it never outlives who started it.
    until_stdin_ends: bool = False

    verbose: bool = False


def front_settings(
    manager_socket: Path, directory: Path, listen: str | None, tls_cert: Path | None, tls_key: Path | None,
    verbose: bool,
) -> FrontSettings:  # fmt: skip
    """Settings as the command line gives them. Raises `InvalidValue`, `NoWebUser`."""
    if tls_key is not None and tls_cert is None:
        raise InvalidValue("a key is of no use without its certificate; give that with --tls-cert")
    parse_listen(listen or LISTEN)
    cert, key = (None if path is None else str(path.absolute()) for path in (tls_cert, tls_key))
    return FrontSettings(
        manager_socket=str(manager_socket.absolute()), directory=str(directory.absolute()),
        listen=listen or LISTEN, tls_cert=cert, tls_key=key, user=web_user(), verbose=verbose,
    )  # fmt: skip


def parse_listen(text: str) -> tuple[str, int]:
    """Address and port of ``ADDRESS:PORT``; an IPv6 address stands in brackets. Raises `InvalidValue`."""
    address, colon, port = text.rpartition(":")
    inner = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    bare = inner == address
    good = colon and inner and port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535
    if not good or (bare and ":" in inner) or "[" in inner:
        raise InvalidValue(f"{text!r} is not ADDRESS:PORT; right would be {LISTEN}, 0.0.0.0:443 or [::]:8643")
    return inner, int(port)


def format_listen(address: str, port: int) -> str:
    """The inverse of `parse_listen`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
