"""The command for events: what changes, as it happens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import click

from ..client.errors import ClientError
from ..client.events import Received
from ..client.rest import Client
from ..wire.events import (
    KINDS,
    AdjustmentEvent,
    DependencyCycleEvent,
    DependencyStoppedEvent,
    Event,
    EventKind,
    GroupEvent,
    GroupRemovedEvent,
    HostEvent,
    LevelsEvent,
    LoopEvent,
    ResyncEvent,
    ServerEvent,
    ServerRemovedEvent,
    StartJobEvent,
)
from ..wire.management import AdjustedServer
from . import words
from .command import command
from .option_types import one_of
from .plain import plain
from .session import Session

#: Servers of an adjustment that are named, each way.
NAMED = 5

_STATUSES = {
    "met": "meets its goal", "missed": "misses its goal", "idle": "is idle", "discretionary": "has no goal",
    "unmanaged": "is unmanaged", "paused": "is paused",
}  # fmt: skip
_RESYNCS = {
    "unknown-id": "hpm was started anew, or the id is not one of its events",
    "too-old": "some events are not kept any more",
    "too-many": "more changed at once than is told one by one",
}
_WORDS = {"perf-policies": "policies", "active-policy": "the active policy"}


@command("events", examples=[
    "hpm events",
    "hpm events --kind virtual-server --kind host",
    "hpm events --json",
    "hpm events --json --after 4be1f0c2a9d3-1734",
])  # fmt: skip
@click.option("--kind", "kinds", type=one_of(EventKind), metavar="KIND", multiple=True,
              help=f"Only events of this kind (repeatable): {', '.join(KINDS[:-1])}.")  # fmt: skip
@click.option("--after", metavar="ID", help="Begin after the event with this id, which --json shows.")
def events(session: Session, kinds: tuple[EventKind, ...], after: str | None) -> None:
    """Print what changes, as it happens.

    Servers that come, go, or meet or miss their goals; groups and policies; management levels; adjustments, and what
    came of them; start jobs; problems of the host. It outlasts a hpm that is restarted; Ctrl-C ends it. With --json,
    one object a line.
    """
    from .output import warn

    def lost(error: ClientError) -> None:
        warn(error.message.partition("\n")[0])

    groups = _Groups(session.client)
    try:
        for received in session.client.events(after, kinds, lost=lost):
            _print(session, received, groups)
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)


class _Groups:
    """Names of groups: hpm is asked for them when one is not known. Events have ids, as names change."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._names: dict[str, str] = {}

    def name(self, group_id: str) -> str:
        """The name, or the id of a group that is gone."""
        if group_id not in self._names:
            client = self._client
            self._names.update({g.object_id: g.name for g in client.groups().value.workload_resource_groups})
        return self._names.setdefault(group_id, group_id)

    def see(self, event: Event) -> None:
        """A group may have a new name."""
        if isinstance(event, GroupEvent):
            self._names[event.object_id] = event.name
        elif isinstance(event, ResyncEvent):
            self._names.clear()


def _print(session: Session, received: Received, groups: _Groups) -> None:
    if session.json:
        head = b'{"id":"%s","event":"%s","data":' % ((received.id or "").encode(), received.kind.encode())
        session.emit_json(head + received.text + b"}", one_line=True)
        return
    groups.see(received.data)
    sentence = in_words(received.data, groups.name)
    if sentence is not None:
        click.echo(plain(f"{words.local_time(received.data.time)}  {sentence}"))


def in_words(event: Event, group_name: Callable[[str], str]) -> str | None:
    """An event as a sentence; None: it is nothing to a person. `group_name` gives a group's name by its id."""
    if isinstance(event, ServerEvent):
        return f"{event.name} {', '.join(_changes(event, group_name))}"
    if isinstance(event, GroupEvent):
        return _group(event)
    if isinstance(event, LevelsEvent):
        return f"CPU management is {event.cpu_mgmt}, memory management is {event.memory_mgmt}"
    if isinstance(event, AdjustmentEvent):
        return _adjustment(event)
    if isinstance(event, LoopEvent):
        return f"hpm's loop: {event.cut or 'all of its work is done again'}: {event.reason}"
    if isinstance(event, HostEvent):
        return "the host is well again" if event.problem is None else f"a problem of the host: {event.problem}"
    if isinstance(event, StartJobEvent):
        return _job(event)
    if isinstance(event, DependencyStoppedEvent):
        warned = f"{words.count(len(event.warned), 'server')} that need it go on" if event.warned else ""
        stopped = f"{words.count(len(event.stopped), 'server')} that need it are stopped" if event.stopped else ""
        return f"{event.name} stopped: {', '.join(filter(None, (warned, stopped)))}"
    if isinstance(event, DependencyCycleEvent):
        return (
            f"these servers wait for each other for ever: {' → '.join(event.names)}" if event.names else
            "no servers wait for each other any more"
        )
    if isinstance(event, ResyncEvent):
        said = _RESYNCS.get(event.reason)
        return None if said is None else f"events are missing: {said}; look anew at what matters"
    noun = "the server" if isinstance(event, ServerRemovedEvent) else "the group"
    assert isinstance(event, ServerRemovedEvent | GroupRemovedEvent)
    return f"{noun} {event.name} is gone"


def _changes(event: ServerEvent, group_name: Callable[[str], str]) -> Iterator[str]:
    if "new" in event.changed:
        yield f"is new ({event.status})"
    if "name" in event.changed:
        yield "has this name now"
    if "status" in event.changed:
        yield f"is {event.status}"
    if "workload-resource-group" in event.changed:
        yield f"is in the group {group_name(words.id_of(event.workload_resource_group))}"
    if "service-class" in event.changed:
        yield "is in no service class" if event.service_class is None else f"is in the class {event.service_class}"
    if "goal-status" in event.changed:
        index = "" if event.performance_index is None else f" (PI {words.index(event.performance_index)})"
        yield _STATUSES[event.goal_status] + index


def _group(event: GroupEvent) -> str:
    active = "without a policy" if event.active_policy is None else f"active policy {event.active_policy}"
    what = "is new" if "new" in event.changed else f"changed: {', '.join(_WORDS.get(c, c) for c in event.changed)}"
    return f"the group {event.name} {what} ({active})"


def _adjustment(event: AdjustmentEvent) -> str:
    measured = [s for s in (*event.receivers, *event.donors) if s.pi_measured is not None]
    if measured:
        came = [f"{s.name} {words.index(s.pi_before)} → {words.index(s.pi_measured)}" for s in measured[:NAMED]]
        return f"adjustment #{event.object_id}, PI before → measured: {', '.join(came)}{_more(measured)}"
    text = f"adjustment #{event.object_id} {event.outcome}"
    if event.reason is not None:
        return f"{text}: {event.reason}" + ("" if event.detail is None else f" ({event.detail})")
    sides = (("more CPU for", event.receivers), ("less for", event.donors))
    said = [f"{what} {', '.join(s.name for s in some[:NAMED])}{_more(some)}" for what, some in sides if some]
    return f"{text}: {'; '.join(said)}"


def _job(event: StartJobEvent) -> str:
    phases = [f"{s.name} {s.phase}" for s in event.virtual_servers[:NAMED]]
    rest = len(event.virtual_servers) - NAMED
    return (
        f"job {event.object_id} ({event.action}) is {event.state}: {', '.join(phases)}"
        + (f" and {rest} more" if rest > 0 else "")
    )


def _more(servers: list[AdjustedServer]) -> str:
    return f" and {len(servers) - NAMED} more" if len(servers) > NAMED else ""
