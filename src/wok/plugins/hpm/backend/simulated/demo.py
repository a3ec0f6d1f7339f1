"""Hosts for demonstrations: ``simulated`` and ``simulated:N``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ...errors import InvalidValue
from .hypervisor import SimulatedHypervisor
from .loads import BusyIdle, Idle, Load, Spin, Wave, Web
from .scenario import Scenario, ServerSpec

#: The most guests that ``simulated:N`` makes.
MAX_SERVERS: Final = 10000

#: A lively small host: guests of these kinds, again and again. Nine of them are the demo.
LIVELY: Final = ("db", "web", "batch", "batch", "web", "db", "batch", "web", "test")

#: From this number of guests on most of them are idle or light.
LARGE: Final = 51

#: Kinds of a large host; "app" guests are idle.
QUIET: Final = ("db", "app", "app", "web", "app", "app", "app", "batch", "app", "app",
                "app", "web", "app", "app", "test", "app", "app", "app", "web", "app")  # fmt: skip

#: Seconds in which demand in the demo goes up and down once.
DAY: Final = 240.0
#: The host's memory, as a part of what its guests are defined with (and 1 GiB for itself): they need a little less than
#: that, but fill the rest with their caches.
MEMORY: Final = 0.8

_TITLES: Final = {
    "db": ("Order database", "Customer database"),
    "web": ("Web shop", "Web shop, search", "Web shop, payment"),
    "batch": ("Nightly reports", "Data warehouse load", "Video encoding"),
    "test": ("Test system",),
    "app": ("Application server",),
}

#: Name and level, as guests say them themselves.
_SYSTEMS: Final = {
    "db": ("rhel", "9.4"), "web": ("debian", "12"), "batch": ("ubuntu", "24.04"), "test": ("fedora", "40"),
    "app": ("sles", "15.6"),
}  # fmt: skip


def from_uri(uri: str, clock: Callable[[], int] | None = None) -> SimulatedHypervisor:
    """The host that ``simulated`` (a demo of nine guests) or ``simulated:N`` (N such guests) names.

    With a `clock` (monotonic ns) it lives by it. Raises `InvalidValue` if the URI is neither.
    """
    match = re.fullmatch(r"simulated(?::([0-9]{1,9}))?", uri)
    number = int(match[1] or 9) if match else -1
    if not 0 <= number <= MAX_SERVERS:
        raise InvalidValue(
            f"{uri!r} names no simulated host: write simulated, or simulated:N for N guests, 0 to {MAX_SERVERS}"
        )
    return SimulatedHypervisor(scenario(number), clock, uri)


def scenario(number: int) -> Scenario:
    """A host with this many guests, and cores in proportion, in contention."""
    large = number >= LARGE
    kinds = QUIET if large else LIVELY
    cores = max(4, round(number * 64 / 1000)) if large else max(1, round(number * 4 / 9))
    seen: dict[str, int] = {}
    servers = []
    for index in range(number):
        kind = kinds[index % len(kinds)]
        seen[kind] = seen.get(kind, 0) + 1
        servers.append(_server(kind, seen[kind], light=large))
    memory = round(sum(server.memory_mib for server in servers) * MEMORY) + 1024
    return Scenario(cores=cores, servers=tuple(sorted(servers, key=_by_kind)), memory_mib=memory)


def _server(kind: str, number: int, light: bool) -> ServerSpec:
    name = f"{kind}{number}"
    titles = _TITLES[kind]
    system, level = _SYSTEMS[kind]
    return ServerSpec(
        name=name,
        vcpus=1 if kind == "test" else 2,
        load=_load(kind, number, light),
        memory_mib={"db": 8192, "web": 2048, "batch": 4096, "test": 1024, "app": 4096}[kind],
        facts={
            "title": titles[(number - 1) % len(titles)],
            "hostname": f"{name}.example.com",
            "os-type": "linux",
            "os-name": system,
            "os-level": level,
            "metadata": (f"role={kind}", "stage=test" if kind == "test" else "stage=production"),
        },
    )


def _load(kind: str, number: int, light: bool) -> Load:
    """What a guest does; those of one kind do it at different times."""
    phase = (0.15 + 0.38 * number) % 1
    if kind == "db":
        return Wave(low=0.12, high=0.5, period_s=DAY, phase=phase)
    if kind == "web":
        return Web(demand=0.12 if light else 0.22, work_ms=12, swing=0.7, period_s=DAY * 0.6)
    if kind == "batch":
        if number % 3 == 1:
            return Spin()
        return BusyIdle(busy_s=DAY * 0.75, idle_s=DAY * 0.25, offset_s=round(DAY * phase / 4))
    if kind == "test":
        return BusyIdle(busy_s=20, idle_s=70, offset_s=round(90 * phase))
    return Idle()


def _by_kind(spec: ServerSpec) -> tuple[str, int]:
    kind = spec.name.rstrip("0123456789")
    return kind, int(spec.name[len(kind) :])
