"""What a libvirt host tells beside its counters, sampled by threads of its own; see `extras`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import libvirt
import msgspec

from .agents import Agents
from .balloons import Balloons
from .cgroups import GuestCgroup
from .devices import DeviceSampler
from .extras import NO_EXTRAS, Extras
from .libvirt_connection import Connection
from .libvirt_inventory import Entry
from .monitors import Monitors
from .processes import Processes
from .section_book import Heard, SectionBook
from .starts import Starts

#: Seconds between two passes of the samplers until somebody says another time.
USUAL_PERIOD = 10.0
USUAL_DEVICES_PERIOD = 300.0


class LibvirtExtras:
    """Keeps the extras of one host current. `clock` gives monotonic nanoseconds, `wall` unix time in seconds.

    Calls that may hang have connections of their own, so that they are in nobody's way.
    """

    def __init__(
        self, uri: str, root: Path, clock: Callable[[], int], wall: Callable[[], float] = time.time
    ) -> None:
        self._active: Mapping[str, object] = {}
        self._starts = Starts(wall)
        self._with_agent: set[str] = set()
        self._book = SectionBook()
        self._connection = Connection(uri, lambda _uuid: None, (), "libvirt-monitors", {
            libvirt.VIR_DOMAIN_EVENT_ID_RTC_CHANGE: self._clock_set,
            libvirt.VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON: self._io_failed,
            libvirt.VIR_DOMAIN_EVENT_ID_GRAPHICS: self._client_moved,
        })  # fmt: skip
        monitors = Monitors(self._connection, clock, self._answers)
        self._processes = Processes(root, clock, USUAL_PERIOD)
        self._balloons = Balloons(monitors, self._running, clock, wall, USUAL_PERIOD)
        self._devices = DeviceSampler(monitors, self._book, self._running, clock, wall, USUAL_DEVICES_PERIOD)
        self._agents = Agents(uri, self._book, self._running, lambda: monitors.patience.silences, clock, wall)
        self._backgrounds = (
            self._processes.background, self._balloons.background, self._devices.background, self._agents.background
        )
        self._given: Extras = NO_EXTRAS

    def start(self) -> None:
        """Begin to sample."""
        for background in self._backgrounds:
            background.start()

    def set_interval(self, seconds: float) -> None:
        """Sample memory and processes so often, or as often as that may be."""
        self._processes.background.period = self._balloons.background.period = seconds

    def set_balloons_interval(self, seconds: float) -> None:
        """Sample balloons so often, or as often as that may be."""
        self._balloons.background.period = seconds
        self._balloons.background.hurry()

    def set_devices_interval(self, seconds: float) -> None:
        """Sample devices so often, or as often as that may be."""
        self._devices.background.period = seconds
        self._devices.background.hurry()

    def adopt(self, uuid: str, start: str, pid: int, seconds: float, cgroup: GuestCgroup | None) -> None:
        """Sample the process of this start of a guest from now on; it was started so long after boot."""
        self._starts.adopt(uuid, start, pid, seconds)
        self._processes.adopt(uuid, start, pid, cgroup)

    def servers_changed(self, entries: Mapping[str, Entry], read: Mapping[str, float]) -> None:
        """Take over which guests there are, and when they were `read` (unix time in seconds)."""
        active = {uuid: entry.domain_id for uuid, entry in entries.items() if entry.domain_id is not None}
        self._processes.keep(set(active))
        self._starts.keep(active)
        changed, self._active = active != self._active, active
        self._book.defined({
            uuid: Heard(
                entry.info, entry.xml, entry.domain_id, read.get(uuid, 0.0), entry.io_error,
                process=self._starts.of(uuid),
            )
            for uuid, entry in entries.items()
        })  # fmt: skip
        if changed:
            self._devices.keep(active)
        agents = {uuid for uuid in active if entries[uuid].xml.has_agent}
        if agents != self._with_agent:
            self._with_agent = agents
            self._agents.background.hurry()
        for background in self._backgrounds if changed else ():
            background.hurry()

    def extras(self) -> Extras:
        """What was sampled last; the same object until something was sampled anew."""
        found = Extras(self._balloons.table, self._processes.table, self._book.sections(), self._devices.table)
        given = self._given
        if any(getattr(found, name) is not getattr(given, name) for name in Extras.__struct_fields__):
            self._given = given = found
        return given

    def close(self) -> None:
        """End sampling. Guests go on."""
        self._agents.close()
        self._devices.background.close()
        self._balloons.background.close()
        self._processes.close()
        self._connection.close()

    def _running(self) -> Mapping[str, object]:
        return self._active

    # -- what is heard

    def _answers(self, uuid: str, answers: bool) -> None:
        response = 0 if answers else -1
        heard = self._book.heard(uuid)
        if heard is not None and heard.run is not None and heard.response != response:
            self._book.hear(uuid, heard.run, response=response)

    def _clock_set(self, uuid: str, details: tuple[Any, ...]) -> None:
        self._book.hear(uuid, rtc_offset=int(details[0]))

    def _io_failed(self, uuid: str, details: tuple[Any, ...]) -> None:
        _path, _alias, _action, reason = details
        self._book.hear(uuid, io_reason=str(reason or ""))

    def _client_moved(self, uuid: str, details: tuple[Any, ...]) -> None:
        phase, remote = details[0], details[2]
        client = str(remote.get("node", "")), str(remote.get("service", ""))

        def move(heard: Heard) -> Heard:
            others = tuple(known for known in heard.clients if known != client)
            left = phase == libvirt.VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT
            return msgspec.structs.replace(heard, clients=others if left else (*others, client))

        self._book.change(uuid, move)
