"""Observing: samples accounted one after another, and the window that a decision looks at."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..backend.hypervisor import Extras, Hypervisor
from ..engine.accounting import Accounted, account
from ..engine.metrics.moment import Beside
from ..engine.metrics.rates import Rates
from ..engine.samples import HostSample
from ..engine.stirring import Stirring, stir
from ..engine.windows import HostWindow, window

#: A window is of at least this length (seconds), if the interval is not shorter.
SHORTEST_WINDOW = 1.0


class Observer:
    """Keeps the last sample, and the bases from which windows can begin.

    `shortest_ns`: a window of less tells nothing. `stirred_ns`: when others began to work while servers wait for each
    other; None: not since the last decision. Not thread-safe: the manager's lock is held.
    """

    def __init__(self, hypervisor: Hypervisor, interval: float, devices_interval: float) -> None:
        self._hypervisor = hypervisor
        self.set_interval(interval)
        self.set_devices_interval(devices_interval)
        self.sample = hypervisor.observe()
        self._newest = account(None, self.sample)
        self._bases: list[Accounted] = [self._newest]
        self._stirring: Stirring | None = None
        self.stirred_ns: int | None = None
        self._balloon_rates, self._process_rates = Rates(), Rates()

    def set_interval(self, seconds: float) -> None:
        """Decisions are made so often from now on."""
        self.shortest_ns = int(min(SHORTEST_WINDOW, seconds / 2) * 1e9)
        self._hypervisor.set_interval(seconds)

    def set_devices_interval(self, seconds: float) -> None:
        """Devices are to be sampled so often from now on."""
        self._hypervisor.set_devices_interval(seconds)

    def observe(self) -> HostSample:
        """A new sample. Raises `HypervisorError`, and keeps the last one."""
        self.sample = self._hypervisor.observe()
        self._newest = account(self._newest, self.sample)
        return self.sample

    def glance(self) -> None:
        """Notice whether other servers work than at the last glance. Raises `HypervisorError`."""
        glance = self._hypervisor.glance()
        if glance is None:
            return    # servers came or went: the next observation knows
        self._stirring, news = stir(self._stirring, glance)
        if news and self.stirred_ns is None:
            self.observe()
            self.stir()

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
