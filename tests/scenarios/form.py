"""What stands in a scenario's file: the first document, written by people; the second one is recorded."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

HERE = Path(__file__).parent

#: A guest or some: ``all`` stands for every guest of the scenario.
Names = list[str] | Literal["all"]
#: A number, or bounds in words: ``>= 70``, ``<= 5``, ``10 to 15``.
Bounds = int | float | str
Interval = int | str


class FormError(Exception):
    """A file that is not in this form; the message names the file and the place."""


class _Part(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """A part of a file: keys are written with hyphens, and unknown ones are errors."""


class Guest(_Part):
    """A guest. Without a goal and a group it is unmanaged. CPUs are counted in units of one host CPU."""

    load: str | list[str] = "spin"
    vcpus: int = 1
    shares: int = 1024
    goal: str | None = None
    group: str | None = None
    parent: str = "machine"
    constraint: str | None = None
    pinned: str | list[str] = []
    placement: str | None = None
    memory_node: int | None = None
    quota: float | None = None
    reserve: float | None = None
    cap: float | None = None
    excluded: bool = False
    status: Literal["running", "paused", "shut-off"] = "running"


class Host(_Part):
    """The host. `interval` is hpm's, in seconds, and `placement_interval` that of placement; `parents` are weights of
    parent cgroups among each other. `cores` are CPUs: `threads` of each core, on so many `nodes`."""

    cores: int = 2
    nodes: int = 1
    threads: int = 1
    interval: float = 3.0
    placement_interval: float = 60.0
    parents: dict[str, float] = {}
    host_load: float = 0.0
    steal: float = 0.0
    seed: int = 1


class Amid(_Part):
    """What happens in the midst of the next thing that hpm does, `after` so many of its steps (`tests.weeks.steps`):
    hpm is ``killed``, ``libvirt goes``, the ``disk`` is full; or a `guest` does ``restart``, ``stop``, ``pause``,
    ``delete``, ``plug`` (a vCPU), ``unplug``."""

    after: int
    what: Literal["killed", "libvirt goes", "disk", "restart", "stop", "pause", "delete", "plug", "unplug"]
    guest: str | None = None


class Boost(_Part):
    """A temporary goal of percent, of highest importance, for so many minutes."""

    goal: int
    minutes: float


class Event(_Part):
    """What happens at the beginning of an interval, in this order. `clock`, `suspend`, `frozen`: hours by which the
    wall clock is set; which the host sleeps (its monotonic clock does, too); in which it was stopped, and both clocks
    went on."""

    clock: float | None = None
    suspend: float | None = None
    frozen: float | None = None
    amid: Amid | None = None
    disk: Literal["full", "free"] | None = None
    libvirt: Literal["restarts", "goes", "comes"] | None = None
    unseen: list[str] = []
    seen: list[str] = []
    host_load: float | None = None
    steal: float | None = None
    unreachable: float | None = None
    refuse: list[str] = []
    accept: list[str] = []
    vanish: list[str] = []
    hpm: Literal["crashes", "restarts"] | None = None
    add: dict[str, Guest | str] = {}
    stop: list[str] = []
    start: list[str] = []
    restart: list[str] = []
    pause: list[str] = []
    resume: list[str] = []
    delete: list[str] = []
    load: dict[str, str | list[str]] = {}
    vcpus: dict[str, int] = {}
    constraint: dict[str, str | None] = {}
    pinned: dict[str, str | list[str]] = {}
    placement: dict[str, str] = {}
    shares: dict[str, int] = {}
    group: dict[str, str] = {}
    goals: dict[str, str] = {}
    activate: str | dict[str, str] | None = None
    deactivate: list[str] = []
    exclude: list[str] = []
    include: list[str] = []
    reserve: dict[str, float | None] = {}
    cap: dict[str, float | None] = {}
    boost: dict[str, Boost] = {}
    release: list[str] = []
    level: Literal["off", "advise", "on"] | None = None


class Claim(_Part):
    """What a user would notice in a range of intervals (``4``, ``4-9``; ``4-`` is to the end).

    Statuses, `reasons` and `held`: at the end of each interval. `velocity`, `pi`, `cpus`: means over the range;
    with ``-always``: in each interval. `told`: an adjustment that failed for this reason is recorded.
    `applied`, `advised`, `failed`: how many adjustments are recorded. `changes`: how often hpm changed the shares
    of any one guest; `writes`: how many values it set in all. `ratio`: of shares, like ``a/b``. `pinned`: where each
    vCPU may run, like ``0 1-2``; `moves`: how many guests were moved, or advised to be; `total_velocity`: of the sums
    over all guests.
    """

    intervals: Interval
    met: Names = []
    missed: Names = []
    not_missed: Names = []
    idle: Names = []
    discretionary: Names = []
    unmanaged: Names = []
    paused: Names = []
    reasons: dict[str, str] = {}
    held: dict[str, str | None] = {}
    told: dict[str, str] = {}
    velocity: dict[str, Bounds] = {}
    velocity_always: dict[str, Bounds] = {}
    pi: dict[str, Bounds] = {}
    equal_pi: list[str] = []
    cpus: dict[str, Bounds] = {}
    cpus_always: dict[str, Bounds] = {}
    total_cpus: Bounds | None = None
    shares: dict[str, Bounds] = {}
    ratio: dict[str, Bounds] = {}
    quota: dict[str, float | None] = {}
    pinned: dict[str, str] = {}
    moves: Bounds | None = None
    total_velocity: Bounds | None = None
    unchanged: Names = []
    restored: Names = []
    changes: Bounds | None = None
    writes: Bounds | None = None
    applied: Bounds | None = None
    advised: Bounds | None = None
    failed: Bounds | None = None
    lost: bool | None = None


class Scenario(_Part):
    """The first document. Management is at `level` from the first interval on, after some intervals of warm-up.

    `policies` are further policies by name: goals of guests, in the groups that those are in. `schedule`: hours of
    every day for policies of the group ``app``, like ``00:00 to 18:00`` (it is midnight when the play begins).
    `not_yet` tells why `expect` does not hold today.
    """

    shows: str
    guests: dict[str, Guest | str]
    intervals: int
    expect: list[Claim]
    not_yet: str | None = None
    host: Host = Host()
    policies: dict[str, dict[str, str]] = {}
    schedule: dict[str, str] = {}
    events: dict[int, Event] = {}
    level: Literal["off", "advise", "on"] = "on"
    warm_up: int = 2

    def guest(self, name: str) -> Guest:
        """A guest of the beginning, also where only its load is written."""
        return whole(self.guests[name])

    def names(self) -> list[str]:
        """All guests, also those that come later."""
        later = [name for event in self.events.values() for name in event.add]
        return [*self.guests, *later]


class File(msgspec.Struct, frozen=True):
    """A scenario's file: its name below this folder, the scenario, and both documents as they stand there."""

    name: str
    path: Path
    scenario: Scenario
    written: str
    recorded: str | None


def whole(guest: Guest | str) -> Guest:
    """A guest of which perhaps only the load is said."""
    return Guest(load=guest) if isinstance(guest, str) else guest


class _Loader(yaml.SafeLoader):
    """YAML in which on, off, yes and no are words, and a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping; a key that stands twice is an error."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]  # type: ignore[no-untyped-call]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> File:
    """Read a file. Raises `FormError`."""
    name = path.relative_to(HERE).with_suffix("").as_posix()
    written, cut, recorded = path.read_text(encoding="utf-8").partition("\n---\n")
    return File(name, path, decode(written, name), written.rstrip("\n") + "\n", recorded if cut else None)


def decode(text: str, name: str) -> Scenario:
    """The first document. Raises `FormError`, naming the file and the key."""
    try:
        scenario = msgspec.convert(yaml.load(text, _Loader), Scenario)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise FormError(f"{name}.yaml: {error}") from None
    known = set(scenario.names())
    for number, claim in enumerate(scenario.expect):
        for named in _named(claim):
            if named not in known:
                raise FormError(f"{name}.yaml: expect[{number}] names {named!r}, and no guest is called so")
    return scenario


def _named(claim: Claim) -> list[str]:
    """All guests that a claim names."""
    found: list[str] = []
    for field in claim.__struct_fields__:
        value = getattr(claim, field)
        if field == "ratio":
            found += [part for pair in value for part in pair.split("/")]
        elif isinstance(value, (list, dict)):
            found += list(value)
    return found


def files(*wanted: str) -> list[File]:
    """All files, or those that are wanted by name, part of a name, or folder. Raises `FormError` if there are none."""
    paths = sorted(HERE.glob("*/*.yaml"))
    names = [path.relative_to(HERE).with_suffix("").as_posix() for path in paths]
    if not wanted:
        return [read(path) for path in paths]
    found: list[Path] = []
    for want in wanted:
        want = want.removesuffix(".yaml").rstrip("/")
        these = [path for path, name in zip(paths, names, strict=True) if want in (name, *name.split("/"))]
        these = these or [path for path, name in zip(paths, names, strict=True) if want in name]
        if not these:
            raise FormError(f"there is no scenario named {want!r} in {HERE.name}/")
        found += these
    return [read(path) for path in dict.fromkeys(found)]
