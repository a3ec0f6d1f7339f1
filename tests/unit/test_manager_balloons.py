"""Balloons that something else than a plan moves: hot-plugged memory, a guest that boots anew, somebody's hand, a stop
while they are on their way, policies beside goals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.engine.samples import HostSample
from hpm.errors import HypervisorUnreachable, StoreError
from hpm.manager.actuator import REBOOTING, STANDING, Actuator
from hpm.manager.observer import observe_with_memory
from hpm.store.journal import Journal, JournalEntry

from .builders import House
from .memory_house import MIB, balloons, four, guest, has, house_of, records
from .test_manager_mom import HALVE, QUOTA, decided_by

TIN = uuid_of("tin")
ENOUGH = 64 * 1024


@pytest.fixture
def house(tmp_path: Path) -> House:
    """The least important guest has given memory."""
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(12)
    assert has(house, "tin") < 4000
    return house


def has_now(house: House) -> float:
    """What the balloon of the guest that gives leaves it, in MiB, whoever has looked."""
    return (observe_with_memory(house.host, (TIN,), 0.0).samples[TIN].memory_bytes or 0) / MIB


def held(house: House) -> str | None:
    return house.manager.snapshot.memory.held.get(TIN)


def entry(house: House) -> JournalEntry | None:
    """What the journal has of the balloon of the guest that gives."""
    return Journal(house.database).get(TIN, "balloon")


# -- hot-plugged memory


def test_memory_that_is_plugged_in_comes_on_top_and_comes_back_on_top(house: House) -> None:
    before = has(house, "tin")
    house.host.plug_memory(TIN, 1024)
    house.step()
    assert has(house, "tin") == pytest.approx(before + 1024, abs=400)    # more may be taken of it meanwhile
    assert held(house) is None
    house.host.set_host_memory(ENOUGH)
    house.step(40)
    assert has(house, "tin") == pytest.approx(5120, abs=1)


def test_memory_that_is_plugged_in_while_the_journal_cannot_be_written_comes_back_on_top(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_journal: Journal, entries: Sequence[JournalEntry]) -> None:
        if entries:
            raise StoreError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(Journal, "put", refused)
        house.host.plug_memory(TIN, 1024)
        house.step(2)
    house.step(12)
    assert held(house) is None
    house.host.set_host_memory(ENOUGH)
    house.manager.set_memory_level("off")
    house.step(5)
    assert has(house, "tin") == pytest.approx(5120, abs=1)


def test_it_is_the_same_while_the_balloon_moves(house: House) -> None:
    house.manager.set_memory_level("off")    # on its way back
    house.host.plug_memory(TIN, 512)
    house.step(3)
    assert has(house, "tin") == pytest.approx(4608, abs=1)
    assert entry(house) is None


def test_memory_that_is_taken_out_again_is_no_administrators_balloon(house: House) -> None:
    house.host.plug_memory(TIN, 1024)
    house.step()
    house.host.plug_memory(TIN, -1024)
    house.step()
    assert held(house) is None
    house.manager.set_memory_level("off")
    house.step(3)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_a_definition_that_grows_without_the_guest_changes_nothing(house: House) -> None:
    """As memory of virtio-mem does, which a guest takes when it wants to."""
    known = entry(house)
    assert known is not None
    house.host.plug_memory(TIN, 1024)
    house.host.set_memory_by_hand(TIN, int(known.intended) >> 20)    # what it got is not there yet
    house.manager.set_memory_level("off")
    house.step(3)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


# -- a guest that boots anew


def test_a_guest_that_boots_anew_is_left_alone_until_its_driver_is_back(house: House) -> None:
    before, told = has(house, "tin"), len(records(house))
    house.host.reboot(TIN)
    house.step()
    assert held(house) == "booting"
    assert has(house, "tin") == 4096
    house.step(2)
    assert held(house) is None
    assert has(house, "tin") == pytest.approx(before, abs=300)
    assert not [record for record in records(house)[told:] if record.reason == "changed-by-administrator"]
    house.host.set_host_memory(ENOUGH)
    house.step(40)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_what_a_guest_that_boots_anew_had_is_put_back_all_the_same(house: House) -> None:
    house.host.reboot(TIN)
    house.step()
    house.manager.set_memory_level("off")
    house.step(4)    # its driver is back, and finds what it was asked for last
    assert has(house, "tin") == 4096


@pytest.mark.parametrize(("mib", "seconds"), [(4000, STANDING), (4096, REBOOTING)])
def test_who_gives_a_guest_more_by_hand_is_right_after_a_while(house: House, mib: int, seconds: float) -> None:
    """After a minute, if that is all that it can have: it may boot anew as well."""
    house.host.set_memory_by_hand(TIN, mib)
    house.step(int(seconds / 10))
    assert held(house) == "booting"
    asked = len(balloons(house, "tin"))
    house.step(3)
    assert held(house) == "changed-by-administrator"
    house.manager.set_memory_level("off")
    house.step(3)
    assert has(house, "tin") == mib
    assert len(balloons(house, "tin")) == asked


@pytest.mark.parametrize("how", ["off", "excluded"])
def test_what_somebody_gave_by_hand_just_now_stays(house: House, how: str) -> None:
    house.host.set_memory_by_hand(TIN, 3900)
    house.step()
    if how == "off":
        house.manager.set_memory_level("off")
    else:
        house.say("tin", excluded=True)
    house.step(6)
    assert has(house, "tin") == 3900


def test_who_gives_a_guest_less_by_hand_is_right_at_once(house: House) -> None:
    house.host.set_memory_by_hand(TIN, 2000)
    house.step()
    assert held(house) == "changed-by-administrator"


# -- stops on the way


def test_a_balloon_that_has_not_begun_to_move_is_told_to_stay(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    while not balloons(house, "tin"):
        house.step()
    house.manager.set_memory_level("off")    # what was asked for has never been seen
    assert balloons(house, "tin")[-1] == 4096
    house.step(3)
    assert has(house, "tin") == 4096


def test_the_journal_knows_a_balloon_until_it_is_back(house: House) -> None:
    house.host.faults.migrating.clear()
    house.manager.set_memory_level("off")
    found = entry(house)
    assert found is not None and found.intended == found.original == str(4096 * MIB)
    house.crash()    # half-way
    house.manager.set_memory_level("on")
    house.step(8)
    house.manager.set_memory_level("off")
    house.step(4)
    assert has(house, "tin") == pytest.approx(4096, abs=1)
    assert entry(house) is None


def test_what_comes_back_is_asked_for_once_and_told_once(house: House) -> None:
    asked, journal = len(balloons(house, "tin")), Journal(house.database)
    actuator, sample = Actuator(house.host, journal), house.manager.snapshot.sample
    first, second = actuator.restore(sample), actuator.restore(sample)
    assert [line for line in first if line.startswith("tin: balloon")]
    assert not second
    assert len(balloons(house, "tin")) == asked + 1


def test_a_balloon_that_could_not_be_put_back_is_put_back_later(house: House) -> None:
    house.host.faults.migrating.add(TIN)
    house.manager.set_memory_level("off")
    house.step(2)
    assert has(house, "tin") < 4000
    house.host.faults.migrating.clear()
    house.step(2)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


@pytest.mark.parametrize("fault", ["migrating", "refusing"])
def test_one_that_moves_on_while_putting_it_back_is_refused_is_no_administrators(tmp_path: Path, fault: str) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    while not balloons(house, "tin"):
        house.step()
    house.host.advance(0.4)
    getattr(house.host.faults, fault).add(TIN)
    house.manager.set_memory_level("off")
    house.step(2)
    getattr(house.host.faults, fault).clear()
    house.step(4)
    assert has(house, "tin") == 4096


def test_one_that_moved_although_the_call_failed_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    ask = house.host.set_balloon

    def asked_and_failed(uuid: str, start: str, memory_bytes: int) -> None:
        ask(uuid, start, memory_bytes)
        if uuid == TIN:
            raise HypervisorUnreachable("it took too long")

    monkeypatch.setattr(house.host, "set_balloon", asked_and_failed)
    while not balloons(house, "tin"):
        house.step()
    monkeypatch.undo()
    house.host.set_host_memory(ENOUGH)
    house.step(40)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_what_was_refused_is_asked_for_again_and_never_believed(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.faults.migrating.add(TIN)
    house.manager.set_memory_level("on")
    house.step(4)
    assert entry(house) is None    # nothing was asked of it
    house.host.faults.migrating.clear()
    house.host.set_host_memory(9 * 1024)
    house.step(8)
    assert has(house, "tin") < 4000


def end(house: House, seconds: float) -> list[str]:
    """What an end says that may wait so long, while the host's time goes on."""
    actuator = Actuator(house.host, Journal(house.database))

    def observe() -> HostSample:
        house.host.advance(1.0)
        sample = observe_with_memory(house.host, (TIN,), 0.0)
        actuator.notice(sample)
        return sample

    return actuator.restore_all(observe, seconds, keep_held=True)


def test_an_end_waits_for_balloons_so_that_no_later_start_moves_them(house: House) -> None:
    house.manager.set_memory_level("off")
    assert any("balloon" in said for said in end(house, 60.0))
    assert has_now(house) == 4096
    assert entry(house) is None
    house.host.set_memory_by_hand(TIN, 3500)    # by an administrator, between what hpm asked for and what was there
    house.host.advance(10.0)
    house.crash()
    house.step(3)
    assert has(house, "tin") == 3500


def test_an_end_says_which_balloons_it_did_not_wait_for(house: House) -> None:
    said = end(house, 0.0)
    assert "tin: the balloon is not back yet; the next start looks at it again" in said
    assert entry(house) is not None
    assert all(" → " in one or "not back yet" in one for one in said)


def test_what_is_wholly_back_is_an_administrators_again(house: House) -> None:
    house.host.set_host_memory(ENOUGH)
    house.step(40)
    assert has(house, "tin") == 4096
    assert entry(house) is None
    house.host.set_memory_by_hand(TIN, 3000)    # as if hpm had never been there
    house.step(2)
    assert held(house) is None
    house.manager.set_memory_level("off")
    house.step(2)
    assert has(house, "tin") == 3000


# -- policies beside goals


def test_from_goals_to_a_policy_without_balloons_they_come_back(house: House) -> None:
    decided_by(house, "mom", QUOTA)
    house.step(3)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_from_goals_to_a_policy_with_balloons_it_goes_on_from_where_they_are(house: House) -> None:
    asked = balloons(house, "tin")
    decided_by(house, "mom", '(with Guests guest (if (> guest.balloon_max 0) 0 (guest.Control "balloon_target" 0)))')
    house.step(3)
    assert has(house, "tin") == pytest.approx(asked[-1], abs=1)
    assert balloons(house, "tin") == asked


def test_what_no_policy_sets_any_more_is_put_back_and_the_rest_stays(tmp_path: Path) -> None:
    house = four(tmp_path, vcpu_user_limit=40)
    house.host.set_host_memory(ENOUGH)
    decided_by(house, "mom", HALVE, QUOTA)
    house.manager.set_memory_level("on")
    house.step(6)
    assert has(house, "tin") == pytest.approx(2048, abs=2)
    decided_by(house, "mom", HALVE)
    house.step(3)
    assert house.manager.snapshot.sample.infos[TIN].tuning.quota_us is None
    assert has(house, "tin") == pytest.approx(2048, abs=2)
    decided_by(house, "mom")    # none at all
    house.step(3)
    assert has(house, "tin") == pytest.approx(4096, abs=1)


def test_a_control_whose_name_is_not_written_out_stays(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.set_host_memory(ENOUGH)
    decided_by(house, "mom", HALVE)
    house.manager.set_memory_level("on")
    house.step(4)
    decided_by(house, "mom", """(defvar name (+ "balloon_" "target")) (with Guests guest
        (if (> 0 1) (guest.Control name 0) 0))""")
    house.step(3)
    assert has(house, "tin") == pytest.approx(2048, abs=2)


def test_goals_help_whom_a_policy_left_less_than_they_asked_for(house: House) -> None:
    decided_by(house, "goals-and-mom", '(with Guests guest (guest.Control "balloon_target" (* 1024 1300)))')
    house.step(14)
    house.host.set_memory_need(TIN, 1250)
    house.step()
    decided_by(house, "goals-and-mom", QUOTA)
    house.step(3)
    assert has(house, "tin") > 1400


@pytest.mark.parametrize("more", [{"pinned_memory": True}, {"balloon": False}])
def test_quotas_need_no_balloon(tmp_path: Path, more: dict[str, object]) -> None:
    house = house_of(tmp_path, guest("tin", vcpu_user_limit=40, **more), memory=ENOUGH)
    decided_by(house, "mom", QUOTA)
    house.manager.set_memory_level("on")
    house.step(6)
    assert [write.value for write in house.host.writes if write.control == "vcpu-quota"] == [20000]


def test_trying_adds_no_samples_to_those_that_policies_decide_by(house: House) -> None:
    decided_by(house, "mom", HALVE)
    house.step(2)
    before = [len(house.manager.memory.evaluate().guests), house.manager.memory.statistics()]
    house.host.advance(1.0)
    house.manager.look()
    house.manager.memory.evaluate()
    assert [len(house.manager.memory.evaluate().guests), house.manager.memory.statistics()] == before


def test_goals_know_what_a_policy_took_before_them(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.set_host_memory(ENOUGH)
    decided_by(house, "goals-and-mom", HALVE)
    house.manager.set_memory_level("on")
    house.step(4)
    assert has(house, "tin") == pytest.approx(2048, abs=2)
    decided_by(house, "goals-and-mom", QUOTA)
    house.step(30)
    assert has(house, "tin") == pytest.approx(4096, abs=1)
