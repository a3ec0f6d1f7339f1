"""Crashes and faults: whatever happens, no original value is forgotten and the other guests go on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hpm.backend.simulated import Scenario, SimulatedHypervisor, from_scenario, uuid_of
from hpm.errors import HypervisorError, StoreError
from hpm.manager.actuator import Actuator
from hpm.store.journal import Journal

from .builders import House, Wish, guest

WISHES: dict[str, Wish] = {"a": (70, "highest"), "b": (45, "high"), "c": (25, "high"), "d": None}
OTHER: dict[str, Wish] = {"a": None, "b": (20, "low"), "c": (70, "high"), "d": (30, "highest")}
SHARES = {"a": 1000, "b": 333, "c": 2048, "d": 512}


def house_of_four(directory: Path) -> House:
    return House(directory, [guest(name, shares) for name, shares in SHARES.items()])


def managed(directory: Path) -> House:
    house = house_of_four(directory)
    house.manage(WISHES)
    house.step(2)
    return house


# -- crashes


def test_after_a_crash_the_next_manager_adopts_and_goes_on(tmp_path: Path) -> None:
    house = managed(tmp_path)
    shares = house.shares()
    house.crash()
    assert house.shares() == shares
    assert house.manager.snapshot.levels.cpu_mgmt == "on"
    assert {house.manager.snapshot.originals[uuid_of(name)]: name for name in SHARES} == {
        shares: name for name, shares in SHARES.items()
    }
    count = len(house.host.writes)
    house.step(10)
    assert len(house.host.writes) <= count + 4
    assert not any(r.reason == "changed-by-administrator" for r in house.records())
    house.manager.set_level("off")
    assert house.shares() == SHARES
    assert not house.journal()


def test_with_management_off_a_start_puts_back_what_a_crash_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = managed(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Actuator, "restore", crash)
        with pytest.raises(Crash):
            house.manager.set_level("off")
    assert house.shares() != SHARES
    house.crash()
    assert house.shares() == SHARES
    assert house.manager.snapshot.levels.cpu_mgmt == "off"
    assert house.manager.snapshot.sample.samples[uuid_of("b")].shares == 333
    assert not house.journal()


def test_a_guest_that_was_restarted_is_not_given_a_stale_value(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.host.restart(uuid_of("b"))
    house.host.set_shares_by_hand(uuid_of("b"), 444)
    house.crash()
    assert "b" not in {name for name, *_ in house.journal()}
    house.step(5)
    house.manager.set_level("off")
    assert house.shares() == {**SHARES, "b": 444}


def test_a_guest_restarted_under_a_living_manager_is_managed_anew(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.host.restart(uuid_of("a"))
    assert house.share("a") == 1000
    house.step(5)
    assert house.share("a") != 1000
    assert house.status("a") == "met"
    house.manager.set_level("off")
    assert house.shares() == SHARES


def test_the_journal_forgets_guests_that_are_gone(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.host.stop(uuid_of("a"))
    house.host.delete(uuid_of("b"))
    house.step()
    assert {name for name, *_ in house.journal()} == {"c", "d"}
    house.manager.stop()
    assert house.shares() == {"c": 2048, "d": 512}


# -- faults of the host


def test_a_guest_may_vanish_between_observation_and_change(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.wish(WISHES)
    house.step(2)
    house.host.faults.vanishing.add(uuid_of("b"))
    house.on()
    (record,) = [r for r in house.records() if r.donors]
    assert record.outcome == "applied"
    assert record.detail is not None and "b:" in record.detail
    house.step(2)
    assert house.status("a") == "met"
    assert {name for name, *_ in house.journal()} == {"a", "c", "d"}
    house.manager.set_level("off")
    assert house.shares() == {name: shares for name, shares in SHARES.items() if name != "b"}


def test_a_guest_that_refuses_does_not_keep_the_others_from_their_goals(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.wish(WISHES)
    house.step(2)
    house.host.faults.refusing.add(uuid_of("b"))
    house.on()
    house.step(2)
    assert house.share("b") == 333
    assert house.share("a") != 1000
    assert house.status("a") == "met"
    (record, *_) = house.records()
    assert record.detail is not None and "b: the simulated host refused" in record.detail
    house.host.faults.refusing.clear()
    house.step(5)
    assert house.status("b") == "met"
    house.manager.set_level("off")
    assert house.shares() == SHARES


def test_a_guest_that_refuses_to_be_put_back_is_put_back_later(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.host.faults.refusing.add(uuid_of("b"))
    said = house.manager.set_level("off")
    assert any("b: cpu-shares could not be put back" in sentence for sentence in said)
    assert house.shares() == {**SHARES, "b": house.share("b")}
    assert house.share("b") != 333
    house.host.faults.refusing.clear()
    house.step()
    assert house.shares() == SHARES
    assert not house.journal()


def test_while_nobody_answers_cycles_are_lost_and_nothing_else(tmp_path: Path) -> None:
    house = managed(tmp_path)
    shares = house.shares()
    house.host.unreachable_for(30)
    for _ in range(9):
        with pytest.raises(HypervisorError):
            house.step()
    house.step(4)
    assert house.shares() == shares
    assert house.status("a") == "met"
    house.manager.set_level("off")
    assert house.shares() == SHARES


def test_off_while_nobody_answers_takes_effect_as_soon_as_somebody_does(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.host.unreachable_for(10)
    with contextlib.suppress(HypervisorError):
        house.manager.set_level("off")
    house.host.advance(10)
    house.step()
    assert house.shares() == SHARES
    assert house.manager.snapshot.levels.cpu_mgmt == "off"
    assert not house.manager.snapshot.forecasts


def test_a_setting_that_takes_force_is_shown_even_if_nobody_answers(tmp_path: Path) -> None:
    house = managed(tmp_path)
    house.host.unreachable_for(10)
    failed = False
    try:
        house.manager.set_level("off")
    except HypervisorError:
        failed = True
    shown = house.manager.snapshot.levels.cpu_mgmt
    house.host.advance(10)
    house.step()
    assert shown == house.manager.snapshot.levels.cpu_mgmt
    assert not failed


def test_a_weight_of_one_is_put_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_of_four(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("hpm.backend.simulated.hypervisor.check_shares", lambda shares: None)
        house.host.set_shares_by_hand(uuid_of("b"), 1)
    house.manage(WISHES)
    house.step(2)
    assert house.share("b") > 100
    house.manager.set_level("off")
    assert house.shares() == {**SHARES, "b": 1}


def test_without_a_journal_nothing_is_changed(tmp_path: Path) -> None:
    house = house_of_four(tmp_path)
    house.wish(WISHES)
    house.step(2)
    house.manager.set_level("on")
    house.database.rows("PRAGMA query_only=ON")    # as a full disk
    for _ in range(3):
        with pytest.raises(StoreError):
            house.step()
    assert house.shares() == SHARES
    assert not house.host.writes
    house.database.rows("PRAGMA query_only=OFF")
    house.step(2)
    assert house.status("a") == "met"
    house.manager.set_level("off")
    assert house.shares() == SHARES


def test_the_loop_survives_a_look_that_fails(tmp_path: Path) -> None:
    host = from_scenario(Scenario(cores=2, servers=(guest("a"), guest("b"))), time.monotonic_ns)
    house = House(tmp_path, (), interval=0.2, host=host, clock=time.monotonic_ns)
    taken = house.manager.snapshot
    host.unreachable_for(0.1)
    host.pause(uuid_of("b"))    # the hypervisor's event wakes the loop
    house.manager.loop.start()
    deadline = time.monotonic() + 3
    while house.manager.snapshot is taken and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    shown = house.manager.snapshot
    house.manager.loop.stop()
    assert shown is not taken, "no snapshot was taken any more"


# -- crashes at every step


class Crash(BaseException):
    """The process ends here."""


def crash(*_: object, **__: object) -> None:
    raise Crash


class Fuse:
    """Lets that many calls pass; before (or after) the next one takes place, the process ends."""

    def __init__(self, calls: int, *, after: bool) -> None:
        self.left = calls
        self.after = after

    def around(self, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            self.left -= 1
            if self.left == -1 and not self.after:
                raise Crash
            result = function(*args)
            if self.left == -1:
                raise Crash
            return result

        return call


def wired(patch: pytest.MonkeyPatch, fuse: Fuse) -> None:
    patch.setattr(Journal, "put", fuse.around(Journal.put))
    patch.setattr(Journal, "drop", fuse.around(Journal.drop))
    patch.setattr(SimulatedHypervisor, "set_cpu_shares", fuse.around(SimulatedHypervisor.set_cpu_shares))
    patch.setattr(SimulatedHypervisor, "set_cpu_quota", fuse.around(SimulatedHypervisor.set_cpu_quota))


def whole_life(house: House) -> None:
    """Management on, other wishes, a cap, and off again: everything that writes."""
    house.wish(WISHES)
    house.step(2)
    house.on()
    house.say("d", cpu_cap=0.2)
    house.step()
    house.wish(OTHER)
    house.manager.cycle()
    house.step()
    house.say("b", excluded=True)
    house.step()
    house.manager.set_level("off")


class Aftermath(NamedTuple):
    """What was found after a crash at a step, once management went on and was switched off."""

    step: int
    shares: dict[str, int]
    quotas: set[tuple[int | None, int]]
    journal: list[tuple[str, str, str, str]]
    blamed: bool


@pytest.fixture(scope="module", params=[
    pytest.param((True, 0, 2), id="after every second step"), pytest.param((False, 1, 2), id="before the others"),
    pytest.param((False, 0, 1), id="before each step", marks=pytest.mark.long),
    pytest.param((True, 0, 1), id="after each step", marks=pytest.mark.long),
])
def aftermaths(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Aftermath]:
    """Of a crash at each step of a whole life, or at every second one; the last of a life without one."""
    found: list[Aftermath] = []
    after, step, stride = request.param
    crashed = True
    while crashed:
        house = house_of_four(tmp_path_factory.mktemp("life"))
        crashed = False
        with pytest.MonkeyPatch.context() as patch:
            wired(patch, Fuse(step, after=after))
            try:
                whole_life(house)
            except Crash:
                crashed = True
        house.crash()
        house.step(2)
        house.manager.set_level("off")
        blamed = any(r.reason == "changed-by-administrator" for r in house.records())
        quotas = {house.quota(name) for name in SHARES}
        found.append(Aftermath(step, house.shares(), quotas, house.journal(), blamed))
        house.database.close()
        step += stride
    return found


def test_a_crash_at_any_step_forgets_no_original(aftermaths: list[Aftermath]) -> None:
    assert aftermaths[-1].step > 40
    for after in aftermaths:
        assert after.shares == SHARES, after
        assert after.quotas == {(None, 100000)}, after
        assert not after.journal, after


def test_a_crash_at_any_step_is_not_taken_for_an_administrators_hand(aftermaths: list[Aftermath]) -> None:
    assert not [after.step for after in aftermaths if after.blamed]


@pytest.mark.parametrize("calls", range(8))
def test_a_crash_during_a_clean_stop_leaves_nobody_unmanaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    house = managed(tmp_path)
    house.wish(OTHER)
    house.manager.cycle()
    house.step()
    with monkeypatch.context() as patch:
        wired(patch, Fuse(calls, after=False))
        with contextlib.suppress(Crash):
            house.manager.stop()
    house.crash()
    house.step(3)
    assert not house.manager.snapshot.held
    house.manager.set_level("off")
    assert house.shares() == SHARES
