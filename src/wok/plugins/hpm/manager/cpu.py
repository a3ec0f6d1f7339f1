"""CPU management: what is planned comes into force, or is advised; caps are quotas."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping

from ..engine.learned import Memory
from ..engine.nesting import plan_nested
from ..engine.plan import Candidate, Forecast, Plan
from ..engine.samples import HostSample
from ..engine.windows import HostWindow
from ..policy.catalog import Catalog
from ..store.journal import Control
from ..wire.management import Level
from .actuator import Actuator
from .adjusting import AdjustmentLog
from .controls import Change, changing, quota_text
from .eligibility import GIVEN_BACK
from .foresight import Foresight, candidates, foresee, own_quota
from .observer import Observer
from .partition_weights import Competition, compete
from .records import record_decision
from .snapshot import Snapshot

log = logging.getLogger(__name__)

#: Advice that differs by less is not given again: each is made from the newest window alone.
SAME_ADVICE = 0.2
#: The period of the quotas that caps are made of (µs).
PERIOD_US = 100000


class CpuManagement:
    """Decides on CPU shares and quotas, and remembers what was learned. `time` gives the time in RFC 3339.

    `planned`: the generation of the last plan; None: there is none in force. `forecasts` of the last plan, by UUID, and
    the partitions that it planned the weight of (`weighed`).
    Not thread-safe: the manager's lock is held.
    """

    def __init__(
        self, actuator: Actuator, observer: Observer, adjustments: AdjustmentLog, time: Callable[[], str]
    ) -> None:
        self.planned: int | None = None
        self.forecasts: Mapping[str, Forecast] = {}
        self.weighed: frozenset[str] = frozenset()
        self._actuator, self._observer = actuator, observer
        self._adjustments, self._time = adjustments, time
        self._memory = Memory()
        self._advised: dict[str, int] = {}

    def level_changed(self, level: Level) -> None:
        """Another level is in force: plan anew, and if nothing is to be in force, forget what was."""
        self.planned, self._advised = None, {}
        if level != "on":
            self._memory, self.forecasts, self.weighed = Memory(), {}, frozenset()

    def foresee(self, snapshot: Snapshot, catalog: Catalog, *, anew: bool) -> Foresight:
        """What other wishes would bring about, as `foresight.foresee` has it."""
        return foresee(snapshot, catalog, self._actuator, self._memory, self._observer.usual_shares, anew=anew)

    def decide(self, snapshot: Snapshot, seen: HostWindow, sample: HostSample, interval: float) -> bool:
        """Plan, and apply or advise; gives whether quotas were changed. `interval`: seconds."""
        servers = candidates(sample, seen, snapshot.assignments, snapshot.held, snapshot.originals, self._actuator)
        usual = self._observer.usual_shares
        field = compete(servers, snapshot.catalog, sample, seen, snapshot.partitions, self._actuator, usual)
        wished, on = field.candidates, snapshot.levels.cpu_mgmt == "on"
        self.weighed = frozenset(field.nests if on else ())    # advice gives nothing a weight
        made = plan_nested(
            seen, list(wished.values()), field.nests, self._memory, snapshot.catalog.generation
        )
        self.planned = snapshot.catalog.generation
        self.forecasts = {uuid: forecast for uuid, forecast in made.forecasts.items() if uuid in sample.infos}
        if not on:
            self._advise(made, wished, snapshot, interval)
            return False
        self._give_back(snapshot, sample)
        capped = self.apply_caps(snapshot, sample)
        refused: set[str] = set()
        for decision in made.decisions:
            changes = [
                changing(sample, c.uuid, _control(c.uuid), str(c.shares_after))
                for c in decision.changes if c.shares_after != c.shares_before
            ]  # fmt: skip
            errors = self._actuator.apply(changes)
            record = record_decision(decision, self._time(), seen.seconds, "applied", sample.infos, wished, errors)
            self._adjustments.add(record, measure=bool(changes))
            self._observer.amend({
                c.uuid: c.shares_after for c in decision.changes if c.uuid not in errors and c.uuid in sample.samples
            })
            refused.update(errors, _within(field, errors))
        self._memory = made.memory.without(refused, self._memory) if refused else made.memory
        return capped

    def _advise(self, made: Plan, wished: Mapping[str, Candidate], snapshot: Snapshot, interval: float) -> None:
        """Report what would be done, once. Nothing comes into force, so nothing is learned from it."""
        self._memory = Memory(made.memory.servers)
        for decision in made.decisions:
            advice = {c.uuid: c.shares_after for c in decision.changes}
            if decision.changes and all(
                uuid in self._advised and abs(shares - self._advised[uuid]) <= SAME_ADVICE * shares
                for uuid, shares in advice.items()
            ):
                continue
            present = snapshot.sample.infos.keys()    # of servers that are gone nothing is advised again
            self._advised = {uuid: known for uuid, known in self._advised.items() if uuid in present} | advice
            self._adjustments.add(
                record_decision(
                    decision, self._time(), interval, "advised", snapshot.sample.infos, wished, {}
                )
            )

    def _give_back(self, snapshot: Snapshot, sample: HostSample) -> None:
        """Servers that were managed and are no more (excluded, group without policy, …) get their shares back."""
        no_more = {uuid for uuid, why in snapshot.held.items() if why in GIVEN_BACK}
        for said in self._actuator.restore(sample, no_more, {"cpu-shares"}, keep_held=True) if no_more else ():
            log.info("no longer managed: %s", said)
        reserved = {path for path, one in snapshot.catalog.partitions.items() if one.reserve is not None}
        unplanned = self._actuator.original_partitions(sample).keys() - reserved - self.weighed
        for said in self._actuator.restore(sample, unplanned, {"partition-shares"}) if unplanned else ():
            log.info("no longer planned: %s", said)

    def apply_caps(self, snapshot: Snapshot, sample: HostSample) -> bool:
        """Set quotas for caps, and take away those that are no more; gives whether any was set."""
        changes: list[Change] = []
        uncapped: set[str] = set()
        for uuid, server in sample.samples.items():
            assignment = snapshot.assignments.get(uuid)
            cap = None if assignment is None or assignment.excluded else assignment.cpu_cap
            if cap is None:
                uncapped.add(uuid)
                continue
            own = own_quota(server, self._actuator)
            if own is not None and own <= cap:
                uncapped.add(uuid)    # it has a quota of its own, and that is tighter
                continue
            quota = max(1000, round(cap * PERIOD_US))
            if snapshot.held.get(uuid) == "own-quota" or self._actuator.held(server, "cpu-quota"):
                continue
            if (server.quota_us, server.period_us) == (quota, PERIOD_US):
                continue
            changes.append(changing(sample, uuid, "cpu-quota", quota_text(quota, PERIOD_US)))
        errors = self._actuator.apply(changes)
        for uuid, error in errors.items():
            log.warning("cap of %s: %s", sample.infos[uuid].name, error)
        self._actuator.restore(sample, uncapped, {"cpu-quota"})
        return bool(changes)


def _within(field: Competition, refused: Collection[str]) -> set[str]:
    """Those who stand in partitions whose weight could not be set: they have not what was planned."""
    return {uuid for uuid, one in field.candidates.items() if any(path in refused for path in one.inside)}


def _control(uuid: str) -> Control:
    return "partition-shares" if uuid.startswith("/") else "cpu-shares"
