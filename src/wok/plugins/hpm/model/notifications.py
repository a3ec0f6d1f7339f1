"""Requests on notifications, and what of their settings is told to whom."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from ..errors import InvalidValue
from ..manager.manager import Manager
from ..manager.notify.channels import Outcome
from ..store.settings import Channel, Mail, Wanted, Webhook
from ..wire.notifications import (
    PORTS,
    ChannelState,
    MailSettings,
    MailUpdate,
    NotificationSettings,
    NotificationState,
    NotificationsUpdate,
    NotificationTest,
    WebhookSettings,
    WebhookUpdate,
)

_PLACE = "notifications"

#: An address of mail, in ASCII and without comments and quotes: what all servers take, and nothing that could be two.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", re.ASCII)
_PRINTABLE = re.compile(r"[\x20-\x7e]+", re.ASCII)
_URL = re.compile(r"[\x21-\x7e]+", re.ASCII)


class Notifications:
    """Requests on notifications."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def state(self, whole: bool) -> NotificationState:
        """What was told, and how deliveries fare. `whole`: also what only administrators are told."""
        notifier = self._manager.notifier

        def fared(channel: Channel) -> ChannelState | None:
            state = notifier.fared(channel)
            if state is not None and state.last_error is not None and not whole:
                state.last_error = "the last delivery failed; administrators are told why"    # a server's words
            return state

        return NotificationState(notifier.missed(), fared("webhook"), fared("mail"))

    def test(self, user: str) -> NotificationTest:
        """Try whether notifications arrive. Raises `Conflict` where there is nowhere to send one to, `Busy`."""
        said = self._manager.notifier.test(user)
        return NotificationTest(_words(said.get("webhook")), _words(said.get("mail")))


def shown(wanted: Wanted | None, whole: bool) -> NotificationSettings | None:
    """Settings as they are told: never with a secret; `whole`: also what only administrators are told."""
    if wanted is None:
        return None
    webhook, mail = wanted.webhook, wanted.mail
    return NotificationSettings(
        missed_for_seconds=wanted.missed_for,
        importance=wanted.importance,
        repeat_after_seconds=wanted.repeat_after,
        webhook=None if webhook is None else WebhookSettings(
            webhook.url if whole else _origin(webhook.url), webhook.secret is not None
        ),
        mail=None if mail is None else MailSettings(
            to=list(mail.to) if whole else [], sender=mail.sender if whole else None, server=mail.server,
            port=mail.port, security=mail.security, user=mail.user if whole else None,
            password_set=mail.password is not None,
        ),
    )  # fmt: skip


def merged(old: Wanted | None, update: NotificationsUpdate) -> Wanted:
    """What is to be told after a change. Raises `InvalidValue`, never with a secret in it."""
    old = old or Wanted()
    changes: dict[str, object] = {}
    for field, value in (
        ("missed_for", update.missed_for_seconds), ("importance", update.importance),
        ("repeat_after", update.repeat_after_seconds),
    ):  # fmt: skip
        if value is not msgspec.UNSET:
            changes[field] = value
    if update.webhook is not msgspec.UNSET:
        changes["webhook"] = None if update.webhook is None else _webhook(update.webhook, old.webhook)
    if update.mail is not msgspec.UNSET:
        changes["mail"] = None if update.mail is None else _mail(update.mail, old.mail)
    made = msgspec.structs.replace(old, **changes)
    if made.webhook is None and made.mail is None:
        raise InvalidValue(
            "there is nowhere to send notifications to; give webhook or mail, or null to switch them off", _PLACE
        )
    return made


def _webhook(update: WebhookUpdate, old: Webhook | None) -> Webhook:
    place = f"{_PLACE}.webhook"
    _check_url(update.url, f"{place}.url")
    if update.secret is msgspec.UNSET:
        return Webhook(update.url, None if old is None else old.secret)
    _check_printable(update.secret, f"{place}.secret")
    return Webhook(update.url, update.secret)


def _mail(update: MailUpdate, old: Mail | None) -> Mail:
    place = f"{_PLACE}.mail"
    for index, address in enumerate(update.to):
        _check_address(address, f"{place}.to[{index}]")
    _check_address(update.sender, f"{place}.from")
    if _HOST.fullmatch(update.server) is None or ".." in update.server:
        raise InvalidValue(
            f"{update.server[:80]!r} is no host; right would be a name such as mail.example.com, or an address without"
            " brackets", f"{place}.server",
        )  # fmt: skip
    port = update.port or PORTS[update.security]
    password = _password(update, port, old, place)
    return Mail(
        update.to, update.sender, update.server, port, update.security, update.user if password is not None else None,
        password,
    )  # fmt: skip


def _password(update: MailUpdate, port: int, old: Mail | None, place: str) -> str | None:
    """The password that is to be used from now on. Raises `InvalidValue`."""
    _check_printable(update.user, f"{place}.user")
    if update.user is None:
        if update.password is not msgspec.UNSET and update.password is not None:
            raise InvalidValue("there is no user whose password this is; give user, too", f"{place}.password")
        return None
    if update.security == "none":
        raise InvalidValue(
            "a password would be sent so that others can read it; right would be starttls or tls, or no user",
            f"{place}.security",
        )  # fmt: skip
    if update.password is not msgspec.UNSET:
        if update.password is None:
            raise InvalidValue("a user logs in with a password; give one, or no user", f"{place}.password")
        _check_printable(update.password, f"{place}.password")
        return update.password
    # Else whoever may set a server, and may not read the password, could have it sent there.
    if old is None or (old.server, old.port, old.user) != (update.server, port, update.user) or old.password is None:
        raise InvalidValue(
            "the password is missing: one that was set stays only as long as server, port and user do",
            f"{place}.password",
        )  # fmt: skip
    return old.password


def _check_url(url: str, place: str) -> None:
    """Raises `InvalidValue`. What a URL says may be secret, so no message repeats it."""
    right = "right would be such as https://hooks.example.com/hpm"
    if _URL.fullmatch(url) is None:
        raise InvalidValue(f"a URL has printable ASCII characters and no blanks; {right}", place)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidValue(f"this is no URL: its host or port is malformed; {right}", place) from None
    if parts.scheme not in ("http", "https"):
        raise InvalidValue(f"this is no http or https URL; {right}", place)
    if "@" in parts.netloc:
        raise InvalidValue(f"a user and password do not belong in the URL; use secret to sign messages; {right}", place)
    if not host or _HOST.fullmatch(host) is None or ".." in host or parts.port == 0:
        raise InvalidValue(f"this URL names no host and port; {right}", place)
    if "#" in url:
        raise InvalidValue(f"the part of a URL behind # is never sent; leave it out; {right}", place)
    if "\\" in url:
        raise InvalidValue(f"a backslash does not belong in a URL; {right}", place)


def _check_address(address: str, place: str) -> None:
    domain = address.rpartition("@")[2]
    if _ADDRESS.fullmatch(address) is None or ".." in domain or len(address.rpartition("@")[0]) > 64:
        raise InvalidValue(
            f"{address[:80]!r} is no address of mail; right would be such as ann@example.com, in ASCII and without a"
            " name", place,
        )  # fmt: skip


def _check_printable(text: str | None, place: str) -> None:
    if text is not None and _PRINTABLE.fullmatch(text) is None:
        raise InvalidValue("only printable ASCII characters can be used here", place)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def _words(outcome: Outcome | None) -> str | None:
    if outcome is None:
        return None
    return outcome.error or "ok"
