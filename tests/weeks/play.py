"""What can happen in the weeks of a host, each as one deed; and what would be in force if hpm had never come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import BusyIdle, Idle, Load, Periodic, Scenario, ServerSpec, Spin, uuid_of
from hpm.errors import Conflict, HpmError, HypervisorUnreachable, InvalidValue, ManagerBusy
from hpm.manager.lock import HostLock
from hpm.policy.guest_policies import Anywhere, Pack, Spread
from hpm.policy.schedule import ScheduleEntry
from hpm.wire.management import Level
from tests.unit.builders import Wish

from . import invariants
from .host import InForce
from .life import Life, Said
from .steps import Killed
from .sums import Sums
from .wants import GROUPS, Wants

#: All guests that there ever are; those after the fourth are on another host at first.
NAMES = ("db", "web", "batch", "old", "new", "odd")
LOADS: dict[str, Load] = {
    "spin": Spin(), "idle": Idle(), "periodic": Periodic(on_ms=2, off_ms=8), "bursts": BusyIdle(busy_s=5, idle_s=10),
}  # fmt: skip
PLACEMENTS = {"spread": Spread(), "pack": Pack(), "anywhere": Anywhere(), "as it is": None}
#: Two days before clocks are put forward, and back.
SPRING = datetime(2030, 3, 29, 20, tzinfo=timezone.utc)
AUTUMN = datetime(2030, 10, 25, 20, tzinfo=timezone.utc)
INTERVAL = 10.0
#: What guests may do in the midst of what hpm does.
AMID = {
    "guest restarts": "restart", "guest stops": "stop", "guest is paused": "pause", "guest leaves": "delete",
    "vCPU plugged": "plug", "vCPU unplugged": "unplug", "guest comes": "come",
}  # fmt: skip
OFFICE = ScheduleEntry("day", ("mon", "tue", "wed", "thu", "fri"), "08:00", "18:00")
NIGHTLY = ScheduleEntry("night", ("mon", "wed", "fri", "sat", "sun"), "22:30", "02:30")
SCHEDULES: dict[str, tuple[tuple[ScheduleEntry, ...], str | None]] = {
    "office": ((OFFICE,), "night"), "nightly": ((NIGHTLY,), None), "both": ((NIGHTLY, OFFICE), None),
    "none": ((), None),
}  # fmt: skip


def spec(name: str, **said: object) -> ServerSpec:
    """A guest as it is defined: what it has without hpm differs from one to the next."""
    place = NAMES.index(name)
    whole = ServerSpec(
        name=name, vcpus=1 + place % 3, load=Spin(), shares=(1024, 1024, 512, 2048, 3000, 20)[place], memory_mib=1024,
        quota_us=150000 if name == "odd" else None, pinned="0" if name == "old" else (),
    )  # fmt: skip
    return msgspec.structs.replace(whole, **said)


class Play:
    """A host in its weeks. Each deed ends with a look at all that has to hold. `own` is what would be in force without
    hpm, by name; `hand`: shares that an administrator set while hpm managed that guest; `perhaps`: guests of whom hpm
    may still think so, as it was told to manage them no more and could not yet; `unkept`: levels that the store may
    still have, where the one in force could not be written."""

    def __init__(self, directory: Path, begin: datetime = SPRING, cores: int = 4) -> None:
        first = NAMES[:4]
        self.said = Said()
        logging.getLogger("hpm").addHandler(self.said)
        self.life = Life(directory, Scenario(
            cores=cores, servers=tuple(spec(name) for name in first), stretch=32, nodes=2,
        ), begin, INTERVAL)  # fmt: skip
        goals: dict[str, dict[str, dict[str, Wish]]] = {
            "app": {"day": {"db": (75, "high"), "web": (50, "medium")}, "night": {"web": (30, "low"), "db": None}},
            "lab": {"day": {"batch": (30, "low")}, "night": {"batch": (75, "highest"), "new": (50, "medium")}},
        }
        self.wants = Wants(goals, {"db": "app", "web": "app", "batch": "lab", "new": "lab"})
        self.level: Level = "off"
        self.unkept: set[Level] = set()
        self.own: dict[str, InForce] = self.life.host.in_force()
        self.hand: dict[str, int] = {}
        self.perhaps: set[str] = set()
        self.sums = Sums()
        self.restless = False    # whether something happened since the last cycle that ended well
        self.want(lambda wants: None)

    def manage(self) -> None:
        """After some looks, the policies of the day are in force, and management is on."""
        self.go_on(times=2)
        self.want(lambda wants: [wants.active[group].by_hand("day") for group in GROUPS])
        self.set_level("on")
        self.go_on()

    def close(self) -> None:
        """It is over."""
        logging.getLogger("hpm").removeHandler(self.said)
        self.life.die()

    # -- what goes wrong

    @property
    def calm(self) -> bool:
        """Whether nothing is wrong now."""
        faults = self.life.host.faults
        return not (self.away or self.life.database.full or faults.refusing or faults.problem or self.life.host.hidden)

    @property
    def away(self) -> bool:
        """Whether libvirt does not answer."""
        return self.life.host.faults.unreachable_until > self.life.host.now_ns

    def libvirt_goes(self) -> None:
        """Nobody answers from now on."""
        self.life.host.faults.unreachable_until = 1 << 62

    def libvirt_comes(self) -> None:
        """Its daemon was started anew: whoever asked it before has to begin again."""
        self.life.host.faults.unreachable_until = 0
        self.life.host.new_objects()
        self.check()

    def disk(self, *, full: bool) -> None:
        """Nothing can be written; or it can again."""
        self.life.database.full = full
        self.check()

    def hide(self, name: str, *, hidden: bool) -> None:
        """A guest cannot be seen, and hpm is told so."""
        self.life.host.hidden ^= {uuid_of(name)} if (uuid_of(name) in self.life.host.hidden) != hidden else set()
        self.check()

    def refuse(self, name: str, *, refuses: bool) -> None:
        """A guest cannot be changed."""
        faults = self.life.host.faults
        faults.refusing ^= {uuid_of(name)} if (uuid_of(name) in faults.refusing) != refuses else set()
        self.check()

    def all_is_well(self) -> None:
        """Nothing is wrong any more."""
        host = self.life.host
        host.faults.unreachable_until, host.faults.problem, self.life.database.full = 0, None, False
        host.faults.refusing.clear()
        host.hidden.clear()

    # -- hpm at work

    @contextmanager
    def _lives(self) -> Iterator[None]:
        """Around whatever hpm does: what was lost must have been lost for a reason, and who was killed begins anew."""
        self.life.steps.struck = False
        try:
            yield
        except Killed:
            self._begin_again()
        except HpmError as error:
            if self.calm and not self.life.steps.struck:
                raise AssertionError(f"this failed, and nothing is wrong: {error!r}") from error
            self.restless = True

    def _begin_again(self) -> None:
        """Another process, on the same host and the same store."""
        self.life.die()
        self.restless = True
        full = self.life.database.full
        try:
            self.life.wake()
            self.life.database.full = full
        except HpmError as error:
            if not self.away:
                raise AssertionError(f"hpm does not start, and the host answers: {error!r}") from error
            self.life.host.faults.unreachable_until = 0
            self.life.wake()
        self.sums = Sums()
        self.wants.tick(self.life.wall())
        level = self.life.manager.snapshot.levels.cpu_mgmt
        if level in self.unkept:    # it was said then that a start begins with the one before
            self.level = level
            if level != "on":
                self.hand.clear()
        assert self.life.database.rows("PRAGMA integrity_check") == [("ok",)]

    def cycle(self) -> None:
        """One cycle of the loop, and what the calendar's thread does."""
        with self._lives():
            self.life.manager.keep_time()
            self.wants.tick(self.life.wall())
        lives = self.life.lives
        done = False
        with self._lives():
            self.life.manager.cycle()
            done = True
        if done and lives == self.life.lives:
            snapshot = self.life.manager.snapshot
            wrong = self.sums.take(snapshot)
            assert not wrong, "\n".join(wrong)
            self.restless = not self.calm or self.life.steps.struck or snapshot.window is None
            if self.level != "on":
                self._let_go()
        elif not done:
            self.sums.unsure()
        self.check()

    def go_on(self, seconds: float = INTERVAL, times: int = 1) -> None:
        """Let that much time pass so often, each time with a cycle at its end."""
        for _ in range(times):
            self.life.host.pass_by(seconds)
            self.cycle()

    def look(self) -> None:
        """What the loop does when guests come and go."""
        with self._lives():
            self.life.manager.look()
        self.check()

    def glance(self) -> None:
        """What the loop does in between."""
        with self._lives():
            self.life.manager.glance()
        self.check()

    def set_level(self, level: Level) -> None:
        """Another level of CPU management."""
        before = self.level
        try:
            with self._lives():
                self.life.manager.set_level(level)
        finally:
            now = self.life.manager.snapshot.levels.cpu_mgmt
            assert now in (before, level)
            if self.calm and not self.life.steps.struck:
                assert now == level
                self.unkept.clear()
                if now != "on" and before == "on":    # at once, and not with the next cycle
                    invariants.as_found(self, f"management is {now}", held=True)
            elif now != before:
                self.unkept.add(before)    # perhaps: nothing can be written
            self.level = now
        if now != "on":
            self._let_go()
        self.restless = True
        self.check()

    def _let_go(self) -> None:
        """hpm manages nobody: what was set by hand is an original like any other, once hpm could put back the rest."""
        well = self.calm and not self.life.steps.struck
        self.perhaps = set() if well else {*self.perhaps, *self.hand}
        self.hand.clear()

    def want(self, change: Callable[[Wants], None]) -> None:
        """Administrators want something else. It is done whole, or not at all; what was acknowledged is never lost."""
        wants = self.wants.copy()
        change(wants)
        done = False
        with self._lives():
            try:
                with self.life.manager.change("somebody") as change_:
                    change_.catalog = wants.put(change_.catalog)
            except InvalidValue:    # it cannot be wanted
                return
            done = True
        wants.tick(self.life.wall())
        catalog = self.life.manager.snapshot.catalog
        if done or not list(wants.differences(catalog)):
            self.wants = wants
        self.restless = True
        self.check()

    def crash(self) -> None:
        """hpm's process ends, and another one begins."""
        self.life.die()
        self._begin_again()
        self.check()

    def restart(self) -> None:
        """hpm is stopped, which puts back everything; then it is started."""
        well = self.calm
        killed = False
        with self._lives():
            try:
                self.life.manager.stop()
            except Killed:
                killed = True
                raise
        if not killed:
            if well and not self.life.steps.struck:
                invariants.as_found(self, "hpm was stopped", held=True)
            self._begin_again()
        self.check()

    def second(self) -> None:
        """Somebody starts another manager on this host."""
        with pytest.raises(ManagerBusy, match=f"life {self.life.lives}"):
            HostLock(self.life.directory / "lock", "another one")

    def strike(self, after: int, deed: str, name: str = "db") -> None:
        """Let something happen in the midst of what hpm does next, after so many steps."""
        deeds: dict[str, Callable[[str], None]] = {
            "killed": self.life.steps.kill, "libvirt goes": self._goes_amid, "disk full": self._full_amid,
        }  # fmt: skip
        self.life.steps.strike = after, deeds.get(deed) or (lambda what: self._amid(name, AMID[deed]))

    def _goes_amid(self, what: str) -> None:
        self.life.host.faults.unreachable_until = 1 << 62
        if what in ("asked", "answered"):
            raise HypervisorUnreachable("libvirt's daemon ended in the midst of this")

    def _full_amid(self, what: str) -> None:
        del what
        self.life.database.full = True

    def _amid(self, name: str, deed: str) -> None:
        with suppress(Conflict):
            self._guest(name, deed)

    # -- guests

    def guest(self, name: str, deed: str) -> None:
        """A guest is started, stopped, and so on. Nothing happens where it cannot."""
        with suppress(Conflict):
            self._guest(name, deed)
        self.restless = True
        self.check()

    def _guest(self, name: str, deed: str) -> None:
        here = name in self.life.host.statuses()
        if deed in ("come", "come paused") and not here:
            self.life.host.add_server(spec(name, status="paused" if deed == "come paused" else "running"))
            self._begun(name)
        elif here and not deed.startswith("come"):
            self._change_guest(name, deed)

    def _change_guest(self, name: str, deed: str) -> None:
        host, uuid = self.life.host, uuid_of(name)
        vcpus = {one.spec.name: one.spec.vcpus for one in host._servers.values()}[name]
        deeds: dict[str, Callable[[], None]] = {
            "start": lambda: host.start(uuid), "stop": lambda: host.stop(uuid), "restart": lambda: host.restart(uuid),
            "crash": lambda: host.stop(uuid, "crashed"), "pause": lambda: host.pause(uuid),
            "resume": lambda: host.resume(uuid), "delete": lambda: host.delete(uuid),
            "plug": lambda: host.set_vcpus(uuid, min(6, vcpus + 1)),
            "unplug": lambda: host.set_vcpus(uuid, max(1, vcpus - 1)),
        }  # fmt: skip
        deeds[deed]()
        if deed in ("start", "restart"):
            self._begun(name)
        elif deed in ("stop", "crash", "delete"):
            self._ended(name)

    def _begun(self, name: str) -> None:
        self.own[name] = self.life.host.in_force()[name]
        self.hand.pop(name, None)

    def _ended(self, name: str) -> None:
        self.own.pop(name, None)
        self.hand.pop(name, None)

    def load(self, name: str, load: str) -> None:
        """A guest does something else."""
        if name in self.life.host.statuses():
            self.life.host.set_load(uuid_of(name), LOADS[load])
        self.restless = True

    # -- administrators at the host itself

    def shares_by_hand(self, name: str, shares: int) -> None:
        """Somebody sets a guest's shares, with virsh. If hpm manages them, they are its own no more."""
        if name not in self.own:
            return
        entry = invariants.journal(self).get((uuid_of(name), "cpu-shares"))
        ours = entry is not None and entry.start == self.life.host.starts()[uuid_of(name)]
        if ours and entry is not None:
            while str(shares) in (entry.previous, entry.intended):    # nobody could tell that from hpm's own doing
                shares += 1
        self.life.host.set_shares_by_hand(uuid_of(name), shares)
        self.own[name] = self.own[name]._replace(shares=shares)
        if ours and self.level == "on":
            self.hand[name] = shares
        elif ours:    # not put back yet: if it is managed again before, nobody can tell when this was set
            self.perhaps.add(name)
        self.restless = True
        self.check()

    def quota_by_hand(self, name: str, quota_us: int | None) -> None:
        """Somebody sets a guest's quota, with virsh."""
        entry = invariants.journal(self).get((uuid_of(name), "cpu-quota"))
        told = f"{'max' if quota_us is None else quota_us} 100000"
        if name not in self.own or (entry is not None and told in (entry.previous, entry.intended)):
            return    # nobody could tell that from hpm's own doing
        self.life.host.set_quota_by_hand(uuid_of(name), quota_us)
        self.own[name] = self.own[name]._replace(quota=(quota_us, 100000))
        self.restless = True
        self.check()

    def release(self, name: str) -> None:
        """Somebody lets hpm manage a guest again."""
        with self._lives():
            try:
                self.life.manager.release(uuid_of(name))
            except Conflict:
                return
        held = invariants.journal(self).get((uuid_of(name), "cpu-shares"))
        if held is None or not held.held:    # else hpm ended before it was done
            self.hand.pop(name, None)
        self.restless = True
        self.check()

    # -- clocks

    def clock(self, hours: float) -> None:
        """The wall clock is set."""
        self.life.ahead += timedelta(hours=hours)
        self.sums.unsure()

    def suspended(self, hours: float) -> None:
        """The host is suspended: nothing runs, the wall clock goes on, the monotonic one does not."""
        self.clock(hours)

    def frozen(self, hours: float) -> None:
        """Whoever runs the host as a guest stopped it for a while: both clocks go on, nothing runs."""
        self.life.host.stands_still(hours * 3600)

    # -- what has to hold

    def check(self) -> None:
        """Look at everything."""
        said = [*invariants.always(self), *(invariants.settled(self) if not self.restless else ())]
        said += self.said.odd
        assert not said, "\n".join(said)

    def until_off(self) -> None:
        """Nothing is wrong any more, and management is switched off: all is as it was found."""
        self.all_is_well()
        self.life.steps.strike = None
        self.go_on()
        self.set_level("off")
        self.cycle()
        invariants.as_found(self, "management is off")
        assert self.life.database.rows("PRAGMA integrity_check") == [("ok",)]
