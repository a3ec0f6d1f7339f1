"""What happens at the beginning of an interval."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta

from hpm.backend.simulated import uuid_of
from hpm.errors import HypervisorError, HypervisorUnreachable, StoreError
from hpm.policy.goals import TemporaryGoal
from hpm.policy.guest_policies import GuestPolicy
from hpm.wire.times import rfc3339
from tests.unit.builders import House
from tests.weeks.steps import Killed, SteppingDatabase, Steps

from .form import Amid, Event, whole
from .outcome import InForce
from .watched import WatchedHost, spec_of
from .wishes import Wishes
from .words import loads, placement


class Course:
    """Lets events happen, and remembers what would be in force if hpm had never come: `own`, by guest."""

    def __init__(self, house: House, host: WatchedHost, wishes: Wishes, steps: Steps) -> None:
        self.house, self.host, self.wishes, self.steps = house, host, wishes, steps
        self.own: dict[str, InForce] = host.in_force()

    def happen(self, event: Event) -> None:
        """Everything that an event says; plans at once where the loop would. Raises `ValueError`."""
        self._host(event)
        self._guests(event)
        self._administrator(event)
        with self.alive():
            self._hpm(event)

    @contextlib.contextmanager
    def alive(self) -> Iterator[None]:
        """Around what hpm does: if it is killed, another process begins, on the same host and store."""
        try:
            yield
        except Killed:
            self.begin_again()

    def begin_again(self) -> None:
        """hpm's process is over, and another one begins."""
        self.host.step = lambda what: None
        self.steps.dead, self.steps.strike = False, None
        self.house.crash()
        self.host.step = self.steps.take

    def _hpm(self, event: Event) -> None:
        if event.amid is not None:
            self.steps.strike = event.amid.after, self._deed(event.amid)
        generation = self.house.manager.snapshot.catalog.generation
        self._catalog(event)
        news = self.house.manager.snapshot.catalog.generation != generation
        for name in event.release:
            self.house.manager.release(uuid_of(name))
            news = True
        if event.level is not None:
            self.house.manager.set_level(event.level)
            news = True
        if news and self.house.manager.snapshot.levels.cpu_mgmt != "off":
            with contextlib.suppress(HypervisorError, StoreError):
                self.house.manager.cycle()

    def _deed(self, amid: Amid) -> Callable[[str], None]:
        if amid.what == "killed":
            return self.steps.kill
        return {"libvirt goes": self._goes_amid, "disk": self._full_amid}.get(
            amid.what, lambda what: self._guest_amid(amid.guest or "", amid.what)
        )

    def _goes_amid(self, what: str) -> None:
        self.host.faults.unreachable_until = 1 << 62
        if what in ("asked", "answered"):
            raise HypervisorUnreachable("libvirt ended in the midst of this (a fault set by a test)")

    def _full_amid(self, what: str) -> None:
        del what
        self._disk(full=True)

    def _disk(self, *, full: bool) -> None:
        assert isinstance(self.house.database, SteppingDatabase)
        self.house.database.full = full

    def _guest_amid(self, name: str, what: str) -> None:
        host, uuid, vcpus = self.host, uuid_of(name), self.host.specs()[name].vcpus
        {
            "restart": lambda: host.restart(uuid), "stop": lambda: host.stop(uuid), "pause": lambda: host.pause(uuid),
            "delete": lambda: host.delete(uuid), "plug": lambda: host.set_vcpus(uuid, vcpus + 1),
            "unplug": lambda: host.set_vcpus(uuid, vcpus - 1),
        }[what]()    # fmt: skip
        if what == "restart":
            self.own[name] = host.in_force()[name]

    def _clocks(self, event: Event) -> None:
        for hours in (event.clock, event.suspend):
            self.house.ahead += timedelta(hours=hours or 0.0)
        if event.frozen is not None:
            self.host.stands_still(event.frozen * 3600)

    def _host(self, event: Event) -> None:
        host = self.host
        self._clocks(event)
        if event.disk is not None:
            self._disk(full=event.disk == "full")
        if event.libvirt == "goes":
            host.faults.unreachable_until = 1 << 62
        elif event.libvirt is not None:
            host.faults.unreachable_until = 0
            host.new_objects()
        host.hidden |= {uuid_of(name) for name in event.unseen}
        host.hidden -= {uuid_of(name) for name in event.seen}
        if event.host_load is not None:
            host.set_host_load(event.host_load)
        if event.steal is not None:
            host.set_steal(event.steal)
        if event.unreachable is not None:
            host.unreachable_for(event.unreachable)
        host.faults.refusing |= {uuid_of(name) for name in event.refuse}
        host.faults.refusing -= {uuid_of(name) for name in event.accept}
        host.faults.vanishing |= {uuid_of(name) for name in event.vanish}
        if event.hpm == "restarts":
            self.house.manager.stop()
        if event.hpm is not None:
            self.begin_again()

    def _guests(self, event: Event) -> None:
        host = self.host
        for name, guest in event.add.items():
            host.add_server(spec_of(name, whole(guest)))
        for names, do in (
            (event.stop, host.stop), (event.start, host.start), (event.restart, host.restart),
            (event.pause, host.pause), (event.resume, host.resume), (event.delete, host.delete),
        ):  # fmt: skip
            for name in names:
                do(uuid_of(name))
        for name, said in event.load.items():
            host.set_load(uuid_of(name), loads(said))
        for name, vcpus in event.vcpus.items():
            host.set_vcpus(uuid_of(name), vcpus)
        for name, constraint in event.constraint.items():
            host.set_constraint(uuid_of(name), constraint)
        for name, pins in event.pinned.items():
            vcpus = host.specs()[name].vcpus
            host.set_pins_by_hand(uuid_of(name), [pins] * vcpus if isinstance(pins, str) else pins)
            self.own[name] = self.own[name]._replace(pins=host.in_force()[name].pins)
        begun = [*event.add, *event.start, *event.restart]
        self.own |= {name: now for name, now in host.in_force().items() if name in begun}

    def _administrator(self, event: Event) -> None:
        for name, shares in event.shares.items():
            self.host.set_shares_by_hand(uuid_of(name), shares)
            self.own[name] = self.own[name]._replace(shares=shares)

    def _catalog(self, event: Event) -> None:
        self.wishes.change(event)
        with self.house.manager.change() as change:
            change.catalog = self.wishes.catalog(change.catalog)
        said: dict[str, dict[str, object]] = {}
        for name, guest in event.add.items():
            settings = {"cpu_reserve": whole(guest).reserve, "cpu_cap": whole(guest).cap}
            said[name] = {**settings, "excluded": whole(guest).excluded}
            if (how := whole(guest).placement) is not None:
                said[name]["guest_policy"] = GuestPolicy(placement=placement(how))
        for names, excluded in ((event.exclude, True), (event.include, False)):
            for name in names:
                said.setdefault(name, {})["excluded"] = excluded
        for name, boost in event.boost.items():
            until = rfc3339(self.house.wall() + timedelta(minutes=boost.minutes))
            said.setdefault(name, {})["temporary_goal"] = TemporaryGoal(boost.goal, until, "highest")
        for name, reserve in event.reserve.items():
            said.setdefault(name, {})["cpu_reserve"] = reserve
        for name, cap in event.cap.items():
            said.setdefault(name, {})["cpu_cap"] = cap
        for name, how in event.placement.items():
            said.setdefault(name, {})["guest_policy"] = GuestPolicy(placement=placement(how))
        for name, settings in said.items():
            self.house.say(name, **settings)
