"""Mailing a message by SMTP."""

from __future__ import annotations

import binascii
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from ...manager.notify.channels import MailParcel
from .job import NotDelivered, NotToAll, place

#: Characters of a subject. Names in it are those of groups and classes, of which there may be many.
SUBJECT = 200


def written(parcel: MailParcel) -> bytes:
    """The mail with its headers. What stands in a header is one line, whatever a name has in it."""
    message = EmailMessage(policy=SMTP)
    message["From"] = parcel.mail.sender
    message["To"] = ", ".join(parcel.mail.to)
    message["Subject"] = _line(parcel.subject)[:SUBJECT]
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{parcel.id}@{_name(parcel.host)}>"
    message["Auto-Submitted"] = "auto-generated"    # nobody's holiday answers (RFC 3834)
    message.set_content(parcel.text)
    return message.as_bytes()


def send(parcel: MailParcel, letter: bytes, context: ssl.SSLContext, timeout: float) -> None:
    """Send it. Raises `NotDelivered`, `NotToAll`, `OSError`."""
    mail, where = parcel.mail, place(parcel)
    name = _name(parcel.host)    # else smtplib asks the name server for it
    try:
        if mail.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(mail.server, mail.port, name, timeout=timeout, context=context)
        else:
            server = smtplib.SMTP(mail.server, mail.port, name, timeout=timeout)
        try:
            if mail.security == "starttls":
                server.starttls(context=context)
            if mail.user is not None:
                server.login(mail.user, mail.password or "")
            refused = server.sendmail(mail.sender, list(mail.to), letter)
            _goodbye(server)
        finally:
            server.close()
    except smtplib.SMTPAuthenticationError as error:
        raise NotDelivered(f"{where} does not take this user and password: {_said(error)}") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise NotDelivered(f"{where} {_refusals(error.recipients)}") from None
    except smtplib.SMTPSenderRefused as error:
        raise NotDelivered(f"{where} refuses the sender {error.sender}: {_said(error)}") from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotDelivered(f"{where} cannot do what is set: {error}") from None
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(f"{where} does not take it: {_said(error)}") from None
    except (smtplib.SMTPException, binascii.Error, UnicodeDecodeError) as error:    # a challenge that is no base64
        raise NotDelivered(f"{where} did not answer as a mail server does: {error}") from None
    if refused:    # the others have it, and would have it twice if it were tried again
        raise NotToAll(f"{where} {_refusals(refused)}; the others have it")


def _goodbye(server: smtplib.SMTP) -> None:
    """The mail is taken; whether the server hears the end makes no difference."""
    with suppress(OSError, smtplib.SMTPException):
        server.quit()


def _refusals(recipients: dict[str, tuple[int, bytes]]) -> str:
    each = [f"{address} ({code} {_text(text)})" for address, (code, text) in recipients.items()]
    return f"refuses {', '.join(each[:5])}"


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(text: bytes | str) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _name(host: str) -> str:
    """The host's name where only a name of the net's may stand."""
    return "".join(c for c in host if c.isascii() and (c.isalnum() or c in ".-")) or "localhost"
