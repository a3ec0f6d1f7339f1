"""What happens at the beginning of an interval."""

from __future__ import annotations

import contextlib

from hpm.backend.simulated import uuid_of
from hpm.errors import HypervisorError
from hpm.policy.guest_policies import GuestPolicy
from tests.unit.builders import House

from .form import Event, whole
from .outcome import InForce
from .watched import WatchedHost, spec_of
from .wishes import Wishes
from .words import loads, placement


class Course:
    """Lets events happen, and remembers what would be in force if hpm had never come: `own`, by guest."""

    def __init__(self, house: House, host: WatchedHost, wishes: Wishes) -> None:
        self.house, self.host, self.wishes = house, host, wishes
        self.own: dict[str, InForce] = host.in_force()

    def happen(self, event: Event) -> None:
        """Everything that an event says; plans at once where the loop would. Raises `ValueError`."""
        self._host(event)
        self._guests(event)
        self._administrator(event)
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
            with contextlib.suppress(HypervisorError):
                self.house.manager.cycle()

    def _host(self, event: Event) -> None:
        host = self.host
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
            self.house.crash()

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
        for name, reserve in event.reserve.items():
            said.setdefault(name, {})["cpu_reserve"] = reserve
        for name, cap in event.cap.items():
            said.setdefault(name, {})["cpu_cap"] = cap
        for name, how in event.placement.items():
            said.setdefault(name, {})["guest_policy"] = GuestPolicy(placement=placement(how))
        for name, settings in said.items():
            self.house.say(name, **settings)
