"""What a delivery is given."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import msgspec

from ...store.settings import Mail


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
