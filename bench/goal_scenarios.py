"""What bench/goals.py plays: guests with loads, goals, reserves and caps, in phases.

All are for a host of two CPUs. `tuned` velocities are what fixed weights are tuned for (`bench.goals --tune`); where
they are left out, 9 % above each goal. Where not all goals can be met they say what a just division would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

#: Shares that the guests come with, in turn: nobody would have chosen them, so putting them back cannot pass by
#: accident. They are nearly equal, so that they also are the side "equal shares".
ORIGINAL = (1000, 1001, 999, 1003, 997, 1002, 998)


class Spec(NamedTuple):
    """A guest: `load` spin is a tiny guest that spins on all vCPUs, any other one a Linux guest's. No goal:
    discretionary. Reserve and cap in CPUs."""

    name: str
    load: str
    goal: int | None = None
    importance: str = "low"
    vcpus: int = 1
    reserve: float | None = None
    cap: float | None = None


class Phase(NamedTuple):
    """A part of a block: `goals` that differ from the guests' own, by name; guests that are not there; the
    part of one CPU that another process of the host takes."""

    goals: Mapping[str, int | None] = {}
    absent: frozenset[str] = frozenset()
    host_load: float = 0.0


class Scenario(NamedTuple):
    """`settling`: intervals from the start of a phase until goals have to be met. `tuned`: see above. `wakes`:
    the guest whose first second after each wake-up is measured."""

    what: str
    guests: Sequence[Spec]
    settling: int = 1
    phases: Sequence[Phase] = (Phase(),)
    tuned: Mapping[str, int] = {}
    wakes: str | None = None

    def goals(self, phase: Phase) -> list[tuple[int | None, str]]:
        """Goal and importance of each guest in a phase."""
        return [(phase.goals.get(guest.name, guest.goal), guest.importance) for guest in self.guests]

    def policy(self, phase: Phase, names: Mapping[str, str]) -> dict[str, Any]:
        """As a performance policy; `names` are the guests' names in libvirt."""
        classes: list[dict[str, Any]] = [
            {
                "name": guest.name, "importance": importance,
                "goal": {"type": "discretionary"} if goal is None else {"type": "velocity", "velocity": goal},
                "classification": {
                    "type": "filter", "filter-type": "virtual-server-name", "operation": "string-match",
                    "value": names[guest.name],
                },
            }
            for guest, (goal, importance) in zip(self.guests, self.goals(phase), strict=True)
        ]  # fmt: skip
        classes.append({"name": "rest", "goal": {"type": "discretionary"}})
        return {"name": "bench", "importance": "medium", "service-classes": classes}


def _spinners(count: int, first: int = 1) -> list[Spec]:
    return [Spec(f"rest{number}", "spin") for number in range(first, first + count)]


def _six(wide: int = 1) -> list[Spec]:
    return [
        Spec("a70", "spin", 70, "highest"), Spec("b45", "spin", 45, "high"), Spec("c25", "spin", 25, "high"),
        Spec("d15", "spin", 15, "low"), Spec("rest1", "spin", vcpus=wide), Spec("rest2", "spin"),
    ]  # fmt: skip


SCENARIOS = {
    "spinning": Scenario("six that spin; all goals can be met", _six()),
    "infeasible": Scenario(
        "six that spin; the level high cannot be satisfied",
        [
            Spec("a70", "spin", 70, "highest"), Spec("b90", "spin", 90, "high"), Spec("c60", "spin", 60, "high"),
            Spec("d40", "spin", 40, "low"), Spec("e20", "spin", 20, "low"), Spec("rest1", "spin"),
        ],
        tuned={"a70": 74, "b90": 71, "c60": 48, "d40": 2, "e20": 2},
    ),
    "four-vcpus": Scenario("the six, but one without a goal has 4 vCPUs", _six(4)),
    "wide-goal": Scenario(
        "a 4-vCPU guest with a goal among single ones",
        [
            Spec("wide25", "spin", 25, "high", vcpus=4), Spec("a40", "spin", 40, "highest"),
            Spec("b20", "spin", 20, "low"), *_spinners(2),
        ],
    ),
    "periodic-2-8": Scenario(
        "2 ms of work, 8 ms of sleep, among four that spin", [Spec("p75", "periodic:2/8", 75, "low"), *_spinners(4)], 3
    ),
    "periodic-10-10": Scenario(
        "10/10 and 40/160 ms among three that spin",
        [Spec("p75", "periodic:10/10", 75, "high"), Spec("q70", "periodic:40/160", 70, "medium"), *_spinners(3)], 3,
    ),
    "sleepers": Scenario(
        "2/8, 10/10 and 100/100 ms together, which collide with each other, and three that spin",
        [
            Spec("p50", "periodic:2/8", 50, "high"), Spec("q60", "periodic:10/10", 60, "high"),
            Spec("r70", "periodic:100/100", 70, "medium"), *_spinners(3),
        ], 3,
    ),
    "bursts": Scenario(
        "two that work for seconds and rest for seconds, among four that spin",
        [
            Spec("u75", "busy:4,idle:5", 75, "highest"), Spec("v60", "busy:7,idle:6", 60, "high"),
            Spec("s25", "spin", 25, "medium"), *_spinners(3),
        ], 3,
    ),
    "web": Scenario(
        "150 requests a second at random, 1.5 ms each, among four that spin",
        [Spec("w70", "requests:150/1.5", 70, "high"), Spec("s70", "spin", 70, "low"), *_spinners(3)], 3,
    ),
    "waking": Scenario(
        "one that wakes every 15 s under full contention",
        [Spec("u75", "busy:6,idle:9", 75, "highest"), Spec("s25", "spin", 25, "medium"), *_spinners(4)], 3,
        wakes="u75",
    ),
    "changing": Scenario(
        "one that sleeps every 10 ms for 18 s, and then spins for 18 s, among four that spin",
        [
            Spec("w80", "turns:10/10,18", 80, "high"), Spec("s60", "spin", 60, "low"), *_spinners(3),
        ], 3,
    ),
    "coming-going": Scenario(
        "a guest with a high goal is started in mid-run, and ended",
        _six(), phases=(Phase(absent=frozenset({"a70"})), Phase(), Phase(absent=frozenset({"b45"}))),
    ),
    "policy-switch": Scenario(
        "the policy changes in mid-run: day, night, day",
        _six(), phases=(Phase(), Phase(goals={"a70": 20, "b45": 30, "d15": 60}), Phase()),
    ),
    "host-load": Scenario(
        "another process of the host takes half a CPU in mid-run",
        [
            Spec("a60", "spin", 60, "highest"), Spec("b35", "spin", 35, "high"), Spec("c20", "spin", 20, "medium"),
            *_spinners(3),
        ],
        phases=(Phase(), Phase(host_load=0.5), Phase()),
    ),
    "caps-reserves": Scenario(
        "a goal under a cap, a reserve without a goal",
        [
            Spec("capped45", "spin", 45, "highest", cap=0.3), Spec("a45", "spin", 45, "high"),
            Spec("d50", "spin", 50, "low"), Spec("reserve", "spin", reserve=0.4), *_spinners(2),
        ],
        tuned={"capped45": 52, "a45": 50, "d50": 55, "reserve": 43},
    ),
}  # fmt: skip
