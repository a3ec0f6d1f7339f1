"""What administrators say and do is respected: unmanaged and excluded guests, their own hand, caps, advise."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.backend.simulated import Idle, Periodic, ServerSpec, uuid_of
from hpm.errors import Conflict

from .builders import SPIN, House, Wish, guest

WISHES: dict[str, Wish] = {"a": (70, "highest"), "b": (45, "high"), "c": (25, "high"), "d": None}
SHARES = {"a": 1000, "b": 333, "c": 2048, "d": 512}


def four(*more: str) -> list[ServerSpec]:
    return [guest(name, shares) for name, shares in SHARES.items()] + [guest(name, 777) for name in more]


def house_of_four(directory: Path, *more: str) -> House:
    return House(directory, four(*more))


# -- unmanaged and excluded


def test_unmanaged_guests_keep_their_shares_and_are_not_squeezed(tmp_path: Path) -> None:
    house = house_of_four(tmp_path, "u", "v")
    house.step(4)
    before = house.seen("u").using
    house.manage(WISHES)
    house.step(2)
    for _ in range(10):
        house.step()
        assert house.share("u") == house.share("v") == 777
        assert sum(house.share(name) for name in WISHES) == pytest.approx(sum(SHARES.values()), rel=0.02)
        assert house.seen("u").using >= 0.9 * before
    assert house.held("u") == "no-policy"
    assert house.status("u") == "unmanaged"


def test_an_unmanaged_guest_that_slept_is_not_squeezed_when_it_wakes(tmp_path: Path) -> None:
    house = House(tmp_path, [guest(n, 100) for n in "abcdef"] + [guest("u", 100, Idle())])
    house.manage({"a": (90, "highest"), "b": (90, "highest"), "c": (10, "lowest"), **dict.fromkeys("def")})
    house.step(3)
    assert sum(house.share(name) for name in "abcdef") == pytest.approx(600, rel=0.05)
    house.host.set_load(uuid_of("u"), SPIN)
    house.step(3)
    assert house.seen("u").using >= 0.9 * 2 * 100 / 700


def test_unmanaged_guests_are_not_squeezed_when_a_managed_one_wakes(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a", 100), guest("b", 100, Idle()), guest("d", 1900), guest("u", 1000)])
    house.manage({"a": (10, "low"), "b": (40, "highest"), "d": None})
    house.step(3)
    house.host.set_load(uuid_of("b"), SPIN)
    house.step(5)
    assert sum(house.share(name) for name in "abd") <= 2100 * 1.05
    assert house.seen("u").using >= 0.95 * 2 * 1000 / 3100


def test_an_excluded_guest_gets_its_shares_back_and_keeps_them(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.manage(WISHES)
    house.step(3)
    assert house.share("c") != 2048
    house.say("c", excluded=True)
    house.manager.cycle()
    assert house.share("c") == 2048
    assert house.held("c") == "excluded"
    house.step(10)
    assert house.share("c") == 2048
    assert sum(house.share(name) for name in "abd") == pytest.approx(1000 + 333 + 512, rel=0.05)


def test_a_group_whose_policy_is_switched_off_gets_its_shares_back(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a", 1000), guest("b", 333), guest("x", 2048), guest("y", 100)])
    house.wish({"x": (50, "high"), "y": (50, "high")}, "other")
    house.manage({"a": (70, "highest"), "b": None})
    house.step(2)
    assert house.share("x") != 2048
    with house.manager.change() as change:
        other = change.catalog.groups["other"]
        change.catalog = change.catalog.with_group(type(other)(other.id, other.name, perf_policies=other.perf_policies))
    house.manager.cycle()
    assert (house.share("x"), house.share("y")) == (2048, 100)
    assert (house.held("x"), house.held("a")) == ("no-policy", None)
    house.step(5)
    assert (house.share("x"), house.share("y")) == (2048, 100)


@pytest.mark.parametrize("constraint", ["own-quota", "real-time"])
def test_guests_with_constraints_are_left_alone_with_the_reason(tmp_path: Path, constraint: str) -> None:
    house = House(tmp_path, [guest("a", 100), guest("b", 900), guest("p", 500, constraint=constraint)])
    house.manage({"a": (70, "highest"), "b": None, "p": (90, "high")})
    house.step(5)
    assert house.share("p") == 500
    assert house.held("p") == constraint
    assert house.share("a") > house.share("b")


# -- an administrator's hand


def changed_by_hand(directory: Path, shares: int = 1234) -> House:
    house = house_of_four(directory)
    house.manage(WISHES)
    house.step(3)
    house.host.set_shares_by_hand(uuid_of("c"), shares)
    house.step()
    return house


def test_a_guest_that_an_administrator_changed_is_left_alone(tmp_path: Path) -> None:
    house = changed_by_hand(tmp_path)
    assert house.held("c") == "changed-by-administrator"
    house.step(10)
    assert house.share("c") == 1234
    told = [r for r in house.records() if r.reason == "changed-by-administrator"]
    assert [[s.name for s in r.receivers] for r in told] == [["c"]]
    assert told[0].outcome == "failed"

    house.crash()
    house.step(5)
    assert house.share("c") == 1234
    assert house.held("c") == "changed-by-administrator"
    assert len([r for r in house.records() if r.reason == "changed-by-administrator"]) == 1

    house.manager.set_level("off")
    assert house.shares() == {**SHARES, "c": 1234}


def test_a_change_while_no_manager_was_there_is_an_administrators_too(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.manage(WISHES)
    house.step(2)
    house.host.set_shares_by_hand(uuid_of("a"), 4321)
    house.crash()
    assert house.held("a") == "changed-by-administrator"
    house.step(3)
    house.manager.stop()
    assert house.shares() == {**SHARES, "a": 4321}


def test_an_administrator_may_set_what_was_there_at_first(tmp_path: Path) -> None:
    house = changed_by_hand(tmp_path, 2048)
    assert house.held("c") == "changed-by-administrator"
    house.step(5)
    assert house.share("c") == 2048


def test_a_released_guest_is_managed_again_and_its_new_value_is_the_original(tmp_path: Path) -> None:
    house = changed_by_hand(tmp_path, 8000)
    house.step()
    house.manager.release(uuid_of("c"))
    assert house.held("c") is None
    house.manager.cycle()
    house.step(3)
    assert house.share("c") < 8000
    assert house.status("a") == "met"
    house.manager.set_level("off")
    assert house.shares() == {**SHARES, "c": 8000}


def test_there_must_be_something_to_release(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.manage(WISHES)
    house.step()
    with pytest.raises(Conflict, match="nothing to release"):
        house.manager.release(uuid_of("a"))
    assert house.manager.snapshot.held == {}


def test_excluding_a_guest_changed_by_hand_does_not_release_it(tmp_path: Path) -> None:
    house = changed_by_hand(tmp_path)
    house.say("c", excluded=True)
    house.step(2)
    house.say("c", excluded=False)
    house.step(3)
    assert house.held("c") == "changed-by-administrator"
    assert house.share("c") == 1234


# -- caps


def test_a_cap_holds_and_is_taken_back_to_the_digit(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.host.set_cpu_quota(uuid_of("b"), house.host.observe().samples[uuid_of("b")].start, None, 50000)
    house.say("a", cpu_cap=0.3)
    house.say("b", cpu_cap=0.25)
    house.manage(WISHES)
    assert house.quota("a") == (30000, 100000)
    assert house.quota("b") == (25000, 100000)
    house.step(2)
    for _ in range(5):
        house.step()
        assert house.seen("a").using <= 0.31
    house.say("b", cpu_cap=None)
    house.manager.cycle()
    assert house.quota("b") == (None, 50000)
    house.manager.set_level("off")
    assert house.quota("a") == (None, 100000)
    assert house.shares() == SHARES


def test_a_capped_guest_goes_on_being_managed_within_its_cap(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.say("a", cpu_cap=0.4)
    house.manage(WISHES)
    house.step(2)
    for _ in range(10):
        house.step()
        assert house.held("a") is None
        assert 0.3 <= house.seen("a").using <= 0.41
    assert house.share("a") != 1000


@pytest.mark.parametrize(("own", "in_force"), [(0.3, 30000), (0.6, 40000)], ids=["tighter", "wider"])
def test_of_a_cap_and_a_quota_of_its_own_the_tighter_one_holds(tmp_path: Path, own: float, in_force: int) -> None:
    house = house_of_four(tmp_path)
    house.host.set_cpu_quota(uuid_of("a"), house.host.observe().samples[uuid_of("a")].start, round(own * 100000))
    house.say("a", cpu_cap=0.4)
    house.manage(WISHES)
    for _ in range(6):
        house.step()
        assert house.held("a") is None
        assert house.quota("a") == (in_force, 100000)
        assert house.seen("a").using <= in_force / 100000 + 0.01
    house.manager.set_level("off")
    assert house.quota("a") == (round(own * 100000), 100000)


def test_a_cap_is_kept_over_a_crash(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.say("a", cpu_cap=0.4)
    house.manage(WISHES)
    house.crash()
    house.step(2)
    assert house.quota("a") == (40000, 100000)
    house.manager.set_level("off")
    assert house.quota("a") == (None, 100000)


def test_an_excluded_guest_has_no_cap_of_ours(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.say("a", cpu_cap=0.4)
    house.manage(WISHES)
    house.step()
    house.say("a", excluded=True)
    house.manager.cycle()
    assert house.quota("a") == (None, 100000)


def test_an_administrators_own_quota_is_respected(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.say("a", cpu_cap=0.4)
    house.manage(WISHES)
    house.step(2)
    house.host.set_cpu_quota(uuid_of("a"), house.host.observe().samples[uuid_of("a")].start, 70000)
    house.step(3)
    assert house.quota("a") == (70000, 100000)
    assert all(r.receivers or r.donors for r in house.records())


# -- advise


def test_advise_reports_once_and_changes_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("p", 200, Periodic(on_ms=2, off_ms=8)), *four()])
    house.wish({**WISHES, "p": (75, "high")})
    house.step(2)
    house.manager.set_level("advise")
    house.manager.cycle()
    (first,) = house.records()
    assert first.outcome == "advised"
    assert "a" in {s.name for s in first.receivers}
    house.step(30)
    assert not house.host.writes
    assert not house.journal()
    assert len([r for r in house.records() if r.outcome == "advised"]) <= 2
    assert {s.name: s.shares_before for s in (*first.receivers, *first.donors)}["a"] == 1000


def test_advice_comes_true_when_management_is_switched_on(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.wish(WISHES)
    house.step(2)
    house.manager.set_level("advise")
    house.step(3)
    (advice,) = house.records()
    advised = {s.name: s.shares_after for s in (*advice.receivers, *advice.donors)}
    house.on()
    for name, shares in house.shares().items():
        assert shares == pytest.approx(advised[name], rel=0.1)


def test_from_on_to_advise_everything_is_put_back(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.manage(WISHES)
    house.step(2)
    house.manager.set_level("advise")
    assert house.shares() == SHARES
    count = len(house.host.writes)
    house.step(5)
    assert len(house.host.writes) == count
