"""One simulation: the sides of a host beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ...backend.simulated import Scenario
from ...errors import InvalidValue
from ...policy.catalog import Catalog
from ...wire.groups import GroupCreate
from ...wire.simulations import DescribedHost, Side, Simulation, SimulationCreate
from .described import GROUPS, SERVERS, Member, below, groups_of, members, scenario_of, with_members
from .figures import Span, side_of
from .limits import Limits, check_intervals, check_servers
from .play import WARM_UP, play

#: Counting begins with this interval: goals of loads that sleep are met three intervals after a change.
COUNTED_FROM: Final = 4

#: Told after each interval: how many have passed, of how many.
Progress = Callable[[int, int], None]


class Prepared(msgspec.Struct, frozen=True):
    """A simulation that was checked whole."""

    host: DescribedHost
    intervals: int
    servers: Sequence[Member]
    scenario: Scenario
    catalogs: Sequence[tuple[Side, Catalog]]
    notes: Sequence[str]


def prepare(wanted: SimulationCreate, limits: Limits, path: str = "") -> Prepared:
    """Check a simulation whose host is described, and whose groups are given or in that.

    Errors name places below `path` where they are about the host's description. Raises `InvalidValue`.
    """
    host, given = wanted.host, wanted.workload_resource_groups
    if host is None:
        raise InvalidValue("there is no host to simulate; describe one, or record one", path)
    groups = host.workload_resource_groups if given is None else given
    if groups is None:
        raise InvalidValue("there are no groups, and so no policies; give them here or in a policy file", GROUPS)
    intervals = wanted.intervals or host.intervals
    check_servers(host, limits, f"{path}.{SERVERS}" if path else SERVERS)
    with below(path):
        servers = members(host)
        scenario = scenario_of(host, servers)
    check_intervals(host, scenario, intervals, limits)
    with below(path if given is None else ""):
        catalog = groups_of(groups, GROUPS)
    with below(path):
        managed = with_members(catalog, servers)
    catalogs: list[tuple[Side, Catalog]] = [("unmanaged", managed), ("managed", managed)]
    if wanted.compare_with is not None:
        other = groups_of(wanted.compare_with, "compare-with")
        with below(path):
            catalogs.append(("compared", with_members(other, servers)))
    return Prepared(host, intervals, servers, scenario, catalogs, _notes([*groups, *(wanted.compare_with or ())]))


def simulate(prepared: Prepared, progress: Progress | None = None) -> Simulation:
    """Run it. The same description gives the same result."""
    host, intervals = prepared.host, prepared.intervals
    done, total = 0, len(prepared.catalogs) * (WARM_UP + intervals)

    def passed() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    span = Span(host.interval_seconds, min(COUNTED_FROM, intervals))
    order = [member.uuid for member in prepared.servers]
    sides = [
        side_of(
            name,
            play(prepared.scenario, catalog, host.interval_seconds, intervals, managed=name != "unmanaged",
                 passed=passed),
            order, span,
        )
        for name, catalog in prepared.catalogs
    ]  # fmt: skip
    return Simulation(
        description=host.description, cpus=host.cpus, interval_seconds=host.interval_seconds, intervals=intervals,
        counted_from=span.counted_from, sides=sides, notes=list(prepared.notes),
    )  # fmt: skip


def _notes(groups: Sequence[GroupCreate]) -> list[str]:
    """What the reader of the result should know."""
    scheduled = sorted({group.name for group in groups if group.schedule})
    if not scheduled:
        return []
    names = ", ".join(map(repr, scheduled))
    return [f"Schedules are not played: the active policy of {names} stays active all the time."]
