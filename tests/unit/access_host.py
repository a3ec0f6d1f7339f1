"""A manager with a socket for the web front, and what the front would send; passwords and roles are made up."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from hpm.control.activity import ManagerRecorder
from hpm.control.caller import Role, Unavailable
from hpm.host.access.door import FrontDoor, noted_address
from hpm.host.access.passwords import AccountClosed, WrongPassword
from hpm.host.peer import Account, PeerDoor
from hpm.host.server import SocketServer

from .api_host import BASE, BASES, ApiHost
from .exercised import RECORD

HOST = "hpm.example:8443"
ORIGIN = {"Origin": f"https://{HOST}"}
HERE, THERE = "192.0.2.1", "198.51.100.7"

#: As much of the contents of PAM as tests need. `root` is a user of every host, `ann` and the others of none.
PASSWORDS = {"root": "root's own", "ann": "ann's own", "bob": "bob's own", "eve": "eve's own", "old": "old's own"}
ROLES: dict[str, Role] = {"root": "admin", "ann": "admin", "bob": "user"}


class FakeChecker:
    """Passwords by user; `asked` are those it was asked for."""

    def __init__(self) -> None:
        self.passwords = dict(PASSWORDS)
        self.asked: list[tuple[str, str, str]] = []
        self.unavailable = False

    def check(self, user: str, password: str, address: str) -> str:
        """See `PasswordChecker`."""
        self.asked.append((user, password, address))
        if self.unavailable:
            raise Unavailable("the directory does not answer")
        if self.passwords.get(user.lower()) != password:
            raise WrongPassword
        if user == "old":
            raise AccountClosed("your account has expired")
        return user.lower()


class AccessHost(ApiHost):
    """An `ApiHost` with a second socket. `now` is the door's time in seconds, `roles` are those of users now;
    `slept` are the seconds that it would have waited before it told that a password is wrong."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, PeerDoor(), lambda: datetime.now(timezone.utc))
        self.now = 1_000_000.0
        self.checker = FakeChecker()
        self.roles: dict[str, Role] = dict(ROLES)
        self.front_socket = directory / "front.sock"
        self.first_uid = 5000
        self.slept: list[float] = []
        self.door = door = FrontDoor(
            self.checker, self.manager.tokens, lambda: self.now, self.account, self.slept.append
        )
        self.front_server = SocketServer(
            self.manager, self.front_socket, door, login=door, recorder=ManagerRecorder(self.manager, noted_address),
            only=os.geteuid(),
        )  # fmt: skip
        self.front_server.start()
        transport = httpx.HTTPTransport(uds=str(self.front_socket), verify=False)
        self.front_http = httpx.Client(
            transport=transport, base_url="http://hpm", timeout=30, trust_env=False,
            event_hooks={"response": [RECORD.note]},
        )  # fmt: skip

    def account(self, user: str) -> Account | None:
        """Users are those that have a password; their numbers begin at `first_uid`, but for root's."""
        if user not in PASSWORDS:
            return None
        uid = 0 if user == "root" else self.first_uid + list(PASSWORDS).index(user)
        return Account(uid, self.roles.get(user))

    def close(self) -> None:
        """Stop everything."""
        self.front_http.close()
        self.front_server.stop()
        super().close()

    def reset(self) -> None:
        """As at the start: so much later that nobody remembers a session or a wrong password; without tokens."""
        super().reset()
        self.now += 1_000_000.0
        self.checker.passwords, self.checker.asked, self.checker.unavailable = dict(PASSWORDS), [], False
        self.first_uid = 5000
        self.slept.clear()
        self.roles.clear()
        self.roles.update(ROLES)
        for token in self.manager.tokens.records:
            self.manager.tokens.revoke(token)

    def ask(
        self, method: str, path: str, body: object = None, *, address: str = HERE, cookie: str | None = None,
        headers: Mapping[str, str] | None = None, **more: Any,
    ) -> httpx.Response:  # fmt: skip
        """A request as the front forwards it for a client at `address`."""
        own = {"Host": HOST, "Hpm-Client-Address": address, "Hpm-Client-Scheme": "https"}
        if cookie is not None:
            own["Cookie"] = f"__Host-hpm-session={cookie}"
        content = None if body is None else json.dumps(body).encode()
        full = path if path.startswith(BASES) else BASE + path
        self.front_http.cookies.clear()
        return self.front_http.request(method, full, content=content, headers={**own, **(headers or {})}, **more)

    def try_login(self, user: str, password: str, **more: Any) -> httpx.Response:
        """The answer to a login."""
        return self.ask("POST", "/login", {"user": user, "password": password}, **more)

    def log_in(self, user: str = "ann", **more: Any) -> str:
        """The secret of a new session."""
        answer = self.try_login(user, PASSWORDS[user], **more)
        assert answer.status_code == 200, answer.text
        return secret_of(answer)

    def token(self, user: str = "ann", **fields: Any) -> dict[str, Any]:
        """A new token of a user's, made with the password."""
        answer = self.ask("POST", "/tokens", {"name": "t", **fields}, headers=basic(user, PASSWORDS[user]))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def entries(self, query: str = "") -> list[dict[str, Any]]:
        """The activity log, newest first."""
        found: list[dict[str, Any]] = self.get(f"/activity-log{query}")["activity-log"]
        return found

    def stored(self) -> bytes:
        """All that is in the store's files."""
        self.manager.activity.flush()
        return b"".join(path.read_bytes() for path in self.database.path.parent.glob("hpm.db*"))


def secret_of(answer: httpx.Response) -> str:
    """The session's secret in a cookie that was set."""
    return answer.headers["set-cookie"].partition(";")[0].partition("=")[2]


def basic(user: str, password: str) -> dict[str, str]:
    """The header of user and password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(secret: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {secret}"}


@contextmanager
def accessible() -> Iterator[AccessHost]:
    """A host for as long as the block."""
    with TemporaryDirectory(prefix="hpm-access-") as directory:
        host = AccessHost(Path(directory))
        try:
            yield host
        finally:
            host.close()
