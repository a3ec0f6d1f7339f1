"""All metrics of one moment. Figures are made when they are first asked for, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ..samples import HostSample
from ..windows import HostWindow
from . import groups, host, servers
from .attainment import Attained
from .groups import Classes, GroupMetric, Groups
from .host import HostMetric
from .metric import FloatColumn
from .moment import NOTHING, Beside, Moment
from .roster import Roster
from .servers import ServerMetric

SERVER_METRICS: tuple[ServerMetric, ...] = (*servers.RAW, *servers.CALCULATED)
GROUP_METRICS: tuple[GroupMetric, ...] = (*groups.RAW, *groups.CALCULATED)
HOST_METRICS: tuple[HostMetric, ...] = (*host.RAW, *host.CALCULATED)


class Figures:
    """Columns by the metrics' names. Any thread may ask; at worst, a column is made twice."""

    def __init__(
        self, roster: Roster, sample: HostSample, window: HostWindow | None, attained: Attained,
        beside: Beside = NOTHING,
    ) -> None:  # fmt: skip
        self.roster = roster
        self.window = window
        self._attained = attained
        self.beside = beside
        self._moment = Moment(roster, sample, window, beside, attained)
        self._classes = Classes(self._moment)
        self._groups = Groups(self._classes)

    def with_sample(self, sample: HostSample) -> Figures:
        """Those of the same window, with what was set since."""
        if sample is self._moment.sample:
            return self
        return Figures(self.roster, sample, self.window, self._attained, self.beside)

    @cached_property
    def servers(self) -> Mapping[str, FloatColumn]:
        """A row for each server, in the order of the roster."""
        return {metric.name: metric.of(self._moment) for metric in SERVER_METRICS}

    @cached_property
    def groups(self) -> Mapping[str, FloatColumn]:
        """A row for each workload resource group."""
        return {metric.name: metric.of(self._groups) for metric in GROUP_METRICS}

    @cached_property
    def classes(self) -> Mapping[str, FloatColumn]:
        """A row for each service class of an active policy."""
        return {metric.name: metric.of(self._classes) for metric in GROUP_METRICS}

    @cached_property
    def host(self) -> Mapping[str, float]:
        """Of the host."""
        return {metric.name: metric.of(self._moment) for metric in HOST_METRICS}
