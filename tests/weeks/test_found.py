"""What weeks of play have found, each in as few words as it can be said. (What could be said of one part alone stands
with that part's tests: tests/unit/test_engine_measuring.py, test_engine_metrics.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from .play import Play
from .wants import GROUPS


@pytest.mark.parametrize("deed", ["guest leaves", "guest comes", "guest stops", "guest restarts"])
def test_guests_that_come_or_go_while_a_plan_is_applied_leave_a_whole_snapshot(here: Path, deed: str) -> None:
    """Where a cap was set, or the host was slow, it is observed once more: then there are other servers than those that
    the cycle began with, and the parts of its snapshot were about different ones."""
    play = Play(here)
    play.go_on(times=2)
    play.want(lambda wants: [wants.active[group].by_hand("day") for group in GROUPS])
    play.set_level("on")
    play.go_on()
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
