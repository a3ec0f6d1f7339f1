"""Deliveries by the real process: to a web server and a mail server on this host, and to some that misbehave."""

from __future__ import annotations

import hashlib
import hmac
import os
import pwd
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from hpm.child import PROGRAM
from hpm.host import rights
from hpm.host.delivery.child import clean
from hpm.host.delivery.courier import ProcessCourier
from hpm.manager.notify.channels import MailParcel, Outcome, WebhookParcel
from hpm.manager.notify.messages import parcel
from hpm.manager.notify.outbox import Digest
from hpm.store.settings import Mail, Webhook
from hpm.wire.notifications import Notification
from tests.lab.errors import wait_until

from .receivers import HERE, hook, mailbox, make_certificate

#: Seconds for a delivery that arrives; a machine that is busy starts a process slowly.
LONG = 30.0
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")

TIME = "2030-01-01T12:05:00.000Z"
MISSED = Notification(
    "goal-missed", TIME, "2030-01-01T12:00:00.000Z", 300.0, "/x", "/y", "Gold", "db", "high", 75, 31.2, 2.4,
)  # fmt: skip
DIGEST = Digest("11111111-1111-4111-8111-111111111111", TIME, (MISSED,), 0)
SECRET = "never-to-be-told"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("cert"))


@pytest.fixture
def courier() -> Iterator[ProcessCourier]:
    made = ProcessCourier()
    yield made
    made.close()


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A certificate that this host trusts, as if its administrator had installed it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    return certificate


def post(url: str, secret: str | None = None) -> WebhookParcel:
    made = parcel(DIGEST, Webhook(url, secret), "kvm7", "on")
    assert isinstance(made, WebhookParcel)
    return made


def letter(port: int, **fields: object) -> MailParcel:
    usual = Mail(("ann@example.com", "bob@example.com"), "hpm@example.com", HERE, port, "none", None, None)
    made = parcel(DIGEST, msgspec.structs.replace(usual, **fields), "kvm7", "on")
    assert isinstance(made, MailParcel)
    return made


def failed(outcome: Outcome, *words: str) -> str:
    assert not outcome.arrived and outcome.error is not None
    for word in words:
        assert word in outcome.error, outcome.error
    assert SECRET not in outcome.error and "key=" not in outcome.error
    return outcome.error


# -- webhook


def test_a_message_is_posted_and_its_signature_can_be_checked(courier: ProcessCourier) -> None:
    with hook() as there:
        assert courier.deliver(post(there.url, SECRET), LONG) == Outcome(True)
    (posted,) = there.posted
    assert posted.path == "/hook?key=of-nobody-else"
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["Hpm-Delivery"] == DIGEST.id == posted.message.id
    right = "sha256=" + hmac.new(SECRET.encode(), posted.body, hashlib.sha256).hexdigest()
    assert posted.headers["Hpm-Signature"] == right
    assert posted.message.host == "kvm7" and posted.message.notifications == (MISSED,)
    assert SECRET.encode() not in posted.body


def test_it_is_checked_as_the_documents_say(courier: ProcessCourier) -> None:
    text = (Path(__file__).parents[2] / "docs/notifications.md").read_text()
    told: dict[str, Any] = {}
    exec(text.partition("```python\n")[2].partition("```")[0], told)
    with hook() as there:
        courier.deliver(post(there.url, SECRET), LONG)
    body, header = there.posted[0].body, there.posted[0].headers["Hpm-Signature"]
    assert told["is_genuine"](body, header, SECRET)
    assert not told["is_genuine"](body + b" ", header, SECRET) and not told["is_genuine"](body, header, "x")


def test_without_a_secret_it_is_not_signed(courier: ProcessCourier) -> None:
    with hook() as there:
        assert courier.deliver(post(there.url), LONG).arrived
    assert "Hpm-Signature" not in there.posted[0].headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(courier: ProcessCourier, status: int) -> None:
    with hook(status) as there:
        failed(courier.deliver(post(there.url, SECRET), LONG), f"answered {status}", "redirects are not followed")
    assert len(there.posted) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_what_a_server_refuses_is_said(courier: ProcessCourier, status: int) -> None:
    with hook(status, said="no key=of-nobody-else here\x1b[2J") as there:
        said = failed(courier.deliver(post(there.url), LONG), f"{HERE}, port {there.port}, answered {status}")
    assert "\x1b" not in said and "of-nobody-else" not in said


def test_a_server_that_says_nothing_is_given_up_in_time(courier: ProcessCourier) -> None:
    began = time.monotonic()
    with hook(0) as there:
        failed(courier.deliver(post(there.url), 2.0), str(there.port))
    assert time.monotonic() - began < 10


def test_a_server_that_never_ends_its_answer_is_not_read_to_the_end(courier: ProcessCourier) -> None:
    """Nothing but the head is read: an endless body is no trouble, an endless head is ended."""
    over = threading.Event()
    with socket.create_server((HERE, 0)) as listening:

        def serve(head: bytes, endless: bytes) -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                try:
                    connection.sendall(head)
                    while not over.is_set():
                        connection.sendall(endless)
                except OSError:
                    return

        url = f"http://{HERE}:{listening.getsockname()[1]}/"
        for head, endless in ((b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 999)):
            thread = threading.Thread(target=serve, args=(head, endless), daemon=True)
            thread.start()
            outcome = courier.deliver(post(url), LONG)
            assert outcome.arrived == head.endswith(b"\r\n\r\n")
            thread.join(10)
        over.set()


def test_what_is_no_web_server_is_said(courier: ProcessCourier) -> None:
    with mailbox() as there:
        failed(courier.deliver(post(f"http://{HERE}:{there.port}/"), LONG), "did not answer as a web server does")


def test_nobody_there(courier: ProcessCourier) -> None:
    with socket.create_server((HERE, 0)) as listening:
        port = listening.getsockname()[1]
    failed(courier.deliver(post(f"http://{HERE}:{port}/"), LONG), "Connection refused")
    failed(courier.deliver(letter(port), LONG), "Connection refused")


def test_a_name_that_nobody_has(courier: ProcessCourier) -> None:
    outcome = courier.deliver(post("http://nobody.invalid/"), LONG)
    failed(outcome, "nobody.invalid, port 80,")


def test_a_certificate_is_checked(courier: ProcessCourier, certificate: tuple[Path, Path]) -> None:
    with hook(cert=certificate) as there:
        failed(courier.deliver(post(f"https://{HERE}:{there.port}/"), LONG), "not trusted here")
    assert not there.posted


def test_a_trusted_certificate_is_taken_and_only_for_its_name(
    courier: ProcessCourier, trusted: tuple[Path, Path]
) -> None:
    with hook(cert=trusted) as there:
        assert courier.deliver(post(f"https://{HERE}:{there.port}/"), LONG) == Outcome(True)
        failed(courier.deliver(post(f"https://127.0.0.2:{there.port}/"), LONG))
    assert len(there.posted) == 1


# -- mail


def test_a_mail_arrives_and_says_what_is_wrong(courier: ProcessCourier) -> None:
    with mailbox() as there:
        assert courier.deliver(letter(there.port), LONG) == Outcome(True)
    (mail,) = there.mails
    assert mail["Subject"] == "hpm on kvm7: Gold/db missed its goal for 5 min"
    assert (mail["From"], mail["To"]) == ("hpm@example.com", "ann@example.com, bob@example.com")
    assert mail["Message-ID"] == f"<{DIGEST.id}@kvm7>" and mail["Auto-Submitted"] == "auto-generated" and mail["Date"]
    text = mail.get_content()
    assert "Gold/db (importance high) missed its goal, for 5 min since 2030-01-01 12:00:00 UTC: velocity 31, goal 75" \
        in text    # fmt: skip
    sender, to, _ = there.letters[0]
    assert "<hpm@example.com>" in sender and len(to) == 2


def test_what_a_name_has_in_it_makes_no_header(courier: ProcessCourier) -> None:
    """Names of groups have no such characters; if one had, nothing would come of it."""
    evil = letter(0)
    with mailbox() as there:
        evil = msgspec.structs.replace(
            letter(there.port), subject="x\r\nBcc: eve@example.com\r\n\r\nhello", host="k\nBcc: eve@example.com\x00é",
        )  # fmt: skip
        assert courier.deliver(evil, LONG) == Outcome(True)
    (mail,) = there.mails
    assert mail["Bcc"] is None and mail["Subject"] == "x Bcc: eve@example.com hello"
    assert len(there.letters[0][1]) == 2


def test_starttls_and_a_password(courier: ProcessCourier, trusted: tuple[Path, Path]) -> None:
    with mailbox(trusted, takes=("hpm", SECRET)) as there:
        parcel_ = letter(there.port, security="starttls", user="hpm", password=SECRET)
        assert courier.deliver(parcel_, LONG) == Outcome(True)
    assert there.logins == [("hpm", SECRET)] and there.encrypted == [True]


def test_tls_from_the_start(courier: ProcessCourier, trusted: tuple[Path, Path]) -> None:
    with mailbox(trusted, tls=True) as there:
        assert courier.deliver(letter(there.port, security="tls"), LONG) == Outcome(True)
    assert there.encrypted == [True]


def test_a_wrong_password_is_said_and_never_told(courier: ProcessCourier, trusted: tuple[Path, Path]) -> None:
    """The server here repeats it, plain and as it was sent."""
    with mailbox(trusted, takes=("hpm", "another")) as there:
        parcel_ = letter(there.port, security="starttls", user="hpm", password=SECRET)
        said = failed(courier.deliver(parcel_, LONG), "does not take this user and password: 535")
    assert there.logins == [("hpm", SECRET)] and not there.letters
    assert "AG" not in said    # of the base64 of it


def test_without_tls_where_it_is_wanted_nothing_is_sent(
    courier: ProcessCourier, certificate: tuple[Path, Path]
) -> None:
    with mailbox() as there:
        wanted = letter(there.port, security="starttls", user="hpm", password=SECRET)
        failed(courier.deliver(wanted, LONG), "STARTTLS")
    with mailbox(certificate) as strange:
        failed(courier.deliver(letter(strange.port, security="starttls"), LONG), "not trusted here")
    with mailbox(certificate, tls=True) as other:
        failed(courier.deliver(letter(other.port, security="tls"), LONG), "not trusted here")
    assert not there.letters + strange.letters + other.letters and not there.logins


def test_addresses_that_are_refused_are_said(courier: ProcessCourier) -> None:
    with mailbox(refuses=["bob@", "ann@"]) as nobody:
        failed(courier.deliver(letter(nobody.port), LONG), "refuses ann@example.com (550", "bob@example.com")
    with mailbox(refuses=["bob@"]) as there:
        outcome = courier.deliver(letter(there.port), LONG)
    assert outcome.arrived and outcome.error is not None and "the others have it" in outcome.error
    assert len(there.letters) == 1


def test_a_mail_server_that_says_nothing_is_given_up_in_time(courier: ProcessCourier) -> None:
    began = time.monotonic()
    with mailbox(hangs=True) as there:
        failed(courier.deliver(letter(there.port), 2.0), str(there.port))
    assert time.monotonic() - began < 10


# -- the process


def children() -> list[int]:
    """Processes that deliver, of this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):    # it has just ended
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"delivery.child" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


@AS_ROOT
def test_it_has_no_rights_nothing_of_ours_and_can_not_be_looked_into(courier: ProcessCourier) -> None:
    with hook(0) as there:
        thread = threading.Thread(target=courier.deliver, args=(post(there.url), LONG), daemon=True)
        thread.start()
        wait_until(lambda: there.posted, LONG, "it is under way")
        (pid,) = children()
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        user = pwd.getpwnam(rights.USER)
        assert set(status["Uid"].split()) == {str(user.pw_uid)} and set(status["Gid"].split()) == {str(user.pw_gid)}
        assert status["Groups"].strip() == "" and status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        # not even by another process of that user: the web front, should it be taken over
        assert Path(f"/proc/{pid}/mem").stat().st_uid == 0
        files = {file.readlink() for file in Path(f"/proc/{pid}/fd").iterdir()}
        assert all(str(file).startswith(("pipe:", "socket:", "/dev/null")) for file in files)
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"HPM" not in environment and b"HOME" not in environment
        assert b"key=" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        courier.close()
        thread.join(10)
    assert not thread.is_alive()


def test_it_ends_with_who_started_it(courier: ProcessCourier) -> None:
    said: list[Outcome] = []
    with hook(0) as there:
        thread = threading.Thread(target=lambda: said.append(courier.deliver(post(there.url), LONG)), daemon=True)
        thread.start()
        wait_until(lambda: there.posted, LONG, "it is under way")
        courier.close()
        thread.join(10)
        assert said == [Outcome(False, "hpm is stopping")] and not children()
        assert courier.deliver(post(there.url), LONG) == Outcome(False, "hpm is stopping")


def test_without_a_thread_to_watch_it_no_process_is_left(
    courier: ProcessCourier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    failed(courier.deliver(post("http://127.0.0.1:1/"), LONG), "can't start new thread")
    assert not children()


@AS_ROOT
def test_without_the_user_for_it_nothing_is_delivered(
    courier: ProcessCourier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the web front: nothing speaks with the network as root."""
    nobody = "import pwd\ndef getpwnam(name): raise KeyError(name)\npwd.getpwnam = getpwnam\n"
    monkeypatch.setattr("hpm.child.PROGRAM", nobody + PROGRAM)
    with hook() as there:
        failed(courier.deliver(post(there.url), LONG), "there is no user hpm-web", "useradd")
    assert not there.posted


def test_what_is_said_is_one_line_without_secrets() -> None:
    assert clean("a\r\n\x00b  secret c", ["secret"]) == "a b … c"
    assert len(clean("x" * 1000, [])) == 300
