"""Nothing is remembered for ever of servers that are gone: a manager works for months, and servers come and go.

What it holds is counted by name (`tests.soak.growing`), after some servers were made and deleted and after many more.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import Spin
from hpm.wire.management import Level
from tests.soak.growing import grown, sizes

from .builders import House, policy
from .memory_house import HOST, NEED, guest, house_of

#: What is bounded by a number that is not reached here, or is only in the simulated host.
BOUNDED = ("Events._ring", "Ledger.gone")
#: Servers that are made and deleted before it is counted first, and then.
FIRST, THEN = 15, 25


def come_and_go(house: House, number: int, begin: int) -> None:
    for serial in range(begin, begin + number):
        name = f"passing{serial}"
        uuid = house.host.add_server(guest(name, need=2 * NEED, load=Spin()))
        house.step(3)
        house.host.delete(uuid)
        house.step()
        house.host.writes.clear()


@pytest.mark.parametrize("level", ["advise", "on"])
def test_nothing_is_remembered_of_servers_that_are_gone(tmp_path: Path, level: Level) -> None:
    house = house_of(tmp_path, *(guest(name, load=Spin()) for name in ("gold", "bronze")), memory=HOST // 3,
                     wishes={"gold": (70, "highest"), "bronze": (30, "low")})  # fmt: skip
    with house.manager.change() as change:
        default = change.catalog.group("default")
        change.catalog = change.catalog.with_group(
            msgspec.structs.replace(default, perf_policies=(policy({"gold": None}),), active_policy="day")
        )
    house.manager.recorder.tell()
    house.manager.set_level(level)
    house.manager.set_memory_level(level)
    come_and_go(house, FIRST, 0)
    before = sizes(house.manager)
    come_and_go(house, THEN, FIRST)
    more = grown(before, sizes(house.manager), THEN // 2)
    assert {name: pair for name, pair in more.items() if name not in BOUNDED} == {}
