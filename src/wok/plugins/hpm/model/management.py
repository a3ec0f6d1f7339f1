"""Management levels, adjustments, versions."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from ..engine.topology import Topology
from ..errors import Conflict
from ..manager.manager import Manager
from ..manager.relief import Relief
from ..policy.cpu_sets import format_cpus
from ..store.adjustments import AdjustmentFilter
from ..store.history import Retention
from ..store.settings import Wanted
from ..version import VERSION
from ..wire.management import (
    AdjustmentList,
    AdjustmentQuery,
    ControlAbility,
    HistorySettings,
    HostNode,
    ManagementLevels,
    ManagementLevelsUpdate,
    Settings,
    SettingsUpdate,
    Version,
)
from .notifications import merged, shown
from .pages import older
from .references import group_id, server_id
from .times import utc_time
from .views import Views

API_VERSION = "1.0"

_DAY, _MIB = 86_400.0, 2**20


class Management:
    """Requests on hpm itself."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def levels(self) -> ManagementLevels:
        """The levels in force."""
        levels = self._manager.snapshot.levels
        return ManagementLevels(levels.cpu_mgmt, levels.memory_mgmt)

    def set_levels(
        self, wanted: ManagementLevelsUpdate, check: Callable[[ManagementLevels], None]
    ) -> ManagementLevels:
        """Set levels; `check` is called with those before, under the lock, and may raise.

        Raises `Conflict` for what this build or host cannot do, and while another program manages memory.
        """
        with self._manager.change():    # nothing of the catalog; it is the one lock of all writers
            check(self.levels())
            self._set_levels(wanted)
        return self.levels()

    def _set_levels(self, wanted: ManagementLevelsUpdate) -> None:
        controls = self._manager.description.controls
        for level, control, what in (
            (wanted.cpu_mgmt, "cpu-shares", "CPU shares"), (wanted.memory_mgmt, "balloon", "balloons"),
        ):  # fmt: skip
            if level == "on" and not controls[control].works:
                raise Conflict(f"{what} cannot be set on this host: {controls[control].why_not}")
        if wanted.memory_mgmt == "on":
            self._manager.takeover.check()
        if wanted.cpu_mgmt is not msgspec.UNSET:
            self._manager.set_level(wanted.cpu_mgmt)
        if wanted.memory_mgmt is not msgspec.UNSET:
            self._manager.set_memory_level(wanted.memory_mgmt)

    def settings(self, whole: bool) -> Settings:
        """What can be set for hpm as a whole; `whole`: also what only administrators are told."""
        kept = self._manager.recorder.retention
        history = HistorySettings(
            kept.minutes / _DAY, kept.tens / _DAY, kept.hours / _DAY, kept.size // _MIB
        )
        notifications = shown(self._manager.notifier.wanted, whole)
        memory = self._manager.memory.settings
        return Settings(
            self._manager.interval, self._manager.devices_interval, history, notifications, memory.memory_policy,
            memory.allow_guest_swap, memory.manage_ksm, self._manager.placement.interval,
            self._manager.starting.admission,
        )  # fmt: skip

    def update_settings(self, wanted: SettingsUpdate, check: Callable[[Settings], None]) -> Settings:
        """Change settings; `check` is called with those before, under the lock, and may raise. Raises
        `InvalidValue`."""
        with self._manager.change():    # nothing of the catalog; it is the one lock of all writers
            check(self.settings(whole=True))
            notifications = self._notifications(wanted)
            if wanted.interval_seconds is not msgspec.UNSET:
                self._manager.set_interval(float(wanted.interval_seconds))
            if wanted.devices_interval_seconds is not msgspec.UNSET:
                self._manager.set_devices_interval(float(wanted.devices_interval_seconds))
            if wanted.placement_interval_seconds is not msgspec.UNSET:
                self._manager.placement.set_interval(float(wanted.placement_interval_seconds))
            if wanted.admission is not msgspec.UNSET:
                self._manager.starting.set_admission(wanted.admission)
            if wanted.history is not msgspec.UNSET:
                days = wanted.history
                self._manager.recorder.set_retention(Retention(
                    minutes=days.minutes_days * _DAY, tens=days.ten_minutes_days * _DAY, hours=days.hours_days * _DAY,
                    size=days.size_mib * _MIB,
                ))  # fmt: skip
            memory = {
                name: value for name in ("memory_policy", "allow_guest_swap", "manage_ksm")
                if (value := getattr(wanted, name)) is not msgspec.UNSET
            }  # fmt: skip
            if memory:
                settings = msgspec.structs.replace(self._manager.memory.settings, **memory)
                self._manager.memory.set(settings)
            if notifications is not msgspec.UNSET:
                self._manager.notifier.set(notifications)
        return self.settings(whole=True)

    def _notifications(self, wanted: SettingsUpdate) -> Wanted | msgspec.UnsetType | None:
        """What is to be told from now on; unset: what is told already. Raises `InvalidValue`."""
        given = wanted.notifications
        return given if isinstance(given, msgspec.UnsetType | None) else merged(self._manager.notifier.wanted, given)

    def adjustments(self, base: str, query: AdjustmentQuery) -> AdjustmentList:
        """Adjustments, newest first. Raises `NotFound`, `InvalidValue`."""
        views = Views(self._manager.snapshot, base)
        wanted = AdjustmentFilter(
            time_from=None if query.from_ is None else utc_time(query.from_, "from"),
            time_to=None if query.to is None else utc_time(query.to, "to"),
            group=None if query.group is None else group_id(views.snapshot, query.group, "group"),
            uuid=_server(views, query.virtual_server),
            outcome=query.outcome,
            resource=query.resource,
            cause=query.cause,
            before=query.before,
            limit=query.limit + 1,
        )
        given, following = older(self._manager.adjustments.find(wanted), query, f"{base}/dynamic-resource-adjustments")
        return AdjustmentList([views.adjustment(record) for record in given], following)

    def version(self) -> Version:
        """Versions and abilities."""
        host = self._manager.description
        time.tzset()    # as the calendar does: whoever sets the zone need not tell us
        local = time.localtime()
        return Version(
            hpm_version=VERSION,
            api_version=API_VERSION,
            hypervisor=host.hypervisor,
            hypervisor_uri=host.uri,
            hypervisor_version=host.hypervisor_version,
            libvirt_version=host.libvirt_version,
            kernel=host.kernel,
            cgroup_version=host.cgroup_version,
            interval_seconds=self._manager.interval,
            controls={name: ControlAbility(a.works, a.how, a.why_not) for name, a in host.controls.items()},
            statistics={name: ControlAbility(a.works, a.how, a.why_not) for name, a in host.statistics.items()},
            time_zone=local.tm_zone,
            utc_offset_minutes=local.tm_gmtoff // 60,
            problem=self._manager.snapshot.problem,
            numa_nodes=_nodes(host.topology),
            interval_in_force_seconds=self._manager.relief.interval,
            work_cut=_cut(self._manager.relief),
            overruns=self._manager.loop.overruns,
        )


def _cut(relief: Relief) -> str | None:
    return None if relief.why is None else f"{relief.step.what}: {relief.why}"


def _nodes(topology: Topology) -> list[HostNode]:
    found: list[HostNode] = []
    for node in topology.nodes:
        cpus = topology.on_node(node)
        caches = [[n for n in cpus if topology.cpus[n].cache == cache] for cache in sorted(topology.caches_of(cpus))]
        cores = topology.cores(cpus)
        found.append(HostNode(node, format_cpus(cpus), list(map(format_cpus, cores)), list(map(format_cpus, caches))))
    return found


def _server(views: Views, reference: str | None) -> str | None:
    return None if reference is None else server_id(views.snapshot, reference, "virtual-server")
