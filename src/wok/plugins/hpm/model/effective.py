"""The guest policy in force for a server, field by field: who says it, what the host has, and how it stands."""

from __future__ import annotations

from collections.abc import Callable

from ..engine.samples import IO_LIMITS, ServerInfo, ServerSample
from ..manager.snapshot import Snapshot
from ..policy.guest_policies import Effective, Origin
from ..policy.guest_words import NAMES, said
from ..wire.guest_policies import EffectivePolicy, FieldState, PolicyField, PolicyFieldName
from .views import Views

#: Fields that memory management governs; the others, but for `drift` and `start`, CPU management does.
OF_MEMORY = frozenset({"memory_minimum_mib", "memory_swap_limit_mib", "huge_pages", "page_sharing"})
_LATER = "from the next start that hpm makes while memory management is on, or once it was written into the definition"
_HELD = {
    "changed-by-administrator": "somebody changed its shares; it is left alone until it is released",
    "own-quota": "each of its vCPUs has a quota of its own, set outside hpm",
    "real-time": "its vCPUs are scheduled as real-time work",
    "pinned": "its vCPUs are pinned",
    "unreachable": "its CPU shares cannot be read on this host",
}


def effective_policy(views: Views, uuid: str) -> EffectivePolicy:
    """All fields of one server that the host has."""
    snapshot = views.snapshot
    found = snapshot.assignments[uuid].guest
    words = said(found.policy, lambda group: _group_name(snapshot, group))
    fields: list[PolicyField] = []
    for field, name in NAMES.items():
        origin = found.origins.get(field)
        state, reason = field_state(snapshot, uuid, field)
        fields.append(PolicyField(
            name=field_name(name), value=words.get(name), origin=origin or "host", of=_of(snapshot, uuid, origin),
            in_force=in_force(snapshot, uuid, field), state=state, reason=reason,
        ))  # fmt: skip
    return EffectivePolicy(views.server_uri(uuid), found.policy, fields)


def field_name(name: str) -> PolicyFieldName:
    """The name of a field, as the type of the wire has it."""
    return name    # type: ignore[return-value]    # the words are those of the policy's fields; a test holds that


def _group_name(snapshot: Snapshot, group: str) -> str:
    return snapshot.catalog.groups[group].name if group in snapshot.catalog.groups else group


def _of(snapshot: Snapshot, uuid: str, origin: Origin | None) -> str | None:
    assignment = snapshot.assignments[uuid]
    if origin == "service-class":
        return assignment.service_class
    return _group_name(snapshot, assignment.group) if origin == "workload-resource-group" else None


# -- what the host has


def in_force(snapshot: Snapshot, uuid: str, field: str) -> str | None:
    """What is in force of a field now, in words; None: it does not run, or that cannot be seen."""
    info, sample = snapshot.sample.infos[uuid], snapshot.sample.samples.get(uuid)
    show = _SHOWN.get(field)
    return None if sample is None or show is None else show(info, sample)


def _placed(info: ServerInfo, _sample: ServerSample) -> str:
    pins = info.tuning.vcpu_pins
    if not pins:
        return "anywhere"
    every = {*pins, *([""] if len(pins) < info.vcpus else [])}
    if len(every) == 1:
        return f"CPUs {pins[0]}"
    return "each vCPU on its own: " + " ".join(pin or "any" for pin in pins)


def _cap(_info: ServerInfo, sample: ServerSample) -> str:
    return "none" if sample.quota_us is None else f"{sample.quota_us / sample.period_us:.4g}"


def _limits(info: ServerInfo, _sample: ServerSample) -> str:
    told = [
        f"{disk.name}: "
        + (", ".join(
            f"{name.replace('_', '-')} {limit}" for name, limit in zip(IO_LIMITS, disk.limits, strict=True) if limit
        ) or "none")
        for disk in info.tuning.disks
    ]  # fmt: skip
    return "; ".join(sorted(told)) or "it has no disks"


def _swap(info: ServerInfo, _sample: ServerSample) -> str:
    limit = info.tuning.swap_limit_kib
    return "none" if limit is None else f"{limit / 1024:.15g}"


_SHOWN: dict[str, Callable[[ServerInfo, ServerSample], str | None]] = {
    "placement": _placed,
    "emulator_cpus": lambda info, _: info.tuning.emulator_pin or "any",
    "cpu_weight": lambda _, sample: None if sample.shares is None else str(sample.shares),
    "cpu_cap": _cap,
    "blkio_weight": lambda info, _: "not set" if info.tuning.blkio_weight is None else str(info.tuning.blkio_weight),
    "disk_limits": _limits,
    "memory_swap_limit_mib": _swap,
    "huge_pages": lambda info, _: "hugetlbfs" if info.memory.huge_pages else "transparent, as far as the host has them",
    "page_sharing": lambda info, _: "yes" if info.memory.page_sharing else "no",
}


# -- how it stands


def field_state(snapshot: Snapshot, uuid: str, field: str) -> tuple[FieldState, str | None]:
    """How one field stands, and why, where it does not hold."""
    assignment, guest = snapshot.assignments[uuid], snapshot.assignments[uuid].guest
    value = getattr(guest.policy, field)
    known = snapshot.guests.get(uuid, {}).get(field)
    if value is None:    # it may be kept off CPUs that others have alone
        return "unsaid", None if known is None or known.value is not None else known.reason
    if field in ("drift", "start"):
        return "holds", None
    if assignment.excluded:
        return "not-managed", "it is excluded from management"
    of_memory = field in OF_MEMORY
    level = snapshot.levels.memory_mgmt if of_memory else snapshot.levels.cpu_mgmt
    what = "memory" if of_memory else "CPU"
    if level == "off":
        return "not-managed", f"{what} management is off"
    if field in ("huge_pages", "page_sharing"):
        return _at_start(snapshot, uuid, field, value)
    if uuid not in snapshot.sample.samples:
        return "waits", "it does not run"
    if known is not None and known.value == value:
        return known.state, known.reason
    if level == "advise":
        return "advised", f"{what} management is on advise"
    if field == "cpu_reserve":
        return _reserve(snapshot, uuid, guest)
    if field == "cpu_cap":
        return _capped(snapshot, uuid, float(value))
    return ("holds", None) if field == "memory_minimum_mib" else ("waits", "hpm sets it in the next interval")


def _at_start(snapshot: Snapshot, uuid: str, field: str, value: object) -> tuple[FieldState, str | None]:
    memory = snapshot.sample.infos[uuid].memory
    if field == "page_sharing":
        return ("holds", None) if memory.page_sharing is value else ("next-start", _LATER)
    if (value == "hugetlbfs") is not memory.huge_pages:
        return "next-start", _LATER
    if value == "none":
        return "holds", "it has none of hugetlbfs; whether the kernel uses transparent ones is a setting of the host"
    return "holds", None


def _reserve(snapshot: Snapshot, uuid: str, guest: Effective) -> tuple[FieldState, str | None]:
    held = snapshot.held.get(uuid)
    if held is not None:
        return ("drifts" if held == "changed-by-administrator" else "overruled"), _HELD.get(held, held)
    own = snapshot.catalog.settings(uuid).cpu_reserve
    if own is not None and own != guest.policy.cpu_reserve:
        return "overruled", f"it is cut to the cap of {guest.policy.cpu_cap:g} CPUs"
    return "holds", None


def _capped(snapshot: Snapshot, uuid: str, cap: float) -> tuple[FieldState, str | None]:
    sample = snapshot.sample.samples[uuid]
    now = None if sample.quota_us is None else sample.quota_us / sample.period_us
    if now is not None and abs(now - cap) < 0.005:
        return "holds", None
    if now is not None and now < cap:
        return "overruled", f"a quota of its own, {now:.4g} CPUs, is tighter"
    if snapshot.held.get(uuid) == "own-quota":
        return "overruled", _HELD["own-quota"]
    return "waits", "hpm sets it in the next interval, unless somebody has changed it"
