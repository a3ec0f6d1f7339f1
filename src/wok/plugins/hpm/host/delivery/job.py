"""What the process that delivers is given, as JSON on its standard input."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from ...manager.notify.channels import Parcel, WebhookParcel


class Job(msgspec.Struct, frozen=True, tag="job", forbid_unknown_fields=True):
    """`seconds` is the most that it may take."""

    parcel: Parcel
    seconds: Annotated[float, msgspec.Meta(gt=0, le=60)]


class NotDelivered(Exception):
    """Says in words why not."""


class NotToAll(Exception):
    """Some got it, so trying again would give it to them twice. Says in words who did not."""


def place(parcel: Parcel) -> str:
    """The host and port that it goes to. Never more of a URL: the rest may be a secret."""
    if isinstance(parcel, WebhookParcel):
        parts = urlsplit(parcel.url)
        return f"{parts.hostname}, port {parts.port or (443 if parts.scheme == 'https' else 80)},"
    return f"{parcel.mail.server}, port {parcel.mail.port},"
