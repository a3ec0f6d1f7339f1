"""Metrics of virtual servers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from .devices import SERVER_CALCULATED, SERVER_RAW
from .metric import FloatColumn, Metric, unknown
from .moment import Moment

ServerMetric: TypeAlias = Metric[Moment, FloatColumn]


def _throttled(moment: Moment) -> FloatColumn:
    counted = moment.sample.counters.throttled_ns
    if not counted:
        return unknown(len(moment.roster.uuids))
    return moment.sampled(lambda one: counted[one.uuid] / 1e9 if one.uuid in counted else None)


def _memory_use(moment: Moment) -> FloatColumn:
    available = moment.balloon("available_bytes")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(available > 0, 100.0 * (available - moment.balloon("unused_bytes")) / available, np.nan)


def _memory_used(moment: Moment) -> FloatColumn:
    with np.errstate(invalid="ignore"):
        return np.maximum(0.0, moment.balloon("current_bytes") - moment.balloon("usable_bytes"))


#: What is counted or read of each server.
RAW: tuple[ServerMetric, ...] = (
    Metric(
        "cpu-time", "s", "counter", "Time that its virtual CPUs ran on a CPU of the host.",
        lambda m: m.cpu_time,
    ),
    Metric(
        "cpu-delay-time", "s", "counter",
        "Time that its virtual CPUs were runnable and waited for a CPU, as far as the kernel has credited it.",
        lambda m: m.cpu_delay_time,
    ),
    Metric(
        "cpu-throttled-time", "s", "counter", "Time that its quota took; null: it has none.", _throttled,
    ),
    Metric(
        "vcpus-starving", "number", "gauge",
        "Virtual CPUs that are runnable and have hardly run since the sample before.",
        lambda m: m.starving,
    ),
    Metric(
        "vcpus", "number", "gauge", "Virtual CPUs.", lambda m: m.vcpus, "libvirt_domain_info_virtual_cpus",
    ),
    Metric(
        "cpu-shares", "number", "gauge", "CPU shares in force.", lambda m: m.shares, kept=True,
    ),
    Metric(
        "cpu-quota", "CPUs", "gauge", "CPUs that a quota lets it have, whoever set it; null: no quota.",
        lambda m: m.quota,
    ),
    Metric(
        "qemu-user-time", "s", "counter", "CPU time of QEMU in user mode, of all its threads (virtual CPUs, too).",
        lambda m: m.process("user_seconds"),
    ),
    Metric(
        "qemu-system-time", "s", "counter", "CPU time of QEMU in the kernel, all its threads together.",
        lambda m: m.process("system_seconds"),
    ),
    Metric(
        "cpu-pressure-time", "s", "counter",
        "Time in which some task of its cgroup waited for a CPU; null: the kernel does not tell (cgroup v2 does).",
        lambda m: m.process("pressure_some_seconds"),
    ),
    Metric(
        "memory-size", "bytes", "gauge", "Memory that it was given.", lambda m: m.roster.memory,
        "libvirt_domain_info_maximum_memory_bytes",
    ),
    Metric(
        "memory-resident", "bytes", "gauge", "Memory of the host that QEMU has.",
        lambda m: m.process("resident_bytes"), "libvirt_domain_memory_stats_rss_bytes", kept=True,
    ),
    Metric(
        "memory-balloon", "bytes", "gauge", "Memory that its balloon leaves it now.",
        lambda m: m.balloon("current_bytes"), "libvirt_domain_info_memory_usage_bytes", kept=True,
    ),
    Metric(
        "memory-unused", "bytes", "gauge", "Memory that the guest says is left unused.",
        lambda m: m.balloon("unused_bytes"), "libvirt_domain_memory_stats_unused_bytes",
    ),
    Metric(
        "memory-available", "bytes", "gauge", "Memory that the guest says it has.",
        lambda m: m.balloon("available_bytes"), "libvirt_domain_memory_stats_available_bytes",
    ),
    Metric(
        "memory-usable", "bytes", "gauge", "Memory that the guest says could be used without swapping.",
        lambda m: m.balloon("usable_bytes"), "libvirt_domain_memory_stats_usable_bytes",
    ),
    Metric(
        "memory-disk-caches", "bytes", "gauge", "Memory that the guest says can be taken back from its disk caches.",
        lambda m: m.balloon("disk_caches_bytes"), "libvirt_domain_memory_stats_disk_cache_bytes",
    ),
    Metric(
        "major-faults", "number", "counter", "Page faults of the guest for which it read from a disk.",
        lambda m: m.balloon("major_faults"), "libvirt_domain_memory_stats_major_fault_total",
    ),
    Metric(
        "minor-faults", "number", "counter", "Page faults of the guest for which it did not.",
        lambda m: m.balloon("minor_faults"), "libvirt_domain_memory_stats_minor_fault_total",
    ),
    Metric(
        "swapped-in", "bytes", "counter", "Memory that the guest has read back from its swap.",
        lambda m: m.balloon("swap_in_bytes"),
    ),
    Metric(
        "swapped-out", "bytes", "counter", "Memory that the guest has written to its swap.",
        lambda m: m.balloon("swap_out_bytes"),
    ),
    *SERVER_RAW,
)  # fmt: skip

#: What comes of that over the last interval.
CALCULATED: tuple[ServerMetric, ...] = (
    Metric("cpu-using", "CPUs", "gauge", "CPUs that it used, a mean over the last interval.",
           lambda m: m.using, kept=True),
    Metric("cpu-delay", "CPUs", "gauge", "CPUs that it waited for, a mean over the last interval.",
           lambda m: m.delay, kept=True),
    Metric("cpu-throttled", "CPUs", "gauge",
           "CPUs that a quota took, a mean over the last interval; not part of the delay.",
           lambda m: m.throttled, kept=True),
    Metric("cpu-utilization", "%", "gauge", "Used of its virtual CPUs, a mean over the last interval.",
           lambda m: 100.0 * m.using / np.maximum(1.0, m.vcpus)),
    Metric("velocity", "%", "gauge",
           "100 × time run / (time run + time waited for a CPU), over the last interval; null: idle or paused.",
           lambda m: m.velocity, kept=True),
    Metric("goal-velocity", "%", "gauge", "The velocity that is wanted; null: none.",
           lambda m: m.roster.goal, kept=True),
    Metric("performance-index", "ratio", "gauge",
           "Goal velocity / velocity; up to 1.05 the goal is met. Discretionary work has 0.81 by convention. null: no"
           " goal, or idle.", lambda m: m.index, kept=True),
    Metric("goal-judged", "0 or 1", "gauge", "1: it has a goal of velocity, and was watched over the interval.",
           lambda m: m.judged, kept=True),
    Metric("goal-met", "0 or 1", "gauge", "1: that goal was met; that of an idle server counts as met.",
           lambda m: m.met, kept=True),
    Metric("cpu-entitlement", "CPUs", "gauge",
           "CPUs that its shares entitle it to, beside those that worked below the same parent cgroup; at most its"
           " virtual CPUs, and what its quota lets it have.", lambda m: m.entitlement, kept=True),
    Metric("qemu-user", "CPUs", "gauge", "CPUs that QEMU used in user mode, between the two last samples of it.",
           lambda m: m.process_rate("user_seconds"), kept=True),
    Metric("qemu-system", "CPUs", "gauge", "CPUs that QEMU used in the kernel, between the two last samples of it.",
           lambda m: m.process_rate("system_seconds"), kept=True),
    Metric("cpu-pressure", "%", "gauge", "Time in which some task of its cgroup waited for a CPU; null: not told.",
           lambda m: 100.0 * m.process_rate("pressure_some_seconds")),
    Metric("memory-use", "%", "gauge", "Used of its memory, as the guest says; null: it does not.", _memory_use,
           kept=True),
    Metric("memory-used", "bytes", "gauge",
           "Memory that it cannot give without swapping: what its balloon leaves it, less what the guest says is"
           " usable.", _memory_used, kept=True),
    Metric("major-fault-rate", "1/s", "gauge", "Page faults of the guest for which it read from a disk.",
           lambda m: m.balloon_rate("major_faults"), kept=True),
    Metric("minor-fault-rate", "1/s", "gauge", "Page faults of the guest for which it did not.",
           lambda m: m.balloon_rate("minor_faults")),
    Metric("swap-in-rate", "bytes/s", "gauge", "Memory that the guest reads back from its swap.",
           lambda m: m.balloon_rate("swap_in_bytes"), kept=True),
    Metric("swap-out-rate", "bytes/s", "gauge", "Memory that the guest writes to its swap.",
           lambda m: m.balloon_rate("swap_out_bytes")),
    *SERVER_CALCULATED,
)  # fmt: skip
