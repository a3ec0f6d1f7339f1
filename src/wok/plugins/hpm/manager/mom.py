"""Policies of MOM's language as the host's: kept in the store, evaluated each cycle, and what may be applied of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ..engine.samples import IO_LIMITS, HostSample
from ..errors import InvalidValue, NotFound
from ..memory.mom import Evaluation, Program, compile_policies
from ..memory.safety import GUEST_CONTROLS, HOST_CONTROLS, MOST_LIMIT, Safe, safe_balloon, safe_ksm, safe_quota
from ..memory.state import MemoryView
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..store.settings import MomPolicy
from .mom_statistics import RecentSamples, Statistics
from .snapshot import Snapshot

#: What the store calls them.
_POLICIES = "mom-policies"
#: More policies than anybody has, and more text than a person can read.
MOST_POLICIES, MOST_TEXT = 64, 1 << 18
#: Steps that policies may take in a cycle for each second of hpm's interval: a cycle has the manager's lock. And, where
#: that is less, in any cycle: twice what a policy of 130 lines takes.
STEPS_PER_SECOND, STEPS, STEPS_OF_A_GUEST = 200_000, 100_000, 250


def cycle_steps(guests: int, interval: float) -> int:
    """How many steps policies may take in a cycle for so many guests, at an interval of so many seconds."""
    return max(STEPS + STEPS_OF_A_GUEST * guests, int(STEPS_PER_SECOND * interval))


def check_amount(policies: Mapping[str, str]) -> None:
    """Whether there may be so many policies (texts by name). Raises `InvalidValue`."""
    if len(policies) > MOST_POLICIES:
        raise InvalidValue(f"more than {MOST_POLICIES} memory policies")
    if sum(map(len, policies.values())) > MOST_TEXT:
        raise InvalidValue(f"memory policies of more than {MOST_TEXT} characters together; shorten some", "text")


class Wanted(msgspec.Struct, frozen=True):
    """What the policies want of one guest (by UUID) or of the host, as they gave it, and what may be applied."""

    controls: Mapping[str, Any]
    balloon: Safe | None = None
    quota: Safe | None = None
    io: Safe | None = None
    ksm: Safe | None = None
    unknown: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Why not all of it is applied as it was wanted."""
        found = [safe.note for safe in (self.balloon, self.quota, self.io, self.ksm) if safe is not None]
        unknown = [f"there is no control {name}" for name in self.unknown]
        return tuple([note for note in found if note] + unknown)


class MomDecision(msgspec.Struct, frozen=True):
    """What the policies decided in one cycle: of the host, and of the guests of which they wanted something."""

    evaluation: Evaluation
    host: Wanted
    guests: Mapping[str, Wanted]


class MomPolicies:
    """The policies, by name, and the history that they look at. Not thread-safe: the manager's lock is held."""

    def __init__(self, database: Database) -> None:
        self._database = database
        saved = load_setting(database, _POLICIES)
        found = msgspec.json.decode(saved, type=list[MomPolicy]) if saved else []
        self.policies: Mapping[str, MomPolicy] = {policy.name: policy for policy in found}
        self.history = RecentSamples()
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        """All of them as one program; it was read before they were kept, and is not read again in a cycle because
        somebody tries others."""
        if self._program is None:
            self._program = compile_policies({policy.name: policy.text for policy in self.policies.values()})
        return self._program

    def read(self, texts: Mapping[str, str], *, replace: bool) -> None:
        """Read policies that are to be put (`replace`: and no others), which may take seconds, and is not done again
        then: this needs no lock. Raises `PolicyTextError`, `InvalidValue`."""
        before = {} if replace else {name: policy.text for name, policy in self.policies.items()}
        check_amount({**before, **texts})
        compile_policies({**before, **texts})

    def put(self, policy: MomPolicy) -> None:
        """Add or replace a policy; a bad one leaves everything as it was. Raises `PolicyTextError`, `InvalidValue`,
        `StoreError`."""
        self.replace({**self.policies, policy.name: policy})

    def delete(self, name: str) -> None:
        """Delete a policy. Raises `NotFound`, `PolicyTextError` (another one needs it), `StoreError`."""
        if name not in self.policies:
            raise NotFound(f"there is no memory policy named {name!r}")
        self.replace({key: policy for key, policy in self.policies.items() if key != name})

    def replace(self, policies: Mapping[str, MomPolicy]) -> None:
        """Have these and no others. Raises as `put`."""
        check_amount({policy.name: policy.text for policy in policies.values()})
        program = compile_policies({policy.name: policy.text for policy in policies.values()})    # read before, mostly
        ordered = dict(sorted(policies.items()))
        save_setting(self._database, _POLICIES, msgspec.json.encode(list(ordered.values())).decode())
        self.policies, self._program = ordered, program

    def sample(self, snapshot: Snapshot, local: datetime) -> None:
        """Take a sample of everything into the history."""
        self.history.take(snapshot, local)

    def decide(
        self, snapshot: Snapshot, view: MemoryView, seconds: float, interval: float, *, swap: bool, ksm: str | None
    ) -> MomDecision:
        """Evaluate the policies, as a cycle does so many seconds after the one before; variables are kept. `swap`:
        guests may be brought below their use; `ksm`: why KSM is left alone (None: it is not)."""
        statistics = self.history.entities(snapshot, seconds)
        guests = list(statistics.guests.values())
        evaluation = self.program.evaluate(statistics.host, guests, cycle_steps(len(guests), interval))
        return decision(evaluation, statistics, snapshot.sample, view, swap=swap, left=ksm)


def decision(
    evaluation: Evaluation, statistics: Statistics, sample: HostSample, view: MemoryView, *, swap: bool,
    left: str | None,
) -> MomDecision:  # fmt: skip
    """What may be applied of an evaluation; `left`: why nothing of KSM."""
    wanted = evaluation.host_controls
    ksm = None
    if sample.ksm is not None and any(wanted.get(name) is not None for name in HOST_CONTROLS):
        ksm = safe_ksm(wanted, sample.ksm) if left is None else Safe(None, f"left alone: {left}")
    host = Wanted(wanted, ksm=ksm, unknown=tuple(name for name in wanted if name not in HOST_CONTROLS))
    guests: dict[str, Wanted] = {}
    for uuid, entity in statistics.guests.items():
        controls = evaluation.guest_controls.get(entity.name, {})
        disks = evaluation.io_tune.get(entity.name, {})
        if controls or disks:
            guests[uuid] = _guest(uuid, controls, disks, sample, view, swap)
    return MomDecision(evaluation, host, guests)


def _guest(
    uuid: str, controls: Mapping[str, Any], disks: Mapping[str, Mapping[str, int | None]], sample: HostSample,
    view: MemoryView, swap: bool,
) -> Wanted:  # fmt: skip
    tuning = sample.infos[uuid].tuning
    balloon = quota = io = None
    if controls.get("balloon_target") is not None:
        guest = view.guests[uuid]
        if guest.held == "no-policy":    # MOM's policies are for all guests, in whatever group
            guest = msgspec.structs.replace(guest, held=None)
        balloon = safe_balloon(controls["balloon_target"], guest, view.time_ns, swap=swap)
    if controls.get("vcpu_quota") is not None or controls.get("vcpu_period") is not None:
        now = tuning.quota_us, tuning.period_us
        quota = safe_quota(controls.get("vcpu_quota"), controls.get("vcpu_period"), now)
    if disks:
        found = {disk.name: disk.limits for disk in tuning.disks}
        missing, made = [name for name in disks if name not in found], dict[str, tuple[int, ...]]()
        for name, limits in disks.items():
            if name in found:
                now_limits = dict(zip(IO_LIMITS, found[name], strict=True))
                now_limits |= {limit: min(max(0, value or 0), MOST_LIMIT) for limit, value in limits.items()}
                made[name] = tuple(now_limits[limit] for limit in IO_LIMITS)
        io = Safe(made, f"there is no disk {', '.join(missing)}" if missing else None)
    if uuid in view.guests and view.guests[uuid].held == "excluded":
        left = Safe(None, "left alone: excluded")
        balloon, quota, io = (None if one is None else left for one in (balloon, quota, io))
    return Wanted(
        {**controls, **({"io_tune": {disk: dict(limits) for disk, limits in disks.items()}} if disks else {})},
        balloon, quota, io, unknown=tuple(name for name in controls if name not in GUEST_CONTROLS),
    )  # fmt: skip
