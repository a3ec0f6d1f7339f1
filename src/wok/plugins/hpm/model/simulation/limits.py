"""How large a simulation may be."""

from __future__ import annotations

import msgspec

from ...backend.simulated import Scenario, stretch_for
from ...errors import InvalidValue
from ...wire.simulations import DescribedHost


class Limits(msgspec.Struct, frozen=True):
    """The most there may be of each. `cpu_seconds` are those of the simulated host: CPUs × intervals × seconds; where
    it is simulated more coarsely (`stretch_for`), so many times more may be."""

    servers: int
    vcpus: int
    cpu_seconds: float
    points: int
    instead: str


#: For the manager, whose host has other work: some seconds of one CPU, and an answer of a few megabytes.
OVER_REST = Limits(
    servers=2000, vcpus=4000, cpu_seconds=5000.0, points=20_000,
    instead="say fewer, or simulate it with 'hpm simulate', which takes more",
)  # fmt: skip
#: For a process of the user's own.
OFFLINE = Limits(
    servers=10_000, vcpus=40_000, cpu_seconds=2_000_000.0, points=1_000_000, instead="say fewer",
)  # fmt: skip


def check_servers(host: DescribedHost, limits: Limits, path: str) -> None:
    """Raises `InvalidValue` if there are too many virtual servers or vCPUs; they are described at `path`."""
    number = sum(said.count or 1 for said in host.virtual_servers)
    vcpus = sum((said.count or 1) * said.vcpus for said in host.virtual_servers)
    _check("virtual servers", number, limits.servers, limits, path)
    _check("vCPUs", vcpus, limits.vcpus, limits, path)


def check_intervals(host: DescribedHost, scenario: Scenario, intervals: int, limits: Limits) -> None:
    """Raises `InvalidValue` if there are too many intervals for that host."""
    seconds = limits.cpu_seconds * stretch_for(scenario)
    cost = host.cpus * host.interval_seconds
    number = len(scenario.servers)
    _check(f"intervals of {host.cpus} CPUs and {host.interval_seconds:g} s", intervals, int(seconds / cost), limits,
           "intervals")  # fmt: skip
    _check(f"intervals of {number:,} virtual servers", intervals, limits.points // number, limits, "intervals")


def _check(what: str, number: int, most: int, limits: Limits, path: str) -> None:
    if number > most:
        raise InvalidValue(f"too large: {number:,} {what}, at most {most:,} are possible here; {limits.instead}", path)
