"""The command for events: what changes, as it happens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import click

from ..client.errors import ClientError
from ..client.events import Received
from ..client.rest import Client
from ..texts import later, plural, t
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
from . import words
from .command import command
from .option_types import one_of
from .plain import plain
from .session import Session

#: Servers of an adjustment that are named, each way.
NAMED = 5

_STATUSES = {
    "met": later("meets its goal"), "missed": later("misses its goal"), "idle": later("is idle"),
    "discretionary": later("has no goal"), "unmanaged": later("is unmanaged"), "paused": later("is paused"),
}  # fmt: skip
_RESYNCS = {
    "unknown-id": later(
        "events are missing: hpm was started anew, or the id is not one of its events; look anew at what matters"
    ),
    "too-old": later("events are missing: some events are not kept any more; look anew at what matters"),
    "too-many": later("events are missing: more changed at once than is told one by one; look anew at what matters"),
}
_WORDS = {"perf-policies": later("policies"), "active-policy": later("the active policy")}


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
        return t("{name} {what}", name=event.name, what=", ".join(_changes(event, group_name)))
    if isinstance(event, GroupEvent):
        return _group(event)
    if isinstance(event, LevelsEvent):
        return t(
            "CPU management is {cpu}, memory management is {memory}", cpu=event.cpu_mgmt, memory=event.memory_mgmt
        )
    if isinstance(event, AdjustmentEvent):
        return _adjustment(event)
    if isinstance(event, LoopEvent):
        cut = event.cut or t("all of its work is done again")
        return t("hpm's loop: {what}: {reason}", what=cut, reason=event.reason)
    if isinstance(event, HostEvent):
        if event.problem is None:
            return t("the host is well again")
        return t("a problem of the host: {problem}", problem=event.problem)
    if isinstance(event, StartJobEvent):
        return _job(event)
    if isinstance(event, DependencyStoppedEvent):
        told = [
            plural("{n} server that needs it goes on", "{n} servers that need it go on", len(event.warned))
            if event.warned else "",
            plural("{n} server that needs it is stopped", "{n} servers that need it are stopped", len(event.stopped))
            if event.stopped else "",
        ]  # fmt: skip
        return t("{name} stopped: {what}", name=event.name, what=", ".join(filter(None, told)))
    if isinstance(event, DependencyCycleEvent):
        if not event.names:
            return t("no servers wait for each other any more")
        return t("these servers wait for each other for ever: {names}", names=" → ".join(event.names))
    if isinstance(event, ResyncEvent):
        said = _RESYNCS.get(event.reason)
        return None if said is None else t(said)
    if isinstance(event, ServerRemovedEvent):
        return t("the server {name} is gone", name=event.name)
    assert isinstance(event, GroupRemovedEvent)
    return t("the group {name} is gone", name=event.name)


def _changes(event: ServerEvent, group_name: Callable[[str], str]) -> Iterator[str]:
    if "new" in event.changed:
        yield t("is new ({status})", status=event.status)
    if "name" in event.changed:
        yield t("has this name now")
    if "status" in event.changed:
        yield t("is {status}", status=event.status)
    if "workload-resource-group" in event.changed:
        yield t("is in the group {name}", name=group_name(words.id_of(event.workload_resource_group)))
    if "service-class" in event.changed:
        name = event.service_class
        yield t("is in no service class") if name is None else t("is in the class {name}", name=name)
    if "goal-status" in event.changed:
        index = "" if event.performance_index is None else f" (PI {words.index(event.performance_index)})"
        yield t(_STATUSES[event.goal_status]) + index


def _group(event: GroupEvent) -> str:
    policy = event.active_policy
    active = t("without a policy") if policy is None else t("active policy {name}", name=policy)
    if "new" in event.changed:
        return t("the group {name} is new ({policy})", name=event.name, policy=active)
    what = ", ".join(t(_WORDS[field]) if field in _WORDS else field for field in event.changed)
    return t("the group {name} changed: {what} ({policy})", name=event.name, what=what, policy=active)


def _adjustment(event: AdjustmentEvent) -> str:
    measured = [s for s in (*event.receivers, *event.donors) if s.pi_measured is not None]
    if measured:
        came = [f"{s.name} {words.index(s.pi_before)} → {words.index(s.pi_measured)}" for s in measured]
        return t("adjustment #{number}, PI before → measured: {what}", number=event.object_id, what=_some(came))
    text = t("adjustment #{number} {outcome}", number=event.object_id, outcome=event.outcome)
    if event.reason is not None:
        return f"{text}: {event.reason}" + ("" if event.detail is None else f" ({event.detail})")
    receivers, donors = ([server.name for server in side] for side in (event.receivers, event.donors))
    said = [
        t("more CPU for {names}", names=_some(receivers)) if receivers else "",
        t("less for {names}", names=_some(donors)) if donors else "",
    ]  # fmt: skip
    return f"{text}: {'; '.join(filter(None, said))}"


def _job(event: StartJobEvent) -> str:
    return t(
        "job {number} ({action}) is {state}: {servers}", number=event.object_id, action=event.action,
        state=event.state, servers=_some([f"{server.name} {server.phase}" for server in event.virtual_servers]),
    )  # fmt: skip


def _some(names: list[str]) -> str:
    """The first names, and how many there are beside them."""
    named = ", ".join(names[:NAMED])
    if len(names) <= NAMED:
        return named
    return plural("{names} and {n} more", "{names} and {n} more", len(names) - NAMED, names=named)
