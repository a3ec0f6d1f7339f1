"""Whether a TCP port of a guest takes a connection.

What a policy of an administrator names may be anywhere. What a guest says of itself, by its agent or when it asks for a
lease, may be a lie: a guest must not have hpm connect to services of this host, nor pass for ready by one of them.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import time
from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

import msgspec

log = logging.getLogger(__name__)

#: Seconds in which a port takes a connection, and for all addresses of a guest together.
TIMEOUT: Final = 1.0
TOGETHER: Final = 5.0
#: Addresses that are tried.
MOST: Final = 16

#: What is said of an address that no host has that can be reached from here.
_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EAFNOSUPPORT})

Address: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[0-9A-Za-z.:_-]+$(?!\n)")]


class PortQuestion(msgspec.Struct, frozen=True, tag="port", forbid_unknown_fields=True):
    """Does one of these addresses take connections at that port? `theirs`: the guest itself says that it has them."""

    addresses: Annotated[tuple[Address, ...], msgspec.Meta(max_length=MOST)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    theirs: bool


#: Who answers: why no address takes a connection, in words after the guest's name; None: one does. Raises nothing.
PortAsked: TypeAlias = Callable[[PortQuestion], str | None]


def port_answers(question: PortQuestion) -> str | None:
    """Try it from this process. See `PortAsked`."""
    port, deadline = question.port, time.monotonic() + TOGETHER
    if not question.addresses:
        return f"nobody knows an address for its port {port} yet"
    tried = [one for one in question.addresses if not question.theirs or may_be_a_guests(one)]
    if not tried:
        return f"its port {port} is not tried: what it says are its addresses are none that a guest can have"
    for address in tried:
        timeout = min(TIMEOUT, deadline - time.monotonic())
        if timeout <= 0.0:
            break
        try:
            with socket.create_connection((address, port), timeout):
                return None
        except OSError as error:
            log.debug("port %d at %s: %s", port, address, error)
    return f"its port {port} does not answer"


def is_address(text: str) -> bool:
    """Whether it is an IP address at all."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def may_be_a_guests(text: str) -> bool:
    """Whether an address can be one of another machine: of one host, and not of this one."""
    if not is_address(text):    # a name: of whom, others say
        return False
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if (
        address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local
        or (address.version == 4 and address.is_reserved)
    ):  # fmt: skip
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:    # sends nothing, and asks for the way there
            trial.connect((str(address), 9))
            mine = trial.getsockname()[0]
    except OSError as error:
        return error.errno in _NO_WAY
    return ipaddress.ip_address(mine.partition("%")[0]) != address    # who talks to himself is seen under that address
