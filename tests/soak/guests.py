"""Real guests of the soak: some that stay, and others that start and stop all the time."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from hpm.client.rest import Client
from tests.lab import Guest, Lab, LabTimeoutError
from tests.soak.actors import Actor

#: Those that stay: their shares before hpm, which nobody would have chosen.
STAYING = {"soak-db": 1024, "soak-web": 333, "soak-batch": 2048, "soak-test": 777}
#: Goal and importance of each, by day and by night; None: discretionary.
DAY = {"soak-db": (60, "highest"), "soak-web": (40, "high"), "soak-batch": (None, "low"), "soak-test": (None, "low")}
NIGHT = {"soak-batch": (60, "highest"), "soak-test": (30, "high"), "soak-db": (None, "low"), "soak-web": (None, "low")}
#: One of a group without a policy: nobody may touch it.
ALONE = ("soak-alone", 900)
#: Seconds that a guest of the others lives.
LIVES = (1.0, 10.0)
#: Any two weights are within this ratio, and each within this range (docs/planner.md).
RATIO, RANGE = 500, (2, 10000)


def goals(name: str, wishes: dict[str, Any]) -> dict[str, Any]:
    """A policy with a class for each guest that stays, and one for those that come and go."""
    return {
        "name": name, "importance": "medium", "service-classes": [
            *(_class(guest, goal, importance) for guest, (goal, importance) in wishes.items()),
            _class("comes-*", 50, "high"),    # so that they are soon up
            {"name": "rest", "goal": {"type": "discretionary"}},
        ],
    }  # fmt: skip


def _class(guest: str, goal: int | None, importance: str) -> dict[str, Any]:
    return {
        "name": guest.replace("*", "any"), "importance": importance,
        "goal": {"type": "discretionary"} if goal is None else {"type": "velocity", "velocity": goal},
        "classification": {"type": "filter", "filter-type": "virtual-server-name", "operation": "string-match",
                           "value": f"*-{guest}"},
    }  # fmt: skip


class Comers:
    """Starts and stops guests: `actors` of them at a time. Each other guest is the same server again."""

    def __init__(self, lab: Lab, number: int = 3) -> None:
        self._lab = lab
        self.started = 0
        #: Guests that were not up in two minutes, as happens on a machine that others use, too.
        self.late = 0
        self.actors = [Actor(f"guests-{one}", self._act(one), 0.1) for one in range(number)]

    def _act(self, number: int) -> Callable[[], None]:
        chance = random.Random(number)
        own = str(uuid.UUID(int=0x5050 + number, version=4))
        turn = 0

        def live() -> None:
            nonlocal turn
            turn += 1
            again = turn % 2 == 0
            name = f"comes-{number}" if again else f"comes-{number}-{turn}"
            try:
                guest = self._lab.tiny(
                    name, vcpus=chance.choice((1, 1, 2)), load=chance.choice(("spin", "halt", "halt")),
                    uuid=own if again else None,
                )  # fmt: skip
            except LabTimeoutError:
                self.late += 1
                return
            try:
                self.started += 1
                self._pass(guest, chance.uniform(*LIVES), chance)
            finally:
                guest.destroy()
                self._lab.forget(guest)

        return live

    @staticmethod
    def _pass(guest: Guest, seconds: float, chance: random.Random) -> None:
        """Let the guest live so long; now and then it is paused for some of that time."""
        if chance.random() < 0.2:
            guest.domain.suspend()
            time.sleep(seconds / 3)
            guest.domain.resume()
        time.sleep(seconds)


class Shares:
    """Compares the weights in force with what hpm says that it set."""

    def __init__(self, guests: list[Guest], alone: Guest) -> None:
        self._guests, self._alone = guests, alone
        self.compared = 0
        self._differ: dict[str, tuple[int, int]] = {}
        self._since: str | None = None

    @property
    def uuids(self) -> list[str]:
        """Of the guests that stay."""
        return [guest.uuid for guest in self._guests]

    def begin_anew(self) -> None:
        """Management was switched off: what was set before is no plan any more."""
        self._differ.clear()
        self._since = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def complaints(self, client: Client) -> list[str]:
        """What is not as it is to be. A weight that differs from the plan is told when it still does the next time: a
        plan may just be under way."""
        found = []
        told = {server.object_id: server for server in client.servers_detail().value.virtual_servers}
        planned = _planned(client, self._since)
        in_force = {guest.uuid: guest.cpu_shares() for guest in self._guests}
        differ = {}
        for guest in self._guests:
            shares, server = in_force[guest.uuid], told.get(guest.uuid)
            if server is None:
                found.append(f"{guest.name} is not told")
                continue
            if server.management != "managed":
                found.append(f"{guest.name} is {server.management}: {server.management_reason}")
            want = planned.get(guest.uuid)
            self.compared += want is not None
            if want is not None and shares != want:
                differ[guest.uuid] = (shares, want)
                if self._differ.get(guest.uuid) == (shares, want):
                    found.append(f"{guest.name} has {shares} shares, and was given {want}")
            if not RANGE[0] <= shares <= RANGE[1]:
                found.append(f"{guest.name} has {shares} shares")
        self._differ = differ
        if max(in_force.values()) > RATIO * min(in_force.values()):
            found.append(f"shares are further apart than 1:{RATIO}: {sorted(in_force.values())}")
        if self._alone.cpu_shares() != ALONE[1]:
            found.append(f"{self._alone.name} of a group without goals has {self._alone.cpu_shares()} shares")
        return found

    def differ_from_the_originals(self) -> list[str]:
        """Of hpm that is off: who does not have what he had."""
        wanted = [*STAYING.values(), ALONE[1]]
        pairs = zip((*self._guests, self._alone), wanted, strict=True)
        return [
            f"{guest.name} had {original} shares before hpm, and has {guest.cpu_shares()} with it off"
            for guest, original in pairs if guest.cpu_shares() != original
        ]  # fmt: skip


def _planned(client: Client, since: str | None) -> dict[str, int]:
    """The newest shares that were set, by server, as the adjustments tell."""
    found: dict[str, int] = {}
    for record in client.adjustments(since=since, limit=200).value.dynamic_resource_adjustments:
        if record.resource != "cpu" or record.outcome != "applied":
            continue
        for server in (*record.receivers, *record.donors):
            uri, shares = server.virtual_server, server.shares_after
            if shares is not None:
                found.setdefault(uri.rpartition("/")[2], shares)
    return found

