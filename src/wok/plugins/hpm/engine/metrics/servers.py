"""Metrics of virtual servers."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from .metric import FloatColumn, Metric
from .moment import Moment

ServerMetric: TypeAlias = Metric[Moment, FloatColumn]


def _throttled(moment: Moment) -> FloatColumn:
    counted = moment.sample.counters.throttled_ns
    return moment.sampled(lambda one: counted[one.uuid] / 1e9 if one.uuid in counted else None)


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
        "cpu-shares", "number", "gauge", "CPU shares in force.", lambda m: m.shares,
    ),
    Metric(
        "cpu-quota", "CPUs", "gauge", "CPUs that a quota lets it have, whoever set it; null: no quota.",
        lambda m: m.quota,
    ),
    Metric(
        "memory-size", "bytes", "gauge", "Memory that it was given.", lambda m: m.roster.memory,
        "libvirt_domain_info_maximum_memory_bytes",
    ),
)  # fmt: skip

#: What comes of that over the last interval.
CALCULATED: tuple[ServerMetric, ...] = (
    Metric("cpu-using", "CPUs", "gauge", "CPUs that it used, a mean over the last interval.", lambda m: m.using),
    Metric("cpu-delay", "CPUs", "gauge", "CPUs that it waited for, a mean over the last interval.", lambda m: m.delay),
    Metric("cpu-throttled", "CPUs", "gauge",
           "CPUs that a quota took, a mean over the last interval; not part of the delay.", lambda m: m.throttled),
    Metric("cpu-utilization", "%", "gauge", "Used of its virtual CPUs, a mean over the last interval.",
           lambda m: 100.0 * m.using / np.maximum(1.0, m.vcpus)),
    Metric("velocity", "%", "gauge",
           "100 × time run / (time run + time waited for a CPU), over the last interval; null: idle or paused.",
           lambda m: m.velocity),
    Metric("goal-velocity", "%", "gauge", "The velocity that is wanted; null: none.", lambda m: m.roster.goal),
    Metric("performance-index", "ratio", "gauge",
           "Goal velocity / velocity; up to 1.05 the goal is met. Discretionary work has 0.81 by convention. null: no"
           " goal, or idle.", lambda m: m.index),
    Metric("goal-judged", "0 or 1", "gauge", "1: it has a goal of velocity, and was watched over the interval.",
           lambda m: m.judged),
    Metric("goal-met", "0 or 1", "gauge", "1: that goal was met; that of an idle server counts as met.",
           lambda m: m.met),
    Metric("cpu-entitlement", "CPUs", "gauge",
           "CPUs that its shares entitle it to, beside those that worked below the same parent cgroup; at most its"
           " virtual CPUs, and what its quota lets it have.", lambda m: m.entitlement),
)  # fmt: skip
