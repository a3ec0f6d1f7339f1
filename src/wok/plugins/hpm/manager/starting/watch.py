"""What is told, and what is stopped, when a server stops that others need: nobody can be kept from stopping it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import msgspec

from ...engine.samples import ServerInfo
from ...policy.start_order import Needs, dependants_of, find_cycle, said_cycle
from ...wire.activity import ActivityOutcome
from ..activity import ActivityLog
from ..events import Events
from ..snapshot import Snapshot
from .world import name_of

log = logging.getLogger(__name__)


class DependencyStopped(msgspec.Struct, frozen=True):
    """A server stopped although others need it: those that are warned of it, and those that are stopped for it."""

    uuid: str
    name: str
    warned: tuple[str, ...]
    stopped: tuple[str, ...]


class DependencyCircle(msgspec.Struct, frozen=True):
    """Servers wait for each other: each for the next one, and the last one is the first. Empty: none do any longer."""

    cycle: tuple[str, ...]
    names: tuple[str, ...]


class Watch:
    """Compares snapshots. Not thread-safe."""

    def __init__(self, events: Events, activity: ActivityLog) -> None:
        self._events, self._activity = events, activity
        self._active: Collection[str] = ()
        self._infos: Mapping[str, ServerInfo] = {}
        self._needs: Needs | None = None
        self._cycle: tuple[str, ...] = ()

    def look(self, snapshot: Snapshot, needs: Needs, expected: Collection[str]) -> list[str]:
        """Gives the UUIDs of servers that are to stop because what they need has. `expected`: those that jobs stop."""
        infos = snapshot.sample.infos
        if infos is self._infos:
            return []
        before, names, self._infos = self._active, self._infos, infos
        self._active = {uuid for uuid, info in infos.items() if info.status in ("running", "paused")}
        doomed: dict[str, None] = {}
        gone = set(before) - self._active
        if not gone or not needs:
            return []
        dependants_by = dependants_of(needs)
        for uuid in sorted(gone - set(expected)):
            then = {u: t for u, t in dependants_by.get(uuid, {}).items() if u in self._active}
            stopped = tuple(sorted(u for u, t in then.items() if t == "stop"))
            warned = tuple(sorted(u for u, t in then.items() if t == "warn"))
            doomed |= dict.fromkeys(stopped)
            if stopped or warned:
                self._tell(snapshot, DependencyStopped(uuid, names[uuid].name, warned, stopped))
        return list(doomed)

    def look_for_cycle(self, snapshot: Snapshot, needs: Needs) -> None:
        """Tell where servers have come to wait for each other, and when they do no longer. Of several cycles one is
        told, and the next one once that is gone."""
        if needs is self._needs:
            return
        self._needs = needs
        cycle = find_cycle(needs) or ()
        if cycle == self._cycle:
            return
        self._cycle = cycle
        names = {uuid: name_of(snapshot, uuid) for uuid in cycle}
        self._events.publish("dependency-cycle", DependencyCircle(cycle, tuple(names[uuid] for uuid in cycle)))
        if cycle:
            text = f"these servers wait for each other for ever: {said_cycle(cycle, names)}"
            log.warning("%s; leave one of these dependencies out", text)
            self._note(cycle[0], "Noticed that servers wait for each other", text, "done")
        else:
            log.warning("no servers wait for each other any more")

    def let(self, uuid: str, message: str) -> None:
        """libvirt was told to start a server although not all was as its policy wants it."""
        log.warning("%s", message)
        self._note(uuid, "Let libvirt start a server", message, "done")

    def refused(self, uuid: str, message: str) -> None:
        """libvirt was told not to start a server."""
        self._note(uuid, "Kept libvirt from starting a server", message, "refused")

    def _tell(self, snapshot: Snapshot, news: DependencyStopped) -> None:
        parts = [
            f"{', '.join(name_of(snapshot, uuid) for uuid in uuids)} {verb}"
            for uuids, verb in ((news.warned, "needs it"), (news.stopped, "needs it and is stopped")) if uuids
        ]
        text = f"{news.name} stopped; {'; '.join(parts)}"
        log.warning("%s", text)
        self._events.publish("dependency-stopped", news)
        self._note(news.uuid, "Noticed that a server stopped that others need", text, "done")

    def _note(self, uuid: str, summary: str, text: str, outcome: ActivityOutcome) -> None:
        self._activity.add(self._activity.own(
            summary, user="hpm", uri=f"/virtual-servers/{uuid}", outcome=outcome, message=text[:500]
        ))  # fmt: skip
