"""The guest policy in force for a server, field by field: who says it, what the host has, and how it stands."""

from __future__ import annotations

from collections.abc import Callable

from ..engine.samples import IO_LIMITS, ServerInfo, ServerSample
from ..manager.snapshot import Snapshot
from ..policy.field_reasons import Reason
from ..policy.guest_policies import DiskLimits, Effective, Origin
from ..policy.guest_words import NAMES, said
from ..wire.guest_policies import EffectivePolicy, FieldState, PolicyField, PolicyFieldName, PolicyInForce
from .views import Views

#: Fields that memory management governs; the others, but for `drift` and `start`, CPU management does.
OF_MEMORY = frozenset({"memory_minimum_mib", "memory_swap_limit_mib", "huge_pages", "page_sharing"})
_HELD = {
    "changed-by-administrator": Reason("shares-changed"), "own-quota": Reason("own-quota"),
    "real-time": Reason("real-time"), "unreachable": Reason("shares-not-readable"),
}  # fmt: skip


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
            in_force=in_force(snapshot, uuid, field), state=state,
            reason=None if reason is None else str(reason),
            reason_id=reason.id if isinstance(reason, Reason) else None,
            reason_values=dict(reason.values) if isinstance(reason, Reason) else {},
        ))  # fmt: skip
    return EffectivePolicy(views.server_uri(uuid), found.policy, fields, _all_in_force(snapshot, uuid))


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


def _all_in_force(snapshot: Snapshot, uuid: str) -> PolicyInForce | None:
    info, sample = snapshot.sample.infos[uuid], snapshot.sample.samples.get(uuid)
    if sample is None:
        return None
    tuning = info.tuning
    return PolicyInForce(
        vcpu_cpus=(*tuning.vcpu_pins, *[""] * (info.vcpus - len(tuning.vcpu_pins))),
        emulator_cpus=tuning.emulator_pin,
        cpu_weight=sample.shares,
        cpu_cap=None if sample.quota_us is None else sample.quota_us / sample.period_us,
        blkio_weight=tuning.blkio_weight,
        disk_limits={disk.name: DiskLimits(**dict(zip(IO_LIMITS, disk.limits, strict=True))) for disk in tuning.disks},
        memory_swap_limit_mib=None if tuning.swap_limit_kib is None else tuning.swap_limit_kib / 1024,
        huge_pages=info.memory.huge_pages,
        page_sharing=info.memory.page_sharing,
    )


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
        return "not-managed", Reason("excluded")
    of_memory = field in OF_MEMORY
    level = snapshot.levels.memory_mgmt if of_memory else snapshot.levels.cpu_mgmt
    if level == "off":
        return "not-managed", Reason("no-management-of-memory" if of_memory else "no-management-of-cpu")
    if field in ("huge_pages", "page_sharing"):
        return _at_start(snapshot, uuid, field, value)
    if uuid not in snapshot.sample.samples:
        return "waits", Reason("not-running")
    if known is not None and known.value == value:
        return known.state, known.reason
    if level == "advise":
        return "advised", Reason("advise-of-memory" if of_memory else "advise-of-cpu")
    if field == "cpu_reserve":
        return _reserve(snapshot, uuid, guest)
    if field == "cpu_cap":
        return _capped(snapshot, uuid, float(value))
    return ("holds", None) if field == "memory_minimum_mib" else ("waits", Reason("in-next-interval"))


def _at_start(snapshot: Snapshot, uuid: str, field: str, value: object) -> tuple[FieldState, str | None]:
    memory = snapshot.sample.infos[uuid].memory
    if field == "page_sharing":
        return ("holds", None) if memory.page_sharing is value else ("next-start", Reason("start-of-hpm"))
    if (value == "hugetlbfs") is not memory.huge_pages:
        return "next-start", Reason("start-of-hpm")
    if value == "none":
        return "holds", Reason("no-huge-pages-of-its-own")
    return "holds", None


def _reserve(snapshot: Snapshot, uuid: str, guest: Effective) -> tuple[FieldState, str | None]:
    held = snapshot.held.get(uuid)
    if held is not None:
        return ("drifts" if held == "changed-by-administrator" else "overruled"), _HELD.get(held, held)
    own = snapshot.catalog.settings(uuid).cpu_reserve
    if own is not None and own != guest.policy.cpu_reserve:
        return "overruled", Reason("cut-to-cap", cap=f"{guest.policy.cpu_cap:g}")
    return "holds", None


def _capped(snapshot: Snapshot, uuid: str, cap: float) -> tuple[FieldState, str | None]:
    sample = snapshot.sample.samples[uuid]
    now = None if sample.quota_us is None else sample.quota_us / sample.period_us
    if now is not None and abs(now - cap) < 0.005:
        return "holds", None
    if now is not None and now < cap:
        return "overruled", Reason("tighter-quota", quota=f"{now:.4g}")
    if snapshot.held.get(uuid) == "own-quota":
        return "overruled", _HELD["own-quota"]
    return "waits", Reason("in-next-interval-or-changed")
