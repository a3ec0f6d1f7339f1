"""Notifications on the wire: how they are set, what they tell, and how their delivery fares."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.goals import Importance
from .words import GroupUri, Time

NotificationEvent: TypeAlias = Literal[
    "goal-missed", "goal-still-missed", "goal-met", "goal-withdrawn", "hypervisor-unreachable",
    "hypervisor-still-unreachable", "hypervisor-reachable", "test",
]  # fmt: skip
Security: TypeAlias = Literal["none", "starttls", "tls"]

#: Where mail is taken, where nobody says another port.
PORTS: dict[Security, int] = {"none": 25, "starttls": 587, "tls": 465}

Seconds = Annotated[float, msgspec.Meta(ge=1, le=604_800)]
RepeatSeconds = Annotated[float, msgspec.Meta(ge=60, le=604_800)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
Address = Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
HostName = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
#: No pattern: what is wrong with a secret is said without telling it.
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class WebhookSettings(msgspec.Struct, rename="kebab"):
    """Where notifications are posted to.

    url: Its URL. Who has not the role admin is told its scheme and host alone: the rest may be secret.
    secret-set: Whether messages are signed. The secret itself is never told.
    """

    url: str
    secret_set: bool


class MailSettings(msgspec.Struct, rename={"sender": "from", "password_set": "password-set"}):
    """How notifications are mailed.

    to: Who gets them. Empty for who has not the role admin.
    from: The sender's address; null for who has not the role admin.
    server: The mail server, by name or address.
    port: Its port.
    security: `none`: what is sent can be read on the way. `starttls`: TLS once connected. `tls`: TLS from the start.
    user: Who hpm logs in as there; null: nobody, or who asks has not the role admin.
    password-set: Whether there is a password for that. It is never told.
    """

    to: list[str]
    sender: str | None
    server: str
    port: int
    security: Security
    user: str | None
    password_set: bool


class NotificationSettings(msgspec.Struct, rename="kebab"):
    """What is told, and where to.

    missed-for-seconds: A goal that was missed for so long without a break is told.
    importance: The least business importance of a service class whose goals are told.
    repeat-after-seconds: It is told again after so long while it is still missed; null: it is not.
    webhook: Where it is posted to; null: nowhere.
    mail: How it is mailed; null: it is not.
    """

    missed_for_seconds: float
    importance: Importance
    repeat_after_seconds: float | None
    webhook: WebhookSettings | None
    mail: MailSettings | None


class WebhookUpdate(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """Where to post notifications to.

    url: An http or https URL without user and password, in ASCII.
    secret: What to sign messages with: `Hpm-Signature` is `sha256=` and the HMAC-SHA256 of the body in hexadecimal.
        Printable ASCII. Left out: the one that was set stays; null: they are not signed. It is never told again.
    """

    url: Url
    secret: Secret | msgspec.UnsetType | None = msgspec.UNSET


class MailUpdate(msgspec.Struct, frozen=True, rename={"sender": "from"}, forbid_unknown_fields=True):
    """How to mail notifications.

    to: 1 to 20 addresses such as ann@example.com, in ASCII.
    from: The sender's address.
    server: The mail server, by name or address.
    port: Its port, 1 to 65535; null: 25, 587 or 465 for `none`, `starttls` and `tls`.
    security: `none`: what is sent can be read on the way, and there is no logging in. `starttls`: TLS once connected.
        `tls`: TLS from the start. The server's certificate is checked.
    user: Who to log in as, printable ASCII; null: nobody.
    password: The password for that, printable ASCII. Left out: the one that was set stays, as long as server, port
        and user do; null: there is none, and no user. It is never told again.
    """

    to: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1, max_length=20)]
    sender: Address
    server: HostName
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    security: Security = "starttls"
    user: Secret | None = None
    password: Secret | msgspec.UnsetType | None = msgspec.UNSET


class NotificationsUpdate(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """New settings of notifications; what is left out stays, or is as usual where there were none.

    missed-for-seconds: Tell a goal that was missed for so long without a break, 1 to 604800; usually 300.
    importance: The least business importance of a service class whose goals are told; usually `high`.
    repeat-after-seconds: Tell it again after so long while it is still missed, 60 to 604800; null: not.
    webhook: Where to post it to, whole; null: nowhere.
    mail: How to mail it, whole; null: not.
    """

    missed_for_seconds: Seconds | msgspec.UnsetType = msgspec.UNSET
    importance: Importance | msgspec.UnsetType = msgspec.UNSET
    repeat_after_seconds: RepeatSeconds | msgspec.UnsetType | None = msgspec.UNSET
    webhook: WebhookUpdate | msgspec.UnsetType | None = msgspec.UNSET
    mail: MailUpdate | msgspec.UnsetType | None = msgspec.UNSET


class Notification(msgspec.Struct, frozen=True, rename="kebab"):
    """Something that is told: of a service class, or of the host as a whole.

    event: `goal-missed`: missed for so long as is set. `goal-still-missed`: a reminder. `goal-met`: met again, or idle
        for so long. `goal-withdrawn`: the class, its goal or its importance is another now, so it is told no more.
        `hypervisor-unreachable`, `hypervisor-still-unreachable`, `hypervisor-reachable`: the same of the hypervisor.
        `test`: somebody tries whether notifications arrive.
    time: When it was noticed, RFC 3339 in UTC.
    since: When it began, RFC 3339 in UTC.
    seconds: How long it has lasted, or did last, in seconds.
    object-uri: The URI of the service class; null: it is of the host.
    workload-resource-group: The URI of its group; null: it is of the host.
    group-name: The name of its group; null: it is of the host.
    service-class: The name of the service class; null: it is of the host.
    importance: The business importance of the class; null: it is of the host.
    goal-velocity: The velocity that is its goal, in percent; null: it is of the host.
    velocity: The velocity that it had in the last interval, in percent; null: none, or it is of the host.
    performance-index: Goal velocity / velocity; null: none, or it is of the host.
    reason: More, in words; null: nothing.
    """

    event: NotificationEvent
    time: Time
    since: Time
    seconds: float
    object_uri: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri-reference"})] | None = None
    workload_resource_group: GroupUri | None = None
    group_name: str | None = None
    service_class: str | None = None
    importance: Importance | None = None
    goal_velocity: int | None = None
    velocity: float | None = None
    performance_index: float | None = None
    reason: str | None = None


class NotificationMessage(msgspec.Struct, frozen=True, rename="kebab"):
    """What is posted to a webhook.

    id: A UUID of the message. It is the same where one that may have been lost is sent again.
    time: When it was made, RFC 3339 in UTC.
    host: The host's name.
    cpu-mgmt: The level of CPU management: `off`, `advise` or `on`.
    notifications: 1 to 200, in the order in which they were noticed. More come with the next message.
    lost: How many were dropped before these because nobody took them.
    """

    id: str
    time: Time
    host: str
    cpu_mgmt: str
    notifications: tuple[Notification, ...]
    lost: int = 0


class ChannelState(msgspec.Struct, rename="kebab"):
    """How deliveries over one channel fare, since hpm was started.

    waiting: How many notifications wait to be delivered.
    next-try: When that is tried, RFC 3339 in UTC; null: nothing waits.
    last-delivery: When the last one was delivered, RFC 3339 in UTC; null: none was.
    last-error: What went wrong with the last delivery, in words; null: nothing. Who has not the role admin is not told
        the server's words.
    given-up: How many notifications were given up after four tries, or dropped because too many waited.
    """

    waiting: int
    next_try: Time | None
    last_delivery: Time | None
    last_error: str | None
    given_up: int


class NotificationState(msgspec.Struct, rename="kebab"):
    """What was told and is not over, and how deliveries fare.

    missed: What was told last of each goal that is missed, and of the hypervisor while it is not reached.
    webhook: Deliveries to the webhook; null: there is none.
    mail: Deliveries by mail; null: there is none.
    """

    missed: list[Notification]
    webhook: ChannelState | None
    mail: ChannelState | None


class NotificationTest(msgspec.Struct, rename="kebab"):
    """What became of a test.

    webhook: `ok`, or what went wrong, in words; null: there is no webhook.
    mail: `ok`, or what went wrong, in words; null: there is no mail.
    """

    webhook: str | None
    mail: str | None
