"""Which servers there are and what is wanted of each: what changes seldom, as columns in order of name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from ...policy.assignment import Assignment
from ...policy.catalog import Catalog
from ...policy.goals import Goal, VelocityGoal
from ..counters import Layout
from ..samples import ServerInfo
from ..table import Table
from .devices import DeviceColumns
from .metric import FloatColumn, IndexColumn, unknown

MIB = 2**20


class Roster:
    """All servers of a host (`uuids`, in order of name), groups (`groups`, by id) and service classes of their active
    policies (`classes`: group's id and class's name). Columns have a row for each server.

    `goal` is the velocity that is wanted, in percent, NaN: none; `discretionary` says which have that for a goal.
    `group_of` and `class_of` are places in `groups` and `classes`; -1: in no class.
    """

    def __init__(
        self, infos: Mapping[str, ServerInfo], catalog: Catalog, assignments: Mapping[str, Assignment]
    ) -> None:
        self._basis = (infos, catalog, assignments)
        self.infos, self.assignments = infos, assignments
        self.groups = tuple(catalog.groups)
        self.classes = tuple(
            (group.id, one.name) for group in catalog.groups.values() if group.policy is not None
            for one in group.policy.service_classes
        )  # fmt: skip
        self._layout: tuple[Layout, IndexColumn] | None = None
        self._devices: tuple[Table, DeviceColumns] | None = None
        self._catalog = catalog

    def covers(
        self, infos: Mapping[str, ServerInfo], catalog: Catalog, assignments: Mapping[str, Assignment]
    ) -> bool:
        """Whether it was made of these very values."""
        return all(mine is theirs for mine, theirs in zip(self._basis, (infos, catalog, assignments), strict=True))

    @cached_property
    def uuids(self) -> tuple[str, ...]:
        """See the class."""
        return tuple(sorted(self.infos, key=lambda uuid: (self.infos[uuid].name, uuid)))

    @cached_property
    def place(self) -> Mapping[str, int]:
        """The row of each server."""
        return {uuid: row for row, uuid in enumerate(self.uuids)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The servers' names."""
        return tuple(self.infos[uuid].name for uuid in self.uuids)

    @cached_property
    def goal(self) -> FloatColumn:
        """See the class."""
        return percents(self.assignments[uuid].goal for uuid in self.uuids)

    @cached_property
    def discretionary(self) -> FloatColumn:
        """1 for servers that get what is left, 0 for others."""
        wanted = (self.assignments[uuid].goal for uuid in self.uuids)
        return np.array([float(g is not None and not isinstance(g, VelocityGoal)) for g in wanted], dtype=np.float64)

    @cached_property
    def class_goal(self) -> FloatColumn:
        """The velocity that each class wants, in percent; NaN: discretionary. A row for each class."""
        return percents(
            one.goal for group in self._catalog.groups.values() if group.policy is not None
            for one in group.policy.service_classes
        )  # fmt: skip

    @cached_property
    def class_keys(self) -> tuple[str, ...]:
        """By what each class goes where its history is kept: its group's id, a slash, and its name."""
        return tuple(f"{group}/{name}" for group, name in self.classes)

    @cached_property
    def class_group(self) -> IndexColumn:
        """The place of each class's group. A row for each class."""
        places = {group: number for number, group in enumerate(self.groups)}
        return np.array([places[group] for group, _ in self.classes], dtype=np.int64)

    @cached_property
    def group_of(self) -> IndexColumn:
        """See the class."""
        places = {group: number for number, group in enumerate(self.groups)}
        return np.array([places[self.assignments[uuid].group] for uuid in self.uuids], dtype=np.int64)

    @cached_property
    def class_of(self) -> IndexColumn:
        """See the class."""
        places = {key: number for number, key in enumerate(self.classes)}
        wanted = (self.assignments[uuid] for uuid in self.uuids)
        return np.array([places.get((a.group, a.service_class or ""), -1) for a in wanted], dtype=np.int64)

    @cached_property
    def memory(self) -> FloatColumn:
        """Memory of each server, in bytes."""
        return np.array([self.infos[uuid].memory_mib * MIB for uuid in self.uuids], dtype=np.float64)

    @cached_property
    def paused(self) -> FloatColumn:
        """1 for servers that are paused, 0 for others."""
        return np.array([float(self.infos[uuid].status == "paused") for uuid in self.uuids], dtype=np.float64)

    def rows_of(self, layout: Layout) -> IndexColumn:
        """Where the servers of a layout of counters stand here; -1: a server that is not here."""
        if self._layout is None or self._layout[0] is not layout:
            rows = np.array([self.place.get(server.uuid, -1) for server in layout.servers], dtype=np.int64)
            self._layout = (layout, rows)
        return self._layout[1]

    def devices(self, table: Table) -> DeviceColumns:
        """What devices tell of the servers here; kept until it is another table, which it seldom is."""
        if self._devices is None or self._devices[0] is not table:
            self._devices = (table, DeviceColumns(self, table))
        return self._devices[1]

    def spread(self, layout: Layout, values: FloatColumn) -> FloatColumn:
        """A column with a value for each server of a layout, as one with a row for each server here."""
        rows = self.rows_of(layout)
        column = unknown(len(self.uuids))
        column[rows[rows >= 0]] = values[rows >= 0]
        return column


def percents(goals: Iterable[Goal | None]) -> FloatColumn:
    """Goals as velocities in percent; NaN where it is none."""
    return np.array([_percent(goal) for goal in goals], dtype=np.float64)


def _percent(goal: Goal | None) -> float:
    return float(goal.percent) if isinstance(goal, VelocityGoal) else float("nan")
