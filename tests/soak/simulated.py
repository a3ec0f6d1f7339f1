"""The soak in virtual time: days in minutes, for what needs many cycles and many servers to be seen.

Two hosts, one after the other: a large one, of which one server in a hundred ends and another starts in each interval;
and a lively one with a scheduler, memory and management of both. Clients use the API all the while, and policies
change. What is told: memory, files and threads after each lap, and which containers of the manager have grown, by
name.
"""

from __future__ import annotations

import multiprocessing
import statistics
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpm.client.connection import connect
from hpm.client.errors import ApiError
from hpm.client.rest import Client
from tests.soak import growing, judging
from tests.soak.actors import Actor, end_all, users
from tests.soak.judging import Series, Verdict
from tests.soak.pretending import Kind, scratch, serve

#: Laps of a run: what is measured is measured after each.
LAPS = 24
#: A manager of so many servers is to have all that it keeps by then.
WARM_UP = 1 / 4
#: Bounds: memory in percent; elements in containers that nothing bounds.
MEMORY, FILES, THREADS = 2.0, 2.0, 2.0
INTERVAL = 10.0


def soak(kind: Kind, servers: int, hours: float, trace: bool = False) -> dict[str, Any]:
    """One host, for so many hours of its own time; gives figures and verdicts."""
    context = multiprocessing.get_context("spawn")
    cycles = max(LAPS, round(hours * 3600.0 / INTERVAL))
    with scratch() as name:
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(kind, name, servers, INTERVAL, trace, there))
        process.start()
        there.close()
        actors: list[Actor] = []
        try:
            here.recv()
            socket = Path(name) / "s"
            with connect(socket) as client:
                _prepare(client, kind)
            changes = Changes(connect(socket))
            actors = [*users(lambda: connect(socket)), Actor("changes", changes.one, 0.2)]
            for actor in actors:
                actor.start()
            laps = []
            for lap in range(LAPS):
                here.send(cycles // LAPS)
                here.send(lap in (round(LAPS * WARM_UP), LAPS - 1))
                laps.append(here.recv())
            end_all(actors)
            here.send(None)
            traced = here.recv() if trace else None
        finally:
            for actor in actors:
                actor.end()
            with suppress(OSError):
                here.close()
            process.join(60.0)
            if process.is_alive():
                process.kill()
    return _figures(kind, servers, laps, actors, traced)


class Changes:
    """Somebody who changes policies, groups, limits and levels, at the worst moments too."""

    def __init__(self, client: Client) -> None:
        self._client, self._turn = client, 0
        self._lock = threading.Lock()

    def one(self) -> None:
        """The next change."""
        self._turn += 1
        client, turn = self._client, self._turn
        groups = {group.name: group.object_id for group in client.groups().value.workload_resource_groups}
        servers = client.servers().value.virtual_servers
        with suppress_expected():
            client.activate_policy("default", ("day", "night", None)[turn % 3])
        uuid = servers[turn % len(servers)].object_id
        with suppress_expected():
            changes: dict[str, Any] = (
                {"cpu-cap": 0.5}, {"cpu-cap": None, "excluded": True}, {"excluded": False, "cpu-reserve": 0.1},
                {"cpu-reserve": None, "attributes": {"hostname": f"host{turn}.example.com"}}, {"attributes": {}},
            )[turn % 5]  # fmt: skip
            client.update_server(uuid, changes)
        name = f"Group {turn % 7}"
        with suppress_expected():
            if name in groups:
                client.delete_group(groups[name])
            else:
                made = client.create_group({"name": name, "perf-policies": [policy("day", turn % 60 + 20)],
                                            "active-policy": "day"}).value  # fmt: skip
                client.add_servers(made.object_id, [uuid], move=True)
        if turn % 50 == 0:
            for level in ("off", "advise", "on"):
                client.set_management_levels({"cpu-mgmt": level})


class suppress_expected:    # noqa: N801    (used as a word)
    """A server that went meanwhile, or what somebody else changed, is no fault."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, ApiError) and error.status in (404, 409, 412)


def policy(name: str, velocity: int) -> dict[str, Any]:
    """Goals for servers by their names, and one for all others."""
    return {
        "name": name, "importance": "medium", "service-classes": [
            {"name": "some", "importance": "high", "goal": {"type": "velocity", "velocity": velocity},
             "classification": {"type": "filter", "filter-type": "virtual-server-name", "operation": "string-match",
                                "value": "*1"}},
            {"name": "rest", "goal": {"type": "discretionary"}},
        ],
    }  # fmt: skip


def _prepare(client: Client, kind: Kind) -> None:
    client.update_group("default", {"perf-policies": [policy("day", 60), policy("night", 30)], "active-policy": "day"})
    client.set_management_levels({"cpu-mgmt": "on"})
    if kind == "lively":    # the large one has no memory to manage
        client.set_management_levels({"memory-mgmt": "on"})


def _figures(
    kind: Kind, servers: int, laps: list[dict[str, Any]], actors: list[Actor], traced: dict[str, Any] | None
) -> dict[str, Any]:
    first = round(LAPS * WARM_UP)
    settled = laps[first:]

    def growth(name: str, field: str, bound: float, percent: bool) -> Verdict:
        values = [getattr(lap["standing"], field) for lap in settled]
        begin, end = statistics.median(values[:4]), statistics.median(values[-4:])
        found = 100.0 * (end / begin - 1.0) if percent else end - begin
        return Verdict(name, "%" if percent else "more", begin, end, round(found, 2), bound, found <= bound,
                       tuple(values))  # fmt: skip

    verdicts = [
        growth("memory", "resident", MEMORY, True), growth("open files", "files", FILES, False),
        growth("threads", "threads", THREADS, False),
        judging.most("complaints of clients", "", [float(sum(actor.failed for actor in actors))], 0.0),
    ]
    return {
        "kind": kind, "servers": servers, "interval-seconds": INTERVAL, "cycles": laps[-1]["cycles"],
        "hours": laps[-1]["hours"], "started": laps[-1]["started"], "verdicts": verdicts,
        "grown": growing.grown(laps[first]["sizes"], laps[-1]["sizes"]),
        "requests": {actor.name: actor.deeds for actor in actors},
        "complaints": [text for actor in actors for text in actor.complaints], "traced": traced,
    }  # fmt: skip


def series(laps: list[dict[str, Any]], field: str) -> Series:
    """Of all laps, by cycles."""
    return Series(tuple(float(lap["cycles"]) for lap in laps),
                  tuple(float(getattr(lap["standing"], field)) for lap in laps))  # fmt: skip
