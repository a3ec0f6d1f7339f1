"""Which addresses are tried when a guest's port is: those of a policy, and of what a guest says of itself few."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from hpm.backend.ports import MOST, PortQuestion, is_address, may_be_a_guests, port_answers


@contextmanager
def listening(address: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A socket of this host; whoever connects waits in its queue. At `::` it takes IPv4 as well."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, dualstack_ipv6=address == "::") as server:
        server.setblocking(False)
        yield server


def who_came(server: socket.socket) -> list[str]:
    """The addresses of those that have connected."""
    came = []
    while True:
        try:
            connection, (address, *_) = server.accept()
        except BlockingIOError:
            return came
        connection.close()
        came.append(address)


def own_addresses() -> list[str]:
    """Those of this host that only asking the kernel tells from a guest's."""
    trie = Path("/proc/net/fib_trie").read_text()
    found = {ipaddress.ip_address(one) for one in re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie)}
    six = Path("/proc/net/if_inet6")
    for line in six.read_text().splitlines() if six.exists() else ():
        found.add(ipaddress.ip_address(bytes.fromhex(line.split()[0])))
    return sorted(str(one) for one in found if not one.is_loopback and not one.is_link_local)



def test_an_address_of_a_policy_may_be_this_host() -> None:
    with listening() as server:
        port = server.getsockname()[1]
        assert port_answers(PortQuestion(("127.0.0.1",), port, theirs=False)) is None
        assert port_answers(PortQuestion(("192.0.2.1 is no address", "localhost"), port, theirs=False)) is None
        assert who_came(server) == ["127.0.0.1", "127.0.0.1"]
    assert port_answers(PortQuestion(("127.0.0.1",), port, theirs=False)) == f"its port {port} does not answer"


@pytest.mark.parametrize("lie", [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1",
    "224.0.0.1", "ff02::1", "255.255.255.255", "localhost",
])  # fmt: skip
def test_a_guest_cannot_lead_hpm_to_this_host_or_to_all(lie: str) -> None:
    _nobody_is_reached(lie)


def test_a_guest_cannot_lead_hpm_to_this_host_by_an_address_that_a_guest_could_have() -> None:
    """Not a parameter: addresses come and go while these tests run, with networks of guests."""
    own = own_addresses()
    if not own:
        pytest.skip("this host has loopback alone")
    for lie in own:
        _nobody_is_reached(lie)


def _nobody_is_reached(lie: str) -> None:
    assert not may_be_a_guests(lie), lie
    with listening("::" if socket.has_dualstack_ipv6() else "0.0.0.0") as server:
        said = port_answers(PortQuestion((lie,), server.getsockname()[1], theirs=True))
        assert who_came(server) == []
    assert said is not None and "none that a guest can have" in said


@pytest.mark.parametrize("address", ["192.0.2.7", "10.1.2.3", "192.168.122.50", "2001:db8::5", "fd00::5", "8.8.8.8"])
def test_what_may_be_a_guests(address: str) -> None:
    assert may_be_a_guests(address) and is_address(address)


def test_where_it_cannot_be_found_out_whose_an_address_is_it_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of systemd's answer so, and a host that may bind any address is not all hosts."""
    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(socket.socket, "bind", lambda *_: None)
    assert may_be_a_guests("192.0.2.7")
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    assert not may_be_a_guests("192.0.2.7")


def test_nobody_knows_an_address() -> None:
    assert port_answers(PortQuestion((), 80, theirs=True)) == "nobody knows an address for its port 80 yet"


@pytest.mark.parametrize("wrong", [
    b'{"type":"port","addresses":["a"],"port":0,"theirs":false}',
    b'{"type":"port","addresses":["a"],"port":65536,"theirs":false}',
    b'{"type":"port","addresses":["a b"],"port":1,"theirs":false}',
    b'{"type":"port","addresses":["%s"],"port":1,"theirs":false}' % (b"a" * 254),
    b'{"type":"port","addresses":[%s],"port":1,"theirs":false}' % b",".join([b'"a"'] * (MOST + 1)),
    b'{"type":"port","addresses":["a"],"port":1}',
    b'{"type":"port","addresses":["a"],"port":1,"theirs":false,"more":1}',
])  # fmt: skip
def test_what_is_asked_over_a_wire_is_limited(wrong: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(wrong, type=PortQuestion)
