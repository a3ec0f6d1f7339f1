"""The soak on real guests: a manager as users run it, for hours, while everything about it moves.

Some guests stay and spin, and have goals; others start and stop all the time, half of them servers that never were
before. Clients read, follow, scrape, log in and out; somebody at the shell runs commands; a browser goes through all
pages; policies, limits and groups change. Every ten seconds it is looked at: memory, files and threads of manager and
front, rows of the store, and whether each guest that stays has the shares that it was given. Twice a second it is asked
how many cycles there were, so that none that is late is missed. Every five minutes management is switched off, and all
must have what they had before hpm.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec

from hpm.client.errors import ApiError
from hpm.client.rest import Client
from hpm.errors import HpmError
from hpm.host import rights
from tests.browser.flow import FlowFailed, run_flow
from tests.browser.host import BrowserHost
from tests.browser.requirements import missing as missing_pages
from tests.lab import Guest, Lab
from tests.lab.errors import wait_until
from tests.running import ROOT, ManagerProcess
from tests.soak import judging
from tests.soak.actors import Actor, end_all, logs_in, scrapes, users
from tests.soak.guests import ALONE, DAY, NIGHT, STAYING, Comers, Shares, goals
from tests.soak.judging import Series
from tests.soak.standing import Room, Standing, children, open_files, room, standing

#: Seconds between two looks, between two times that management is switched off, and between two questions for cycles.
LOOKS, OFF, PULSE = 10.0, 300.0, 0.5
#: Bounds: growth of memory in percent; files and threads that may come to be more.
MEMORY, FILES, THREADS, HEAP = 2.0, 2.0, 1.0, 10.0
#: Files that are opened when they are first needed: readers' connections to the store and to history (four of each at
#: most, two files each), selectors of threads, and of each guest that stays a starving thread's state and its quota.
LATER = 32.0
#: Entries of the journal that guests who come and go make more or fewer of.
JOURNAL = 6.0
INTERVAL = 3.0
LOG = ROOT / "build/soak/real.log"


class Look(msgspec.Struct, frozen=True, rename="kebab"):
    """How things stood at a time, in seconds since the begin. `live`: guests that there were."""

    time: float
    manager: Standing
    front: Standing | None
    room: Room
    live: int


class Pulse:
    """Asks how many cycles there were, and notes how long it took until there was another one."""

    def __init__(self, scrape: Callable[[], str]) -> None:
        self._scrape = scrape
        self._cycles, self._changed = -1.0, time.monotonic()
        #: Seconds by which each cycle came later than an interval after the one before.
        self.late: list[float] = []
        self.figures: dict[str, float] = {}
        self.forgive()

    def forgive(self) -> None:
        """Count from the next cycle on: the manager has been told something that begins a new interval."""
        self._cycles = -1.0

    def beat(self) -> None:
        """Ask once."""
        text, now = self._scrape(), time.monotonic()
        found = dict(re.findall(r"^(hpm_(?:cycles_total|interval_seconds|loop_\w+)) ([0-9.e+-]+)$", text, re.MULTILINE))
        self.figures = {name: float(value) for name, value in found.items()}
        cycles, interval = self.figures["hpm_cycles_total"], self.figures["hpm_interval_seconds"]
        if cycles == self._cycles:
            return
        if self._cycles >= 0:
            self.late.append(max(0.0, now - self._changed - interval))
        self._cycles, self._changed = cycles, now


def soak_real(lab: Lab, minutes: float, interval: float = INTERVAL, pages: bool = True) -> dict[str, Any]:
    """So many minutes; gives figures and verdicts."""
    with tempfile.TemporaryDirectory(prefix="hpm-soak-") as name, ExitStack() as stack:
        guests = [lab.tiny(one, shares=shares) for one, shares in STAYING.items()]
        alone = lab.tiny(ALONE[0], shares=ALONE[1])
        stack.callback(lambda: [guest.destroy() for guest in (*guests, alone)])
        host = stack.enter_context(_manager(Path(name), interval))
        client = stack.enter_context(host.client())
        group = _prepare(client, guests, alone)
        soak = Soak(lab, host, client, group, guests, alone, minutes * 60.0, interval)
        figures = soak.run(pages and isinstance(host, BrowserHost) and missing_pages() is None)
        host.stop()
        LOG.parent.mkdir(parents=True, exist_ok=True)
        LOG.write_text(host.text())    # faults of hpm are told there
        left = soak.shares.differ_from_the_originals()
        put_back = judging.most("shares not put back at the end", "", [float(len(left))], 0.0)
        verdicts = [*figures.pop("verdicts"), put_back]
        return {**figures, "verdicts": verdicts, "complaints": [*figures["complaints"], *left]}


def _manager(directory: Path, interval: float) -> ManagerProcess:
    """With a web front where there is somebody as whom it can run."""
    try:
        rights.web_user()
    except HpmError as error:
        print(f"without a web front: {error.message}", file=sys.stderr)
        return ManagerProcess(directory, "qemu:///system", interval)
    return BrowserHost(directory, "qemu:///system", interval)


def _prepare(client: Client, guests: list[Guest], alone: Guest) -> str:
    wanted = {guest.uuid for guest in (*guests, alone)}
    wait_until(lambda: wanted <= {s.object_id for s in client.servers().value.virtual_servers}, 30, "guests are seen")
    policies = [goals("day", DAY), goals("night", NIGHT)]
    made = client.create_group({"name": "Soak", "perf-policies": policies, "active-policy": "day"}).value
    client.add_servers(made.object_id, [guest.uuid for guest in guests])
    client.add_servers(client.create_group({"name": "Alone"}).value.object_id, [alone.uuid])
    client.update_group("default", {"perf-policies": [goals("comers", {})], "active-policy": "comers"})
    client.set_management_levels({"cpu-mgmt": "on"})
    return made.object_id


class Soak:
    """One run."""

    def __init__(
        self, lab: Lab, host: ManagerProcess, client: Client, group: str, guests: list[Guest], alone: Guest,
        seconds: float, interval: float,
    ) -> None:  # fmt: skip
        self._lab, self._host, self._client, self._group = lab, host, client, group
        self._seconds, self._interval = seconds, interval
        assert host.process is not None
        self._pid = host.process.pid
        self._fronts: set[int] = set()
        self.shares = Shares(guests, alone)
        self._names = [guest.name for guest in guests]
        self._comers = Comers(lab)
        self._pulse = Pulse(scrapes(host.socket))
        self._turn = 0
        self._off = Actor("off", lambda: None, OFF)    # not started: its complaints are those of the looks, too

    def run(self, pages: bool) -> dict[str, Any]:
        """All of it."""
        actors = [
            *users(self._host.client), *self._comers.actors, Actor("pulse", self._pulse.beat, PULSE),
            Actor("shell", self._shell, 8.0), Actor("changes", self._change, 15.0),
        ]  # fmt: skip
        if isinstance(self._host, BrowserHost):
            host = self._host
            actors.append(Actor("web", logs_in(lambda: host.url), 10.0))
        seen: dict[str, Any] = {}
        browser = threading.Thread(target=self._browse, args=(seen,), daemon=True)
        time.sleep(2 * self._interval)
        before = self._look(0.0), open_files(self._pid)
        began = time.monotonic()
        looks: list[Look] = []
        for actor in actors:
            actor.start()
        if pages:
            browser.start()
        try:
            self._watch(began, looks)
        finally:
            end_all(actors)
        if pages:
            browser.join(60.0)
        time.sleep(2 * self._interval)
        after = self._look(time.monotonic() - began), open_files(self._pid)
        return self._figures([*actors, self._off], looks, before, after, seen)

    def _watch(self, began: float, looks: list[Look]) -> None:
        off = min(OFF, self._seconds / 3)
        off_at = began + off
        while (now := time.monotonic()) < began + self._seconds:
            with suppress(StopIteration):
                for text in self.shares.complaints(self._client):
                    self._off.complain(text)
            looks.append(self._look(now - began))
            if now > off_at:
                off_at += off
                self._switch_off_and_on()
            time.sleep(max(0.0, now + LOOKS - time.monotonic()))

    def _switch_off_and_on(self) -> None:
        self._client.set_management_levels({"cpu-mgmt": "off"})
        try:
            wait_until(lambda: not self.shares.differ_from_the_originals(), 2 * self._interval, "originals", 0.2)
        except Exception:
            for text in self.shares.differ_from_the_originals():
                self._off.complain(text)
        self.shares.begin_anew()
        self._client.set_management_levels({"cpu-mgmt": "on"})
        self._off.deeds += 1

    def _look(self, at: float) -> Look:
        fronts = [pid for pid in children(self._pid) if _is_front(pid)]
        self._fronts |= set(fronts)
        live = sum(server.status in ("running", "paused") for server in self._client.servers().value.virtual_servers)
        return Look(
            round(at, 1), standing(self._pid), standing(fronts[0]) if fronts else None, room(self._host.directory), live
        )

    def _browse(self, seen: dict[str, Any]) -> None:
        assert isinstance(self._host, BrowserHost)
        try:
            seen.update(run_flow("soak", self._host, {"seconds": self._seconds}, folder=Path(__file__).parent,
                                 patience=self._seconds + 120.0))  # fmt: skip
        except FlowFailed as error:
            seen["failed"] = str(error)

    def _shell(self) -> None:
        self._turn += 1
        name = self._names[self._turn % len(self._names)]
        words = (
            ("vs-list",), ("wrg-list", "--json"), ("dra-list",), ("explain", name), ("config",), ("vs-show", name),
            ("metrics-hypervisor",), ("metrics-history",), ("policy-list", "Soak"), ("class-list", "Soak"),
            ("activity-list",), ("version",), ("policy-of", name), ("dependencies",),
        )[self._turn % 14]  # fmt: skip
        done = self._host.hpm(*words)
        if done.returncode != 0:
            raise AssertionError(f"hpm {' '.join(words)}: {done.returncode}: {done.stderr[-300:]}")

    def _change(self) -> None:
        self._turn += 1
        client, turn = self._client, self._turn
        client.activate_policy(self._group, ("day", "night")[turn % 2])
        uuid = self.shares.uuids[turn % len(self.shares.uuids)]
        client.update_server(uuid, ({"cpu-cap": 0.9}, {"cpu-cap": None}, {"cpu-reserve": 0.05}, {"cpu-reserve": None},
                                    {"attributes": {"hostname": f"host{turn}"}})[turn % 5])  # fmt: skip
        name = f"Passing {turn % 5}"
        groups = {group.name: group.object_id for group in client.groups().value.workload_resource_groups}
        with suppress(ApiError):    # a guest that ended meanwhile
            if name in groups:
                client.delete_group(groups[name])
            else:
                made = client.create_group({"name": name, "perf-policies": [goals("all", {})], "active-policy": "all"})
                coming = [one.object_id for one in client.servers().value.virtual_servers if "-comes-" in one.name]
                client.add_servers(made.value.object_id, coming[:1], move=True)
        if turn % 4 == 0:
            client.update_policy(self._group, "night", {"description": f"turn {turn}"})

    def _figures(
        self, actors: list[Actor], looks: list[Look], before: tuple[Look, dict[str, int]],
        after: tuple[Look, dict[str, int]], seen: dict[str, Any],
    ) -> dict[str, Any]:  # fmt: skip
        def of(value: Callable[[Look], float | None]) -> Series:
            pairs = [(look.time, found) for look in looks if (found := value(look)) is not None]
            return Series(tuple(time for time, _ in pairs), tuple(float(found) for _, found in pairs))

        # A guest is some open files: compared are looks with as many guests.
        usual = statistics.mode(look.live for look in looks) if looks else 0
        verdicts = [
            judging.growth("memory of the manager", of(lambda o: o.manager.resident), MEMORY),
            judging.more("its open files", of(lambda o: o.manager.files if o.live == usual else None), FILES),
            judging.more("its threads", of(lambda o: o.manager.threads), THREADS),
            judging.most("files more after all guests went", "more",
                         [float(after[0].manager.files - before[0].manager.files)], LATER),
            judging.more("entries of the journal", of(lambda o: o.room.rows["journal"]), JOURNAL),
            judging.most("cycle later than the interval", "s", self._pulse.late, self._interval + PULSE),
            judging.most("complaints of clients", "", [float(sum(one.failed for one in actors))], 0.0),
            # of four guests that stay, with each look; less where management has just been switched on again
            judging.least("shares compared with the plan", "", float(self.shares.compared), float(len(looks))),
        ]  # fmt: skip
        if before[0].front is not None:
            verdicts += [
                judging.growth("memory of the front", of(lambda o: o.front and o.front.resident), MEMORY),
                judging.more("its open files", of(lambda o: o.front and o.front.files), FILES),
                judging.most("fronts started anew", "", [float(len(self._fronts) - 1)], 0.0),
            ]
        complaints = [text for actor in actors for text in actor.complaints]
        if seen:
            heap = seen.get("heap", [])
            times, bytes_ = tuple(one[0] for one in heap), tuple(float(one[1]) for one in heap)
            verdicts += [
                judging.growth("memory of the pages (heap)", Series(times, bytes_), HEAP),
                judging.most("flows that failed", "", [float("failed" in seen)], 0.0),
            ]
            complaints += [seen["failed"]] if "failed" in seen else []
        return {
            "minutes": round(self._seconds / 60.0, 1), "interval-seconds": self._interval,
            "guests-started": self._comers.started, "guests-late": self._comers.late,
            "weights-compared": self.shares.compared,
            "switched-off-and-on": self._off.deeds, "cycles": self._pulse.figures.get("hpm_cycles_total", 0.0),
            "overruns": self._pulse.figures.get("hpm_loop_overruns_total", 0.0), "verdicts": verdicts,
            "requests": {actor.name: actor.deeds for actor in actors},
            "slowest-seconds": {actor.name: round(actor.slowest, 2) for actor in actors}, "pages": seen,
            "complaints": complaints, "files-before": before[1], "files-after": after[1], "looks": looks,
            "late": [round(one, 2) for one in sorted(self._pulse.late)[-20:]],
        }  # fmt: skip


def _is_front(pid: int) -> bool:
    with suppress(OSError):
        return b"hpm.host.front" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
