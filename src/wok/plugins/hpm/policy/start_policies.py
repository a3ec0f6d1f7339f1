"""When virtual servers start and stop: what they wait for, what they need, and the hours in which they run."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from .names import Name
from .schedule import Day, TimeOfDay, hours_hold

#: What becomes of a server whose dependency stops.
WhenItStops: TypeAlias = Literal["ignore", "warn", "stop"]
#: What becomes of a plain start (by virsh, say) while a dependency is not ready.
NotReady: TypeAlias = Literal["refuse", "wait"]
#: What becomes of a server outside its hours.
Outside: TypeAlias = Literal["stop", "suspend"]

Uuid = Annotated[str, msgspec.Meta(
    pattern=r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)",
    description="a UUID in small letters, such as 69efbdd8-3715-5a7c-8dcf-76fe2d380a52",
)]  # fmt: skip
Seconds = Annotated[int, msgspec.Meta(ge=0, le=3600)]


class Running(msgspec.Struct, frozen=True, tag="running", tag_field="type", forbid_unknown_fields=True):
    """Ready once it has been running for a while.

    seconds: How long, 0 to 3600.
    """

    seconds: Seconds = 0


class AgentAnswers(msgspec.Struct, frozen=True, tag="guest-agent", tag_field="type", forbid_unknown_fields=True):
    """Ready once its guest agent answers."""


class PortAnswers(msgspec.Struct, frozen=True, tag="tcp-port", tag_field="type", forbid_unknown_fields=True):
    """Ready once a TCP port of it takes a connection.

    port: The port, 1 to 65535.
    address: Its name or address; null: that which its agent or libvirt's leases say.
    """

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    address: Annotated[str, msgspec.Meta(
        min_length=1, max_length=253, pattern=r"^[0-9A-Za-z][0-9A-Za-z.:_-]*$(?!\n)",
        description="a host name or an IP address",
    )] | None = None  # fmt: skip


class HeartbeatFile(
    msgspec.Struct, frozen=True, rename="kebab", tag="heartbeat-file", tag_field="type", forbid_unknown_fields=True
):
    """Ready once a file in the guest, read through its agent, was written lately.

    path: The file, an absolute path in the guest.
    max-age-seconds: How old it may be, 1 to 3600.
    """

    path: Annotated[str, msgspec.Meta(
        min_length=2, max_length=512, pattern=r"^(?:/|[A-Za-z]:\\)[^\x00-\x1f]+$(?!\n)",
        description="an absolute path in the guest",
    )]  # fmt: skip
    max_age_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 60


Readiness: TypeAlias = Running | AgentAnswers | PortAnswers | HeartbeatFile


class Dependency(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Something that must be ready before a server starts: one server, or all of a group. One of both is said.

    virtual-server: The UUID of a virtual server.
    workload-resource-group: The id of a group (in a policy file, its name): all of its servers that are not this one.
    when-it-stops: What becomes of this server when that one stops.
    """

    virtual_server: Uuid | None = None
    workload_resource_group: Name | None = None
    when_it_stops: WhenItStops = "warn"


class RunWindow(msgspec.Struct, frozen=True, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Days and hours in which a server runs, in the host's time zone.

    days: Days on which they begin, 1 to 7 of them.
    from: Hours and minutes at which they begin, such as 08:00.
    to: Hours and minutes at which they end, such as 18:00; not after `from`: on the next day.
    """

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)]
    from_: TimeOfDay
    to: TimeOfDay

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether it holds on that day of the week (0 is Monday) at that minute of the day (0 to 1439)."""
        return hours_hold(self.days, self.from_, self.to, weekday, minute)


class StartPolicy(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """When a server starts, is ready, and stops.

    ready: When it is ready for those that depend on it; null: as soon as it runs.
    depends-on: What must be ready before it starts.
    not-ready: What becomes of a start by others than hpm while that is not ready.
    timeout-seconds: How long it is waited for what it depends on, and for itself to be ready, 1 to 3600.
    autostart: Whether hpm starts it when the host, or hpm after it, starts.
    windows: Days and hours in which it runs; none: always.
    outside: What becomes of it outside of them.
    """

    ready: Readiness | None = None
    depends_on: Annotated[tuple[Dependency, ...], msgspec.Meta(max_length=64)] = ()
    not_ready: NotReady = "refuse"
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 300
    autostart: bool = False
    windows: Annotated[tuple[RunWindow, ...], msgspec.Meta(max_length=64)] = ()
    outside: Outside = "stop"
