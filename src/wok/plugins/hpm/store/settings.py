"""What is set, and what is remembered beside it, as the store keeps it in its settings: in JSON, secrets too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from ..engine.missed import Rules
from ..policy.goals import IMPORTANCES, Importance
from ..wire.management import MemoryPolicy
from ..wire.notifications import Notification, Security
from .journal import Control

Channel: TypeAlias = Literal["webhook", "mail"]

MISSED_FOR = 300.0
IMPORTANCE: Importance = "high"

#: A start of a server, the control, and the disk (empty: the control as a whole).
Key: TypeAlias = tuple[str, str, Control, str]


class MemorySettings(msgspec.Struct, frozen=True, rename="kebab"):
    """What decides on memory: importance (`goals`), policies of MOM's language (`mom`), or these where they say
    something and importance elsewhere. `allow_guest_swap`: such policies may bring guests below their use.
    `manage_ksm`: hpm may change KSM at all."""

    memory_policy: MemoryPolicy = "goals"
    allow_guest_swap: bool = False
    manage_ksm: bool = True


class MomPolicy(msgspec.Struct, frozen=True, rename="kebab"):
    """A policy: its text, and who changed it last, when (RFC 3339)."""

    name: str
    text: str
    time: str
    user: str


class Stopped(msgspec.Struct, frozen=True):
    """A program that was stopped: its name, its unit, whether that started with the host, and who stopped it when."""

    name: str
    unit: str
    enabled: bool
    time: str
    user: str


class Correction(msgspec.Struct, frozen=True, array_like=True):
    """How often a value was set again, and when last; and what was told of giving in, if that was."""

    key: Key
    times: int = 0
    last: int = 0
    told: str = ""


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


class Notified(msgspec.Struct, frozen=True):
    """What was told and is not over, and what waits to be delivered."""

    open: Mapping[str, Notification]
    waiting: Mapping[Channel, tuple[Notification, ...]]
