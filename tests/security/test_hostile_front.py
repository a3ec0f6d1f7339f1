"""A web front that was taken over: it holds the front's socket with the front's uid, and says whatever it likes.

It may do what the users may whose passwords, sessions and tokens pass through it (`test_authorization` asks every route
by every way in), and nothing beyond that: it does not become an administrator, blocks nobody on the host, fills neither
memory nor disk, and has root open nothing.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import inspect

from hpm.control.types import structs
from hpm.host import shares
from hpm.host.access.throttle import FREE
from hpm.host.front import supervising
from hpm.policy.files.content import PolicyFile
from hpm.wire.policy_files import Document
from tests.running import resident
from tests.unit.access_host import PASSWORDS, AccessHost, basic
from tests.unit.api_host import BASE, answers, read_all
from tests.unit.exercised import ROUTES

MEGABYTE = 1024 * 1024
VERSION = f"GET {BASE}/version HTTP/1.1\r\nHost: x\r\nHpm-Client-Address: 192.0.2.1\r\n".encode()


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process has both ends of all connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def at(path: Path, timeout: float = 5.0) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        yield connection


def say(path: Path, data: bytes) -> bytes:
    with at(path) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


@pytest.mark.parametrize("address", [
    "", "x", "192.0.2.1, 10.0.0.1", "192.0.2.1\t", "0x7f.1", "::1%" + "a" * 60_000, "9" * 60_000, "127.0.0.1:80",
    "[::1]", "../../etc/passwd", "%0a", "\x7f", "::ffff:1.2.3.4.5", "1.2.3.4/8",
])  # fmt: skip
def test_an_address_that_is_none_is_refused_and_forged_headers_mean_nothing(host: AccessHost, address: str) -> None:
    forged = "".join(f"{name}: {value}\r\n" for name, value in {
        "Hpm-Client-Scheme": "unix", "Hpm-Client-User": "root", "Hpm-User": "root", "X-Remote-Uid": "0",
        "X_Remote_Uid": "0", "Remote-User": "root", "Hpm-Role": "admin", "Hpm-Means": "socket",
    }.items() if "_" not in name)  # fmt: skip
    head = f"GET {BASE}/settings HTTP/1.1\r\nHost: x\r\nHpm-Client-Address: {address}\r\n{forged}\r\n"
    told = [status for status, _, _ in answers(say(host.front_socket, head.encode()))]
    assert told in ([400], [401]), told    # an address with a scope is one


def test_whatever_address_it_names_a_user_is_guessed_slowly(host: AccessHost) -> None:
    """Each guess from another address, and at the last from the one where the user is at home."""
    assert host.ask("GET", "/login", headers=basic("ann", PASSWORDS["ann"]), address="192.0.2.9").status_code == 200
    host.checker.asked.clear()
    for number in range(300):
        address = f"10.1.{number // 250}.{number % 250}"
        host.ask("GET", "/login", headers=basic("ann", f"guess {number}"), address=address)
    for number in range(100):
        host.ask("GET", "/login", headers=basic("ann", f"guess {number}"), address="192.0.2.9")
    assert len(host.checker.asked) <= 2 * FREE + 1


def test_local_users_are_not_blocked_by_what_it_does(host: AccessHost) -> None:
    secret = host.log_in("ann")
    for number in range(200):
        host.ask("GET", "/login", headers=basic("root", f"guess {number}"), address=("127.0.0.1", "::1")[number % 2])
    assert host.ask("GET", "/login", headers=basic("root", PASSWORDS["root"]), address="127.0.0.1").status_code == 429
    assert host.send("GET", "/login").json()["role"] == "admin"    # at the socket, whatever came from the front
    assert host.ask("GET", "/login", cookie=secret).json()["role"] == "admin"


def test_names_that_it_makes_up_are_not_kept(host: AccessHost) -> None:
    """Wrong tries are counted by user; a name of 40 kB, and another one each time, is not remembered whole."""
    before = resident()
    for number in range(700):
        name = f"{number:06}" + "x" * 40_000
        told = host.ask("GET", "/login", headers=basic(name, "x"), address=f"10.{number // 250}.1.{number % 250}")
        assert told.status_code == 401
    assert resident() - before < 12 * MEGABYTE    # of 28 MB that it said


def test_it_has_so_many_connections_and_no_more(host: AccessHost, many_files: None) -> None:
    with ExitStack() as stack:
        mine = [stack.enter_context(at(host.front_socket)) for _ in range(shares.CONNECTIONS_OF_FRONT + 200)]
        refused = 0
        for connection in mine[shares.CONNECTIONS_OF_FRONT :]:
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
            refused += 1
        assert refused == 200
        began = time.monotonic()
        assert host.send("GET", "/version").status_code == 200    # the others' socket does not notice
        assert time.monotonic() - began < 2.0
        mine[0].sendall(VERSION + b"\r\n")
        assert mine[0].recv(12) == b"HTTP/1.1 200"
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:    # and once they are closed it is served again
        with at(host.front_socket) as connection, suppress(OSError):
            connection.sendall(VERSION + b"\r\n")
            if connection.recv(12) == b"HTTP/1.1 200":
                return
    raise AssertionError("the front is not served any more")


def test_holding_all_of_its_threads_holds_nobody_else_up(host: AccessHost) -> None:
    with ExitStack() as stack:
        for _ in range(3 * shares.THREADS):
            stack.enter_context(at(host.front_socket)).sendall(VERSION)    # and never the end of it
        for _ in range(20):
            began = time.monotonic()
            assert host.send("GET", "/version").status_code == 200
            assert time.monotonic() - began < 2.0


def test_bodies_without_a_right_to_send_them_are_not_kept(host: AccessHost) -> None:
    """16 MB for an import, 40 at once, by nobody: each is refused before it is read."""
    head = VERSION.replace(b"GET", b"POST").replace(b"/version", b"/workload-resource-groups/import")
    before, told = resident(), []

    def send() -> None:
        told.append(say(host.front_socket, head + b"Content-Length: 16000000\r\n\r\n" + bytes(16_000_000))[:12])

    senders = [threading.Thread(target=send) for _ in range(40)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert set(told) == {b"HTTP/1.1 401"}
    # what the 40 senders themselves made is given back by now or not; what was received would be 640 MB
    assert resident() - before < 200 * MEGABYTE


@pytest.mark.parametrize("line", [b"0;" + b"a" * MEGABYTE, b"0" * MEGABYTE, bytes(MEGABYTE)], ids=["ext", "0", "NUL"])
def test_a_line_without_an_end_is_not_kept(host: AccessHost, line: bytes) -> None:
    """The size of a chunk stands in a line of its own: 64 MB of it are refused after the first kilobyte."""
    head = f"POST {BASE}/simulations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    before = resident()
    with at(host.socket) as connection:
        connection.sendall(head)
        sent = 0
        with suppress(OSError):
            for _ in range(64):
                connection.sendall(line)
                sent += len(line)
        with suppress(OSError):
            assert read_all(connection)[:12] == b"HTTP/1.1 400"
    assert sent < 16 * MEGABYTE
    assert resident() - before < 16 * MEGABYTE


def _said(data: bytes, caplog: pytest.LogCaptureFixture, times: int) -> float:
    """What is logged when a front says this so many times; gives the seconds that it took."""
    read, write = os.pipe()
    began = time.monotonic()
    with os.fdopen(read, "rb") as lines, caplog.at_level(logging.DEBUG):
        child = subprocess.Popen(
            ["/bin/sh", "-c", f'for i in $(seq {times}); do cat "$0"; done', "/dev/stdin"], stdin=subprocess.PIPE,
            stdout=write,
        ) if times > 1 else subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=write)  # fmt: skip
        os.close(write)
        assert child.stdin is not None
        feeder = threading.Thread(target=lambda: (child.stdin.write(data), child.stdin.close()))    # type: ignore[union-attr]
        feeder.start()
        supervising._pass_on(lines)
        feeder.join()
        child.wait()
    return time.monotonic() - began


def test_a_line_without_an_end_on_its_stderr_is_told_in_pieces(caplog: pytest.LogCaptureFixture) -> None:
    before = resident()
    seconds = _said(b"x" * (2 * MEGABYTE + 100), caplog, 1)
    assert resident() - before < 16 * MEGABYTE
    assert max(len(record.getMessage()) for record in caplog.records) < 2 * supervising.LONGEST_LINE
    assert seconds > 1.0    # who says more than a megabyte a second waits
    assert len(caplog.records) <= (seconds + 2) * (supervising.LINES_A_SECOND + 1)


def test_lines_without_end_on_its_stderr_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    seconds = _said(b"ERROR root: you must run curl evil | sh\n\x1b[2Jforged\r\n" * 20_000, caplog, 1)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) <= (seconds + 2) * (supervising.LINES_A_SECOND + 1)
    assert any("lines more were left out" in text for text in said)
    assert all(text.startswith("web: ") and text.isprintable() for text in said)


#: Fields of requests that would name a file or a program of the host, and what they are instead.
NAMES_OF_FILES = {
    "PartitionCreate.path": "a partition's: names between slashes, never `..` (policy.partitions)",
    "HeartbeatFile.path": "a file in the guest, which its agent reads",
    "BlkioChanges.devices": "a disk's number, or its file below /dev: it is looked up, and not opened",
    "BlkioParameters.devices": "as above",
    "DeviceLimits.device": "as above",
    "SettingsUpdate.devices-interval-seconds": "a time",
}  # fmt: skip


def test_no_request_names_a_file_or_a_program_of_the_host() -> None:
    """From the types of all bodies and queries: root opens what options of its command line name, and nothing else."""
    found: set[str] = set()
    types: list[Any] = [type_ for route in ROUTES for type_ in (route.body, route.query) if type_ is not None]
    for struct in map(inspect.type_info, structs(types)):
        if isinstance(struct, inspect.StructType):
            found |= {
                f"{struct.cls.__name__}.{field.encode_name}" for field in struct.fields
                if re.search(r"(^|-)(path|file|dir|directory|folder|program|command|exec|device|socket)s?($|-)",
                             field.encode_name)
            }  # fmt: skip
    assert found == set(NAMES_OF_FILES)


def _numbers(info: inspect.Type) -> Iterator[inspect.IntType | inspect.FloatType]:
    """The numbers in the type of a field, but for those of structs in it."""
    match info:
        case inspect.IntType() | inspect.FloatType():
            yield info
        case inspect.Metadata():
            yield from _numbers(info.type)
        case inspect.UnionType():
            yield from chain.from_iterable(map(_numbers, info.types))
        case inspect.TupleType():
            yield from chain.from_iterable(map(_numbers, info.item_types))
        case inspect.CollectionType():
            yield from _numbers(info.item_type)
        case inspect.DictType():
            yield from chain(_numbers(info.key_type), _numbers(info.value_type))
        case _:    # nothing is decoded unlooked at
            assert isinstance(info, HAVE_NO_NUMBER), info


#: Types of fields.
HAVE_NO_NUMBER = inspect.StrType | inspect.BoolType | inspect.NoneType | inspect.LiteralType | inspect.StructType


def test_every_number_of_a_request_has_both_bounds() -> None:
    """Of all bodies, queries and policy files. (NaN is in no bounds.)"""
    types: list[Any] = [type_ for route in ROUTES for type_ in (route.body, route.query)]
    asked = [*(type_ for type_ in types if type_ not in (None, Document)), *get_args(PolicyFile)]
    found, unbounded = 0, []
    for struct in map(inspect.type_info, structs(asked)):
        assert isinstance(struct, inspect.StructType)
        for field in struct.fields:
            for number in _numbers(field.type):
                found += 1
                if (number.ge is None and number.gt is None) or (number.le is None and number.lt is None):
                    unbounded.append(f"{struct.cls.__name__}.{field.encode_name}")
    assert unbounded == []
    assert found > 100


@pytest.mark.parametrize("number", ["-1", "0", "1e999", "NaN", "0x1", "1_0", "%D9%A1", "9" * 5000, str(2**63), "1.0"])
def test_a_number_in_a_path_that_is_none_names_nothing(host: AccessHost, number: str) -> None:
    asked = [route for route in ROUTES if "number" in route.names]
    assert len(asked) == 3
    for route in asked:
        path = route.path.replace("{id}", "default").replace("{name}", "x").replace("{number}", number)
        assert host.send(route.method, path).status_code == 404, path
