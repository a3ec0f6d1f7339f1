"""Policy files written as XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ..classification import And, Filter, Not, Or, Rule
from ..goals import Goal
from ..guest_policies import NO_POLICY, GuestPolicy
from ..partitions import Partition
from ..policies import PerformancePolicy, ServiceClass
from ..start_policies import StartPolicy
from .content import FileGroup, FileServer, PolicyFile

_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = str.maketrans({
    "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;",
})  # fmt: skip


def write(content: PolicyFile) -> bytes:
    """The one text for this content: what has its default is left out, one element a line."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    if isinstance(content, PerformancePolicy):
        lines += _policy(content)
    else:
        parts = [line for group in content.workload_resource_groups for line in _group(group)]
        parts += [line for server in content.virtual_servers for line in _server(server)]
        parts += [line for partition in content.partitions for line in _partition(partition)]
        lines += _element("policy-file", {}, parts)
    return ("\n".join(lines) + "\n").encode()


def _group(group: FileGroup) -> Iterator[str]:
    active = None if group.active_policy is msgspec.UNSET else group.active_policy or ""
    parts = [*_description(group.description)]
    if group.schedule or group.otherwise is not None:
        entries = (
            {"policy": entry.policy, "days": " ".join(entry.days), "from": entry.from_, "to": entry.to}
            for entry in group.schedule
        )
        parts += _element(
            "schedule", {"otherwise": group.otherwise}, [_tag("schedule-entry", entry) for entry in entries]
        )
    parts += [line for policy in group.perf_policies for line in _policy(policy)]
    parts += [_tag("virtual-server", {"uuid": uuid}) for uuid in group.virtual_servers]
    parts += _guest_policy(group.guest_policy)
    yield from _element("workload-resource-group", {
        "name": group.name, "active-policy": active, "partition": group.partition,
    }, parts)  # fmt: skip


def _policy(policy: PerformancePolicy) -> Iterator[str]:
    parts = [*_description(policy.description)]
    parts += [line for service_class in policy.service_classes for line in _class(service_class)]
    yield from _element("perf-policy", {"name": policy.name, "importance": policy.importance}, parts)


def _class(service_class: ServiceClass) -> Iterator[str]:
    parts = [*_description(service_class.description), _tag("goal", _goal(service_class.goal))]
    if service_class.classification is not None:
        parts += _element("classification", {}, [*_rule(service_class.classification)])
    parts += _guest_policy(service_class.guest_policy)
    attributes = {"name": service_class.name, "importance": service_class.importance}
    yield from _element("service-class", attributes, parts)


def _goal(goal: Goal) -> Mapping[str, str]:
    return {name: str(value) for name, value in msgspec.to_builtins(goal).items()}


def _rule(rule: Rule) -> Iterator[str]:
    if isinstance(rule, Filter):
        yield _tag("filter", {"filter-type": rule.filter_type, "operation": rule.operation, "value": rule.value})
    elif isinstance(rule, Not):
        yield from _element("not", {}, [*_rule(rule.rule)])
    else:
        yield from _element(_several(rule), {}, [line for part in rule.rules for line in _rule(part)])


def _several(rule: And | Or) -> str:
    return "and" if isinstance(rule, And) else "or"


def _server(server: FileServer) -> Iterator[str]:
    attributes = {
        "uuid": server.uuid, "excluded": "true" if server.excluded else None,
        "cpu-reserve": _number(server.cpu_reserve), "cpu-cap": _number(server.cpu_cap),
        "memory-minimum-mib": _number(server.memory_minimum_mib), "partition": server.partition,
    }  # fmt: skip
    facts = [_tag("attribute", {"name": name, "value": value}) for name, value in server.attributes.items()]
    yield from _element("virtual-server", attributes, [*facts, *_guest_policy(server.guest_policy)])


def _guest_policy(policy: GuestPolicy) -> Iterator[str]:
    if policy == NO_POLICY:
        return
    parts: list[str] = []
    if policy.placement is not None:
        parts.append(_tag("placement", _plain(policy.placement)))
    for disk, limits in sorted((policy.disk_limits or {}).items()):
        parts.append(_tag("disk-limits", {"name": disk, **_plain(limits)}))
    if policy.start is not None:
        parts += _start(policy.start)
    yield from _element("guest-policy", _plain(policy), parts)


def _start(start: StartPolicy) -> Iterator[str]:
    parts = [] if start.ready is None else [_tag("ready", _plain(start.ready))]
    parts += [_tag("depends-on", _plain(one)) for one in start.depends_on]
    parts += [_tag("window", {"days": " ".join(one.days), "from": one.from_, "to": one.to}) for one in start.windows]
    yield from _element("start", _plain(start), parts)


def _plain(value: msgspec.Struct) -> dict[str, str]:
    """Its fields that are texts, numbers or yes and no, and lists of CPUs, as attributes."""
    fields = msgspec.to_builtins(value)
    lists = {name: " ".join(part) for name, part in fields.items() if name == "cpus" and isinstance(part, tuple | list)}
    return lists | {
        name: part if isinstance(part, str) else str(part).lower() if isinstance(part, bool) else repr(part)
        for name, part in fields.items()
        if isinstance(part, str | int | float)
    }


def _partition(partition: Partition) -> Iterator[str]:
    said = partition.parameters
    parts = []
    for name, values in (("cpu", said.cpu), ("blkio", said.blkio), ("memory", said.memory), ("numa", said.numa)):
        devices = [_tag("device", _texts(one)) for one in said.blkio.devices] if name == "blkio" else []
        attributes = _texts(values)
        parts += list(_element(name, attributes, devices)) if attributes or devices else []
    attributes = {
        "path": partition.path, "autostart": None if partition.autostart else "false",
        "reserve": _number(partition.reserve),
    }  # fmt: skip
    inside = [*_description(partition.description), *(_element("parameters", {}, parts) if parts else ())]
    yield from _element("partition", attributes, inside)


def _texts(values: msgspec.Struct) -> dict[str, str | None]:
    """The fields that are set and are no lists."""
    fields = msgspec.to_builtins(values).items()
    return {name: str(value) for name, value in fields if value is not None and not isinstance(value, list | tuple)}


def _number(value: float | None) -> str | None:
    return None if value is None else repr(value)


def _description(text: str) -> Iterator[str]:
    if text:
        yield f"<description>{text.translate(_IN_TEXT)}</description>"


def _element(name: str, attributes: Mapping[str, str | None], parts: list[str]) -> Iterator[str]:
    if not parts:
        yield _tag(name, attributes)
        return
    yield _tag(name, attributes, "")
    yield from (f"  {part}" for part in parts)
    yield f"</{name}>"


def _tag(name: str, attributes: Mapping[str, str | None], end: str = "/") -> str:
    words = [name, *(f'{k}="{v.translate(_IN_ATTRIBUTE)}"' for k, v in attributes.items() if v is not None)]
    return f"<{' '.join(words)}{end}>"
