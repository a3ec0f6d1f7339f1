"""The sync protocol: what changed of all virtual servers since a client asked last, in one answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .sections import Configuration, Devices, GuestDetails, Status
from .words import Problem, ServerStatus, SnapshotTime, Time

#: Longest token that is looked at; others are foreign.
LONGEST_TOKEN = 64

Token = Annotated[str, msgspec.Meta(
    max_length=LONGEST_TOKEN, description="Says what the client knows; to be given as `since` the next time.",
)]  # fmt: skip


class SyncQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Since when, and what.

    since: The token of the answer before. Left out, unknown, or of another host: all is told, and `resync` is true.
    sections: Which sections are wanted: `status`, `configuration`, `devices`, `guest-details`, with commas between;
        left out: all. The others stay empty, and are not made up for to who asks for them later.
    """

    since: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    sections: Annotated[str, msgspec.Meta(max_length=256)] | None = None


Figures = list[float | None]


class Runtime(msgspec.Struct, frozen=True, rename="kebab"):
    """What always changes, as columns: the first entries of all columns are of one server, and so on. CPUs are in
    units of one host CPU, means over the last interval (of QEMU: between the two last samples of it). Less than a
    hundredth of a CPU is told as 0, and a figure is told again when it has moved by more than its last digit; shares
    are told again whenever they are others.

    server: Numbers of the servers, which `configuration` of the changed sections names.
    velocity: In percent; null: idle, paused, or not known.
    using: CPUs that its virtual CPUs used; null: not known.
    delay: CPUs that they waited for; null: not known.
    cpu-user: CPUs that its QEMU used in user mode, all threads together; null: not known.
    cpu-sys: CPUs that its QEMU used in the kernel; null: not known.
    memory-use: Used of its memory, in percent, as the guest says; null: it does not.
    memory: What its balloon leaves it now, in MiB; null: it does not run, or that is not known.
    memory-used: What it cannot give of that without swapping, in MiB, as the guest says; null: it does not.
    shares: CPU shares in force; null: it does not run, or they cannot be read.
    state: What it does.
    marker: Grows when one of its sections has changed.
    """

    server: list[int]
    velocity: Figures
    using: Figures
    delay: Figures
    cpu_user: Figures
    cpu_sys: Figures
    memory_use: Figures
    memory: list[int | None]
    memory_used: list[int | None]
    shares: list[int | None]
    state: list[ServerStatus]
    marker: list[int]


class SyncStatus(msgspec.Struct, frozen=True, rename="kebab"):
    """A section that changed.

    object-id: The UUID of the server.
    status: The section.
    sampled: When its QEMU answered last; null: never, or it does not run.
    """

    object_id: str
    status: Status
    sampled: Time | None


class SyncConfiguration(msgspec.Struct, frozen=True, rename="kebab"):
    """A section that changed, and by which number and name the server goes.

    object-id: The UUID of the server.
    number: By which columns name it. It stays, also over a restart of hpm; should it be told anew, that one holds.
    name: Its name.
    configuration: The section.
    """

    object_id: str
    number: int
    name: str
    configuration: Configuration


class SyncDevices(msgspec.Struct, frozen=True, rename="kebab"):
    """A section that changed.

    object-id: The UUID of the server.
    devices: The section.
    sampled: When it was sampled; null: never.
    """

    object_id: str
    devices: Devices
    sampled: Time | None


class SyncGuestDetails(msgspec.Struct, frozen=True, rename="kebab"):
    """A section that changed.

    object-id: The UUID of the server.
    guest-details: The section.
    sampled: When its agent told it; null: never.
    """

    object_id: str
    guest_details: GuestDetails
    sampled: Time | None


class Changed(msgspec.Struct, frozen=True, rename="kebab"):
    """Whole sections of those servers whose section changed.

    status: Of those whose status changed.
    configuration: Of those whose configuration changed, and of servers that came.
    devices: Of those whose devices were sampled and are not as they were.
    guest-details: Of those whose agent says something else.
    """

    status: list[SyncStatus]
    configuration: list[SyncConfiguration]
    devices: list[SyncDevices]
    guest_details: list[SyncGuestDetails]


class SyncStale(msgspec.Struct, frozen=True, rename="kebab"):
    """A server that the hypervisor tells nothing of now, although it answers: a hook of its start is running, say.

    object-id: The UUID of the server.
    since: Since when; what it does, and its figures, are as they were then.
    """

    object_id: str
    since: Time


class Sync(msgspec.Struct, frozen=True, rename="kebab"):
    """What changed. Every part is always there, possibly empty.

    resync: Whether all is told: what the client has kept until now is void.
    runtime: Of servers of which any figure, state or marker changed.
    changed: Sections that changed.
    removed: UUIDs of servers that the host has no more.
    stale: All servers that the hypervisor tells nothing of now, although it answers.
    """

    token: Token
    resync: bool
    runtime: Runtime
    changed: Changed
    removed: list[str]
    stale: list[SyncStale]
    snapshot_time: SnapshotTime
    problem: Problem
