"""A web server and a mail server on the loopback interface that take notifications; who delivers to this host alone."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import msgspec

from hpm.host.delivery.courier import ProcessCourier
from hpm.host.delivery.job import place
from hpm.manager.notify.channels import Outcome, Parcel
from hpm.wire.notifications import NotificationMessage

HERE = "127.0.0.1"


class LoopbackCourier(ProcessCourier):
    """The real one, for this host: what tests draw must not go out into the world."""

    def deliver(self, parcel: Parcel, seconds: float) -> Outcome:
        """See `Courier`."""
        if not place(parcel).startswith((f"{HERE}, ", "localhost, ")):
            return Outcome(False, "tests deliver to this host alone")
        return super().deliver(parcel, seconds)


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Certificate and key for this host, of no authority."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", f"subjectAltName=DNS:localhost,IP:{HERE}", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def server_context(cert: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*cert)
    return context


@dataclass
class Posted:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> NotificationMessage:
        return msgspec.json.decode(self.body, type=NotificationMessage)


@dataclass
class Hook:
    """A webhook. It answers with `statuses`, one after another, the last one from then on; 0: it hangs until it is
    closed."""

    statuses: list[int] = field(default_factory=lambda: [204])
    said: str = ""
    posted: list[Posted] = field(default_factory=list)
    port: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}/hook?key=of-nobody-else"

    @property
    def events(self) -> list[tuple[str, str | None]]:
        """What was told: event and service class."""
        return [(one.event, one.service_class) for post in self.posted for one in post.message.notifications]


@contextmanager
def hook(*statuses: int, said: str = "", cert: tuple[Path, Path] | None = None) -> Iterator[Hook]:
    """A webhook for as long as the block."""
    made = Hook(list(statuses) or [204], said)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.posted.append(Posted(self.path, dict(self.headers), body))
            status = made.statuses.pop(0) if len(made.statuses) > 1 else made.statuses[0]
            if status == 0:
                made.over.wait(60)
                return
            self.send_response(status, made.said or None)
            self.send_header("Location", f"http://{HERE}:{made.port}/elsewhere")
            self.end_headers()

        do_GET = do_POST    # noqa: N815    # the base class calls it so

        def log_message(self, *_words: Any) -> None:
            pass

    with _serving(ThreadingHTTPServer((HERE, 0), Handler), cert) as made.port:
        yield made
        made.over.set()


@dataclass
class Mailbox:
    """A mail server. `logins` are users and passwords that came; `refuses` addresses that it does not take; `hangs`:
    it says nothing."""

    logins: list[tuple[str, str]] = field(default_factory=list)
    takes: tuple[str, str] | None = None
    refuses: Sequence[str] = ()
    hangs: bool = False
    fails: int = 0    # so many mails are not taken
    letters: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def mails(self) -> list[EmailMessage]:
        found = [message_from_bytes(text, policy=default) for _, _, text in self.letters]
        assert all(isinstance(mail, EmailMessage) for mail in found)
        return found    # type: ignore[return-value]


@contextmanager
def mailbox(
    cert: tuple[Path, Path] | None = None, *, tls: bool = False, takes: tuple[str, str] | None = None,
    refuses: Sequence[str] = (), hangs: bool = False, fails: int = 0,
) -> Iterator[Mailbox]:  # fmt: skip
    """A mail server for as long as the block; `tls`: from the start, else STARTTLS where there is a certificate."""
    made = Mailbox(takes=takes, refuses=refuses, hangs=hangs, fails=fails)
    starttls = None if cert is None or tls else server_context(cert)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            talk = _Talk(made, self.connection, starttls, tls)
            with suppress(OSError):
                talk.run()
            talk.connection.close()    # another one than ours once it has TLS

    ThreadingTCPServer.allow_reuse_address = True
    with _serving(ThreadingTCPServer((HERE, 0), Handler), cert if tls else None) as made.port:
        yield made
        made.over.set()


class _Talk:
    """As much of SMTP (RFC 5321) as a client of ours needs."""

    def __init__(self, box: Mailbox, connection: socket.socket, starttls: ssl.SSLContext | None, tls: bool) -> None:
        self.box, self.connection, self.starttls, self.tls = box, connection, starttls, tls
        self.file = connection.makefile("rb")

    def say(self, *lines: str) -> None:
        last = len(lines) - 1
        for number, line in enumerate(lines):
            self.connection.sendall(f"{line[:3]}{' ' if number == last else '-'}{line[4:]}\r\n".encode())

    def run(self) -> None:
        if self.box.hangs:
            self.box.over.wait(60)
            return
        self.say("220 here")
        sender, to = "", []
        while line := self.file.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if word == "ehlo":
                more = ["250 STARTTLS"] if self.starttls is not None and not self.tls else []
                self.say("250 here", *more, "250 AUTH PLAIN")
            elif word == "STARTTLS" and self.starttls is not None:
                self.say("220 go on")
                self.connection = self.starttls.wrap_socket(self.connection, server_side=True)
                self.file, self.tls = self.connection.makefile("rb"), True
            elif word == "AUTH":
                user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")[1:]
                self.box.logins.append((user, password))
                good = (user, password) == self.box.takes
                self.say("235 welcome" if good else f"535 {password} is wrong, {rest}")
            elif word == "mail":
                sender = rest
                self.say("250 well")
            elif word == "rcpt":
                good = not any(address in rest for address in self.box.refuses)
                to += [rest] if good else []
                self.say("250 well" if good else "550 nobody here")
            elif word == "data":
                self.say("354 go on")
                self.take(sender, to)
                sender, to = "", []
            else:
                self.say("221 bye" if word == "quit" else "250 well")

    def take(self, sender: str, to: list[str]) -> None:
        text = b""
        while (line := self.file.readline()) not in (b".\r\n", b""):
            text += line.removeprefix(b".")
        if self.box.fails:
            self.box.fails -= 1
            self.say("451 not now")
            return
        self.box.letters.append((sender, to, text))
        self.box.encrypted.append(self.tls)
        self.say("250 taken")


@contextmanager
def _serving(server: ThreadingTCPServer, cert: tuple[Path, Path] | None) -> Iterator[int]:
    server.daemon_threads = True
    server.block_on_close = False
    server.handle_error = lambda *_: None    # type: ignore[method-assign]    # clients that are killed, or trust nobody
    if cert is not None:
        server.socket = server_context(cert).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
