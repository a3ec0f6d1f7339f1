"""What goes into the planner and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..policy.assignment import Assignment
from .memory import Memory
from .windows import ServerWindow


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One server as the planner sees it.

    `shares` are in force now (None: unknown), `original` were so before hpm changed any. `held` says why
    the server is left alone although it has a goal (``excluded``, ``changed-by-administrator``, …).
    """

    uuid: str
    start: str
    parent: str
    shares: int | None
    original: int
    window: ServerWindow | None
    assignment: Assignment
    held: str | None


class Forecast(msgspec.Struct, frozen=True, gc=False):
    """What the plan expects of a busy server: CPUs of use, and velocity (0…1). `reason` says why its goal
    will be missed all the same (``at-capacity``, ``at-floor``, ``ratio-limit``, ``no-gain``), or is None."""

    cpus: float
    velocity: float
    reason: str | None = None


class ServerChange(msgspec.Struct, frozen=True, gc=False):
    """New shares for one server, with using (CPUs) and velocity (0…1) before, and as planned."""

    uuid: str
    shares_before: int
    shares_after: int
    cpus_before: float
    cpus_after: float
    velocity_before: float | None
    velocity_after: float | None


class Decision(msgspec.Struct, frozen=True):
    """One decision for the servers of one parent cgroup.

    Either `changes` say what is to be done, or they are empty and `blocked` says for each server that
    misses its goal why nothing can be done for it.
    """

    parent: str
    changes: tuple[ServerChange, ...]
    blocked: Mapping[str, str]


class Plan(msgspec.Struct, frozen=True):
    """Decisions (usually none), a forecast for each busy managed server, and the memory if they are carried out."""

    decisions: tuple[Decision, ...]
    forecasts: Mapping[str, Forecast]
    memory: Memory
