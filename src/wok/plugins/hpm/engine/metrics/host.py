"""Metrics of the host itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..samples import HostPressure, KsmState
from ..windows import HostWindow
from .devices import HOST_CALCULATED, HOST_RAW
from .metric import Metric
from .moment import Moment

HostMetric: TypeAlias = Metric[Moment, float]

NAN = float("nan")


def _window(of: Callable[[HostWindow], float]) -> Callable[[Moment], float]:
    return lambda moment: NAN if moment.window is None else of(moment.window)


def _pressure(of: Callable[[HostPressure], float | None]) -> Callable[[Moment], float]:
    def figure(moment: Moment) -> float:
        pressure = moment.sample.pressure
        value = None if pressure is None else of(pressure)
        return NAN if value is None else value

    return figure


def _utilization(window: HostWindow) -> float:
    capacity = max(1e-9, window.cpus - window.steal)
    return 100.0 * max(0.0, capacity - window.idle) / capacity


def _contention(moment: Moment) -> float:
    using, delay = float(np.nansum(moment.using)), float(np.nansum(moment.delay))
    if moment.window is None:
        return NAN
    return 100.0 * delay / (using + delay) if using + delay > 0 else 0.0


def _memory(of: int | None) -> float:
    return NAN if of is None else float(of)


def _ballooned(moment: Moment) -> float:
    return float(np.nansum(moment.balloon("maximum_bytes") - moment.balloon("current_bytes")))


def _ksm(of: Callable[[KsmState], float]) -> Callable[[Moment], float]:
    return lambda moment: NAN if moment.sample.ksm is None else of(moment.sample.ksm)


#: What is counted or read of the host.
RAW: tuple[HostMetric, ...] = (
    Metric("cpus", "number", "gauge", "CPUs that are online.", lambda m: float(m.sample.cpus)),
    Metric("cpu-idle-time", "s", "counter", "Time that its CPUs were idle or waited for I/O, since it started.",
           lambda m: m.sample.idle_ns / 1e9),
    Metric("cpu-steal-time", "s", "counter", "Time that a hypervisor below this host took from it, since it started.",
           lambda m: m.sample.steal_ns / 1e9),
    Metric("memory-size", "bytes", "gauge", "Memory of the host.", lambda m: _memory(m.sample.memory_bytes)),
    Metric("memory-available", "bytes", "gauge",
           "Memory that could be given to programs without swapping, as the kernel estimates it.",
           lambda m: _memory(m.sample.available_bytes), kept=True),
    Metric("memory-limit", "bytes", "gauge",
           "Memory that all virtual servers together may take, where their cgroup is limited; null: all of it.",
           lambda m: NAN if m.sample.limit is None else float(m.sample.limit.bytes)),
    Metric("ballooned", "bytes", "gauge", "Memory that balloons keep from virtual servers, of what they could have.",
           _ballooned),
    Metric("ksm-run", "number", "gauge", "Merging of equal pages (KSM): 0 off, 1 on, 2 off and unmerged.",
           _ksm(lambda k: float(k.run))),
    Metric("ksm-pages-sharing", "number", "gauge", "Pages that KSM saves.", _ksm(lambda k: float(k.pages_sharing))),
    Metric("ksm-profit", "bytes", "gauge", "What KSM saves, less what it takes itself; null: the kernel does not tell.",
           _ksm(lambda k: _memory(k.general_profit))),
    Metric("cpu-pressure", "%", "gauge",
           "Time of the last 10 s in which some task waited for a CPU; null: the kernel does not tell.",
           _pressure(lambda p: p.cpu_some), kept=True),
    Metric("memory-pressure", "%", "gauge", "Time of the last 10 s in which some task waited for memory.",
           _pressure(lambda p: p.memory_some), kept=True),
    Metric("memory-pressure-full", "%", "gauge",
           "Time of the last 10 s in which all tasks that were not idle waited for memory.",
           _pressure(lambda p: p.memory_full)),
    Metric("io-pressure", "%", "gauge", "Time of the last 10 s in which some task waited for I/O.",
           _pressure(lambda p: p.io_some), kept=True),
    Metric("io-pressure-full", "%", "gauge",
           "Time of the last 10 s in which all tasks that were not idle waited for I/O.",
           _pressure(lambda p: p.io_full)),
    Metric("virtual-servers", "number", "gauge", "Virtual servers that it has, running or not.",
           lambda m: float(len(m.sample.infos))),
    Metric("running-virtual-servers", "number", "gauge", "Virtual servers that have a process, paused ones too.",
           lambda m: float(len(m.sample.samples)), kept=True),
    *HOST_RAW,
)  # fmt: skip

#: What comes of that over the last interval.
CALCULATED: tuple[HostMetric, ...] = (
    Metric("interval", "s", "gauge", "Length of the interval that the figures are of.", _window(lambda w: w.seconds)),
    Metric("cpu-utilization", "%", "gauge",
           "Used of its CPUs, less what was stolen from them; a mean over the last interval.", _window(_utilization),
           kept=True),
    Metric("cpu-idle", "CPUs", "gauge", "CPUs that were idle, a mean over the last interval.",
           _window(lambda w: w.idle), kept=True),
    Metric("cpu-steal", "CPUs", "gauge", "CPUs that a hypervisor below this host took, a mean over the last interval.",
           _window(lambda w: w.steal), kept=True),
    Metric("cpu-using", "CPUs", "gauge", "CPUs that virtual servers used, a mean over the last interval.",
           lambda m: NAN if m.window is None else float(np.nansum(m.using)), kept=True),
    Metric("cpu-delay", "CPUs", "gauge", "CPUs that virtual servers waited for, a mean over the last interval.",
           lambda m: NAN if m.window is None else float(np.nansum(m.delay)), kept=True),
    Metric("cpu-contention", "%", "gauge",
           "100 × time waited / (time run + time waited) of all virtual servers, over the last interval.", _contention,
           kept=True),
    Metric("busy-virtual-servers", "number", "gauge",
           "Virtual servers that ran or waited for more than 1 % of one CPU in the last interval.",
           lambda m: NAN if m.window is None else float(np.nansum(m.busy)), kept=True),
    Metric("goals", "number", "gauge",
           "Virtual servers with a goal of velocity that were watched over the last interval.",
           lambda m: float(np.sum(m.judged)), kept=True),
    Metric("goals-met", "number", "gauge", "Of those, virtual servers whose goal was met.",
           lambda m: float(np.sum(m.met)), kept=True),
    *HOST_CALCULATED,
)  # fmt: skip
