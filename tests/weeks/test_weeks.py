"""Whole systems through weeks: what has to hold does, whatever happens.

The machine's runs are the same ones each time. `WEEKS=7` makes others; `WEEKS_AGAIN=TEXT` plays the one again of which
a failure has told that text (`@reproduce_failure`). What failed is told as steps, to be kept as a plain test.
"""

from __future__ import annotations

import gc
import os
import tracemalloc
from datetime import datetime
from pathlib import Path
from random import Random

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, reproduce_failure, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from hpm.backend.simulated import ServerSpec, Spin, uuid_of
from hpm.policy.classification import Filter
from hpm.policy.goals import DiscretionaryGoal, VelocityGoal
from hpm.policy.policies import PerformancePolicy, ServiceClass

from .invariants import looked
from .machine import Weeks
from .play import AUTUMN, LOADS, NAMES, SCHEDULES, SPRING, Play
from .wants import GROUPS, POLICIES

SEED, AGAIN = os.environ.get("WEEKS"), os.environ.get("WEEKS_AGAIN")
#: Whether the first failure is enough, as it is (`mutants`).
SOON = "WEEKS_SOON" in os.environ
RUNS, LONG, STEPS = 120, 10_000, 40


@pytest.mark.parametrize("runs", [RUNS, pytest.param(LONG, marks=pytest.mark.long)])
def test_what_has_to_hold_does_whatever_happens(runs: int) -> None:
    machine = type("Weeks", (Weeks,), {})    # what follows is kept with the class
    if SEED is not None:
        machine = seed(int(SEED))(machine)
    if AGAIN is not None:
        machine = reproduce_failure(hypothesis.__version__, AGAIN.encode())(machine)
    looked.clear()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs, stateful_step_count=STEPS, derandomize=SEED is None, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), print_blob=True,
            phases=[Phase.generate] if SOON else [Phase.generate, Phase.shrink], report_multiple_bugs=not SOON,
        ),
    )  # fmt: skip
    print(f"{runs} runs: {looked['cycles']} cycles that ended well, {looked['looks']} looks at everything,"
          f" {looked['restful']} of them when nothing had happened since")    # fmt: skip
    assert looked["restful"] > 5 * runs    # else hardly anything that must hold was looked at


@pytest.mark.parametrize(
    ("begin", "chance"),
    [(SPRING, 1), (AUTUMN, 2), *(pytest.param(AUTUMN, n, marks=pytest.mark.long) for n in range(3, 33))],
)
def test_three_weeks_hour_by_hour(here: Path, begin: datetime, chance: int) -> None:
    """With schedules in force, over the days on which clocks are put forward or back, and much that happens."""
    play, random = Play(here, begin), Random(chance)
    play.want(lambda wants: [wants.schedule(group, *SCHEDULES["both"]) for group in GROUPS])
    play.set_level("on")
    for hour in range(21 * 24):
        name, policy = random.choice(NAMES), random.choice(POLICIES)
        deed = random.choice([
            "start", "stop", "restart", "crash", "pause", "resume", "plug", "unplug", "come", "come", "delete", "load",
            "by hand", "release", "goal", "cap", "activate", "away", "full", "hpm", "clock", "level",
        ])  # fmt: skip
        if deed == "load":
            play.load(name, random.choice([*LOADS]))
        elif deed == "by hand":
            play.shares_by_hand(name, random.randint(2, 9000))
        elif deed == "release":
            play.release(name)
        elif deed == "goal":
            goals = play.wants.goals["app"][policy] | {name: (random.randint(1, 99), "medium")}
            play.want(lambda wants, policy=policy, goals=goals: wants.goals["app"].update({policy: goals}))
        elif deed == "cap":
            play.want(lambda wants, name=name, hour=hour: wants.say(name, cpu_cap=None if hour % 3 else 0.7))
        elif deed == "activate":
            play.want(lambda wants, policy=policy: wants.active["app"].by_hand(policy))
        elif deed == "away":
            play.libvirt_goes()
        elif deed == "full":
            play.disk(full=True)
        elif deed == "hpm":
            play.strike(random.randint(0, 12), "killed")
        elif deed == "clock":
            play.clock(random.choice([-3.0, -0.01, 0.01, 2.0]))
        elif deed == "level":
            play.set_level(random.choice(["on", "on", "off", "advise"]))
        else:
            play.guest(name, deed)
        play.go_on(3600)
        if hour % 4 == 3:
            play.all_is_well()
            play.set_level("on")
            play.go_on(times=2)
    play.until_off()
    play.close()


@pytest.mark.parametrize("guests", [300, pytest.param(20_000, marks=pytest.mark.long)])
def test_guests_that_come_and_go_leave_nothing_behind(here: Path, guests: int) -> None:
    """Each one is new, is managed, and is gone half a minute later. Memory of hpm does not grow with them."""
    play = Play(here)
    with play.life.manager.change() as change:
        classes = (
            ServiceClass("new", VelocityGoal(50), Filter("virtual-server-name", "string-match", "new*"), "high"),
            ServiceClass("rest", DiscretionaryGoal()),
        )
        default = change.catalog.groups["default"]
        change.catalog = change.catalog.with_group(msgspec.structs.replace(
            default, perf_policies=(PerformancePolicy("day", "medium", classes),), active_policy="day"
        ))  # fmt: skip
    play.go_on(times=2)
    play.set_level("on")
    host, half = play.life.host, None
    tracemalloc.start()
    try:
        for number in range(guests):
            name = f"new{number}"
            host.add_server(ServerSpec(name=name, load=Spin(), shares=700))
            play.own[name] = host.in_force()[name]
            play.go_on()
            assert number < 3 or len(play.own) == 4 + 4
            if number >= 3:
                host.delete(uuid_of(f"new{number - 3}"))
                del play.own[f"new{number - 3}"]
            host.writes.clear()
            if number == guests // 2:
                half = _taken()
        # Bytes: a guest that is remembered takes some hundred, and tables of Python's own grow in steps.
        assert half is not None
        more = _taken().compare_to(half, "lineno")
        assert sum(one.size_diff for one in more) < 40_000 + 3 * guests, "\n".join(map(str, more[:10]))
    finally:
        tracemalloc.stop()
    play.until_off()
    play.close()


def _taken() -> tracemalloc.Snapshot:
    """What hpm has in memory; without the simulated host, and what pollers are told of those that are gone, which has
    a bound of its own (`manager.sync.ledger.GONE`)."""
    gc.collect()
    ours = [tracemalloc.Filter(True, "*/hpm/*")]
    others = [tracemalloc.Filter(False, f"*/{part}/*") for part in ("simulated", "sync")]
    return tracemalloc.take_snapshot().filter_traces([*ours, *others])
