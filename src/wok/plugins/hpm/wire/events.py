"""Events on the wire: what GET `/events` tells, each the JSON of a `data:` line."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

import msgspec

from .management import Adjustment, Level
from .servers import ServerSummary
from .starts import StartJob
from .words import GroupUri, ServerUri, Time, Uri

#: The media type of a stream of events (HTML, "Server-sent events").
EVENT_STREAM = "text/event-stream"

#: Seconds that one answer goes on at most. Then the reader asks again, and hpm asks anew who it is.
LONGEST_WAIT = 60

EventKind: TypeAlias = Literal[
    "virtual-server", "virtual-server-removed", "workload-resource-group", "workload-resource-group-removed",
    "mgmt-levels", "dynamic-resource-adjustment", "host", "loop", "start-job", "dependency-stopped",
    "dependency-cycle", "resync",
]  # fmt: skip
KINDS: tuple[EventKind, ...] = get_args(EventKind)

ServerChange: TypeAlias = Literal[
    "new", "name", "status", "workload-resource-group", "service-class", "goal-status"
]
GroupChange: TypeAlias = Literal["new", "name", "description", "perf-policies", "active-policy", "schedule"]
ResyncReason: TypeAlias = Literal["begin", "unknown-id", "too-old", "too-many"]


class ServerEvent(ServerSummary, tag="virtual-server"):
    """A virtual server is new, or something of it changed. A performance index that changed is no event by itself.

    time: When hpm noticed it, RFC 3339 in UTC.
    changed: What changed. `new`: the server was not there before.
    """

    time: Time
    changed: list[ServerChange]


class ServerRemovedEvent(msgspec.Struct, rename="kebab", tag="virtual-server-removed", tag_field="class"):
    """A virtual server is no longer there.

    object-id: Its UUID.
    name: The name that it had.
    time: When hpm noticed it, RFC 3339 in UTC.
    """

    object_id: str
    object_uri: Uri
    name: str
    time: Time


class GroupEvent(msgspec.Struct, rename="kebab", tag="workload-resource-group", tag_field="class"):
    """A workload resource group is new, or somebody or its schedule changed it. Servers that come or go are told as
    changes of the servers.

    object-id: A UUID, or `default`.
    name: Its name.
    active-policy: The name of the policy that is active; null: the group is unmanaged.
    time: When it was, RFC 3339 in UTC.
    changed: What changed. `new`: the group was not there before.
    """

    object_id: str
    object_uri: GroupUri
    name: str
    active_policy: str | None
    time: Time
    changed: list[GroupChange]


class GroupRemovedEvent(msgspec.Struct, rename="kebab", tag="workload-resource-group-removed", tag_field="class"):
    """A workload resource group was deleted.

    object-id: The UUID that it had.
    name: The name that it had.
    time: When it was, RFC 3339 in UTC.
    """

    object_id: str
    object_uri: GroupUri
    name: str
    time: Time


class LevelsEvent(msgspec.Struct, rename="kebab", tag="mgmt-levels", tag_field="class"):
    """The management levels changed.

    time: When it was, RFC 3339 in UTC.
    """

    cpu_mgmt: Level
    memory_mgmt: Level
    time: Time


class AdjustmentEvent(Adjustment, tag="dynamic-resource-adjustment", tag_field="class"):
    """An adjustment was decided; and again, with the same number, when it was measured what came of it."""


class HostEvent(msgspec.Struct, rename="kebab", tag="host", tag_field="class"):
    """A problem of the host began, changed or ended.

    problem: Why the figures are not fresh or not whole, in words; null: they are again.
    time: When hpm noticed it, RFC 3339 in UTC.
    """

    problem: str | None
    time: Time


class LoopEvent(msgspec.Struct, rename="kebab", tag="loop", tag_field="class"):
    """Work of hpm's own loop was cut because its cycles took too long, or is done again.

    interval-seconds: Seconds between two decisions, as it is set.
    interval-in-force-seconds: Seconds between two decisions, as it is.
    cut: What is done less than usually, in words; null: nothing is.
    reason: Why it is so now, in words.
    time: When it was, RFC 3339 in UTC.
    """

    interval_seconds: float
    interval_in_force_seconds: float
    cut: str | None
    reason: str
    time: Time


class StartJobEvent(StartJob, tag="start-job", tag_field="class"):
    """A start job began, a server of it came to another phase, or it is over. Its `time` is when it was asked for."""


class DependencyStoppedEvent(msgspec.Struct, rename="kebab", tag="dependency-stopped", tag_field="class"):
    """A virtual server stopped although others that run need it.

    object-id: The UUID of the one that stopped.
    name: Its name.
    warned: Those that need it and go on.
    stopped: Those that need it and are stopped for it.
    time: When hpm noticed it, RFC 3339 in UTC.
    """

    object_id: str
    object_uri: Uri
    name: str
    warned: list[ServerUri]
    stopped: list[ServerUri]
    time: Time


class DependencyCycleEvent(msgspec.Struct, rename="kebab", tag="dependency-cycle", tag_field="class"):
    """Servers have come to wait for each other for ever, or do no longer. No change that is asked for makes it so; what
    comes with time may: a schedule while another group's policy was activated by hand, a server that changes its class.

    cycle: Each of them waits for the next one, and the last one is the first; empty: there is no such cycle any more.
    names: Their names.
    time: When hpm noticed it, RFC 3339 in UTC.
    """

    cycle: list[ServerUri]
    names: list[str]
    time: Time


class ResyncEvent(msgspec.Struct, rename="kebab", tag="resync", tag_field="class"):
    """What the reader has is not to be relied on: it reads everything anew. What follows is news from here on.

    reason: `begin`: the reader named no event. `unknown-id`: it named one that is not of this start of hpm. `too-old`:
        what followed is not kept any more, or the reader was too slow. `too-many`: more changed at once than is told
        one by one.
    time: When it was, RFC 3339 in UTC.
    """

    reason: ResyncReason
    time: Time


Event: TypeAlias = (
    ServerEvent | ServerRemovedEvent | GroupEvent | GroupRemovedEvent | LevelsEvent | AdjustmentEvent | HostEvent
    | LoopEvent | StartJobEvent | DependencyStoppedEvent | DependencyCycleEvent | ResyncEvent
)  # fmt: skip

#: The type of an event by its kind, the word of the `event:` line and of `class` in the data.
TYPES: dict[str, type[msgspec.Struct]] = {
    str(type_.__struct_config__.tag): type_ for type_ in get_args(Event)
}

_KIND = f"(?:{'|'.join(KINDS)})"


class EventQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Which events are wanted, and for how long.

    kinds: Only those of these kinds, with commas between; left out: all. `resync` always comes.
    wait: Seconds that the answer goes on for, 0 to 60. With 0 it is what there is, and ends.
    """

    kinds: Annotated[str, msgspec.Meta(
        min_length=1, max_length=512, extra_json_schema={"pattern": f"^{_KIND}(?:,{_KIND})*$"},
    )] | None = None  # fmt: skip
    wait: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = LONGEST_WAIT
