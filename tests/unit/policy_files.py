"""Catalogs and policy files for tests: any that there may be, and a large one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from hpm.policy.catalog import Catalog, ServerSettings, empty_catalog
from hpm.policy.classification import And, Filter, Not, Or
from hpm.policy.files.content import FileGroup, FileServer, GroupsFile
from hpm.policy.goals import IMPORTANCES, VELOCITY_OF_LEVEL, DiscretionaryGoal, VelocityGoal
from hpm.policy.groups import DEFAULT_GROUP, WorkloadResourceGroup
from hpm.policy.guest_policies import (
    NO_POLICY,
    Anywhere,
    DiskLimits,
    EachOnCpus,
    GuestPolicy,
    OnCpus,
    OnNode,
    Pack,
    Spread,
)
from hpm.policy.partitions import (
    ROOT,
    BlkioParameters,
    CpuParameters,
    DeviceLimits,
    MemoryParameters,
    NumaParameters,
    Partition,
    PartitionParameters,
    lineage,
)
from hpm.policy.policies import PerformancePolicy, ServiceClass
from hpm.policy.schedule import DAYS, ScheduleEntry
from hpm.policy.start_policies import (
    AgentAnswers,
    Dependency,
    HeartbeatFile,
    PortAnswers,
    Running,
    RunWindow,
    StartPolicy,
)

_FILTERS = (
    "virtual-server-name", "virtual-server-uuid", "title", "hostname", "os-type", "os-name", "os-level", "metadata",
)  # fmt: skip

# Any character that a text may have: all scripts, markup, tabs and newlines.
_TEXT = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff") | st.sampled_from(
    "\t\n\r\x80\x85\x9f\u2028<>&\"']{}[]:,\\ "
)
_NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="/\ufffe\uffff")
    | st.sampled_from("<>&\"' abc"),
    min_size=1, max_size=12,
).map(str.strip).filter(lambda name: name not in ("", ".", "..") and name.casefold() != "default")  # fmt: skip
_DESCRIPTIONS = st.just("") | st.text(_TEXT, max_size=20)
_VALUES = st.text(_TEXT, min_size=1, max_size=12)
_UUIDS = st.integers(0, 2**128 - 1).map(lambda number: str(uuid.UUID(int=number)))
_CPUS = st.none() | st.floats(0.01, 4096)
_IMPORTANCE = st.sampled_from(IMPORTANCES)

_rules = st.recursive(
    st.builds(Filter, st.sampled_from(_FILTERS), st.sampled_from(["string-match", "string-not-match"]), _VALUES),
    lambda rule: (
        st.builds(And, st.lists(rule, min_size=1, max_size=3).map(tuple))
        | st.builds(Or, st.lists(rule, min_size=1, max_size=3).map(tuple))
        | st.builds(Not, rule)
    ),
    max_leaves=4,
)
_velocities = st.sampled_from([*VELOCITY_OF_LEVEL]) | st.integers(1, 99)
_goals = st.just(DiscretionaryGoal()) | st.builds(VelocityGoal, _velocities)

_times = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
_days = st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True).map(tuple)
_cpu_lists = st.sampled_from(["0", "0-3", "1,3,5-7", "8191"])
_placements = (
    st.builds(OnCpus, _cpu_lists, st.booleans())
    | st.builds(EachOnCpus, st.lists(_cpu_lists, min_size=1, max_size=3).map(tuple), st.booleans())
    | st.builds(OnNode, st.integers(0, 1023), st.booleans())
    | st.builds(Spread, st.booleans()) | st.builds(Pack, st.booleans()) | st.just(Anywhere())
)  # fmt: skip
_limits = st.builds(
    DiskLimits, read_bytes_sec=st.integers(0, 1 << 50), write_bytes_sec=st.integers(0, 9),
    total_iops_sec=st.integers(0, 1 << 50),
) | st.builds(DiskLimits, total_bytes_sec=st.integers(0, 9), write_iops_sec=st.integers(0, 9))  # fmt: skip
_paths = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1, max_size=9)
_ready = (
    st.builds(Running, st.integers(0, 3600)) | st.just(AgentAnswers())
    | st.builds(PortAnswers, st.integers(1, 65535), st.none() | st.sampled_from(["db.example", "1:a_b-c"]))
    | st.builds(HeartbeatFile, _paths.map("/".__add__), st.integers(1, 3600))
)  # fmt: skip
_stops = st.sampled_from(["ignore", "warn", "stop"])


def _starts(group_ids: list[str]) -> st.SearchStrategy[StartPolicy]:
    dependency = st.builds(lambda uuid, stops: Dependency(uuid, None, stops), _UUIDS, _stops)
    if group_ids:
        dependency |= st.builds(lambda name, stops: Dependency(None, name, stops), st.sampled_from(group_ids), _stops)
    return st.builds(
        StartPolicy, st.none() | _ready, st.lists(dependency, max_size=3).map(tuple),
        st.sampled_from(["refuse", "wait"]), st.integers(1, 3600), st.booleans(),
        st.lists(st.builds(RunWindow, _days, _times, _times), max_size=2).map(tuple),
        st.sampled_from(["stop", "suspend"]),
    )  # fmt: skip


def guest_policies(group_ids: list[str], *, of_server: bool = False) -> st.SearchStrategy[GuestPolicy]:
    """A guest policy; `of_server`: without what stands beside it there."""
    sizes = st.none() | st.integers(1, 1 << 30)
    levels = st.none() if of_server else _CPUS
    whole = st.builds(
        GuestPolicy, st.none() | _placements, st.none() | _cpu_lists, st.none() | st.integers(2, 10000),
        st.none(), levels, st.none() | st.integers(10, 1000),
        st.none() | st.dictionaries(st.sampled_from(["vda", "sdb1", "*"]), _limits, min_size=1, max_size=2),
        st.none() if of_server else sizes, sizes, st.sampled_from([None, "none", "transparent", "hugetlbfs"]),
        st.sampled_from([None, True, False]), st.sampled_from([None, "correct", "report"]),
        st.none() | _starts(group_ids),
    )  # fmt: skip
    return st.just(NO_POLICY) | whole


def _named(draw: Any, most: int) -> list[str]:
    names: list[str] = draw(st.lists(_NAMES, max_size=most, unique=True))
    return names


@st.composite
def policies(draw: Any, name: str | None = None, group_ids: Sequence[str] = ()) -> PerformancePolicy:
    """A policy; `group_ids` are groups that there are."""
    names = _named(draw, 3) or ["rest"]
    classes = [
        ServiceClass(
            class_name, draw(_goals), draw(_rules) if class_name != names[-1] else None,
            draw(st.none() | _IMPORTANCE), draw(_DESCRIPTIONS), draw(guest_policies([*group_ids])),
        )
        for class_name in names
    ]  # fmt: skip
    return PerformancePolicy(name or draw(_NAMES), draw(_IMPORTANCE), tuple(classes), draw(_DESCRIPTIONS))


@st.composite
def groups(draw: Any, group_id: str, name: str, group_ids: Sequence[str] = ()) -> WorkloadResourceGroup:
    """A group. Of one with a schedule, no policy is active (the schedule says which one is)."""
    names = _named(draw, 3)
    schedule: list[ScheduleEntry] = []
    if names and draw(st.booleans()):
        entry = st.builds(ScheduleEntry, st.sampled_from(names), _days, _times, _times)
        schedule = draw(st.lists(entry, min_size=1, max_size=3))
    policy = st.sampled_from(names) if names else st.none()
    return WorkloadResourceGroup(
        group_id, name, draw(_DESCRIPTIONS), tuple(draw(policies(policy_name, group_ids)) for policy_name in names),
        None if schedule else draw(st.none() | policy), tuple(schedule),
        draw(st.none() | policy) if schedule else None, guest_policy=draw(guest_policies([*group_ids])),
    )  # fmt: skip


_RATES = st.none() | st.integers(1, (1 << 63) - 1)
_MIB = st.none() | st.integers(1, 1 << 30)
_LISTS = st.none() | st.sampled_from(["0", "0-3,8", "1,1,2-2"])


@st.composite
def _partition(draw: Any, path: str) -> Partition:
    hard = draw(_MIB)
    memory = MemoryParameters(hard, draw(st.none() | st.just(hard)), draw(st.none() | st.just(hard)))
    names = draw(st.lists(st.sampled_from(["/dev/vda", "8:0", "/dev/mapper/a-b.c"]), max_size=2, unique=True))
    devices = tuple(DeviceLimits(name, *(draw(_RATES) for _ in range(4))) for name in names)
    cpu = CpuParameters(
        draw(st.none() | st.integers(2, 10000)), draw(st.none() | st.integers(10**9, 17592186044415)),
        draw(st.none() | st.integers(1000, 1000000)),
    )  # fmt: skip
    parameters = PartitionParameters(
        cpu, BlkioParameters(draw(st.none() | st.integers(10, 1000)), devices), memory,
        NumaParameters(draw(_LISTS), draw(_LISTS)),
    )  # fmt: skip
    reserve = draw(st.none() | st.floats(0.01, 900))
    return Partition(path, draw(_DESCRIPTIONS), draw(st.booleans()), reserve, parameters)


@st.composite
def partitions(draw: Any) -> dict[str, Partition]:
    """Partitions by path, each with those that it stands in."""
    deepest = draw(st.lists(st.sampled_from(["/machine/a/b/c", "/machine/a/B_1", "/machine/x9"]), unique=True))
    paths = {above for path in deepest for above in lineage(path)} - {ROOT}
    return {path: draw(_partition(path)) for path in sorted(paths)}


@st.composite
def catalogs(draw: Any) -> Catalog:
    """A catalog."""
    named = {DEFAULT_GROUP: "default"} | {f"id-{number}": name for number, name in enumerate(_named(draw, 3))}
    placed = draw(partitions())
    place = st.none() | st.sampled_from([*placed]) if placed else st.none()
    made = {group_id: draw(groups(group_id, name, [*named])) for group_id, name in named.items()}
    for group_id, group in made.items():
        if group_id != DEFAULT_GROUP:
            made[group_id] = msgspec.structs.replace(group, partition=draw(place))
    servers = {}
    for key in draw(st.lists(_UUIDS, max_size=4, unique=True)):
        reserve, cap = draw(_CPUS), draw(_CPUS)
        if reserve is not None and cap is not None:
            reserve, cap = min(reserve, cap), max(reserve, cap)
        names = st.sampled_from(["title", "hostname", "os-type", "os-name", "os-level", "metadata"])
        said = ServerSettings(
            draw(st.sampled_from([*made])), draw(st.booleans()), reserve, cap,
            draw(st.dictionaries(names, _VALUES, max_size=2)),
            memory_minimum_mib=draw(st.none() | st.integers(1, 1 << 30)), partition=draw(place),
            guest_policy=draw(guest_policies([*made], of_server=True)),
        )  # fmt: skip
        if said != ServerSettings():
            servers[key] = said
    return Catalog(draw(st.integers(0, 9)), made, servers, placed)


def large(groups: int = 200, policies: int = 5, classes: int = 6, servers: int = 20) -> GroupsFile:
    """A host of that many groups, each with so many policies (of classes with nested rules) and servers."""

    def rule(text: str, service_class: int) -> Any:
        named = Filter("virtual-server-name", "string-match", f"{text}-{service_class}-*")
        linux = And((Filter("os-type", "string-match", "linux"), Not(Filter("title", "string-match", "*test*"))))
        return Or((named, And((linux, Filter("hostname", "string-match", f"*.{text}.example")))))

    def policy(text: str, number: int) -> PerformancePolicy:
        made = [
            ServiceClass(f"class {n}", VelocityGoal(10 + n), rule(text, n), IMPORTANCES[n % 5])
            for n in range(classes - 1)
        ]
        rest = ServiceClass("rest", DiscretionaryGoal())
        return PerformancePolicy(f"policy {number}", IMPORTANCES[number % 5], (*made, rest), f"Number {number}")

    def group(number: int) -> FileGroup:
        text = f"group-{number:03d}"
        held = tuple(str(uuid.UUID(int=number * servers + n)) for n in range(servers))
        schedule = (ScheduleEntry("policy 1", ("mon", "tue"), "22:00", "06:00"),) if number % 2 else ()
        return FileGroup(
            text, f"The {number}th", msgspec.UNSET if schedule else "policy 2", schedule,
            "policy 0" if schedule else None, tuple(policy(text, n) for n in range(policies)), held,
        )  # fmt: skip

    default = empty_catalog().groups[DEFAULT_GROUP]
    said = tuple(FileServer(str(uuid.UUID(int=n * 7)), cpu_cap=2.5) for n in range(groups))
    return GroupsFile((*map(group, range(groups)), FileGroup("default", default.description)), said)
