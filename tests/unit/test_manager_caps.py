"""Caps hold at once, whatever was in force before; and what is not in force is not learned from."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hpm.backend.simulated import Periodic, uuid_of

from .builders import House, guest


def test_a_cap_that_is_raised_is_planned_for_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a", vcpus=2), guest("b"), guest("c")])
    house.say("a", cpu_cap=0.3)
    house.manage({"a": (60, "high"), "b": None, "c": None})
    house.step(3)
    house.say("a", cpu_cap=1.5)
    house.manager.cycle()
    assert house.manager.snapshot.forecasts[uuid_of("a")].cpus >= 0.6 * 2


def test_a_capped_guest_that_is_started_anew_is_capped_within_a_second(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a"), guest("b")], interval=10.0)
    house.say("a", cpu_cap=0.3)
    house.manage({"b": (60, "high")})
    house.step()
    house.host.restart(uuid_of("a"))
    begin = house.host.now_ns
    assert house.quota("a")[0] is None
    house.step()
    ((when, *written),) = house.writes("cpu-quota", since_ns=begin)
    assert written == ["a", 30000]
    assert when - begin <= 1e9


def test_a_cap_is_never_looser_than_a_quota_that_was_there_before(tmp_path: Path) -> None:
    own = msgspec.structs.replace(guest("a"), quota_us=50000)
    house = House(tmp_path, [own, guest("b")])
    house.manage({"a": None, "b": None})
    for cap, quota in ((0.3, 30000), (1.0, 50000), (0.4, 40000), (None, 50000)):
        house.say("a", cpu_cap=cap)
        house.step()
        assert house.quota("a") == (quota, 100000)


def test_what_a_new_cap_takes_is_no_delay(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a"), guest("b"), guest("c")])
    house.manage({"a": (30, "high"), "b": None, "c": None})
    house.step(3)
    house.say("a", cpu_cap=0.2)
    house.step()
    assert house.seen("a").throttled > 0.3
    assert house.status("a") == "met"
    assert [record for record in house.records() if record.outcome == "failed"] == []


def test_nothing_is_learned_from_weights_that_could_not_be_set(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a", load=Periodic(2, 8)), *(guest(name) for name in "bcde")])
    house.wish({"a": (80, "highest"), "b": None, "c": None, "d": None, "e": None})
    house.step(2)
    house.host.faults.refusing.update(uuid_of(name) for name in "abcde")
    house.on()
    house.step(6)
    house.host.faults.refusing.clear()
    house.step()
    weights = house.shares()
    assert weights["a"] <= 8 * weights["b"], weights
