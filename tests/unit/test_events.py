"""Events in the manager: what is kept, where readers go on, and what is news."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hpm.backend.simulated import Idle, uuid_of
from hpm.manager.events import KEPT_FOR, WRITTEN_FOR, Events, Places, Published, Reader
from hpm.manager.news import MANY, GroupNews, News, ServerNews
from hpm.policy.catalog import Catalog

from .builders import House, Wish, guest, policy


def made(**more: Any) -> Events:
    return Events(lambda: datetime(2030, 1, 1, tzinfo=timezone.utc), **more)


def data(found: Iterable[Published]) -> list[object]:
    return [event.data for event in found]


def taken(reader: Reader) -> list[object]:
    """All that there is for a reader."""
    found: list[object] = []
    while more := reader.take(1000):
        found += data(more)
    return found


def test_a_reader_goes_on_where_it_says() -> None:
    events = made()
    for n in range(5):
        events.publish("host", n)
    assert taken(events.reader(events.name(2))) == [2, 3, 4]    # the first has number 1
    assert taken(events.reader(events.name(5))) == []
    assert taken(events.reader(events.name(0))) == [0, 1, 2, 3, 4]


def test_a_reader_that_names_nothing_begins_now_and_is_told_to_read_everything() -> None:
    events = made()
    events.publish("host", "before")
    reader = events.reader(None)
    (first,) = reader.take(1)
    assert (first.kind, first.data, events.name(first.number)) == ("resync", "begin", reader.place)
    events.publish("host", "after")
    assert taken(reader) == ["after"]
    assert taken(events.reader(events.name(first.number))) == ["after"]    # and it can go on after that


@pytest.mark.parametrize(
    "name", ["", "x", "-", "{}-", "{}-x", "{}-²", "{}-99", "-1", "other-1", "{}-" + "9" * 30, "\0-1"]
)
def test_an_id_that_is_none_of_ours_means_to_read_everything(name: str) -> None:
    events = made()
    events.publish("host", 1)
    reader = events.reader(name.format(events.instance))
    assert taken(reader) == ["unknown-id"]
    events.publish("host", 2)
    assert taken(reader) == [2]


def test_another_start_of_hpm_has_other_ids() -> None:
    before, now = made(), made()
    for events in (before, now):
        events.publish("host", 1)
    assert taken(now.reader(before.name(1))) == ["unknown-id"]


def test_whoever_is_too_slow_or_too_late_reads_everything_anew() -> None:
    events = made(kept=10)
    slow = events.reader(None)
    slow.take(1)
    for n in range(11):
        events.publish("host", n)
    assert taken(slow) == ["too-old"]
    assert taken(events.reader(events.name(0))) == ["too-old"]
    assert taken(events.reader(events.name(1))) == list(range(1, 11))
    events.publish("host", "on")
    assert taken(slow) == ["on"]


def test_only_the_kinds_that_are_wanted_and_every_resync() -> None:
    events = made()
    reader = events.reader(events.name(0), frozenset({"host"}))
    events.publish_all([("host", 1), ("mgmt-levels", 2), ("resync", "too-many"), ("virtual-server", 3)])
    assert taken(reader) == [1, "too-many"]
    assert reader.place == events.name(4)    # what was passed over is not asked for again


def test_events_are_kept_within_bytes_and_one_at_least() -> None:
    events = made(kept_bytes=1000)
    for n in range(10):
        events.publish("host", f"{n}" + "x" * 398)
    assert [str(text)[0] for text in taken(events.reader(events.name(8)))] == ["8", "9"]
    assert taken(events.reader(events.name(6))) == ["too-old"]
    events.publish("host", "y" * 5000)
    assert taken(events.reader(events.name(10))) == ["y" * 5000]


@pytest.mark.parametrize("hours", [0, -2, 2])
def test_events_are_kept_for_minutes_so_that_memory_does_not_go_on_growing_for_hours(hours: int) -> None:
    passed, ahead = 0, timedelta(hours=-hours)
    events = Events(lambda: datetime(2030, 1, 1, tzinfo=timezone.utc) + ahead, lambda: passed)
    late, slow = events.name(0), events.reader(events.name(0))
    for n in range(20):
        events.publish("host", n)
        passed += KEPT_FOR // 10
        ahead = timedelta()    # somebody sets the clock
    assert taken(events.reader(late)) == ["too-old"]
    assert taken(events.reader(events.name(9))) == list(range(9, 20))
    assert taken(slow) == ["too-old"]
    events.publish("host", "on")
    assert taken(slow) == ["on"]


def test_memory_does_not_grow_with_events_and_readers_that_do_not_read() -> None:
    events = made(kept=100, kept_bytes=100_000)
    readers = [events.reader(None) for _ in range(200)]
    tracemalloc.start()
    try:
        for n in range(20_000):
            events.publish("host", f"{n:0500}")
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
    assert all(taken(reader) == ["begin"] for reader in readers)


def test_texts_are_shared_while_events_are_new_and_not_kept_with_old_ones() -> None:
    now = [0]
    events = made(clock=lambda: now[0])
    for n in range(3):
        events.publish("host", n)
    old = events.reader(events.name(0)).take(1000)
    for event in old:
        events.keep(event, "/base", b"text")
    assert [event.texts for event in events.reader(events.name(0)).take(1000)] == [{"/base": b"text"}] * 3
    now[0] = WRITTEN_FOR + 1
    events.publish("host", 3)
    events.keep(old[0], "/base", b"made anew for one who is behind")
    (*before, new) = events.reader(events.name(0)).take(1000)
    events.keep(new, "/base", b"text")
    assert [event.texts for event in (*before, new)] == [{}, {}, {}, {"/base": b"text"}]


def test_any_thread_may_publish_and_every_reader_has_all_in_order() -> None:
    events = made()
    readers = [events.reader(events.name(0)) for _ in range(4)]
    found: list[list[object]] = [[] for _ in readers]

    def publish(name: str) -> None:
        for n in range(500):
            events.publish("host", (name, n))

    def read(reader: Reader, into: list[object]) -> None:
        while len(into) < 2000:
            into += data(reader.take(100))

    threads = [threading.Thread(target=publish, args=(name,)) for name in "abcd"]
    threads += [threading.Thread(target=read, args=pair) for pair in zip(readers, found, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one == found[0] for one in found)
    for name in "abcd":
        assert [n for who, n in found[0] if who == name] == list(range(500))    # type: ignore[misc]


def test_who_listens_is_told_until_it_listens_no_more() -> None:
    events, told = made(), threading.Event()
    events.listen(told.set)
    events.publish("host", 1)
    assert told.is_set()
    told.clear()
    events.unlisten(told.set)
    events.publish("host", 2)
    assert not told.is_set()


def test_places_are_for_each_name_and_for_all() -> None:
    places = Places(each=2, total=3)
    assert places.take(("user a", "address x")) and places.take(("user a",))
    assert not places.take(("user a",))
    assert places.take(("user b", "address x"))
    assert not places.take(("user c",))    # nobody has one left
    places.give(("user a",))
    assert not places.take(("user c", "address x"))
    assert places.take(("user c",))
    assert places.taken == 3


# -- what is news

WISHES: dict[str, Wish] = {"a": (70, "highest"), "b": (60, "high"), "d": None}


class Watched:
    """A host, and what is new on it since it was asked last."""

    def __init__(self, directory: Path) -> None:
        self.house = House(directory, [guest("a"), guest("b"), guest("c"), guest("d"), guest("i", load=Idle())])
        self.house.step(2)
        self._news = News(made())
        self.news()

    def news(self) -> list[tuple[str, object]]:
        return list(self._news.compare(self.house.manager.snapshot))

    def servers(self) -> dict[str, tuple[str, ...]]:
        """What changed of each server."""
        return {one.name: one.changed for _, one in self.news() if isinstance(one, ServerNews)}

    def change(self, catalog: Catalog) -> None:
        with self.house.manager.change() as change:
            change.catalog = catalog

    @property
    def catalog(self) -> Catalog:
        return self.house.manager.snapshot.catalog


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_figures_alone_are_no_news(watched: Watched) -> None:
    watched.house.step(3)
    assert watched.news() == []


def test_servers_that_come_and_go_and_change(watched: Watched) -> None:
    host = watched.house.host
    host.add_server(guest("new"))
    host.pause(uuid_of("a"))
    host.rename(uuid_of("i"), "idle")
    watched.house.step()
    assert watched.servers() == {"new": ("new",), "a": ("status",), "idle": ("name",)}
    host.stop(uuid_of("c"))
    host.delete(uuid_of("c"))
    watched.house.step()
    ((kind, gone),) = watched.news()
    assert (kind, gone.id, gone.name) == ("virtual-server-removed", uuid_of("c"), "c")    # type: ignore[attr-defined]


def test_goals_missed_and_met(watched: Watched) -> None:
    watched.house.wish(WISHES)
    found = watched.news()
    assert [kind for kind, _ in found] == ["workload-resource-group", *["virtual-server"] * 3]
    assert {one.name: one.goal_status for _, one in found if isinstance(one, ServerNews)} == {
        "a": "missed", "b": "missed", "d": "discretionary",
    }  # fmt: skip
    assert found[1][1].changed == ("workload-resource-group", "service-class", "goal-status")    # type: ignore[attr-defined]
    watched.house.on()
    watched.house.step(2)
    found = watched.news()
    assert [kind for kind, _ in found[:1]] == ["mgmt-levels"]
    met = {one.name: one for _, one in found if isinstance(one, ServerNews)}
    assert {name: (one.goal_status, one.changed) for name, one in met.items()} == {
        "a": ("met", ("goal-status",)), "b": ("met", ("goal-status",)),
    }  # fmt: skip
    assert met["a"].index is not None and met["a"].index <= 1.05


def test_groups_and_their_policies(watched: Watched) -> None:
    def groups() -> list[object]:
        return [
            (one.name, one.active_policy, one.changed) if isinstance(one, GroupNews) else (kind, one)
            for kind, one in watched.news()
        ]  # fmt: skip

    watched.house.wish({})
    assert groups() == [("app", "day", ("new",))]
    group = watched.catalog.groups["app"]
    watched.change(watched.catalog.with_group(msgspec.structs.replace(group, name="App", description="x")))
    assert groups() == [("App", "day", ("name", "description"))]
    group = watched.catalog.groups["app"]
    more = (*group.perf_policies, policy(WISHES, "night"))
    group = msgspec.structs.replace(group, perf_policies=more, active_policy="night")
    watched.change(watched.catalog.with_group(group))
    assert groups() == [("App", "night", ("perf-policies", "active-policy"))]
    watched.change(watched.catalog.with_group(watched.catalog.groups["app"]))
    assert groups() == []    # a generation with nothing new in it
    watched.change(watched.catalog.with_members("app", [uuid_of("a")], move=False))
    watched.news()
    watched.change(watched.catalog.without_group("app"))
    kinds = [kind for kind, _ in watched.news()]
    assert kinds == ["virtual-server", "workload-resource-group-removed"]    # a server is never in a group that is gone


def test_problems_of_the_host_begin_and_end(watched: Watched) -> None:
    watched.house.host.faults.problem = "libvirt does not answer"
    watched.house.step()
    assert watched.news() == [("host", "libvirt does not answer")]
    watched.house.step()
    assert watched.news() == []
    watched.house.host.faults.problem = None
    watched.house.step()
    assert watched.news() == [("host", None)]


def test_more_than_can_be_told_one_by_one_is_told_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, [guest(f"g{n}", load=Idle()) for n in range(MANY + 3)])
    news = News(made())
    news.compare(house.manager.snapshot)
    house.wish({"g0": None, "g1": None})
    found = news.compare(house.manager.snapshot)
    assert [kind for kind, _ in found] == ["workload-resource-group", *["virtual-server"] * 2]
    with house.manager.change() as change:
        members = house.manager.snapshot.sample.infos
        change.catalog = change.catalog.with_members("app", members, move=True)
    assert news.compare(house.manager.snapshot) == [("resync", "too-many")]
    house.host.pause(uuid_of("g5"))
    house.step()
    assert [kind for kind, _ in news.compare(house.manager.snapshot)] == ["virtual-server"]


def test_nothing_is_compared_before_somebody_reads(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a")])
    house.wish({"a": None})
    house.step()
    assert not [thread for thread in threading.enumerate() if thread.name == "hpm-news"]
    reader = house.manager.events.reader(None)
    assert taken(reader) == ["begin"]
