"""Metrics of workload resource groups and of the service classes of their active policies: from the sums of their
members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeAlias

import numpy as np

from .attainment import SPANS, Span
from .devices import GROUP_CALCULATED, GROUP_RAW
from .metric import FloatColumn, IndexColumn, Metric, unknown
from .moment import Moment, index, met, velocity


class Members:
    """Servers gathered in groups or classes. `index` is where each server belongs; -1: nowhere. Columns have a row for
    each group or class; sums count what is not known as nothing."""

    def __init__(self, moment: Moment, index: IndexColumn, rows: int) -> None:
        self.moment = moment
        self.rows = rows
        self._index = index

    def sum(self, column: FloatColumn) -> FloatColumn:
        """The sum over the members."""
        inside = (self._index >= 0) & ~np.isnan(column)
        summed: FloatColumn = np.zeros(self.rows)
        np.add.at(summed, self._index[inside], column[inside])
        return summed

    @cached_property
    def members(self) -> FloatColumn:
        """How many there are."""
        return self.sum(np.ones(len(self._index)))

    @cached_property
    def busy(self) -> FloatColumn:
        """How many of them worked."""
        return self.sum(self.moment.busy)

    @cached_property
    def using(self) -> FloatColumn:
        """CPUs that those which worked used."""
        return self.sum(np.where(self.moment.busy == 1.0, self.moment.using, 0.0))

    @cached_property
    def delay(self) -> FloatColumn:
        """CPUs that those which worked waited for."""
        return self.sum(np.where(self.moment.busy == 1.0, self.moment.delay, 0.0))

    @cached_property
    def velocity(self) -> FloatColumn:
        """Of the sums."""
        return velocity(self.using, self.delay, self.busy > 0)

    @property
    def keys(self) -> tuple[str, ...]:
        """By what each of them goes where its history is kept."""
        raise NotImplementedError

    def attained(self, span: Span) -> FloatColumn:
        """Goal attainment over the last hour, day or week, in percent."""
        return self.moment.attained.share(self.keys, span)

    @property
    def devices(self) -> Mapping[str, FloatColumn]:
        """What disks and interfaces of the members tell, summed (`devices.summed`)."""
        raise NotImplementedError

    @property
    def index(self) -> FloatColumn:
        """The PI."""
        raise NotImplementedError

    @property
    def judged(self) -> FloatColumn:
        """1 where there is a goal to be met."""
        raise NotImplementedError

    @property
    def met(self) -> FloatColumn:
        """1 where it was."""
        raise NotImplementedError


class Classes(Members):
    """Service classes, in the order of the roster's."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment, moment.roster.class_of, len(moment.roster.classes))

    @property
    def keys(self) -> tuple[str, ...]:
        return self.moment.roster.class_keys

    @property
    def devices(self) -> Mapping[str, FloatColumn]:
        return self.moment.devices.classes

    @cached_property
    def index(self) -> FloatColumn:
        goal = self.moment.roster.class_goal
        return index(goal, np.isnan(goal), self.velocity)

    @cached_property
    def judged(self) -> FloatColumn:
        watched = self.sum(np.where(self.moment.roster.paused == 0.0, self.moment.using * 0.0 + 1.0, np.nan))
        return np.asarray((watched > 0) & ~np.isnan(self.moment.roster.class_goal), dtype=np.float64)

    @cached_property
    def met(self) -> FloatColumn:
        return met(self.judged, self.index)


class Groups(Members):
    """Workload resource groups. Each is as well as the worst of its classes."""

    def __init__(self, classes: Classes) -> None:
        moment = classes.moment
        super().__init__(moment, moment.roster.group_of, len(moment.roster.groups))
        self._classes = classes

    @property
    def keys(self) -> tuple[str, ...]:
        return self.moment.roster.groups

    @property
    def devices(self) -> Mapping[str, FloatColumn]:
        return self.moment.devices.groups

    @cached_property
    def index(self) -> FloatColumn:
        worst = unknown(self.rows)
        np.fmax.at(worst, self.moment.roster.class_group, self._classes.index)
        return worst

    @cached_property
    def judged(self) -> FloatColumn:
        any_: FloatColumn = np.zeros(self.rows)
        np.maximum.at(any_, self.moment.roster.class_group, self._classes.judged)
        return any_

    @cached_property
    def met(self) -> FloatColumn:
        missed: FloatColumn = np.zeros(self.rows)
        np.maximum.at(missed, self.moment.roster.class_group, self._classes.judged - self._classes.met)
        return self.judged - missed * self.judged


def _attained(span: Span) -> Callable[[Members], FloatColumn]:
    return lambda members: members.attained(span)


GroupMetric: TypeAlias = Metric[Members, FloatColumn]


#: What is counted of a group's or a class's members, summed.
RAW: tuple[GroupMetric, ...] = (
    Metric("virtual-servers", "number", "gauge", "Virtual servers that the host has of it.",
           lambda g: g.members, kept=True),
    Metric("cpu-time", "s", "gauge",
           "Time that virtual CPUs ran, summed over its servers; it jumps as those come and go.",
           lambda g: g.sum(g.moment.cpu_time)),
    Metric("cpu-delay-time", "s", "gauge",
           "Time that virtual CPUs were runnable and waited, summed over its servers; it jumps as those come and go.",
           lambda g: g.sum(g.moment.cpu_delay_time)),
    Metric("vcpus", "number", "gauge", "Virtual CPUs of those that run.", lambda g: g.sum(g.moment.vcpus)),
    Metric("vcpus-starving", "number", "gauge",
           "Virtual CPUs that are runnable and have hardly run since the sample before.",
           lambda g: g.sum(g.moment.starving)),
    Metric("cpu-shares", "number", "gauge", "CPU shares in force, summed over its servers.",
           lambda g: g.sum(g.moment.shares)),
    Metric("memory-size", "bytes", "gauge", "Memory that its servers were given.",
           lambda g: g.sum(g.moment.roster.memory)),
    *GROUP_RAW,
)  # fmt: skip

#: What comes of that over the last interval.
CALCULATED: tuple[GroupMetric, ...] = (
    Metric("busy-virtual-servers", "number", "gauge",
           "Virtual servers that ran or waited for more than 1 % of one CPU in the last interval.",
           lambda g: g.busy, kept=True),
    Metric("cpu-using", "CPUs", "gauge", "CPUs that its busy servers used, a mean over the last interval.",
           lambda g: g.using, kept=True),
    Metric("cpu-delay", "CPUs", "gauge", "CPUs that its busy servers waited for, a mean over the last interval.",
           lambda g: g.delay, kept=True),
    Metric("velocity", "%", "gauge",
           "100 × time run / (time run + time waited for a CPU) of the sums over its busy servers; null: none is busy.",
           lambda g: g.velocity, kept=True),
    Metric("performance-index", "ratio", "gauge",
           "Goal velocity / velocity of a class; of a group, that of its worst class. null: no goal, or none is busy.",
           lambda g: g.index, kept=True),
    Metric("goal-judged", "0 or 1", "gauge", "1: there is a goal of velocity, and servers that it is for.",
           lambda g: g.judged, kept=True),
    Metric("goal-met", "0 or 1", "gauge",
           "1: the goal (of a group: those of all its classes) was met in the last interval; that of idle servers is.",
           lambda g: g.met, kept=True),
    *(Metric(f"goal-attainment-{span}", "%", "gauge",
             f"Of the time of the last {span} in which there was a goal to be met, the share in which it was.",
             _attained(span)) for span in SPANS),
    Metric("cpu-entitlement", "CPUs", "gauge", "CPUs that the shares of its busy servers entitle them to.",
           lambda g: g.sum(np.where(g.moment.busy == 1.0, g.moment.entitlement, 0.0)), kept=True),
    *GROUP_CALCULATED,
)  # fmt: skip
