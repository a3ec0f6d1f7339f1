"""Why a field of a guest policy does not hold, or not as it was said: sentences with an id, which clients in other
languages have their own words for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

ReasonId: TypeAlias = Literal[
    "set-by-somebody", "advise-of-cpu", "advise-of-memory", "alone-leaves-none", "alone-too-few",
    "belongs-to-another", "cut-to-cap", "drift-is-reported", "excluded", "given-up", "goal-decides", "host-refused",
    "in-next-interval", "in-next-interval-or-changed", "just-set", "kept-off", "memory-policy-decides",
    "need-of-reserve", "no-cpu", "no-disk", "no-disks", "no-huge-pages-of-its-own", "no-management-of-cpu",
    "no-management-of-memory", "no-node", "node-is-taken", "none-free", "not-alone", "not-readable", "not-running",
    "own-quota", "pinned-elsewhere", "pinned-elsewhere-held", "real-time", "shares-changed", "shares-not-readable",
    "start-of-hpm", "tighter-quota", "too-little-memory", "would-become",
]  # fmt: skip

#: What each says; values stand in braces.
REASONS: Mapping[ReasonId, str] = {
    "set-by-somebody": "somebody set {value}; hpm sets it again in the next interval",
    "advise-of-cpu": "CPU management is on advise",
    "advise-of-memory": "memory management is on advise",
    "alone-leaves-none": (
        "{wanted} CPUs for one virtual server alone would leave none to others: no more than {count} are free ({free})"
    ),
    "alone-too-few": "{wanted} CPUs are wanted for one virtual server alone, and only {count} are free ({free})",
    "belongs-to-another": "CPU {cpus} belongs to another virtual server alone; free are {free}",
    "cut-to-cap": "it is cut to the cap of {cap} CPUs",
    "drift-is-reported": "somebody set {value}, and the policy's drift says to report that only",
    "excluded": "it is excluded from management",
    "given-up": "somebody set {value} again after hpm had set it {times} times; it is left so until it is released",
    "goal-decides": "its goal decides on its shares",
    "host-refused": "the host refused it: {error}",
    "in-next-interval": "hpm sets it in the next interval",
    "in-next-interval-or-changed": "hpm sets it in the next interval, unless somebody has changed it",
    "just-set": "hpm has just set it",
    "kept-off": "it is kept off CPUs that others have alone",
    "memory-policy-decides": "a memory policy decides on limits of disks",
    "need-of-reserve": "its reserve is kept by its shares; without need of that they are this weight",
    "no-cpu": "this host has no CPU {cpus}; it has {there}",
    "no-disk": "it has no disk {disks}",
    "no-disks": "it has no disks",
    "no-huge-pages-of-its-own": (
        "it has none of hugetlbfs; whether the kernel uses transparent ones is a setting of the host"
    ),
    "no-management-of-cpu": "CPU management is off",
    "no-management-of-memory": "memory management is off",
    "no-node": "this host has no NUMA node {node} with CPUs; it has {nodes}",
    "node-is-taken": "all CPUs of node {node} ({cpus}) belong to other virtual servers alone",
    "none-free": "all CPUs of this host ({cpus}) belong to some virtual server alone",
    "not-alone": "not alone: {who}",
    "not-readable": "what is in force cannot be read now",
    "not-running": "it does not run",
    "own-quota": "each of its vCPUs has a quota of its own, set outside hpm",
    "pinned-elsewhere": "somebody else pinned it there; hpm moves it where that makes servers faster",
    "pinned-elsewhere-held": "somebody else pinned it there; hpm leaves it there until it is released",
    "real-time": "its vCPUs are scheduled as real-time work",
    "shares-changed": "somebody changed its shares; it is left alone until it is released",
    "shares-not-readable": "its CPU shares cannot be read on this host",
    "start-of-hpm": (
        "from the next start that hpm makes while memory management is on, or once it was written into the definition"
    ),
    "tighter-quota": "a quota of its own, {quota} CPUs, is tighter",
    "too-little-memory": (
        "it has {memory} MiB of memory: with {limit} MiB of memory and swap the kernel would kill it"
    ),
    "would-become": "{now} would become {wanted}",
}


class Reason(str):
    """The words of a reason, with its `id` and the `values` in them. What is encoded takes `str` of it."""

    id: ReasonId
    values: Mapping[str, str]

    def __new__(cls, id: ReasonId, **values: object) -> Reason:
        """`values` in the form in which they stand in the words."""
        texts = {name: str(value) for name, value in values.items()}
        made = super().__new__(cls, REASONS[id].format(**texts))
        made.id, made.values = id, texts
        return made
