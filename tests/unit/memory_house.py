"""A simulated host that is short of memory, with guests of each importance, and a manager of it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hpm.backend.simulated import Idle, Scenario, ServerSpec, from_scenario, uuid_of
from hpm.store.adjustments import AdjustmentRecord

from .builders import House, Wish

MIB = 1 << 20
WISHES: dict[str, Wish] = {
    "gold": (70, "highest"), "silver": (50, "high"), "bronze": (30, "low"), "tin": (10, "lowest"),
}  # fmt: skip
#: With these needs all guests and their caches leave less than a tenth of the host available.
HOST, NEED = 12600, 1000.0


def guest(name: str, need: float = NEED, memory: int = 4096, **more: object) -> ServerSpec:
    spec = ServerSpec(name=name, memory_mib=memory, memory_need_mib=need, load=Idle())
    return msgspec.structs.replace(spec, **more)


def house_of(
    directory: Path, *servers: ServerSpec, memory: int = HOST, wishes: dict[str, Wish] | None = None,
    interval: float = 10.0,
) -> House:  # fmt: skip
    host = from_scenario(Scenario(cores=2, servers=servers, memory_mib=memory))
    house = House(directory, (), interval=interval, host=host)
    house.wish(WISHES if wishes is None else wishes)
    house.step(4)
    return house


def four(directory: Path, interval: float = 10.0, **more: object) -> House:
    return house_of(directory, *(guest(name, **more) for name in WISHES), interval=interval)


def has(house: House, name: str) -> float:
    """What a guest's balloon leaves it, in MiB."""
    memory = house.manager.snapshot.sample.samples[uuid_of(name)].memory_bytes
    assert memory is not None
    return memory / MIB


def balloons(house: House, name: str) -> list[float]:
    """All that a guest's balloon was asked for, in MiB."""
    return [(w.value or 0) / MIB for w in house.host.writes if (w.uuid, w.control) == (uuid_of(name), "balloon")]


def records(house: House, cause: str | None = None) -> list[AdjustmentRecord]:
    found = [record for record in house.records() if record.resource == "memory"]
    return [record for record in found if cause in (None, record.cause)]


def available(house: House) -> float:
    """The part of the host's memory that is available."""
    sample = house.manager.snapshot.sample
    assert sample.memory_bytes is not None and sample.available_bytes is not None
    return sample.available_bytes / sample.memory_bytes
