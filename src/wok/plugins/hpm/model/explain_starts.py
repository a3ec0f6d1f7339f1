"""When a virtual server starts and stops, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from ..manager.snapshot import Snapshot
from ..manager.starting.starting import Starting
from ..manager.starting.world import name_of, start_policy
from ..policy.start_order import cycle_of, dependants_of, said_cycle
from ..policy.start_policies import RunWindow
from ..store.start_jobs import OVER

_STOPS = {
    "ignore": "goes on when that stops", "warn": "goes on when that stops, and it is told",
    "stop": "is stopped when that stops",
}  # fmt: skip
_ACTIONS = {"start": "starts", "stop": "stops", "suspend": "suspends"}


def explain_starts(starting: Starting, snapshot: Snapshot, uuid: str) -> list[str]:
    """What a server needs, who needs it, its hours, and what is being done to it; none where nobody said anything."""
    return list(_sentences(starting, snapshot, uuid))


def _sentences(starting: Starting, snapshot: Snapshot, uuid: str) -> Iterator[str]:
    needs = starting.needs(snapshot)
    running = snapshot.sample.infos[uuid].status == "running"
    for other, then in sorted(needs.get(uuid, {}).items(), key=lambda one: name_of(snapshot, one[0])):
        name, why = name_of(snapshot, other), starting.not_ready(snapshot, other)
        ready = "which is ready" if why is None else f"which is not ready: {why}"
        verb = "needs" if running or why is None else "waits for"
        yield f"It {verb} {name}, {ready}. It {_STOPS[then]}."
    cycle = cycle_of(needs, uuid)
    if cycle is not None:
        names = {other: name_of(snapshot, other) for other in cycle}
        yield (f"It waits for itself, by way of others: {said_cycle(cycle, names)}. hpm starts none of them; where"
               " one is started by other means, these dependencies do not count, but what else it needs, and its"
               " reserve, do. Leave one of these dependencies out.")  # fmt: skip
    dependants = sorted(name_of(snapshot, other) for other in dependants_of(needs).get(uuid, ()))
    if dependants:
        why = starting.not_ready(snapshot, uuid)
        stands = "it is ready for that" if why is None else f"it is not ready for that: {why}"
        yield f"{', '.join(dependants)} {'needs' if len(dependants) == 1 else 'need'} it; {stands}."
    policy = start_policy(snapshot, uuid)
    if policy.windows:
        hours = "; ".join(map(_hours, policy.windows))
        yield f"It runs at these hours: {hours}. Outside of them hpm {_outside(policy.outside)} it."
    if policy.autostart:
        yield "hpm starts it after the host has started."
    for job in starting.jobs():
        server = job.server(uuid)
        if job.state == "running" and server is not None and server.phase not in OVER:
            said = server.phase if server.reason is None else f"{server.phase}, {server.reason}"
            yield f"Job {job.id} of {job.by} {_ACTIONS[job.action]} it: {said}."


def _hours(window: RunWindow) -> str:
    return f"{', '.join(window.days)} {window.from_} to {window.to}"


def _outside(outside: str) -> str:
    return "suspends" if outside == "suspend" else "stops"
