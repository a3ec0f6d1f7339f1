"""What was set for notifications, as the store keeps it (secrets too), and what a delivery is given of it."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import msgspec

from ...engine.missed import Rules
from ...policy.goals import IMPORTANCES, Importance
from ...wire.notifications import Security

Channel: TypeAlias = Literal["webhook", "mail"]

MISSED_FOR = 300.0
IMPORTANCE: Importance = "high"


class Webhook(msgspec.Struct, frozen=True):
    """Where to post to, and what to sign with."""

    url: str
    secret: str | None


class Mail(msgspec.Struct, frozen=True):
    """How to mail. `password` is None where `user` is."""

    to: tuple[str, ...]
    sender: str
    server: str
    port: int
    security: Security
    user: str | None
    password: str | None


class Wanted(msgspec.Struct, frozen=True):
    """What is to be told, and where to."""

    missed_for: float = MISSED_FOR
    importance: Importance = IMPORTANCE
    repeat_after: float | None = None
    webhook: Webhook | None = None
    mail: Mail | None = None

    @property
    def rules(self) -> Rules:
        """When something is to be told."""
        return Rules(self.missed_for, self.repeat_after)

    @property
    def important(self) -> frozenset[Importance]:
        """The importances that are told."""
        return frozenset(IMPORTANCES[: IMPORTANCES.index(self.importance) + 1])

    def channel(self, name: Channel) -> Webhook | Mail | None:
        """What is set for one."""
        return self.webhook if name == "webhook" else self.mail


class WebhookParcel(msgspec.Struct, frozen=True, tag="webhook"):
    """A body to be posted. `signature` is the whole value of the header."""

    url: str
    id: str
    body: str
    signature: str | None


class MailParcel(msgspec.Struct, frozen=True, tag="mail"):
    """A mail to be sent. `host` is what this host calls itself."""

    mail: Mail
    id: str
    host: str
    subject: str
    text: str


Parcel: TypeAlias = WebhookParcel | MailParcel


class Outcome(msgspec.Struct, frozen=True):
    """What became of a delivery. `error`: what went wrong, in words without secrets; also where only some got it."""

    arrived: bool
    error: str | None = None


class Courier(Protocol):
    """Who delivers. Any thread may ask."""

    def deliver(self, parcel: Parcel, seconds: float) -> Outcome:
        """Deliver within so many seconds. Raises nothing."""
        ...

    def close(self) -> None:
        """End what is under way, and deliver nothing more."""
        ...
