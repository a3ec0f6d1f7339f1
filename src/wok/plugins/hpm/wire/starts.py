"""Starting and stopping virtual servers in the order of their dependencies: jobs, readiness, libvirt's hook."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from ..policy.start_policies import WhenItStops
from .words import GroupUri, ServerReference, ServerStatus, ServerUri, Time, Uri

#: What becomes of servers that need one that is to stop.
Dependants: TypeAlias = Literal["stop", "leave"]
GraceSeconds = Annotated[int, msgspec.Meta(ge=0, le=3600)]


class StartServers(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, tag="start", tag_field="action"):
    """Start what does not run, and before it all that it needs; the answer is a start job."""


class StopServers(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, tag="stop", tag_field="action"):
    """Stop what runs, and before it those that need it where their policies say `stop`; the answer is a start job.

    dependants: Whether others that need it are stopped before it, too, or left running; left out: where there are any,
        that is refused (409).
    grace-seconds: How long each server may take to shut down, 0 to 3600.
    force: Whether one that does not shut down in that time is ended; with 0 seconds, at once.
    """

    dependants: Dependants | None = None
    grace_seconds: GraceSeconds = 120
    force: bool = False


ServerAction: TypeAlias = StartServers | StopServers

#: Servers that one job is asked for.
Several: TypeAlias = Annotated[tuple[ServerReference, ...], msgspec.Meta(min_length=1, max_length=10000)]


class StartTogether(StartServers, rename="kebab", forbid_unknown_fields=True, tag="start", tag_field="action"):
    """Start those of some servers that do not run, and before them all that they need, in one job.

    virtual-servers: Their UUIDs or URIs, 1 to 10000.
    """

    virtual_servers: Several


class StopTogether(
    StopServers, rename="kebab", forbid_unknown_fields=True, tag="stop", tag_field="action", kw_only=True
):
    """Stop those of some servers that run, and before them those that need them where their policies say `stop`, in one
    job.

    virtual-servers: Their UUIDs or URIs, 1 to 10000.
    dependants: Whether others that need them are stopped before them, too, or left running; left out: where there are
        any, that is refused (409).
    grace-seconds: How long each server may take to shut down, 0 to 3600.
    force: Whether one that does not shut down in that time is ended; with 0 seconds, at once.
    """

    virtual_servers: Several


JobRequest: TypeAlias = StartTogether | StopTogether

JobAction: TypeAlias = Annotated[
    Literal["start", "stop", "suspend"], msgspec.Meta(description="What the job does. Run windows suspend, too.")
]
JobState: TypeAlias = Annotated[
    Literal["running", "done", "failed", "cancelled"],
    msgspec.Meta(description="How the job stands. `failed`: some of its servers have; the others are as was asked."),
]
JobPhase: TypeAlias = Annotated[
    Literal["waiting", "starting", "started", "ready", "stopping", "stopped", "failed", "cancelled"],
    msgspec.Meta(description=(
        "How a server of the job stands. `waiting`: for others. `started`: it runs, and is not ready yet for those that"
        " need it. `stopped`: or suspended."
    )),
]  # fmt: skip


class StartJobServer(msgspec.Struct, rename="kebab"):
    """A server of a start job.

    virtual-server: Its URI.
    name: Its name.
    asked: Whether it was asked for; else it comes along, because of what needs it or what it needs.
    since: When its phase began, RFC 3339 in UTC.
    reason: What it waits for, or why it failed, in words; null: there is nothing to say.
    """

    virtual_server: ServerUri
    name: str
    asked: bool
    phase: JobPhase
    since: Time
    reason: str | None


class StartJob(msgspec.Struct, rename="kebab", tag="start-job", tag_field="class"):
    """A job that starts or stops servers in the order of their dependencies. It goes on when hpm is started anew.

    object-id: Its number, as text.
    user: Who asked for it; where it begins with "hpm (", hpm itself, and why.
    time: When it was asked for, RFC 3339 in UTC.
    ended: When it was over; null: it is not.
    workload-resource-group: The group that was asked for; null: servers were.
    virtual-servers: Its servers; who needs nothing of the job may be anywhere among them.
    """

    object_id: str
    object_uri: Uri
    action: JobAction
    state: JobState
    user: str
    time: Time
    ended: Time | None
    workload_resource_group: GroupUri | None
    virtual_servers: list[StartJobServer]


class StartJobQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Which start jobs are wanted.

    state: Only those that stand so.
    """

    state: JobState | None = None


class StartJobList(msgspec.Struct, rename="kebab"):
    """Start jobs.

    start-jobs: The newest first; those that are over are kept for a while.
    """

    start_jobs: list[StartJob]


class DependencyNode(msgspec.Struct, rename="kebab"):
    """A virtual server that needs others, or that others need.

    object-id: Its UUID.
    name: Its name; its UUID where this host does not have it.
    status: What it does; null: this host does not have it.
    ready: Whether it is ready for those that need it, as far as is known.
    reason: Why it is not ready, in words; null: it is.
    """

    object_id: str
    object_uri: Uri
    name: str
    status: ServerStatus | None
    ready: bool
    reason: str | None


class DependencyEdge(msgspec.Struct, rename="kebab"):
    """One server needs another one.

    virtual-server: The one that waits.
    needs: The one that it waits for.
    when-it-stops: What becomes of the first when the second stops.
    """

    virtual_server: ServerUri
    needs: ServerUri
    when_it_stops: WhenItStops


class DependencyGraph(msgspec.Struct, rename="kebab"):
    """Who needs whom, by the guest policies in force. Dependencies on groups are told as those on their servers.

    virtual-servers: Those of which there is anything to tell, in order of name.
    dependencies: In the order of both names.
    cycle: Names of servers that wait for each other for ever; null: there are none.
    """

    virtual_servers: list[DependencyNode]
    dependencies: list[DependencyEdge]
    cycle: list[str] | None


class HookQuestion(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """What libvirt's hook tells before a guest starts.

    virtual-server: The UUID in the definition that it was given.
    """

    virtual_server: Annotated[str, msgspec.Meta(
        pattern=r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$(?!\n)", description="a UUID",
    )]  # fmt: skip


class HookAnswer(msgspec.Struct, rename="kebab"):
    """What libvirt's hook is to do.

    start: Whether the guest may start now.
    message: Why it may not, in words; null: it may.
    wait-seconds: For how long altogether the hook may ask again; 0: it may not wait.
    """

    start: bool
    message: str | None
    wait_seconds: float
