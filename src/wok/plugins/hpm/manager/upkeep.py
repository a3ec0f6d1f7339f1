"""Metrics of hpm itself: whether its loop keeps up, and what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, get_args

from ..engine.metrics.metric import Metric
from ..wire.management import Level

if TYPE_CHECKING:
    from .manager import Manager

OwnMetric: TypeAlias = "Metric[Manager, float]"

_LEVELS: tuple[Level, ...] = get_args(get_args(Level)[0])

#: Of this start of hpm.
OWN: tuple[OwnMetric, ...] = (
    Metric("snapshot-timestamp", "s", "gauge", "When the figures were taken, since 1970.",
           lambda m: m.snapshot.taken.timestamp(), "hpm_snapshot_timestamp_seconds"),
    Metric("interval", "s", "gauge", "Time between two cycles, as it is set.", lambda m: m.interval,
           "hpm_interval_seconds"),
    Metric("host-reachable", "0 or 1", "gauge", "0: libvirt cannot be asked, or figures are not whole.",
           lambda m: float(m.snapshot.problem is None), "libvirt_up"),
    Metric("cpu-management-level", "number", "gauge", "0: off, 1: advise, 2: on.",
           lambda m: float(_LEVELS.index(m.snapshot.levels.cpu_mgmt)), "hpm_cpu_management_level"),
    Metric("memory-management-level", "number", "gauge", "0: off, 1: advise, 2: on.",
           lambda m: float(_LEVELS.index(m.snapshot.levels.memory_mgmt)), "hpm_memory_management_level"),
    Metric("cycles", "number", "counter", "Cycles of the loop.", lambda m: float(m.loop.cycles), "hpm_cycles_total"),
    Metric("cycle-time", "s", "counter", "Time that they took.", lambda m: m.loop.took_ns / 1e9,
           "hpm_cycle_seconds_total"),
    Metric("cycle-cpu-time", "s", "counter", "CPU time that they took.", lambda m: m.loop.cost_ns / 1e9,
           "hpm_cycle_cpu_seconds_total"),
    Metric("overruns", "number", "counter", "Cycles that took longer than the interval.",
           lambda m: float(m.loop.overruns), "hpm_loop_overruns_total"),
    Metric("cycles-lost", "number", "counter",
           "Cycles that were not completed because libvirt or the store could not be used.",
           lambda m: float(m.loop.lost), "hpm_cycles_lost_total"),
    Metric("cycles-failed", "number", "counter", "Cycles that were not completed by a fault of hpm's own.",
           lambda m: float(m.loop.cycles - m.loop.completed - m.loop.lost), "hpm_cycles_failed_total"),
    Metric("interval-in-force", "s", "gauge",
           "Time between two cycles, as it is: longer than it is set where cycles took too long.",
           lambda m: m.relief.interval, "hpm_interval_in_force_seconds"),
    Metric("work-cut", "number", "gauge", "How much of the loop's work is cut because cycles took too long: 0 nothing,"
           " 1 samples, 2 glances, 3 to 5 the interval is 2, 4, 8 times as long.",
           lambda m: float(m.relief.number), "hpm_loop_work_cut"),
    Metric("work-cuts", "number", "counter", "How often work of the loop was cut because cycles took too long.",
           lambda m: float(m.relief.cuts), "hpm_loop_work_cuts_total"),
    Metric("drift-corrections", "number", "counter",
           "Values of guest policies that were set again, because somebody else had changed them.",
           lambda m: float(m.guests.corrections.made), "hpm_drift_corrections_total"),
    Metric("drifting-values", "number", "gauge",
           "Values of guest policies that somebody else changed, and that are left so, or not set again yet.",
           lambda m: float(_drifting(m)), "hpm_drifting_values"),
    Metric("start-jobs-running", "number", "gauge", "Start and stop jobs that are under way.",
           lambda m: float(sum(job.state == "running" for job in m.starting.jobs())), "hpm_start_jobs_running"),
    Metric("start-jobs-done", "number", "counter", "Start and stop jobs that did all that was asked for.",
           lambda m: float(m.starting.ended["done"]), "hpm_start_jobs_done_total"),
    Metric("start-jobs-failed", "number", "counter", "Start and stop jobs of which something failed.",
           lambda m: float(m.starting.ended["failed"]), "hpm_start_jobs_failed_total"),
)  # fmt: skip


def _drifting(manager: Manager) -> int:
    return sum(one.state == "drifts" for fields in manager.snapshot.guests.values() for one in fields.values())
