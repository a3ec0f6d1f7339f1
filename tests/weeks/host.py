"""A simulated host on which anything can happen between any two steps of hpm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from hpm.backend.simulated import Scenario, SimulatedHypervisor
from hpm.backend.simulated.scheduler import Scheduler
from hpm.backend.simulated.threads import Thread
from hpm.engine.counters import Counters, Layout
from hpm.engine.samples import HostSample

from .leap import leap, stand_still


class InForce(NamedTuple):
    """What hpm may change of a running guest: shares, quota and period (µs), pins of vCPUs, the balloon (bytes)."""

    shares: int
    quota: tuple[int | None, int]
    pins: tuple[str, ...]
    balloon: int | None = None


class WeeksHost(SimulatedHypervisor):
    """`step` is called before and after each call of the protocol that may fail on a real host, with what it is."""

    def __init__(self, scenario: Scenario) -> None:
        self.step: Callable[[str], None] = lambda what: None
        self.hidden: set[str] = set()
        self._inside = False
        super().__init__(scenario)

    # -- time

    def pass_by(self, seconds: float) -> None:
        """Let time pass, however long that is."""
        with self._lock:
            leap(self._scheduler, self._all_threads(), int(seconds * 1e9))

    def stands_still(self, seconds: float) -> None:
        """Time passes, and nothing runs."""
        with self._lock:
            stand_still(self._scheduler, self._all_threads(), int(seconds * 1e9))

    def _all_threads(self) -> list[Thread]:
        guests = [thread for server in self._servers.values() for thread in server.threads]
        return [*guests, *self._host_threads]

    # -- what hpm asks

    @contextmanager
    def _call(self) -> Iterator[Scheduler]:
        if self._inside:
            with super()._call() as scheduler:
                yield scheduler
            return
        self._inside = True
        try:
            self.step("asked")
            with super()._call() as scheduler:
                yield scheduler
            self.step("answered")
        finally:
            self._inside = False

    def observe(self) -> HostSample:
        """Counters as of now, without guests that cannot be seen (and the sample says so)."""
        sample = super().observe()
        gone = self.hidden & sample.samples.keys()
        if not gone:
            return sample
        seen = {uuid: one for uuid, one in sample.samples.items() if uuid not in gone}
        problem = sample.problem or "some of the servers cannot be seen"
        return msgspec.structs.replace(sample, samples=seen, problem=problem, counters=_without(sample.counters, gone))

    def set_vcpu_pins(self, uuid: str, start: str, pins: Sequence[str]) -> None:
        """See `SimulatedHypervisor`; here this, too, needs a host that answers."""
        with self._call():
            pass
        super().set_vcpu_pins(uuid, start, pins)

    # -- what is, without asking

    def in_force(self) -> dict[str, InForce]:
        """Of all guests that have a process, by name."""
        found: dict[str, InForce] = {}
        for server in self._servers.values():
            group = server.group
            if group is None:
                continue
            quota = None if group.quota is None else group.quota // 1000
            memory = self._memory.guest(server)
            found[server.spec.name] = InForce(
                group.shares, (quota, group.period // 1000), server.pins, None if memory is None else int(memory.target)
            )
        return found

    def statuses(self) -> dict[str, str]:
        """Status of all guests, by name."""
        return {server.spec.name: server.status for server in self._servers.values()}

    def starts(self) -> dict[str, str]:
        """The start of all guests that have a process, by UUID."""
        return {uuid: server.start for uuid, server in self._servers.items() if server.start is not None}

    # -- what administrators do

    def set_quota_by_hand(self, uuid: str, quota_us: int | None) -> None:
        """Set or take away a guest's quota as an administrator would."""
        with self._change() as scheduler:
            group = self._server(uuid, "running", "paused").group
            assert group is not None
            scheduler.set_quota(group, None if quota_us is None else quota_us * 1000, 100_000_000)

    def new_objects(self) -> None:
        """libvirt's daemon was started anew: all that it tells is told anew."""
        with self._change():
            for server in self._servers.values():
                server.info = msgspec.structs.replace(server.info)


def _without(counters: Counters, gone: Collection[str]) -> Counters:
    layout = counters.layout
    rows = list(range(layout.rows))
    for uuid in gone:
        own = layout.rows_of(uuid)
        rows = [row for row in rows if not own.start <= row < own.stop]
    throttled = {uuid: took for uuid, took in counters.throttled_ns.items() if uuid not in gone}
    return Counters(
        Layout(server for server in layout.servers if server.uuid not in gone),
        counters.run_ns[rows], counters.delay_ns[rows], counters.starving[rows], throttled,
    )  # fmt: skip
