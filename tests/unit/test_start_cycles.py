"""Servers that would wait for each other for ever: by what a schedule activates, and beside older circles."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import uuid_of
from hpm.errors import Conflict
from hpm.manager.events import Reader
from hpm.model.servers import Servers
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.guest_policies import GuestPolicy
from hpm.policy.partitions import Partition
from hpm.policy.schedule import Day, ScheduleEntry
from hpm.policy.start_order import DependencyCycle
from hpm.policy.start_policies import Dependency, StartPolicy
from hpm.wire.servers import ServerUpdate

from .builders import policy
from .start_house import StartHouse, needs, off

TIER = "2b1f5c38-7d7e-4f0e-9d0d-0f6e3a6a1c11"


@pytest.mark.parametrize("now", [True, False])
def test_cycles_that_a_schedule_makes_are_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, now: bool
) -> None:
    monkeypatch.setenv("TZ", "UTC")    # the house begins on a Tuesday at 00:00
    house = StartHouse(tmp_path, off("db", "web"), web=needs("db"))
    day = policy({"db": None})
    waits = msgspec.structs.replace(day.service_classes[0], guest_policy=GuestPolicy(start=needs("web")))
    entry = ScheduleEntry("night", ("tue" if now else "fri",), "00:00", "06:00")
    night = msgspec.structs.replace(day, name="night", service_classes=(waits, day.service_classes[1]))
    group = WorkloadResourceGroup("g", "g", perf_policies=(day, night), schedule=(entry,), otherwise="day")
    before = house.manager.snapshot.catalog
    with pytest.raises(DependencyCycle), house.manager.change() as change:
        change.catalog = change.catalog.with_group(group).with_members("g", [uuid_of("db")], move=True)
    assert house.manager.snapshot.catalog is before


def test_a_cycle_that_time_makes_of_a_policy_activated_by_hand_is_told_and_stops_no_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    house = StartHouse(tmp_path, off("db", "web", "other"))
    groups = [scheduled("a", "db", "web", "sun"), scheduled("b", "web", "db", "tue")]
    with house.manager.change() as change:
        for group, name in zip(groups, ("db", "web"), strict=True):
            change.catalog = change.catalog.with_group(group).with_members(group.id, [uuid_of(name)], move=True)
    events = house.manager.events.reader(None)
    events.take(1)
    activate(house, "a", "waits")    # by hand: db needs web, and web needs nobody yet
    house.host.advance(3600)
    house.manager.keep_time()    # now web needs db
    house.look()
    assert house.manager.snapshot.catalog.groups["b"].active_policy == "waits"
    house.say_start("other", needs("web"))    # it hinders no other change
    with pytest.raises(Conflict, match="wait for each other for ever"):
        house.begin("db")
    allowed = house.manager.starting.verdict(uuid_of("db"))
    assert allowed.start and "db → web → db" in allowed.message
    assert house.manager.starting.verdict(uuid_of("web")).start
    assert not house.manager.starting.verdict(uuid_of("other")).start    # which is on no cycle
    assert lengths(events) == [3]
    house.host.advance(3600)
    house.manager.keep_time()
    house.look()
    assert lengths(events) == [0]
    activate(house, "a", "free")


def lengths(events: Reader) -> list[int]:
    """Of the cycles that were told of since this was asked last."""
    told = [event.data for event in events.take(10**6) if event.kind == "dependency-cycle"]
    return [len(one.names) for one in told]    # type: ignore[attr-defined]


def scheduled(group_id: str, member: str, needed: str, day: Day) -> WorkloadResourceGroup:
    """A group whose member needs another server on that day from one o'clock to two."""
    free = msgspec.structs.replace(policy({member: None}), name="free")
    first, *others = free.service_classes
    waiting = msgspec.structs.replace(first, guest_policy=GuestPolicy(start=needs(needed)))
    waits = msgspec.structs.replace(free, name="waits", service_classes=(waiting, *others))
    entry = ScheduleEntry("waits", (day,), "01:00", "02:00")
    return WorkloadResourceGroup(group_id, group_id, perf_policies=(free, waits), schedule=(entry,), otherwise="free")


def activate(house: StartHouse, group_id: str, name: str) -> None:
    with house.manager.change() as change:
        group = msgspec.structs.replace(change.catalog.groups[group_id], active_policy=name)
        change.catalog = change.catalog.with_group(group)


def test_a_cycle_that_was_there_hides_no_new_one(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("a", "b", "c", "d"), a=needs("b"), d=needs("c"))
    starting, real = house.manager.starting, house.manager.starting.check
    starting.check = lambda *_: None  # type: ignore[method-assign]
    house.say_start("b", needs("a"))    # as when servers change their classes by themselves
    starting.check = real  # type: ignore[method-assign]
    house.say_start("d", needs("c", timeout_seconds=9))
    with pytest.raises(DependencyCycle, match="c → d → c"):
        house.say_start("c", needs("d"))
    with pytest.raises(DependencyCycle, match=r"b → c → a → b|c → a → b → c"):
        house.say_start("c", needs("a"))
        house.say_start("b", needs("a", "c"))
    house.say_start("b", needs())


def test_servers_that_wait_for_each_other_stop_all_the_same(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, dict.fromkeys(("a", "b", "web"), True), a=needs("b"), web=needs("a"))
    starting, real = house.manager.starting, house.manager.starting.check
    starting.check = lambda *_: None  # type: ignore[method-assign]
    house.say_start("b", needs("a"))
    starting.check = real  # type: ignore[method-assign]
    job = house.end("a", "b", "web")
    house.manager.starting.turn()
    assert "a" in house.running() and "web" not in house.running()    # who needs it first
    house.wait(2)
    assert not house.running() and house.job(job).state == "done"


def test_a_refused_change_of_a_server_leaves_its_definition_alone(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "app", "web"), web=needs("app"), app=needs("db"))
    with house.manager.change() as change:
        change.catalog = change.catalog.with_partition(Partition("/machine/gold"))
    house.wish({"db": None}, TIER)
    house.say_start("db", StartPolicy(depends_on=(Dependency(workload_resource_group=TIER),)))
    wanted = ServerUpdate(workload_resource_group=TIER, partition="/machine/gold", persist=True, move=True)
    servers, web = Servers(house.manager), uuid_of("web")
    with pytest.raises(DependencyCycle):
        servers.update("", web, "ann", wanted, lambda _: None)
    assert house.host.observe().infos[web].partition != "/machine/gold"
    servers.update("", web, "ann", ServerUpdate(partition="/machine/gold", persist=True), lambda _: None)
    assert house.host.observe().infos[web].partition == "/machine/gold"
