"""Partitions: cgroups below libvirt's root partition in which virtual servers stand, with what holds for all of them.

A partition is named as libvirt names it in a domain's ``<resource><partition>``: ``/machine/gold/db`` stands in
``/machine/gold``, and that in the root ``/machine``, which always exists. The words of the parameters are those of
libvirt (https://libvirt.org/formatdomain.html, CPU Tuning, Memory Tuning, Block I/O Tuning).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

import msgspec

from ..errors import InvalidValue, NotUnique
from .cpu_sets import CpuList, format_cpus, parse_cpus
from .names import Description

#: The partition that always exists.
ROOT: Final = "/machine"
#: Partitions in a path, the root included. Nobody needs more; each level costs the scheduler something
#: (docs/benchmarks.md), and systemd's name of a slice has all of them in it, and may have 255 characters.
MOST_LEVELS: Final = 6
LONGEST_STEP: Final = 32

#: What the kernel calls its controllers (cgroup v1 and v2). libvirt puts ``_`` before such a name, so that its files
#: are not taken for those of the controller; but not for each of them, and not in each version.
CONTROLLERS: Final = frozenset((
    "cgroup", "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "io", "pids", "rdma", "misc",
    "hugetlb", "net_cls", "net_prio", "perf_event", "debug", "name", "dmem",
))  # fmt: skip

_STEP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
_NAMESPACE = uuid.UUID("2f7b0f5e-6c1d-5c54-9d37-1c3ad92d1f60")

#: In a request or a file. `check_path` says what is wrong in better words than the pattern.
PartitionPath = Annotated[str, msgspec.Meta(
    min_length=1, max_length=4096, description="A partition, such as /machine/gold/db.",
    extra_json_schema={"pattern": r"^/machine(?:/[A-Za-z0-9][A-Za-z0-9_]{0,31}){0,5}$"},
)]  # fmt: skip

Group: TypeAlias = Literal["cpu", "blkio", "memory", "numa"]

Shares = Annotated[int, msgspec.Meta(ge=2, le=10000)]
QuotaUs = Annotated[int, msgspec.Meta(ge=1000, le=17592186044415)]
PeriodUs = Annotated[int, msgspec.Meta(ge=1000, le=1000000)]
IoWeight = Annotated[int, msgspec.Meta(ge=10, le=1000)]
Mebibytes = Annotated[int, msgspec.Meta(ge=1, le=1 << 30)]
PerSecond = Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
Device = Annotated[str, msgspec.Meta(
    pattern=r"^(?:/dev/[A-Za-z0-9_][A-Za-z0-9_.+:-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+:-]*){0,4}|[0-9]{1,6}:[0-9]{1,7})$(?!\n)",
    max_length=256, description="a disk of the host such as /dev/sda, or its numbers such as 8:0",
)]  # fmt: skip
PartitionReserve = Annotated[float, msgspec.Meta(ge=0.01, le=4096)]


class CpuParameters(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """How the CPU is scheduled for a partition as a whole; null: as the kernel has it by itself.

    shares: Its weight among what stands beside it in its parent. Where a definition has none, hpm plans it while CPU
        management is on: those in the partition compete by their goals with those around it.
    quota-us: Microseconds of CPU time that all in it may use together in each period; null: no cap.
    period-us: That period; null: 100000.
    """

    shares: Shares | None = None
    quota_us: QuotaUs | None = None
    period_us: PeriodUs | None = None

    @property
    def cap(self) -> float | None:
        """The quota in CPUs; None: there is none."""
        return None if self.quota_us is None else self.quota_us / (self.period_us or USUAL_PERIOD_US)


class DeviceLimits(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Limits of one disk of the host, for all in the partition together; null: no limit.

    device: The disk: its file below /dev, or its numbers.
    read-bytes-sec: Bytes that are read, in a second.
    write-bytes-sec: Bytes that are written, in a second.
    read-iops-sec: Requests that read, in a second.
    write-iops-sec: Requests that write, in a second.
    """

    device: Device
    read_bytes_sec: PerSecond | None = None
    write_bytes_sec: PerSecond | None = None
    read_iops_sec: PerSecond | None = None
    write_iops_sec: PerSecond | None = None


class BlkioParameters(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Block I/O of a partition as a whole.

    weight: Its weight among what stands beside it; null: as the kernel has it by itself.
    devices: Limits of single disks.
    """

    weight: IoWeight | None = None
    devices: Annotated[tuple[DeviceLimits, ...], msgspec.Meta(max_length=64)] = ()


class MemoryParameters(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Memory of a partition as a whole; null: no limit. It counts what QEMUs take themselves, too.

    hard-limit-mib: What all in it never take more than together, in MiB. Where they need more, the kernel ends some.
    soft-limit-mib: What the kernel takes them back to when the host is short of memory, in MiB.
    swap-limit-mib: As the hard limit, for memory and swap together, in MiB (libvirt's `swap_hard_limit`).
    """

    hard_limit_mib: Mebibytes | None = None
    soft_limit_mib: Mebibytes | None = None
    swap_limit_mib: Mebibytes | None = None


class NumaParameters(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """Where a partition may be; null: where its parent may.

    cpus: The CPUs that all in it run on, such as 0-3,8.
    mems: The NUMA nodes that their memory is taken from, such as 0.
    """

    cpus: CpuList | None = None
    mems: CpuList | None = None


class PartitionParameters(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """All parameters of a partition as a whole.

    cpu: How the CPU is scheduled.
    blkio: Block I/O.
    memory: Limits of memory.
    numa: CPUs and NUMA nodes.
    """

    cpu: CpuParameters = CpuParameters()
    blkio: BlkioParameters = BlkioParameters()
    memory: MemoryParameters = MemoryParameters()
    numa: NumaParameters = NumaParameters()


class Partition(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A partition as an administrator defined it.

    path: Where it stands, as libvirt spells it.
    description: What an administrator wrote about it.
    autostart: Whether hpm creates it when it starts.
    reserve: CPUs that all in it are entitled to together; null: none.
    parameters: What holds for all in it together.
    """

    path: PartitionPath
    description: Description = ""
    autostart: bool = True
    reserve: PartitionReserve | None = None
    parameters: PartitionParameters = PartitionParameters()


#: The kernel's own period of a quota.
USUAL_PERIOD_US: Final = 100000
NO_PARAMETERS: Final = PartitionParameters()


def check_path(path: str, field: str = "path") -> None:
    """Raise `InvalidValue` unless this names a partition that both libvirt and systemd keep as one cgroup."""
    steps = path.split("/")
    if steps[:2] != ["", ROOT[1:]]:
        raise InvalidValue(f"{path[:80]!r} is no partition: they all stand below {ROOT}, as {ROOT}/gold does", field)
    if len(steps) - 1 > MOST_LEVELS:
        raise InvalidValue(
            f"this partition stands {len(steps) - 1} levels deep; there may be {MOST_LEVELS}, {ROOT} included: each"
            " makes switching between servers dearer", field,
        )  # fmt: skip
    for step in steps[2:]:
        why = _why_not(step)
        if why is not None:
            raise InvalidValue(
                f"{step[:80]!r} cannot be the name of a partition: {why}; names are letters, digits and _, and begin"
                " with a letter or digit", field,
            )  # fmt: skip


def is_partition(path: str) -> bool:
    """Whether this names a partition as `check_path` has it. Definitions of servers may name others."""
    try:
        check_path(path)
    except InvalidValue:
        return False
    return True


def _why_not(step: str) -> str | None:
    if not step:
        return "it is empty (there is a slash too many)"
    if len(step) > LONGEST_STEP:
        return f"it has {len(step)} characters, and may have {LONGEST_STEP}"
    if "-" in step:
        return "systemd makes levels of its own of each -"
    if "." in step:
        return "libvirt and systemd tell by what stands behind a dot what kind of thing it is"
    if "\\" in step:
        return "systemd takes a backslash for the beginning of a character that is written as a number"
    if _STEP.fullmatch(step) is None:
        return "it has other characters" if not step.startswith("_") else "libvirt keeps names that begin with _"
    if step in CONTROLLERS:
        return "the kernel has a controller of that name, which libvirt may spell in another way"
    return None


def partition_id(path: str) -> str:
    """The UUID by which programs know the partition: always the same for a path."""
    return str(uuid.uuid5(_NAMESPACE, path))


def parent_of(path: str) -> str | None:
    """The partition that it stands in; None: it is the root, or stands in nothing (it is no partition of ours)."""
    return None if path == ROOT else path.rpartition("/")[0] or None


def lineage(path: str) -> list[str]:
    """The partition and those that it stands in, from itself to the root."""
    found = [path]
    while (above := parent_of(found[-1])) is not None:
        found.append(above)
    return found


def children_of(path: str, paths: Iterable[str]) -> list[str]:
    """Those of the partitions that stand directly in one, in order."""
    return sorted(one for one in paths if one != ROOT and parent_of(one) == path)


# -- checking


def check_partition(partition: Partition) -> None:
    """Check a partition by itself. Raises `InvalidValue`, `NotUnique` with the path of the offending value."""
    check_path(partition.path)
    check_parameters(partition.parameters, "parameters.")
    cap, reserve = partition.parameters.cpu.cap, partition.reserve
    if cap is not None and reserve is not None and cap < reserve:
        raise InvalidValue(f"the cap of {cap:g} CPUs is below the reserve of {reserve:g} CPUs", "reserve")


def check_parameters(parameters: PartitionParameters, below: str = "") -> None:
    """Check parameters by themselves. Raises `InvalidValue`, `NotUnique`."""
    memory = parameters.memory
    hard, soft, swap = memory.hard_limit_mib, memory.soft_limit_mib, memory.swap_limit_mib
    if hard is not None and soft is not None and soft > hard:
        raise InvalidValue(f"the soft limit of {soft} MiB is above the hard limit of {hard} MiB",
                           f"{below}memory.soft-limit-mib")  # fmt: skip
    if swap is not None and (hard is None or swap < hard):
        said = "and there is no hard limit" if hard is None else f"but the hard limit is {hard} MiB"
        raise InvalidValue(
            f"the swap limit counts memory and swap together, so it is not below the hard limit: it is {swap} MiB,"
            f" {said}", f"{below}memory.swap-limit-mib",
        )  # fmt: skip
    for name in ("cpus", "mems"):
        listed = getattr(parameters.numa, name)
        if listed is not None:
            parse_cpus(listed, f"{below}numa.{name}")
    seen: set[str] = set()
    for index, limits in enumerate(parameters.blkio.devices):
        if limits.device in seen:
            raise NotUnique(f"the limits of {limits.device} are there twice; leave one out",
                            f"{below}blkio.devices[{index}].device")  # fmt: skip
        seen.add(limits.device)


class Room(msgspec.Struct, frozen=True):
    """What the host has for partitions: CPUs by number, NUMA nodes by number (empty: not known)."""

    cpus: frozenset[int]
    mems: frozenset[int] = frozenset()


def check_place(partition: Partition, others: Mapping[str, Partition], room: Room) -> None:
    """Check a partition against those above and beside it, and the host. `others` are those that are defined, by path;
    one of its own path is ignored. Raises `InvalidValue`."""
    numa = partition.parameters.numa
    for name, have, what in (("cpus", room.cpus, "CPU"), ("mems", room.mems, "NUMA node")):
        wanted = getattr(numa, name)
        missing = sorted(parse_cpus(wanted) - have) if wanted is not None and have else []
        if missing:
            raise InvalidValue(
                f"this host has no {what} {missing[0]}; it has {_span(have)}", f"parameters.numa.{name}"
            )
        for above in lineage(partition.path)[1:] if wanted is not None else ():
            limit = getattr(others[above].parameters.numa, name) if above in others else None
            outside = [] if limit is None else sorted(parse_cpus(wanted) - parse_cpus(limit))
            if outside:
                raise InvalidValue(f"{above} is limited to the {what}s {limit}, and {what} {outside[0]} is not of them",
                                   f"parameters.numa.{name}")  # fmt: skip
    if partition.reserve is None:
        return
    definitions = {**others, partition.path: partition}
    if partition.reserve > len(room.cpus):
        raise InvalidValue(
            f"the reserve of {partition.reserve:g} CPUs is above what this host has: {len(room.cpus)} CPUs", "reserve"
        )
    for above in lineage(partition.path)[1:]:
        known = others.get(above)
        cap = None if known is None else known.parameters.cpu.cap
        if cap is not None and partition.reserve > cap:
            raise InvalidValue(
                f"the reserve of {partition.reserve:g} CPUs is above the cap of {above}: {cap:g} CPUs", "reserve"
            )
        limit = len(room.cpus) if above == ROOT else None if known is None else known.reserve
        if limit is None:
            continue
        together = sum(needs(one, definitions) for one in children_of(above, [*definitions, *_between(definitions)]))
        if together > limit + 1e-9:
            whose = "this host has" if above == ROOT else f"{above} has a reserve of"
            raise InvalidValue(
                f"with this reserve, what is reserved in {above} comes to {together:g} CPUs, and {whose} {limit:g}",
                "reserve",
            )
        if above != ROOT:
            return


def _between(definitions: Iterable[str]) -> set[str]:
    """Partitions that others stand in, defined or not."""
    return {above for path in definitions for above in lineage(path)}.difference(definitions)


def needs(path: str, definitions: Mapping[str, Partition]) -> float:
    """CPUs that a partition needs for its reserve, or for those of its children where it has none."""
    own = definitions.get(path)
    if own is not None and own.reserve is not None:
        return own.reserve
    return sum(needs(child, definitions) for child in children_of(path, [*definitions, *_between(definitions)]))


def _span(numbers: Iterable[int]) -> str:
    return format_cpus(numbers)


# -- what holds along the hierarchy


class EffectiveLimits(msgspec.Struct, frozen=True, rename="kebab"):
    """What a partition can have at most: the narrowest limit of it and of all that it stands in. null: no limit.

    cpu-cap: CPUs.
    cpu-cap-from: Whose cap that is.
    memory-limit-mib: Memory, in MiB.
    memory-limit-from: Whose limit that is.
    cpus: The CPUs that are left.
    mems: The NUMA nodes that are left.
    """

    cpu_cap: float | None = None
    cpu_cap_from: str | None = None
    memory_limit_mib: int | None = None
    memory_limit_from: str | None = None
    cpus: str | None = None
    mems: str | None = None


def effective_limits(path: str, parameters: Mapping[str, PartitionParameters]) -> EffectiveLimits:
    """Along the hierarchy; `parameters` by path, those that are missing limit nothing."""
    found = EffectiveLimits()
    for one in lineage(path):
        said = parameters.get(one, NO_PARAMETERS)
        cap, memory = said.cpu.cap, said.memory.hard_limit_mib
        if cap is not None and (found.cpu_cap is None or cap < found.cpu_cap):
            found = msgspec.structs.replace(found, cpu_cap=cap, cpu_cap_from=one)
        if memory is not None and (found.memory_limit_mib is None or memory < found.memory_limit_mib):
            found = msgspec.structs.replace(found, memory_limit_mib=memory, memory_limit_from=one)
        # The kernel keeps a child's list within its parent's: the nearest that is set is the narrowest.
        found = msgspec.structs.replace(found, cpus=found.cpus or said.numa.cpus, mems=found.mems or said.numa.mems)
    return found


def differing(config: PartitionParameters, live: PartitionParameters) -> Iterator[str]:
    """Names (``cpu.shares``) of the parameters that are set in `config` and are otherwise in force."""
    for group in config.__struct_fields__:
        wanted, have = getattr(config, group), getattr(live, group)
        names = zip(wanted.__struct_fields__, wanted.__struct_encode_fields__, strict=True)
        for field, name in names:
            value, now = getattr(wanted, field), getattr(have, field)
            default = getattr(type(wanted)(), field)
            if value != default and not _same(field, value, now):
                yield f"{group}.{name}"


def _same(field: str, value: object, now: object) -> bool:
    if field in ("cpus", "mems") and isinstance(value, str) and isinstance(now, str):
        return parse_cpus(value) == parse_cpus(now)
    if field == "devices":
        return bool(set(cast(Any, value)) == set(cast(Any, now)))
    return value == now
