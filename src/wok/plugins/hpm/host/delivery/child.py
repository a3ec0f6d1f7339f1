"""The process that makes one delivery (see `courier`): a `Job` on standard input, an `Outcome` on standard output.

Where root started it, it becomes the user of the web front before it opens a connection. From then on nothing is
imported: root's interpreter may be where others cannot read.
"""

from __future__ import annotations

import base64
import encodings.idna
import os
import resource
import signal
import socket
import ssl
import sys
from http.client import HTTPException

import msgspec

from ...errors import HpmError
from ...manager.notify.channels import MailParcel, Outcome, Parcel, WebhookParcel
from ..rights import give_up, web_user
from . import mail, webhook
from .job import Job, NotDelivered, NotToAll, place

#: What asks for a host's name imports this then, and not before.
_ = encodings.idna

#: Seconds that a server may say nothing, and CPU seconds of the whole.
SILENCE, CPU = 10.0, 10


def main() -> None:
    """Read, deliver, answer."""
    outcome = delivered(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    sys.stdout.buffer.flush()
    os._exit(0)


def delivered(job: Job) -> Outcome:
    """Make a delivery. This process can do nothing else afterwards."""
    signal.alarm(int(job.seconds) + 1)    # nobody may be there any more to end us
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    arrived, error = False, None
    try:
        _deliver(job)
        arrived = True
    except NotToAll as failed:
        arrived, error = True, str(failed)
    except NotDelivered as failed:
        error = str(failed)
    except HpmError as failed:
        error = failed.message
    except Exception as failed:
        error = _words(failed, job.parcel)
    return Outcome(arrived, error and clean(error, _secrets(job.parcel)))


def _deliver(job: Job) -> None:
    parcel, context = job.parcel, ssl.create_default_context()
    timeout = min(SILENCE, job.seconds)
    letter = mail.written(parcel) if isinstance(parcel, MailParcel) else b""
    give_up(web_user())
    sys.path[:] = []    # see above: here as there
    if isinstance(parcel, MailParcel):
        mail.send(parcel, letter, context, timeout)
    else:
        webhook.post(parcel, context, timeout)


def _words(error: Exception, parcel: Parcel) -> str:
    """What a failure means to who has set up where notifications go."""
    where = place(parcel)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{where} shows a certificate that is not trusted here: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"{where} and this host agree on no TLS: {error.reason}"
    if isinstance(error, socket.gaierror):
        return f"{where} is not known here: {error.strerror}"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer in time"
    if isinstance(error, HTTPException | UnicodeError):
        return f"{where} did not answer as a web server does"
    if isinstance(error, OSError):
        return f"{where} cannot be reached: {error.strerror or type(error).__name__}"
    return f"hpm has a fault here: {type(error).__name__}"


def _secrets(parcel: Parcel) -> list[str]:
    """Texts that must not be told, in the forms in which a server could say them to us again."""
    if isinstance(parcel, WebhookParcel):
        return []    # nothing of what a web server says is told
    user, password = parcel.mail.user or "", parcel.mail.password
    if not password:
        return []
    forms = (password, f"\0{user}\0{password}")
    return [password, *(base64.b64encode(form.encode()).decode() for form in forms)]


def clean(text: str, secrets: list[str]) -> str:
    """One line of printable text of a bounded length, without secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 300 else text[:299] + "…"
