"""What weeks of play have found, each in as few words as it can be said. (What could be said of one part alone stands
with that part's tests: tests/unit/test_engine_measuring.py, test_engine_metrics.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.policy.guest_policies import GuestPolicy, Pack, Spread

from .play import AUTUMN, SCHEDULES, Play


@pytest.mark.parametrize("deed", ["guest leaves", "guest comes", "guest stops", "guest restarts"])
def test_guests_that_come_or_go_while_a_plan_is_applied_leave_a_whole_snapshot(here: Path, deed: str) -> None:
    """Where a cap was set, or the host was slow, it is observed once more: then there are other servers than those that
    the cycle began with, and the parts of its snapshot were about different ones."""
    play = Play(here)
    play.manage()
    for after in range(12):
        name = "new" if deed == "guest comes" else "web"
        play.guest(name, "delete" if deed == "guest comes" else "come")
        play.guest(name, "start")
        play.go_on()
        cap = 0.05 + 0.01 * after
        play.want(lambda wants, cap=cap: wants.say("batch", cpu_cap=cap))
        play.strike(after, deed, name)
        play.cycle()    # `Play.check` looks whether the snapshot is whole
        assert play.life.steps.struck
    play.until_off()
    play.close()


@pytest.mark.parametrize("deed", ["disk full", "killed"])
def test_what_a_stop_put_back_is_no_administrators_doing_for_the_next_start(here: Path, deed: str) -> None:
    """With the disk full, or a kill in its midst, a stop puts back what the journal still has as set by hpm."""
    play = Play(here)
    play.manage()
    for after in range(14):
        play.strike(after, deed)
        play.restart()
        assert play.life.steps.struck or after > 8
        play.all_is_well()
        play.life.steps.strike = None
        play.go_on(times=2)    # `Play.check` looks whether somebody is held whom nobody touched
        assert play.life.manager.snapshot.held.get(uuid_of("db")) is None
    play.until_off()
    play.close()


def test_who_takes_back_what_hpm_set_is_an_administrator_after_a_start_of_hpm_too(here: Path) -> None:
    play = Play(here)
    play.manage()
    play.crash()
    play.go_on()
    play.shares_by_hand("db", 1024)    # as they were before hpm came
    play.go_on(times=2)
    assert play.life.manager.snapshot.held.get(uuid_of("db")) == "changed-by-administrator"
    play.until_off()
    play.close()


def test_a_plan_is_made_where_those_who_work_had_no_cpu_at_all(here: Path) -> None:
    """Then the weight of one who sleeps was computed by dividing by nothing, and each cycle was lost."""
    play = Play(here, AUTUMN, 4)
    play.manage()
    play.crash()
    play.go_on(3600, times=5)
    play.load("web", "idle")
    play.want(lambda wants: wants.schedule("lab", *SCHEDULES["both"]))
    play.want(lambda wants: wants.say("db", guest_policy=GuestPolicy(placement=Spread())))
    play.guest("new", "come")
    play.crash()
    play.want(lambda wants: wants.say("old", guest_policy=GuestPolicy(placement=Pack())))
    play.go_on(3600, times=24)
    play.until_off()
    play.close()


def test_what_is_set_after_a_put_back_that_the_store_did_not_take_is_a_new_original(here: Path) -> None:
    """hpm ended before the store did; from what was kept aside the next start took it for set while hpm managed."""
    play = Play(here)
    play.manage()
    play.disk(full=True)
    play.set_level("off")
    play.shares_by_hand("batch", 333)
    play.crash()
    play.all_is_well()
    play.go_on(times=2)    # the level is that of the store: on; `Play.check` looks whether somebody is held
    assert play.life.manager.snapshot.held.get(uuid_of("batch")) is None
    play.until_off()    # with 333
    play.close()


def test_what_is_set_by_hand_while_the_store_takes_nothing_is_respected_by_the_next_start(here: Path) -> None:
    play = Play(here)
    play.manage()
    play.disk(full=True)
    play.shares_by_hand("db", 2)
    play.restart()
    play.all_is_well()
    play.go_on(times=2)
    assert play.life.manager.snapshot.held.get(uuid_of("db")) == "changed-by-administrator"
    play.until_off()    # with 2
    play.close()
