"""Guest policies in words: for tables, for lists of changes, and for sentences."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .guest_policies import (
    FIELDS,
    Anywhere,
    DiskLimits,
    EachOnCpus,
    GuestPolicy,
    OnCpus,
    OnNode,
    Placement,
)
from .schedule import DAYS
from .start_policies import AgentAnswers, Dependency, HeartbeatFile, PortAnswers, Readiness, Running, StartPolicy

#: The fields of a policy as the API has them, in their order.
NAMES: dict[str, str] = {name: name.replace("_", "-") for name in FIELDS}


def said(policy: GuestPolicy, group_name: Callable[[str], str] = str) -> dict[str, str]:
    """What a policy says, in words, by the names of the API. `group_name` gives the name of a group by its id."""
    found: dict[str, str] = {}
    for field, name in NAMES.items():
        value = getattr(policy, field)
        if value is not None:
            found[name] = _words(value, group_name)
    return found


def _words(value: object, group_name: Callable[[str], str]) -> str:
    if isinstance(value, StartPolicy):
        return start_words(value, group_name)
    if isinstance(value, dict):
        return limits_words(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:.15g}" if isinstance(value, int | float) else placement_words(value)    # type: ignore[arg-type]


def placement_words(placement: Placement) -> str:
    """A placement, such as ``CPUs 0-3, alone``."""
    if isinstance(placement, Anywhere):
        return "anywhere"
    if isinstance(placement, OnCpus):
        text = f"CPUs {placement.cpus}"
    elif isinstance(placement, EachOnCpus):
        text = f"each vCPU on its own: {' '.join(placement.cpus)}"
    elif isinstance(placement, OnNode):
        text = f"NUMA node {placement.node}"
    else:
        text = str(placement.__struct_config__.tag)
    return f"{text}, alone" if placement.exclusive else text


def limits_words(disks: dict[str, DiskLimits]) -> str:
    """Limits of disks, such as ``vda: read-iops-sec 100; *: none``."""
    return "; ".join(f"{disk}: {_limits(limits)}" for disk, limits in sorted(disks.items()))


def _limits(limits: DiskLimits) -> str:
    told = msgspec.to_builtins(limits)
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "none"


def start_words(start: StartPolicy, group_name: Callable[[str], str] = str) -> str:
    """When a server starts, is ready and stops."""
    parts = [f"ready {readiness_words(start.ready)}"]
    if start.depends_on:
        needs = ", ".join(_dependency(one, group_name) for one in start.depends_on)
        parts.append(f"after {needs}; a start before that is {'refused' if start.not_ready == 'refuse' else 'delayed'}")
    elif start.not_ready != "refuse":
        parts.append("a start before what it depends on is delayed")
    parts.append(f"within {start.timeout_seconds} s")
    if start.autostart:
        parts.append("started with the host")
    for window in start.windows:
        days = "every day" if set(window.days) == set(DAYS) else " ".join(window.days)
        parts.append(f"runs {days} {window.from_} to {window.to}")
    if start.windows or start.outside != "stop":
        parts.append(f"outside of its hours it is {'stopped' if start.outside == 'stop' else 'suspended'}")
    return "; ".join(parts)


def readiness_words(ready: Readiness | None) -> str:
    """When a server is ready, to come after ``ready``."""
    if isinstance(ready, Running) and ready.seconds:
        return f"after it ran for {ready.seconds} s"
    if isinstance(ready, AgentAnswers):
        return "when its guest agent answers"
    if isinstance(ready, PortAnswers):
        return f"when port {ready.port} answers" + (f" at {ready.address}" if ready.address else "")
    if isinstance(ready, HeartbeatFile):
        return f"while {ready.path} is not older than {ready.max_age_seconds} s"
    return "as soon as it runs"


def _dependency(one: Dependency, group_name: Callable[[str], str]) -> str:
    what = (
        f"group {group_name(one.workload_resource_group)}" if one.workload_resource_group is not None
        else f"server {one.virtual_server}"
    )  # fmt: skip
    return what if one.when_it_stops == "warn" else f"{what} ({one.when_it_stops} when that stops)"
