"""A large host whose servers come and go, in virtual time; see `bench.walking`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count

import msgspec

from bench.walking import WalkingHost
from hpm.backend.device_figures import device_row
from hpm.backend.extras import DEVICES
from hpm.engine.counters import Layout
from hpm.engine.samples import ServerInfo, ServerSample
from hpm.engine.table import of_rows
from hpm.errors import ServerGone


class ChurningHost(WalkingHost):
    """`turn_over` ends servers and starts others in their place."""

    def __init__(self, size: int, vcpus: int, clock: Callable[[], int], *, seed: int = 0) -> None:
        super().__init__(size, vcpus, clock, seed=seed, moving=0.9)
        self._changed: list[Callable[[], None]] = []
        self._numbers, self._threads = count(size), count(1000 + size * vcpus)
        self._next = 0
        self.started = 0
        self._lock = threading.Lock()    # clients' threads set values while servers come and go

    def turn_over(self, number: int) -> None:
        """So many servers end and start anew, each other one as another server that never was."""
        with self._lock:
            self._turn_over(number)
        for callback in self._changed:
            callback()

    def _turn_over(self, number: int) -> None:
        names = list(self.uuids)
        samples, infos, sections = dict(self._samples), dict(self.infos), dict(self._sections)
        for turn in range(number):
            row, self._next = self._next, (self._next + 1) % len(names)
            old, serial = names[row], next(self._numbers)
            new = old if turn % 2 else f"{serial:08x}-1111-4000-8000-{row:012x}"
            name = infos[old].name if turn % 2 else f"new{serial}"
            names[row] = new
            threads = tuple(next(self._threads) for _ in range(self._vcpus))
            samples[new] = ServerSample(new, f"s-{serial}", "machine", threads, 1024)
            infos[new] = ServerInfo(new, name, "running", self._vcpus, 2048, {"virtual-server-name": name})
            machine = msgspec.structs.replace(sections[old].configuration, pid=serial)
            sections[new] = msgspec.structs.replace(sections[old], configuration=machine)
            self._run[row] = self._delay[row] = 0.0
            self._cpu[:, row] = 0.0
            self.started += 1
        self.uuids = tuple(names)
        self._samples = {uuid: samples[uuid] for uuid in names}
        self.infos = {uuid: infos[uuid] for uuid in names}
        self._sections = {uuid: sections[uuid] for uuid in names}
        self._layout = Layout(sample.started for sample in self._samples.values())
        told = {uuid: (one.devices.disks or (), one.devices.network or ()) for uuid, one in self._sections.items()}
        self._devices = of_rows(DEVICES, {uuid: (1, device_row(one, one, 300.0, 0.0)) for uuid, one in told.items()})
        self._extras = self._sampled()

    def on_change(self, callback: Callable[[], None]) -> None:
        self._changed.append(callback)

    def set_cpu_shares(self, uuid: str, start: str, shares: int) -> None:
        self._set(uuid, start, shares=shares)

    def set_cpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        self._set(uuid, start, quota_us=quota_us, period_us=period_us)

    def _set(self, uuid: str, start: str, **values: int | None) -> None:
        with self._lock:
            sample = self._samples.get(uuid)
            if sample is None or sample.start != start:
                raise ServerGone(f"that start of virtual server {uuid} is over")
            self._samples = {**self._samples, uuid: msgspec.structs.replace(sample, **values)}
