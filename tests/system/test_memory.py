"""Memory of real guests: under pressure the least important give first, one in need gets, and all of it comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm.client.rest import Client
from hpm.wire.management import Adjustment
from hpm.wire.servers import ServerDetail
from tests.lab import Guest, Lab
from tests.lab.errors import wait_until
from tests.lab.machine_limit import MachineLimit
from tests.running import ManagerProcess
from tests.system.goals import put_in_a_group

pytestmark = pytest.mark.lab

SECONDS = 3.0
MEMORY = 256
#: What a guest of this size keeps beyond its use, in MiB.
RESERVE = 32
#: Name, importance, and what it uses beside its kernel, in MiB.
GUESTS = (("gold", "highest", 60), ("silver", "high", 60), ("bronze", "low", 60), ("tin", "lowest", 40))
#: What the last one uses more so many seconds after its start.
MORE, LATER = 60, 60


class Watched:
    """The guests through the API, by their short names; everything that was seen is kept."""

    def __init__(self, client: Client, guests: dict[str, Guest]) -> None:
        self._client = client
        self._ids = {name: guest.uuid for name, guest in guests.items()}
        self.seen: list[dict[str, ServerDetail]] = []

    def look(self) -> dict[str, ServerDetail]:
        found = {name: self._client.server(uuid).value for name, uuid in self._ids.items()}
        self.seen.append(found)
        return found

    def has(self, name: str) -> int:
        return self.look()[name].memory_current_mib or 0

    def used(self, name: str) -> int:
        return self.look()[name].memory_used_mib or 0

    def decided(self) -> list[Adjustment]:
        """The adjustments of balloons, the oldest first."""
        found = self._client.adjustments(limit=200).value.dynamic_resource_adjustments
        return [one for one in reversed(found) if one.resource == "memory" and (one.receivers or one.donors)]


@pytest.fixture
def guests(lab: Lab) -> Iterator[dict[str, Guest]]:
    found: dict[str, Guest] = {}
    for name, _, uses in GUESTS:
        more = f"+later:{MORE},{LATER}" if name == "tin" else ""
        found[name] = lab.linux(name, load=f"memory:{uses}+filled:{MEMORY - uses - 90}{more}", memory_mib=MEMORY)
    yield found
    for guest in found.values():
        guest.destroy()


@pytest.fixture
def limit(lab: Lab) -> Iterator[MachineLimit]:
    limit = MachineLimit()
    limit.lift()
    yield limit
    limit.lift()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagerProcess]:
    with ManagerProcess(tmp_path, "qemu:///system", SECONDS) as running:
        yield running


def test_memory_moves_by_importance_and_comes_back(
    guests: dict[str, Guest], manager: ManagerProcess, limit: MachineLimit
) -> None:
    with manager.client() as client:
        for name, importance, _ in GUESTS:
            put_in_a_group(client, name, importance, guests[name])
        watched = Watched(client, guests)
        client.set_management_levels({"memory-mgmt": "on"})
        wait_until(lambda: all(s.memory_management == "managed" for s in watched.look().values()), 40, "all managed")
        assert not watched.decided(), "no balloon is moved without need"

        limit.leave(0.05)
        wait_until(lambda: limit.available() > 0.14, 60, "pressure ends")
        gave = [one.donors[0].name for one in watched.decided() if one.cause == "host-pressure"]
        assert gave[0] == guests["tin"].name
        assert guests["gold"].name not in gave
        assert watched.has("gold") == MEMORY
        low = watched.has("tin")
        assert low < MEMORY - 40

        wait_until(lambda: watched.used("tin") > low - RESERVE / 2, LATER + 20, "its use grows", 0.2)
        short = time.monotonic()
        wait_until(lambda: watched.has("tin") > low + RESERVE / 2, 20, "it gets memory", 0.2)
        # Its use grows on, and what is seen of it is up to a period of its statistics (2 s) old.
        assert time.monotonic() - short < 2 * SECONDS + 2
        assert any(one.cause == "distress" and one.receivers[0].name == guests["tin"].name for one in watched.decided())

        limit.lift()
        wait_until(lambda: all(s.memory_current_mib == MEMORY for s in watched.look().values()), 120, "all comes back")
    for seen in watched.seen:
        for name, server in seen.items():
            if server.memory_current_mib is not None and server.memory_used_mib is not None:
                assert server.memory_current_mib > server.memory_used_mib, name
    for guest in guests.values():
        assert "Out of memory" not in guest.console
        assert guest.domain.memoryStats().get("swap_out", 0) == 0
