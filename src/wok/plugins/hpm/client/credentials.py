"""How a client shows who it is to hpm at a URL. On a local socket the kernel does it."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult

from ..errors import InvalidValue
from ..texts import t


@dataclass(frozen=True)
class Credentials:
    """The value of the header Authorization. It is never shown, also not by `repr`."""

    authorization: str = field(repr=False)


def by_token(secret: str) -> Credentials:
    """A token of `hpm token-create`. Raises `InvalidValue` if it cannot be one."""
    if not (secret.isascii() and secret.isprintable()) or " " in secret or not secret:
        raise InvalidValue(t("this is no token of hpm's; it begins with hpm_, and has no blanks"))
    return Credentials(f"Bearer {secret}")


def by_password(user: str, password: str) -> Credentials:
    """A user of hpm's host, and the password there. Raises `InvalidValue`."""
    if ":" in user or not user:
        raise InvalidValue(t("{user} is not the name of a user", user=repr(user)))
    return Credentials("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def check_secure(url: SplitResult) -> None:
    """Raises `InvalidValue` if credentials sent to this URL could be read on the way."""
    if url.scheme == "https" or url.hostname == "localhost":
        return
    try:
        if ipaddress.ip_address(url.hostname or "").is_loopback:
            return
    except ValueError:
        pass
    raise InvalidValue(
        t("a password or token sent to http://{host} could be read on the way; use https", host=url.hostname)
    )
