"""Hosts, policies and managers for tests, in as few words as they can be said.

`House` is a simulated host with a manager on it, in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from hpm.backend.simulated import Load, Scenario, ServerSpec, SimulatedHypervisor, Spin, from_scenario, uuid_of
from hpm.engine.windows import ServerWindow
from hpm.manager.manager import Manager
from hpm.manager.notify.channels import Courier
from hpm.manager.virtual import VirtualLoop
from hpm.policy.catalog import ServerSettings
from hpm.policy.classification import Filter
from hpm.policy.goals import DiscretionaryGoal, Goal, Importance, VelocityGoal
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.policies import PerformancePolicy, ServiceClass
from hpm.store.adjustments import AdjustmentFilter, AdjustmentRecord
from hpm.store.database import Database

#: A goal in short: percent and importance, or None: discretionary.
Wish: TypeAlias = "tuple[int, Importance] | None"

SPIN = Spin()
BEGIN = datetime(2030, 1, 1, tzinfo=timezone.utc)


def guest(
    name: str, shares: int = 1024, load: Load = SPIN, vcpus: int = 1, *, parent: str = "machine",
    constraint: str | None = None, status: Literal["running", "paused", "shut-off"] = "running",
) -> ServerSpec:  # fmt: skip
    """A guest that spins, unless told otherwise."""
    return ServerSpec(
        name=name, shares=shares, load=load, vcpus=vcpus, parent=parent, constraint=constraint, status=status
    )


def goal(wish: Wish) -> Goal:
    """The goal of a wish."""
    return DiscretionaryGoal() if wish is None else VelocityGoal(wish[0])


def policy(wishes: Mapping[str, Wish], name: str = "day") -> PerformancePolicy:
    """A class for each guest that is named, and a discretionary one for all others."""
    classes = [
        ServiceClass(
            who, goal(wish), Filter("virtual-server-name", "string-match", who), None if wish is None else wish[1]
        )
        for who, wish in wishes.items()
    ]
    return PerformancePolicy(name, "medium", (*classes, ServiceClass("rest", DiscretionaryGoal())))


def group(group_id: str, wishes: Mapping[str, Wish] | None) -> WorkloadResourceGroup:
    """A group with that policy in force, or with none."""
    if wishes is None:
        return WorkloadResourceGroup(group_id, group_id)
    return WorkloadResourceGroup(group_id, group_id, perf_policies=(policy(wishes),), active_policy="day")


class House:
    """A simulated host, a store, and a manager that can be thrown away and built anew."""

    def __init__(
        self, directory: Path, servers: Iterable[ServerSpec], cores: int = 2, interval: float = 3.0, seed: int = 1,
        host: SimulatedHypervisor | None = None, clock: Callable[[], int] | None = None,
        courier: Callable[[], Courier] | None = None, database: Callable[[Path], Database] = Database,
    ) -> None:  # fmt: skip
        self.host = host or from_scenario(Scenario(cores=cores, servers=tuple(servers), seed=seed))
        self.interval = interval
        self._clock = clock or (lambda: self.host.now_ns)
        self._courier = courier
        self._path, self._open = directory / "hpm.db", database
        self.ahead = timedelta()    # of virtual time
        self._begin()

    def _begin(self) -> None:
        self.database = self._open(self._path)
        self.database.rows("PRAGMA synchronous=OFF")    # processes crash here, not the machine
        courier = None if self._courier is None else self._courier()
        self.manager = Manager(
            self.host, self.database, self.interval, self._clock, self.wall, courier=courier,
            aside=self._path.with_name("put-back.json"),
        )  # fmt: skip
        self._loop = VirtualLoop(self.manager, lambda: self.host.now_ns, lambda seconds: self.host.advance(seconds))
        self.host.on_change(self._loop.servers_changed)

    def wall(self) -> datetime:
        """The time of day, as far as virtual time has come, or as somebody has set the clock."""
        return BEGIN + timedelta(microseconds=self.host.now_ns // 1000) + self.ahead

    # -- life

    def step(self, intervals: int = 1) -> None:
        """Let that many intervals pass, each with a cycle at its end; in between, what the manager's loop does."""
        for _ in range(intervals):
            self._loop.step()

    def crash(self) -> None:
        """The manager's process ends from one moment to the next, and another one starts."""
        self.host.close()    # nobody is called back any more
        self.database.close()
        self._begin()

    def on(self) -> None:
        """Switch management on; the loop wakes and plans at once."""
        self.manager.set_level("on")
        self.manager.cycle()

    def manage(self, wishes: Mapping[str, Wish], group_id: str = "app", warm_up: int = 2) -> None:
        """Put the named guests in a group with these goals, watch them a little, and switch on."""
        self.wish(wishes, group_id)
        self.step(warm_up)
        self.on()

    def wish(self, wishes: Mapping[str, Wish], group_id: str = "app") -> None:
        """Put the named guests in a group with these goals."""
        with self.manager.change() as change:
            catalog = change.catalog.with_group(group(group_id, wishes))
            change.catalog = catalog.with_members(group_id, [uuid_of(name) for name in wishes], move=True)

    def say(self, name: str, **settings: object) -> None:
        """Set something of one guest: ``excluded``, ``cpu_reserve``, ``cpu_cap``."""
        with self.manager.change() as change:
            said: ServerSettings = change.catalog.settings(uuid_of(name))
            change.catalog = change.catalog.with_settings(uuid_of(name), msgspec.structs.replace(said, **settings))

    # -- what can be seen

    def shares(self) -> dict[str, int]:
        """Shares in force, by name."""
        sample = self.host.observe()
        return {sample.infos[uuid].name: s.shares or 0 for uuid, s in sample.samples.items()}

    def share(self, name: str) -> int:
        """Shares of one guest."""
        return self.shares()[name]

    def quota(self, name: str) -> tuple[int | None, int]:
        """Quota and period of one guest, in microseconds."""
        sample = self.host.observe().samples[uuid_of(name)]
        return sample.quota_us, sample.period_us

    def status(self, name: str) -> str:
        """How a guest stands to its goal, in the newest snapshot."""
        return self.manager.snapshot.status(uuid_of(name))

    def held(self, name: str) -> str | None:
        """Why a guest is not managed, in the newest snapshot."""
        return self.manager.snapshot.held.get(uuid_of(name))

    def index(self, name: str) -> float | None:
        """PI of a guest in the newest snapshot."""
        return self.manager.snapshot.index(uuid_of(name))

    def seen(self, name: str) -> ServerWindow:
        """A guest's window in the newest snapshot."""
        window = self.manager.snapshot.server_window(uuid_of(name))
        assert window is not None
        return window

    def records(self, **wanted: object) -> list[AdjustmentRecord]:
        """Adjustments, oldest first."""
        found = self.manager.adjustments.find(msgspec.structs.replace(AdjustmentFilter(limit=10000), **wanted))
        return list(reversed(found))

    def writes(self, control: str = "cpu-shares", since_ns: int = 0) -> list[tuple[int, str, int | None]]:
        """What was written to the host: time, name, value."""
        names = {uuid: info.name for uuid, info in self.host.observe().infos.items()}
        return [
            (w.time_ns, names.get(w.uuid, w.uuid), w.value)
            for w in self.host.writes
            if w.control == control and w.time_ns >= since_ns
        ]

    def work(self) -> int:
        """CPU time in nanoseconds that all guests have had."""
        return sum(sum(counted.run_ns) for counted in self.host.observe().counters.values())

    def journal(self) -> list[tuple[str, str, str, str]]:
        """(name, control, original, intended) of each journal entry, as the store has it."""
        names = {uuid: info.name for uuid, info in self.host.observe().infos.items()}
        rows = self.database.rows("SELECT uuid, control, original, intended FROM journal ORDER BY uuid, control")
        return [(names.get(str(u), str(u)), str(c), str(o), str(i)) for u, c, o, i in rows]


