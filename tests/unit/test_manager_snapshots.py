"""What the manager shows and records: starving, paused, plugged guests; adjustments and what came of them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from hpm.backend.simulated import Idle, uuid_of

from .builders import SPIN, House, Wish, guest

WISHES: dict[str, Wish] = {"a": (70, "highest"), "b": (45, "high"), "c": (25, "high"), "d": None}


def managed(directory: Path) -> House:
    house = House(directory, [guest("a", 1000), guest("b", 333), guest("c", 2048), guest("d", 512)])
    house.manage(WISHES)
    return house


@pytest.mark.parametrize("seed", range(4))
def test_a_starving_guest_never_passes_for_idle(tmp_path: Path, seed: int) -> None:
    house = House(tmp_path, [guest("poor", 2), guest("r1", 8192), guest("r2", 8192), guest("r3", 8192)], cores=2,
                  seed=seed, interval=0.5)  # fmt: skip
    random = Random(seed)
    house.step(2)
    activities, indexes = [], []
    for _ in range(60):
        house.host.advance(random.uniform(0.5, 3.0))
        house.manager.cycle()
        activities.append(house.seen("poor").activity)
        indexes.append(house.seen("poor").velocity)
    assert set(activities) == {"busy"}
    assert all(velocity is not None and velocity < 5 for velocity in indexes)


def test_an_idle_guest_never_passes_for_starving(tmp_path: Path) -> None:
    house = House(tmp_path, [guest(f"g{i}", load=Idle()) for i in range(20)], cores=4, interval=3.0)
    for _ in range(600):
        house.step()
        assert all(house.seen(f"g{i}").activity == "idle" for i in range(20))


def test_a_paused_guest_is_paused_not_idle_or_starving(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.step(2)
    house.host.pause(uuid_of("a"))
    house.step(2)
    assert house.status("a") == "paused"
    assert house.seen("a").activity == "paused"
    assert house.held("a") == "paused"
    assert house.index("a") is None
    house.host.resume(uuid_of("a"))
    house.step(3)
    assert house.status("a") == "met"
    house.manager.set_level("off")
    assert house.share("a") == 1000


def test_plugged_vcpus_are_seen_and_planned_for(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a", 500), guest("b"), guest("c"), guest("d")], cores=4)
    house.manage({"a": (70, "highest"), "b": None, "c": None, "d": None})
    house.step(2)
    house.host.set_vcpus(uuid_of("a"), 3)
    house.step(4)
    assert house.seen("a").vcpus == house.seen("a").active == 3
    assert house.status("a") == "met"
    assert house.seen("a").using > 1.9
    house.host.set_vcpus(uuid_of("a"), 1)
    house.step(2)
    assert house.seen("a").vcpus == 1
    assert house.status("a") == "met"


def test_a_guest_that_comes_later_is_managed_too(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.step(2)
    house.host.add_server(guest("late", 77))
    with house.manager.change() as change:
        change.catalog = change.catalog.with_members("app", [uuid_of("late")], move=False)
    house.step(4)
    assert house.held("late") is None
    assert house.status("late") == "discretionary"
    assert house.status("a") == "met"
    house.manager.stop()
    assert house.share("late") == 77


def test_an_adjustment_says_what_was_so_what_is_expected_and_what_came_of_it(tmp_path: Path) -> None:
    house = managed(tmp_path)
    (record,) = house.records()
    assert record.outcome == "applied"
    assert (record.reason, record.detail) == (None, None)
    assert record.interval_seconds == 3.0
    servers = {s.name: s for s in (*record.receivers, *record.donors)}
    assert {s.name for s in record.receivers} >= {"a", "b"}
    assert {s.name for s in record.donors} >= {"c"}
    assert (servers["a"].shares_before, servers["a"].shares_after) == (1000, house.share("a"))
    assert servers["a"].group == "app"
    assert (servers["a"].service_class, servers["a"].importance) == ("a", "highest")
    assert all(s.pi_measured is None for s in servers.values())
    assert servers["d"].pi_before == 0.81
    assert servers["d"].goal is None and servers["d"].velocity_before is not None
    before = servers["a"]
    assert before.goal is not None and before.pi_before is not None and before.velocity_before is not None
    assert before.velocity_before == pytest.approx(before.goal / before.pi_before)
    assert (before.velocity_measured, before.cpus_measured) == (None, None)

    house.step()
    (record,) = house.records()
    servers = {s.name: s for s in (*record.receivers, *record.donors)}
    for name in "abc":
        server = servers[name]
        assert server.pi_before is not None and server.pi_projected is not None and server.pi_measured is not None
        assert server.pi_measured == house.index(name)
        assert server.pi_measured == pytest.approx(server.pi_projected, rel=0.1)
        assert server.velocity_measured == pytest.approx(server.velocity_projected, rel=0.1)
        assert server.cpus_measured == pytest.approx(server.cpus_projected, rel=0.1)
    gained = servers["a"].cpus_measured
    assert gained is not None and before.cpus_before is not None and gained > before.cpus_before + 0.1
    assert servers["a"].pi_before is not None and servers["a"].pi_before > 1.05
    measured = servers["a"].pi_measured
    house.step(3)
    (record,) = house.records()
    assert next(s for s in record.receivers if s.name == "a").pi_measured == measured


def test_adjustments_survive_a_crash(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.step()
    before = house.records()
    house.crash()
    assert house.records() == before


def test_a_forecast_says_why_a_goal_will_be_missed(tmp_path: Path) -> None:
    house = House(tmp_path, [guest(n) for n in ("h1", "h2", "m1", "d")])
    house.manage({"h1": (90, "highest"), "h2": (90, "highest"), "m1": (90, "medium"), "d": None})
    house.step(6)
    forecasts = house.manager.snapshot.forecasts
    assert forecasts[uuid_of("m1")].reason in ("at-capacity", "at-floor")
    assert forecasts[uuid_of("h1")].reason is None
    house.host.set_load(uuid_of("h1"), Idle())
    house.step(4)
    assert house.status("m1") == "met"
    assert house.manager.snapshot.forecasts[uuid_of("m1")].reason is None


def test_a_reason_that_was_over_is_told_again_when_it_comes_back(tmp_path: Path) -> None:
    house = House(tmp_path, [guest(n) for n in ("h1", "h2", "m1", "d")])
    house.manage({"h1": (90, "highest"), "h2": (90, "highest"), "m1": (90, "medium"), "d": None})
    told = []
    for load in (SPIN, Idle(), SPIN):
        house.host.set_load(uuid_of("h1"), load)
        house.step(15)
        told.append(len([r for r in house.records() if r.outcome == "failed"]))
    assert told == [1, 1, 2]
