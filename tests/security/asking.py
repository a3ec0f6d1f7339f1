"""Every way to show who one is, as the web front would forward it, and what each is worth."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hpm.control.route import Route
from tests.unit.access_host import ORIGIN, PASSWORDS, AccessHost, basic, bearer
from tests.unit.api_host import NOBODY

#: A query that no route knows: who gets that far is let in, and nothing is done.
UNKNOWN = "?hpm-knows-no-such-parameter=1"

#: A way in: the headers (with `cookie`, a session's secret), and what it is worth.
Way = tuple[Mapping[str, str], str | None]


def path_of(route: Route) -> str:
    """A path of that route whose parts are right in form."""
    parts = {f"{{{name}}}": NOBODY if name == "id" else "x" for name in route.names}
    return "/".join(parts.get(part, part) for part in route.path.split("/"))


def _token(host: AccessHost, user: str, **fields: Any) -> dict[str, str]:
    return bearer(host.token(user, **fields)["secret"])


def _session(host: AccessHost, user: str) -> dict[str, str]:
    return {**ORIGIN, "Cookie": f"__Host-hpm-session={host.log_in(user)}"}


def _revoked(host: AccessHost) -> dict[str, str]:
    made = host.token("ann", role="admin")
    assert host.ask("DELETE", f"/tokens/{made['object-id']}", headers=basic("ann", PASSWORDS["ann"])).status_code == 204
    return bearer(made["secret"])


def _over(host: AccessHost) -> dict[str, str]:
    found = _session(host, "ann")
    host.ask("POST", "/logout", headers=found)
    return found


def _demoted(way: Callable[[AccessHost], dict[str, str]], role: str | None) -> Callable[[AccessHost], dict[str, str]]:
    """Somebody who has lost a role since."""
    def made(host: AccessHost) -> dict[str, str]:
        found = way(host)
        if role is None:
            del host.roles["ann"]
        else:
            host.roles["ann"] = role    # type: ignore[assignment]
        return found
    return made


def _admins_session(host: AccessHost) -> dict[str, str]:
    return _session(host, "ann")


def _admins_token(host: AccessHost) -> dict[str, str]:
    return _token(host, "ann", role="admin")


def _renumbered(host: AccessHost) -> dict[str, str]:
    found = _admins_token(host)
    host.first_uid += 1000
    return found


#: What each way is worth: ``None``: nobody knows who asks; ``known``: somebody without a role.
WAYS: dict[str, tuple[Callable[[AccessHost], Mapping[str, str]], str | None]] = {
    "nothing": (lambda host: {}, None),
    "an empty Authorization": (lambda host: {"Authorization": ""}, None),
    "a scheme of its own": (lambda host: {"Authorization": "Negotiate YII="}, None),
    "a token that is none": (lambda host: bearer("hpm_" + "A" * 43), None),
    "a token without its prefix": (lambda host: bearer(host.token("ann")["secret"].removeprefix("hpm_")), None),
    "a revoked token": (_revoked, None),
    "a token of a user with another number": (_renumbered, None),
    "a session's secret as a token": (lambda host: bearer(host.log_in("ann")), None),
    "a token as a session": (
        lambda host: {**ORIGIN, "Cookie": f"__Host-hpm-session={host.token('ann')['secret']}"}, None),
    "a session that is over": (_over, None),
    "a cookie that is none": (lambda host: {**ORIGIN, "Cookie": "__Host-hpm-session=" + "A" * 43}, None),
    "a cookie of another name": (lambda host: {**ORIGIN, "Cookie": f"hpm-session={host.log_in('ann')}"}, None),
    "a wrong password": (lambda host: basic("ann", "wrong"), None),
    "an empty password": (lambda host: basic("ann", ""), None),
    "headers of other programs": (
        lambda host: {"Remote-User": "root", "X-Remote-User": "root", "X-Remote-Uid": "0", "X-Forwarded-User": "root",
                      "X-Forwarded-For": "127.0.0.1", "X-Hpm-By": "root", "By": "root", "Hpm-User": "root",
                      "Hpm-Role": "admin", "Hpm-Client-User": "root", "X-Http-Method-Override": "GET"}, None),
    "a password without a role": (lambda host: basic("eve", PASSWORDS["eve"]), "known"),
    "a session whose user lost the role": (_demoted(_admins_session, None), "known"),
    "a token whose maker lost the role": (_demoted(_admins_token, None), "known"),
    "a user's password": (lambda host: basic("bob", PASSWORDS["bob"]), "user"),
    "a user's session": (lambda host: _session(host, "bob"), "user"),
    "a user's token": (lambda host: _token(host, "bob"), "user"),
    "an admin's token of the role user": (lambda host: _token(host, "ann", role="user"), "user"),
    "a session whose user is admin no more": (_demoted(_admins_session, "user"), "user"),
    "an admin's token, who is none any more": (_demoted(_admins_token, "user"), "user"),
    "an admin's password": (lambda host: basic("ann", PASSWORDS["ann"]), "admin"),
    "an admin's session": (_admins_session, "admin"),
    "an admin's token": (_admins_token, "admin"),
}  # fmt: skip

#: For each need of a route, what is enough for it.
ENOUGH: dict[str, tuple[str | None, ...]] = {
    "anybody": (None, "known", "user", "admin"), "known": ("known", "user", "admin"), "user": ("user", "admin"),
    "admin": ("admin",),
}  # fmt: skip


_AS_ANOTHER = """
import os, socket, sys
path, uid, gid, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
os.setgroups([]); os.setresgid(gid, gid, gid); os.setresuid(uid, uid, uid)
for data in sys.stdin.buffer.read().split(b"\\0\\0"):
    one = socket.socket(socket.AF_UNIX); one.settimeout(seconds)
    found = b""
    try:
        one.connect(path); one.sendall(data); one.shutdown(socket.SHUT_WR)
        while part := one.recv(65536):
            found += part
    except OSError as error:
        found += b"!" + type(error).__name__.encode()
    sys.stdout.buffer.write(found.split(b"\\r\\n")[0] + b"\\n")
"""


def as_another(path: Path, uid: int, gid: int, requests: list[bytes], seconds: float = 5.0) -> list[bytes]:
    """The first line of what comes back for each of these requests, sent by a process of that user's (takes root)."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_ANOTHER, str(path), str(uid), str(gid), str(seconds)], input=b"\0\0".join(requests),
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout.splitlines()


def peer_of(connection: socket.socket) -> int:
    """The uid at the other end of a unix socket."""
    uid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    return uid


def is_root() -> bool:
    """Whether these tests may become others."""
    return os.geteuid() == 0
