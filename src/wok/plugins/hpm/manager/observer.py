"""Observing: samples accounted one after another, and the window that a decision looks at."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

import msgspec

from ..backend.hypervisor import Extras, Hypervisor
from ..backend.partitions.host import PartitionState
from ..engine.accounting import Accounted, account
from ..engine.metrics.moment import Beside
from ..engine.metrics.rates import Rates
from ..engine.samples import HostSample, ServerSample
from ..engine.stirring import Stirring, stir
from ..engine.table import Table
from ..engine.windows import HostWindow, window

#: A window is of at least this length (seconds), if the interval is not shorter.
SHORTEST_WINDOW = 1.0
#: Seconds between two samples of balloons while guests are watched closely. They tell of themselves every two seconds
#: or so, nobody knows when; and a guest that grows fast may not have two seconds more.
CLOSELY = 0.5
#: The longest between two samples of memory and processes (seconds) where only the load of hpm itself makes them rarer:
#: of a guest whose figures are older than a minute nothing is decided (`memory.standing.STALE`).
RARELY = 45.0


class Observer:
    """Keeps the last sample, and the bases from which windows can begin.

    `shortest_ns`: a window of less tells nothing. `stirred_ns`: when others began to work while servers wait for each
    other; None: not since the last decision. `usual_shares` are those of a partition that nobody gave any. Not
    thread-safe: the manager's lock is held.
    """

    def __init__(self, hypervisor: Hypervisor, interval: float, devices_interval: float) -> None:
        self._hypervisor = hypervisor
        self._samples = 1
        self.set_interval(interval)
        self.set_devices_interval(devices_interval)
        self._ballooned: tuple[Mapping[str, ServerSample], Table, Mapping[str, ServerSample]] | None = None
        self.partitions: Mapping[str, PartitionState] = {}
        self.usual_shares = hypervisor.partitions.default_shares
        self._partition_shares: Mapping[str, int] = {}
        self.see_partitions()
        self.sample = self._observed()
        self._newest = account(None, self.sample)
        self._bases: list[Accounted] = [self._newest]
        self._stirring: Stirring | None = None
        self.stirred_ns: int | None = None
        self._balloon_rates, self._process_rates = Rates("last_update"), Rates()

    def set_interval(self, seconds: float, usual: float | None = None, samples: int = 1) -> None:
        """Decisions are made so often from now on. What goals do not need is sampled once in `usual` seconds (None: as
        often as decisions are made), or so many times more seldom."""
        self.shortest_ns = int(min(SHORTEST_WINDOW, seconds / 2) * 1e9)
        usual = seconds if usual is None else usual
        self._interval, self._closely = seconds, False
        self._sampled = max(usual, min(usual * samples, RARELY))
        if samples != self._samples:
            self._samples = samples
            self._hypervisor.set_devices_interval(self._devices_interval * samples)
        self._hypervisor.set_interval(self._sampled)

    def watch_memory(self, *, closely: bool) -> None:
        """Have balloons sampled oftener than guests tell of them, or once an interval."""
        if closely != self._closely:
            self._closely = closely
            self._hypervisor.set_balloons_interval(min(CLOSELY, self._interval) if closely else self._sampled)

    def set_devices_interval(self, seconds: float) -> None:
        """Devices are to be sampled so often from now on."""
        self._devices_interval = seconds
        self._hypervisor.set_devices_interval(seconds * self._samples)

    def observe(self) -> HostSample:
        """A new sample. Raises `HypervisorError`, and keeps the last one."""
        self.see_partitions()
        self.sample = self._observed()
        self._newest = account(self._newest, self.sample)
        return self.sample

    def see_partitions(self) -> None:
        """Look which partitions there are, and what is in force there. Raises `HypervisorError`."""
        self.partitions = self._hypervisor.partitions.states()
        shares = partition_shares(self.partitions)
        if shares != self._partition_shares:    # else it is the same object, so that nobody looks again
            self._partition_shares = shares

    def _observed(self) -> HostSample:
        """A sample, with what balloons leave the servers as far as that was sampled."""
        sample, table = self._hypervisor.observe(), self._hypervisor.extras().balloon
        before = self._ballooned
        if before is None or before[0] is not sample.samples or before[1] is not table:
            before = self._ballooned = (sample.samples, table, _with_memory(sample.samples, table, before))
        return msgspec.structs.replace(sample, samples=before[2], partition_shares=self._partition_shares)

    def glance(self) -> None:
        """Notice whether other servers work than at the last glance. Raises `HypervisorError`."""
        glance = self._hypervisor.glance()
        if glance is None:
            return    # servers came or went: the next observation knows
        self._stirring, news = stir(self._stirring, glance)
        if news and self.stirred_ns is None:
            self.observe()
            self.stir()

    @property
    def accounted(self) -> Accounted:
        """The last sample, accounted."""
        return self._newest

    def extras(self) -> Extras:
        """What was sampled beside the counters, as it is now."""
        return self._hypervisor.extras()

    def beside(self, extras: Extras) -> Beside:
        """The same as tables, with the rates of what they count."""
        balloon, processes = extras.balloon, extras.processes
        rates = self._balloon_rates.of(balloon), self._process_rates.of(processes)
        return Beside(balloon, processes, *rates, extras.devices)

    def unwatched(self) -> None:
        """Nobody has glanced at the host for a while: the next glance is a first one."""
        self._stirring = None

    def stir(self) -> None:
        """Others may work from now on: the next window shows them, and nothing of the time before."""
        if self.stirred_ns is None:
            self.stirred_ns = self._newest.time_ns
            self._bases.append(self._newest)

    def calm(self) -> None:
        """What has stirred is taken into account by the decision that is made now."""
        self.stirred_ns = None

    def amend(self, shares: Mapping[str, int]) -> None:
        """Show shares that were set since the last sample."""
        if not shares:
            return
        changed = {
            uuid: msgspec.structs.replace(self.sample.samples[uuid], shares=value) for uuid, value in shares.items()
        }
        self.sample = msgspec.structs.replace(self.sample, samples={**self.sample.samples, **changed})

    def rebase(self) -> None:
        """The next window begins now. One base that is old enough for a window at once is kept beside."""
        young = self._newest.time_ns - self.shortest_ns
        old = [base for base in self._bases if base.time_ns <= young]
        self._bases = [*old[-1:], *(base for base in self._bases if base.time_ns > young), self._newest]

    def window(self) -> HostWindow | None:
        """The time since the newest base that is old enough to tell something."""
        for base in reversed(self._bases):
            if self._old_enough(base):
                return window(base, self._newest)
        return None

    def whole(self) -> bool:
        """Whether the window began when the last decision was made, and not before."""
        return self._old_enough(self._bases[-1])

    def _old_enough(self, base: Accounted) -> bool:
        return self._newest.time_ns - base.time_ns >= self.shortest_ns


def partition_shares(states: Mapping[str, PartitionState]) -> Mapping[str, int]:
    """The weights of partitions, by path, where the host tells them."""
    return {path: shares for path, state in states.items() if (shares := state.parameters.cpu.shares) is not None}


def observe_with_memory(hypervisor: Hypervisor, uuids: Collection[str], seconds: float) -> HostSample:
    """A sample of a host that was reached just now. Waits so long for what balloons leave these servers, which is
    sampled in the background; a server that does not run, or does not answer, is not waited for any longer. Raises
    `HypervisorError`."""
    deadline = time.monotonic() + seconds
    while True:
        sample, table = hypervisor.observe(), hypervisor.extras().balloon
        if time.monotonic() > deadline or all(uuid in table.place for uuid in uuids if uuid in sample.samples):
            shares = partition_shares(hypervisor.partitions.states())
            samples = _with_memory(sample.samples, table, None)
            return msgspec.structs.replace(sample, samples=samples, partition_shares=shares)
        time.sleep(0.05)


def _with_memory(
    samples: Mapping[str, ServerSample], table: Table,
    before: tuple[Mapping[str, ServerSample], Table, Mapping[str, ServerSample]] | None,
) -> Mapping[str, ServerSample]:  # fmt: skip
    """The samples with the memory that the table tells; those of before, where nothing of them changed. `before`: the
    samples, the table, and what came of it."""
    bare, _, whole = before or ({}, table, {})
    columns = (table.columns[name].tolist() for name in ("current_bytes", "maximum_bytes"))
    told = {uuid: (_known(now), _known(most)) for uuid, now, most in zip(table.uuids, *columns, strict=True)}
    found: dict[str, ServerSample] = {}
    for uuid, sample in samples.items():
        memory, most = told.get(uuid, (None, None))
        known = whole.get(uuid)
        same = known is not None and (known.memory_bytes, known.memory_maximum_bytes) == (memory, most)
        if known is not None and same and bare.get(uuid) is sample:
            found[uuid] = known
        else:
            found[uuid] = msgspec.structs.replace(sample, memory_bytes=memory, memory_maximum_bytes=most)
    return found


def _known(value: float) -> int | None:
    """A number of bytes; None for NaN: not known."""
    return None if value != value else int(value)
