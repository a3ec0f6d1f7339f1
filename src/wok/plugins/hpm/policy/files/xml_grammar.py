"""What each element of a policy file is, and what it is in the shape of the API.

`policy-file.rng` says the same to editors; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

#: What becomes of a child's value: the field itself (`one`), an item of the list in the field (`many`), an entry of
#: the object in the field (`entry`), fields of the parent's own (`merge`), or the value that the parent stands for
#: (`same`).
How: TypeAlias = Literal["one", "many", "entry", "merge", "same"]

#: What XML takes for blank; Python knows more.
BLANKS = " \t\r\n"

_BLANK = re.compile(f"[{BLANKS}]+")
_INTEGER = re.compile(r"[0-9]{1,19}")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,25})?")


@dataclass(frozen=True)
class Attribute:
    """An attribute is the field of its name, after `read`; what cannot be read stays text, and the types refuse it."""

    read: Callable[[str], Any] = str
    needed: bool = False


@dataclass(frozen=True)
class Child:
    """An element within another one."""

    element: Element
    field: str
    how: How = "one"


@dataclass(frozen=True)
class Element:
    """An element: a text, or attributes and children. `made` turns its fields into the value that it is."""

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    text: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)
    made: Callable[[dict[str, Any]], Any] | None = None


def _number(text: str) -> Any:
    text = text.strip(BLANKS)
    return float(text) if _NUMBER.fullmatch(text) else text


def _integer(text: str) -> Any:
    return int(text) if _INTEGER.fullmatch(text) else text


def _words(text: str) -> list[str]:
    return [word for word in _BLANK.split(text) if word]


def _boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text, text)


def _or_none(text: str) -> Any:
    return text or None


_TEXT, _NEEDED = Attribute(), Attribute(needed=True)
_DESCRIPTION = Child(Element(text=True), "description")

_FILTER = Element({"filter-type": _NEEDED, "operation": _NEEDED, "value": _NEEDED}, fixed={"type": "filter"})
_AND, _OR, _NOT = Element(fixed={"type": "and"}), Element(fixed={"type": "or"}), Element(fixed={"type": "not"})
_RULES = {"filter": _FILTER, "and": _AND, "or": _OR, "not": _NOT}
for _name, _rule in _RULES.items():
    for _several in (_AND, _OR):
        _several.children[_name] = Child(_rule, "rules", "many")
    _NOT.children[_name] = Child(_rule, "rule")

_CLASSIFICATION = Element(
    children={name: Child(rule, "classification", "same") for name, rule in _RULES.items()},
    made=lambda fields: fields.get("classification", {}),
)


def _placement(fields: dict[str, Any]) -> dict[str, Any]:
    """Of some placements, the attribute `cpus` is a list."""
    return {**fields, "cpus": _words(fields["cpus"])} if fields.get("type") == "vcpus" and "cpus" in fields else fields


def _of_disk(fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": fields["name"], "value": {name: limit for name, limit in fields.items() if name != "name"}}


_INTEGER_FIELD, _NUMBER_FIELD, _YES_OR_NO = Attribute(_integer), Attribute(_number), Attribute(_boolean)
_PLACEMENT = Element({
    "type": _NEEDED, "cpus": _TEXT, "node": _INTEGER_FIELD, "exclusive": _YES_OR_NO,
}, made=_placement)  # fmt: skip
_LIMITS = [f"{kind}-{unit}-sec" for unit in ("bytes", "iops") for kind in ("total", "read", "write")]
_DISK = Element({"name": _NEEDED, **dict.fromkeys(_LIMITS, _INTEGER_FIELD)}, made=_of_disk)
_READY = Element({
    "type": _NEEDED, "seconds": _INTEGER_FIELD, "port": _INTEGER_FIELD, "address": _TEXT, "path": _TEXT,
    "max-age-seconds": _INTEGER_FIELD,
})  # fmt: skip
_DEPENDENCY = Element({"virtual-server": _TEXT, "workload-resource-group": _TEXT, "when-it-stops": _TEXT})
_WINDOW = Element({"days": Attribute(_words, needed=True), "from": _NEEDED, "to": _NEEDED})
_START = Element({
    "not-ready": _TEXT, "timeout-seconds": _INTEGER_FIELD, "autostart": _YES_OR_NO, "outside": _TEXT,
}, {
    "ready": Child(_READY, "ready"),
    "depends-on": Child(_DEPENDENCY, "depends-on", "many"),
    "window": Child(_WINDOW, "windows", "many"),
})  # fmt: skip
_GUEST_POLICY = Child(Element({
    "emulator-cpus": _TEXT, "cpu-weight": _INTEGER_FIELD, "cpu-reserve": _NUMBER_FIELD, "cpu-cap": _NUMBER_FIELD,
    "blkio-weight": _INTEGER_FIELD, "memory-minimum-mib": _INTEGER_FIELD, "memory-swap-limit-mib": _INTEGER_FIELD,
    "huge-pages": _TEXT, "page-sharing": _YES_OR_NO, "drift": _TEXT,
}, {
    "placement": Child(_PLACEMENT, "placement"),
    "disk-limits": Child(_DISK, "disk-limits", "entry"),
    "start": Child(_START, "start"),
}), "guest-policy")  # fmt: skip

_CLASS = Element({"name": _NEEDED, "importance": _TEXT}, {
    "description": _DESCRIPTION,
    "goal": Child(Element({"type": _NEEDED, "velocity": Attribute(_integer)}), "goal"),
    "classification": Child(_CLASSIFICATION, "classification"),
    "guest-policy": _GUEST_POLICY,
})  # fmt: skip
POLICY = Element({"name": _NEEDED, "importance": _NEEDED}, {
    "description": _DESCRIPTION,
    "service-class": Child(_CLASS, "service-classes", "many"),
})  # fmt: skip
_ENTRY = Element({"policy": _NEEDED, "days": Attribute(_words, needed=True), "from": _NEEDED, "to": _NEEDED})
_SCHEDULE = Element({"otherwise": _TEXT}, {"schedule-entry": Child(_ENTRY, "schedule", "many")})
_MEMBER = Element({"uuid": _NEEDED}, made=lambda fields: fields["uuid"])
_GROUP = Element({"name": _NEEDED, "active-policy": Attribute(_or_none), "partition": _TEXT}, {
    "description": _DESCRIPTION,
    "schedule": Child(_SCHEDULE, "schedule", "merge"),
    "perf-policy": Child(POLICY, "perf-policies", "many"),
    "virtual-server": Child(_MEMBER, "virtual-servers", "many"),
    "guest-policy": _GUEST_POLICY,
})  # fmt: skip
_ENTRY_OF_ATTRIBUTES = Element({"name": _NEEDED, "value": _NEEDED})
_SERVER = Element({
    "uuid": _NEEDED, "excluded": Attribute(_boolean), "cpu-reserve": Attribute(_number), "cpu-cap": Attribute(_number),
    "memory-minimum-mib": Attribute(_integer), "partition": _TEXT,
}, {"attribute": Child(_ENTRY_OF_ATTRIBUTES, "attributes", "entry"), "guest-policy": _GUEST_POLICY})  # fmt: skip


def _integers(*names: str) -> dict[str, Attribute]:
    return dict.fromkeys(names, Attribute(_integer))


_DEVICE = Element({
    "device": _NEEDED, **_integers("read-bytes-sec", "write-bytes-sec", "read-iops-sec", "write-iops-sec"),
})  # fmt: skip
_PARAMETERS = Element({}, {
    "cpu": Child(Element(_integers("shares", "quota-us", "period-us")), "cpu"),
    "blkio": Child(Element(_integers("weight"), {"device": Child(_DEVICE, "devices", "many")}), "blkio"),
    "memory": Child(Element(_integers("hard-limit-mib", "soft-limit-mib", "swap-limit-mib")), "memory"),
    "numa": Child(Element({"cpus": _TEXT, "mems": _TEXT}), "numa"),
})  # fmt: skip
_PARTITION = Element({"path": _NEEDED, "autostart": Attribute(_boolean), "reserve": Attribute(_number)}, {
    "description": _DESCRIPTION,
    "parameters": Child(_PARAMETERS, "parameters"),
})  # fmt: skip
GROUPS = Element({}, {
    "workload-resource-group": Child(_GROUP, "workload-resource-groups", "many"),
    "virtual-server": Child(_SERVER, "virtual-servers", "many"),
    "partition": Child(_PARTITION, "partitions", "many"),
})  # fmt: skip

#: What a file may be, by its outermost element.
ROOTS: dict[str, Element] = {"policy-file": GROUPS, "perf-policy": POLICY}
