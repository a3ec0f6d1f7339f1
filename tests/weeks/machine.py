"""Whatever happens on a host, in any order: a state machine for hypothesis."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hpm.policy.goals import TemporaryGoal
from hpm.policy.guest_policies import GuestPolicy
from hpm.wire.management import Level
from hpm.wire.times import rfc3339
from tests.unit.builders import Wish

from .play import AUTUMN, LOADS, NAMES, PLACEMENTS, SCHEDULES, SPRING, Play
from .wants import GROUPS, POLICIES

names = st.sampled_from(NAMES)
first = st.sampled_from(NAMES[:4])
groups = st.sampled_from(GROUPS)
wishes = st.sampled_from([(75, "highest"), (75, "high"), (50, "medium"), (90, "low"), (10, "lowest"), None])
LEVELS: list[Level] = ["on", "on", "on", "advise", "off"]
levels = st.sampled_from(LEVELS)
#: What may happen in the midst of what hpm does, beside its end.
STRIKES = [
    "libvirt goes", "libvirt goes", "disk full", "guest restarts", "guest stops", "guest is paused", "guest leaves",
    "vCPU plugged", "vCPU unplugged", "guest comes", "guest comes",
]  # fmt: skip
#: Where a store is soon written, and gone with the process.
SHELF = Path("/dev/shm")


class Weeks(RuleBasedStateMachine):
    """A host in its weeks. Each rule ends with a look at all that has to hold (`Play.check`)."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="hpm-weeks-", dir=SHELF if SHELF.is_dir() else None))

    @initialize(begin=st.sampled_from([SPRING, AUTUMN]), cores=st.sampled_from([2, 4]))
    def begin(self, begin: datetime, cores: int) -> None:
        self.play = Play(self.directory, begin, cores)
        self.play.manage()

    def teardown(self) -> None:
        try:
            if hasattr(self, "play"):
                self.play.until_off()
        finally:
            if hasattr(self, "play"):
                self.play.close()
            shutil.rmtree(self.directory)

    # -- time

    @rule(times=st.integers(1, 3))
    def intervals(self, times: int) -> None:
        self.play.go_on(times=times)

    @rule(hours=st.sampled_from([1, 5, 11, 24]))
    def hours(self, hours: int) -> None:
        self.play.go_on(3600, times=hours)

    @rule(what=st.sampled_from(["soon", "in a second", "in four seconds", "look", "glance"]))
    def out_of_turn(self, what: str) -> None:
        seconds = {"soon": 0.2, "in a second": 1.0, "in four seconds": 4.0}
        if what in seconds:
            self.play.go_on(seconds[what])
        else:
            getattr(self.play, what)()

    @rule(how=st.sampled_from(["clock", "clock", "suspended", "frozen"]), data=st.data())
    def clocks(self, how: str, data: st.DataObject) -> None:
        hours = {"clock": [-25.0, -3.0, -1.0, -0.001, 0.0003, 1.0, 7.5, 200.0], "suspended": [0.5, 9.0, 60.0]}
        getattr(self.play, how)(data.draw(st.sampled_from(hours.get(how, [0.01, 2.0]))))

    # -- guests

    @rule(name=first, deed=st.sampled_from(["start", "stop", "restart", "crash", "pause", "resume", "plug", "unplug"]))
    def guest(self, name: str, deed: str) -> None:
        self.play.guest(name, deed)

    @rule(name=names, deed=st.sampled_from(["come", "come", "come paused", "resume", "delete"]))
    def migration(self, name: str, deed: str) -> None:
        self.play.guest(name, deed)

    @rule(name=names, load=st.sampled_from([*LOADS]))
    def load(self, name: str, load: str) -> None:
        self.play.load(name, load)

    # -- administrators

    @rule(level=levels)
    def level(self, level: Level) -> None:
        self.play.set_level(level)

    @rule(group=groups, policy=st.sampled_from([*POLICIES, None]))
    def activate(self, group: str, policy: str | None) -> None:
        self.play.want(lambda wants: wants.active[group].by_hand(policy))

    @rule(group=groups, schedule=st.sampled_from([*SCHEDULES]))
    def schedule(self, group: str, schedule: str) -> None:
        self.play.want(lambda wants: wants.schedule(group, *SCHEDULES[schedule]))

    @rule(group=groups, policy=st.sampled_from(POLICIES), name=names, wish=wishes)
    def goal(self, group: str, policy: str, name: str, wish: Wish) -> None:
        self.play.want(lambda wants: wants.goals[group][policy].update({name: wish}))

    @rule(name=names, group=st.sampled_from([*GROUPS, "default"]))
    def moved(self, name: str, group: str) -> None:
        self.play.want(lambda wants: wants.groups.update({name: group}))

    @rule(name=first, cap=st.sampled_from([None, None, 0.05, 0.5, 1.5]))
    def cap(self, name: str, cap: float | None) -> None:
        self.play.want(lambda wants: wants.say(name, cpu_cap=cap))

    @rule(name=first, what=st.sampled_from([
        "reserved", "no reserve", "excluded", "included", "boosted", "boosted long",
    ]))  # fmt: skip
    def said(self, name: str, what: str) -> None:
        minutes = 3000 if what == "boosted long" else 70
        until = rfc3339(self.play.life.wall() + timedelta(minutes=minutes))
        said: dict[str, object] = {
            "reserved": {"cpu_reserve": 0.05}, "no reserve": {"cpu_reserve": None}, "excluded": {"excluded": True},
            "included": {"excluded": False},
        }.get(what, {"temporary_goal": TemporaryGoal(90, until, "highest")})    # type: ignore[arg-type]
        self.play.want(lambda wants: wants.say(name, **said))

    @precondition(lambda self: self.play.wants.spoken_of)
    @rule(data=st.data())
    def taken_back(self, data: st.DataObject) -> None:
        """All that was said of a guest. By chance alone the one that has a cap would hardly ever lose it again."""
        name = data.draw(st.sampled_from(self.play.wants.spoken_of))
        self.play.want(lambda wants: wants.unsay(name))
        self.play.go_on(times=2)

    @precondition(lambda self: self.play.wants.boosted)
    @rule()
    def hours_in_which_a_boost_may_end(self) -> None:
        self.play.go_on(3600, times=2)

    @rule(name=first, how=st.sampled_from([*PLACEMENTS]))
    def placement(self, name: str, how: str) -> None:
        self.play.want(lambda wants: wants.say(name, guest_policy=GuestPolicy(placement=PLACEMENTS[how])))

    @rule(name=first, what=st.sampled_from([2, 333, 5001, 60000, "quota", "no quota", "release"]))
    def by_hand(self, name: str, what: int | str) -> None:
        if isinstance(what, int):
            self.play.shares_by_hand(name, what)
        elif what == "release":
            self.play.release(name)
        else:
            self.play.quota_by_hand(name, 77000 if what == "quota" else None)

    # -- what goes wrong

    @rule(after=st.integers(0, 20), name=first, deed=st.sampled_from(["killed"] * 4 + STRIKES))
    def strike(self, after: int, name: str, deed: str) -> None:
        self.play.strike(after, deed, "new" if deed == "guest comes" else name)

    @rule(what=st.sampled_from(["crash", "restart", "second"]))
    def process(self, what: str) -> None:
        getattr(self.play, what)()

    @rule(what=st.sampled_from(["libvirt", "disk", "hidden", "refuses"]), name=first)
    def trouble(self, what: str, name: str) -> None:
        deeds: dict[str, Callable[[], None]] = {
            "libvirt": self.play.libvirt_goes, "disk": lambda: self.play.disk(full=True),
            "hidden": lambda: self.play.hide(name, hidden=True),
            "refuses": lambda: self.play.refuse(name, refuses=True),
        }  # fmt: skip
        deeds[what]()

    @precondition(lambda self: not self.play.calm)
    @rule()
    def end_of_trouble(self) -> None:
        self.play.all_is_well()

    @precondition(lambda self: not self.play.calm)
    @rule()
    def end_of_trouble_and_on(self) -> None:
        self.play.all_is_well()
        self.play.go_on(times=2)
