"""What a libvirt host tells beside its counters, sampled by threads of its own; see `extras`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..engine.table import Table
from .balloons import Balloons
from .cgroups import GuestCgroup
from .extras import NO_EXTRAS, Extras
from .libvirt_connection import Connection
from .libvirt_inventory import Entry
from .monitors import Monitors
from .processes import Processes

#: Seconds between two passes of the samplers until somebody says another time.
USUAL_PERIOD = 10.0


class LibvirtExtras:
    """Keeps the extras of one host current. `clock` gives monotonic nanoseconds.

    The calls have a connection of their own, so that those that hang are in nobody's way.
    """

    def __init__(self, uri: str, root: Path, clock: Callable[[], int]) -> None:
        self._connection = Connection(uri, lambda _uuid: None, (), "libvirt-monitors")
        self._active: Mapping[str, object] = {}
        self._processes = Processes(root, clock, USUAL_PERIOD)
        self._balloons = Balloons(Monitors(self._connection, clock), lambda: self._active, clock, USUAL_PERIOD)
        self._given: Extras = NO_EXTRAS

    def start(self) -> None:
        """Begin to sample."""
        self._processes.background.start()
        self._balloons.background.start()

    def set_interval(self, seconds: float) -> None:
        """Sample so often, or as often as it may."""
        for background in (self._processes.background, self._balloons.background):
            background.period = seconds

    def adopt(self, uuid: str, start: str, pid: int, cgroup: GuestCgroup | None) -> None:
        """Sample the process of this start of a guest from now on."""
        self._processes.adopt(uuid, start, pid, cgroup)

    def servers_changed(self, entries: Mapping[str, Entry]) -> None:
        """Take over which guests there are."""
        active = {uuid: entry.domain_id for uuid, entry in entries.items() if entry.domain_id is not None}
        self._processes.keep(set(active))
        if active != self._active:
            self._active = active
            self._processes.background.hurry()
            self._balloons.background.hurry()

    def extras(self) -> Extras:
        """What was sampled last; the same object until something was sampled anew."""
        balloon, processes = self._balloons.table, self._processes.table
        if not _same(self._given, balloon, processes):
            self._given = Extras(balloon, processes)
        return self._given

    def close(self) -> None:
        """End sampling. Guests go on."""
        self._balloons.background.close()
        self._processes.close()
        self._connection.close()


def _same(given: Extras, balloon: Table, processes: Table) -> bool:
    return given.balloon is balloon and given.processes is processes
