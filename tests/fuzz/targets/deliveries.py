"""What web servers and mail servers answer when a notification is delivered: its process tells it in one short line."""

from __future__ import annotations

import socket
import ssl
from typing import Any, Final

from hpm.host.delivery import child, mail, webhook
from hpm.host.delivery.job import NotDelivered, NotToAll
from hpm.manager.notify.channels import MailParcel, WebhookParcel
from hpm.store.settings import Mail

from ..target import Target

SECRET: Final = "geheim-und-lang"
WEBHOOK: Final = WebhookParcel("http://127.0.0.1:9/hook?key=" + SECRET, "1", "{}", None)
MAIL: Final = MailParcel(
    mail=Mail(("a@example.org", "b@example.org"), "hpm@example.org", "127.0.0.1", 25, "none", "ann", SECRET),
    id="1", subject="s", text="t", host="h",
)  # fmt: skip


class _Silent(socket.socket):
    """A connection to somebody who has said all that it says already."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Nobody reads it."""


def run(data: bytes) -> None:
    """The first byte says whose answer the rest is."""
    parcel: WebhookParcel | MailParcel = MAIL if data[:1] == b"m" else WEBHOOK
    said = _outcome(parcel, data[1:])
    if said is None:
        return
    line = child.clean(said, child._secrets(parcel))
    assert line and len(line) <= 300 and line.isprintable(), "not one line that can be shown"
    assert "hpm has a fault" not in line, line
    assert SECRET not in line, "a secret is told"


def _outcome(parcel: WebhookParcel | MailParcel, answer: bytes) -> str | None:
    ours, theirs = socket.socketpair()
    theirs.sendall(answer)
    theirs.close()
    ours.settimeout(1.0)
    connection = _Silent(fileno=ours.detach())
    connection.settimeout(1.0)
    real = socket.create_connection
    socket.create_connection = lambda *_given, **_more: connection    # type: ignore[assignment]
    try:
        if isinstance(parcel, MailParcel):
            mail.send(parcel, b"Subject: s\r\n\r\nt\r\n", _CONTEXT, 1.0)
        else:
            webhook.post(parcel, _CONTEXT, 1.0)
    except (NotToAll, NotDelivered) as error:
        return str(error)
    except Exception as error:
        return child._words(error, parcel)
    finally:
        socket.create_connection = real
        connection.close()
    return None


_CONTEXT: Final = ssl.create_default_context()

TARGET = Target(run, (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 999 X\r\n",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n", b"\r\n", b"220 ready\r\n", b"250-h\r\n",
    b"250-AUTH PLAIN LOGIN CRAM-MD5\r\n", b"250 SIZE 10\r\n", b"334 \r\n", b"334 dXNlcg==\r\n", b"235 ok\r\n",
    b"535 no\r\n", b"250 ok\r\n", b"354 go\r\n", b"550 nobody\r\n", b"421 bye\r\n", b"221 bye\r\n", SECRET.encode(),
))  # fmt: skip
