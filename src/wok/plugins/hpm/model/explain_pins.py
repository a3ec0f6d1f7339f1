"""Where a virtual server may run, and with whom it shares these CPUs, in sentences."""

from __future__ import annotations

from ..engine.pin_sets import cpu_set
from ..engine.samples import ServerInfo
from ..policy.cpu_sets import format_cpus
from .views import Views

#: Names of other servers that are told.
NAMES = 4


def explain_pins(views: Views, uuid: str) -> list[str]:
    """One sentence for a running server that is pinned, none for another."""
    sample, info = views.snapshot.sample, views.snapshot.sample.infos[uuid]
    if uuid not in sample.samples or not info.tuning.vcpu_pins:
        return []
    own = _set(info, len(sample.samples[uuid].threads))
    if own is None:
        return ["Some of its vCPUs are pinned, and others may run on any CPU: it competes with everybody."]
    others: list[str] = []
    for other, server in sample.samples.items():
        theirs = _set(sample.infos[other], len(server.threads))
        if other != uuid and (theirs is None or theirs & own):
            others.append(sample.infos[other].name)
    text = f"It is pinned to {_cpus(own)}"
    vcpus = len(sample.samples[uuid].threads)
    if vcpus > len(own):
        text += f", for {vcpus} vCPUs, so it cannot be faster than velocity {100 * len(own) / vcpus:.0f}"
    if not others:
        return [f"{text}. No other virtual server may run there, so it needs no weight."]
    names = ", ".join(sorted(others)[:NAMES])
    more = f" and {len(others) - NAMES} others" if len(others) > NAMES else ""
    return [f"{text}; these are shared with {names}{more}. It competes directly with nobody else."]


def _set(info: ServerInfo, vcpus: int) -> frozenset[int] | None:
    return cpu_set(info.tuning.vcpu_pins, vcpus) if info.tuning.vcpu_pins else None


def _cpus(cpus: frozenset[int]) -> str:
    return f"CPU{'s' if len(cpus) > 1 else ''} {format_cpus(cpus)}"
