"""What a cycle or a request leaves behind goes at once, without a search for garbage.

Searches leave out what has outlived one and look through everything once an hour only (`hpm.heap`), because they
stop the whole process. So objects that refer to each other in a circle would stay for an hour: a snapshot's columns for
each cycle in which a server came or went were 50 MB an hour on a host of 1,000 servers.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpm.backend.simulated import ServerSpec, Spin
from hpm.client.connection import connect
from hpm.wire.management import Level

from .api_host import GROUPS, SERVERS, ApiHost, policy, running
from .memory_house import HOST, guest, house_of

#: Cycles; what is found less often than in each third of them is no habit of theirs.
CYCLES = 30


@contextmanager
def circles() -> Iterator[Counter[str]]:
    """Objects of hpm's own classes that were left in circles, by class."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("hpm."))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("level", ["advise", "on"])
def test_cycles_leave_no_circles(tmp_path: Path, level: Level) -> None:
    house = house_of(tmp_path, *(guest(name, load=Spin()) for name in ("gold", "bronze")), memory=HOST // 3,
                     wishes={"gold": (70, "highest"), "bronze": (30, "low")})  # fmt: skip
    house.manager.recorder.tell()
    house.manager.set_level(level)
    house.manager.set_memory_level(level)
    house.step(3)
    with circles() as found:
        for serial in range(CYCLES):
            uuid = house.host.add_server(guest(f"passing{serial}", load=Spin()))
            house.step()
            house.say("gold", cpu_cap=0.5 + serial / 100)
            house.host.delete(uuid)
    assert {name: number for name, number in found.items() if number >= CYCLES / 3} == {}


def test_requests_leave_no_circles(tmp_path: Path) -> None:
    with running(directory=tmp_path) as api:
        ask(api, "warm")
        with circles() as found:
            for serial in range(CYCLES):
                ask(api, f"Group {serial}")
                api.cycle()
    assert {name: number for name, number in found.items() if number >= CYCLES / 3} == {}


@pytest.mark.own_server("it is about connections to hpm's own socket")
def test_connections_leave_no_circles(tmp_path: Path) -> None:
    with running(directory=tmp_path) as api:
        with connect(api.socket) as client:
            client.version()
        with circles() as found:
            for _ in range(CYCLES):
                with connect(api.socket) as client:
                    client.version()
    assert {name: number for name, number in found.items() if number >= CYCLES / 3} == {}


def ask(api: ApiHost, name: str) -> None:
    """Some reads, a write, and two that are refused."""
    for path in (f"{GROUPS}/detail", f"{SERVERS}/detail", f"{SERVERS}/sync", "/metrics/raw/hypervisor",
                 "/metrics/calculated/virtual-servers", "/dynamic-resource-adjustments", "/settings"):  # fmt: skip
        api.get(path)
    api.hypervisor.add_server(ServerSpec(f"of {name}"))
    made = api.post(GROUPS, {"name": name, "perf-policies": [policy()]})
    assert api.send("DELETE", f"{GROUPS}/{made['object-id']}").status_code == 204
    assert api.send("GET", f"{GROUPS}/none").status_code == 404
    assert api.send("POST", GROUPS, {"name": 1}).status_code == 400
