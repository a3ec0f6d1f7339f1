"""Events as text, as GET `/events` tells them (HTML, "Server-sent events")."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from ..errors import InvalidValue
from ..manager.events import Events, Published, Reader
from ..manager.manager import Manager
from ..manager.news import Gone, GroupNews, LoopNews, ServerNews
from ..manager.snapshot import Levels
from ..manager.starting.watch import DependencyCircle, DependencyStopped
from ..store.adjustments import AdjustmentRecord
from ..store.start_jobs import StartJob
from ..wire.events import (
    KINDS,
    AdjustmentEvent,
    DependencyCycleEvent,
    DependencyStoppedEvent,
    EventKind,
    EventQuery,
    GroupEvent,
    GroupRemovedEvent,
    HostEvent,
    LevelsEvent,
    LoopEvent,
    ResyncEvent,
    ResyncReason,
    ServerEvent,
    ServerRemovedEvent,
    StartJobEvent,
)
from .starts import start_job
from .views import Views, rounded

#: Milliseconds after which a reader asks again: where its answer went on for as long as it may, and where it was told
#: only what there was.
RETRY = 1000
RETRY_WITHOUT_PLACE = 3000

#: Bytes of events that are given at once, or a little more.
AT_ONCE = 64 * 1024


class Feed:
    """What one reader is told: pieces of text. One thread at a time takes them.

    `seconds`: so long the answer may go on; 0: it is what there is now. `places`: to whom the reader is counted; who
    has the answer go on takes a place, and gives it back in `end`.
    """

    def __init__(
        self, reader: Reader, seconds: int, places: tuple[str, ...], text: Callable[[Published], bytes]
    ) -> None:
        self.seconds = seconds
        self.events: Events = reader.events
        self._reader = reader
        self._names = places
        self._text = text
        self._told = reader.place    # the id that the reader knows
        self._placed = False

    @property
    def over(self) -> bool:
        """Whether hpm ends: nothing more will come."""
        return self.events.over

    def take_place(self, *more: str) -> bool:
        """Have a place, if there is one; `more` are others to whom it is counted. Without one, the answer must be
        `whole`."""
        self._names = (*self._names, *more)
        self._placed = self.events.places.take(self._names)
        return self._placed

    def end(self) -> None:
        """The answer has ended, however it did."""
        if self._placed:
            self._placed = False
            self.events.places.give(self._names)

    def whole(self) -> bytes:
        """All that there is, as an answer that ends."""
        parts = [b"retry: %d\n\n" % RETRY_WITHOUT_PLACE]
        while more := self.take():
            parts += more
        return b"".join([*parts, self._mark()])

    def begin(self) -> bytes:
        """What an answer that goes on begins with."""
        return b"retry: %d\n\n" % RETRY

    def take(self) -> list[bytes]:
        """What comes next, as bytes that all readers share; empty: there is nothing now."""
        found = self._reader.take(AT_ONCE)
        if found:
            self._told = self.events.name(found[-1].number)
        return [self._text(event) for event in found]

    def beat(self) -> bytes:
        """What is sent where there is nothing to tell, so that either end notices that the other one is gone."""
        return self._mark() or b": \n\n"

    def _mark(self) -> bytes:
        """The id up to which there was nothing for this reader, so that it does not ask for that again."""
        if self._told == self._reader.place:
            return b""
        self._told = self._reader.place
        return b"id: %s\n\n" % self._told.encode()


class EventFeeds:
    """Requests on events."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def open(self, base: str, user: str, last_id: str | None, query: EventQuery) -> Feed:
        """Go on after the event that `last_id` names. Raises `InvalidValue`."""
        manager = self._manager
        kinds = _kinds(query.kinds)
        manager.recorder.tell()
        reader = manager.events.reader(last_id, kinds)
        return Feed(reader, query.wait, (f"user {user}",), lambda event: _text(event, manager, base))


def _text(event: Published, manager: Manager, base: str) -> bytes:
    """An event as lines. Made once for each base while it is new; two threads at once may make the same."""
    found = event.texts.get(base)
    if found is None:
        data = msgspec.json.encode(_on_the_wire(event, Views(manager.snapshot, base)))
        words = (manager.events.name(event.number).encode(), event.kind.encode(), data)
        found = b"id: %s\nevent: %s\ndata: %s\n\n" % words
        manager.events.keep(event, base, found)
    return found


def _on_the_wire(event: Published, views: Views) -> msgspec.Struct:
    data, time = event.data, event.time
    if isinstance(data, ServerNews):
        return ServerEvent(
            data.uuid, views.server_uri(data.uuid), data.name, data.status, views.group_uri(data.group),
            data.service_class, data.goal_status, rounded(data.index, 2), time, list(data.changed),
        )  # fmt: skip
    if isinstance(data, GroupNews):
        return GroupEvent(
            data.id, views.group_uri(data.id), data.name, data.active_policy, time, list(data.changed)
        )
    if isinstance(data, Gone):
        if event.kind == "virtual-server-removed":
            return ServerRemovedEvent(data.id, views.server_uri(data.id), data.name, time)
        return GroupRemovedEvent(data.id, views.group_uri(data.id), data.name, time)
    if isinstance(data, Levels):
        return LevelsEvent(data.cpu_mgmt, data.memory_mgmt, time)
    if isinstance(data, AdjustmentRecord):
        whole = views.adjustment(data)
        return AdjustmentEvent(**{name: getattr(whole, name) for name in whole.__struct_fields__})
    if isinstance(data, StartJob):
        job = start_job(views, data)
        return StartJobEvent(**{name: getattr(job, name) for name in job.__struct_fields__})
    if isinstance(data, DependencyStopped):
        return DependencyStoppedEvent(
            data.uuid, views.server_uri(data.uuid), data.name, [views.server_uri(uuid) for uuid in data.warned],
            [views.server_uri(uuid) for uuid in data.stopped], time,
        )  # fmt: skip
    if isinstance(data, DependencyCircle):
        return DependencyCycleEvent([views.server_uri(uuid) for uuid in data.cycle], list(data.names), time)
    if isinstance(data, LoopNews):
        return LoopEvent(data.interval, data.in_force, data.cut, data.reason, time)
    if event.kind == "host":
        return HostEvent(cast("str | None", data), time)
    return ResyncEvent(cast(ResyncReason, data), time)


def _kinds(text: str | None) -> frozenset[EventKind] | None:
    """Raises `InvalidValue`."""
    if text is None:
        return None
    names = text.split(",")
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise InvalidValue(f"there is no kind of events {unknown[0][:64]!r}; there are: {', '.join(KINDS)}", "kinds")
    return frozenset(cast("list[EventKind]", names))
