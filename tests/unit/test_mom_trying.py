"""Trying memory policies: it holds up nobody, sees one moment, and ends."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import pytest

from hpm.backend.simulated import Scenario, from_scenario
from hpm.errors import Conflict
from hpm.manager.change import Busy
from hpm.manager.mom import STEPS_PER_SECOND, cycle_steps
from hpm.manager.trials import MOST_STEPS, Trial, Trials
from hpm.memory.mom import Entity, Evaluation, PolicyTextError, Program, compile_policies
from hpm.memory.mom.machine import BASE_STEPS, STEPS_BETWEEN, STEPS_PER_GUEST
from hpm.store.settings import MomPolicy

from .builders import House
from .test_manager_memory import guest, house_of
from .test_manager_mom import decided_by

#: Takes all the steps that there are.
GREEDY = """(def one (a) (let ((b a) (c b)) (+ a (+ b c))))
(def ten (a) { (one a) (one a) (one a) (one a) (one a) (one a) (one a) (one a) (one a) (one a) })
(with Guests guest (with Guests other (with Guests third (ten 1))))"""
BENCH = Path(__file__).parents[2] / "bench/mom.policy"


class Watched(House):
    """A house that notices when another thread than the test's asks for the time: it takes a sample for a try."""

    def _begin(self) -> None:
        self.tester, self.taking = threading.current_thread(), threading.Event()
        super()._begin()

    def wall(self) -> datetime:
        if threading.current_thread() is not self.tester:
            self.taking.set()
        return super().wall()


def test_settings_change_and_cycles_go_on_while_a_slow_policy_is_tried(tmp_path: Path) -> None:
    servers = tuple(guest(f"g{number}") for number in range(100))
    house = Watched(tmp_path, (), interval=10.0, host=from_scenario(Scenario(2, servers, memory_mib=512 * 1024)))
    house.step(2)
    order: list[str] = []
    tried: list[Evaluation] = []

    def try_it() -> None:
        tried.append(house.manager.memory.evaluate({"p": GREEDY}).evaluation)
        order.append("tried")

    thread = threading.Thread(target=try_it)
    thread.start()
    assert house.taking.wait(30)    # from here on that thread has the lock, or has had it
    for seconds in range(5):
        house.manager.set_interval(20.0 + seconds)
        order.append("changed")
        house.manager.cycle()
        order.append("cycle")
    with house.manager.memory.policies():    # and while somebody has it, a try does not come to its end
        assert order == ["changed", "cycle"] * 5
    thread.join()
    assert order[-1] == "tried"
    assert f"the {BASE_STEPS + 100 * STEPS_PER_GUEST} steps that they may" in tried[0].errors[0].message


def test_a_cycle_spends_a_part_of_its_interval_on_policies_and_a_try_tells_so(tmp_path: Path) -> None:
    house = house_of(tmp_path, *(guest(f"g{number}") for number in range(200)), memory=1 << 20, interval=3.0)
    decided_by(house, "mom", GREEDY)
    house.manager.set_memory_level("advise")
    house.step(2)
    for decided in (house.manager.snapshot.memory.mom, house.manager.memory.evaluate()):
        assert decided is not None
        assert f"the {3 * STEPS_PER_SECOND} steps that they may" in decided.evaluation.errors[0].message
    assert cycle_steps(10_000, 3.0) == 2_600_000    # what a policy of 130 lines takes, twice, is always allowed


def test_policies_are_read_before_anybody_is_held_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house, read = House(tmp_path, ()), []

    def reads(policies: Mapping[str, str]) -> Program:
        read.append(tuple(policies))
        thread = threading.Thread(target=house.manager.set_interval, args=(20.0 + len(read),))
        thread.start()
        thread.join(10.0)
        assert not thread.is_alive(), "the manager is busy while a policy is read"
        return compile_policies(policies)

    with house.manager.memory.policies({"a": "1"}) as kept:
        kept.put(MomPolicy("a", "1", "2030-01-01T00:00:00.000Z", "ann"))
    monkeypatch.setattr("hpm.manager.mom.compile_policies", reads)
    with house.manager.memory.policies({"b": "2"}):
        monkeypatch.undo()
    assert read == [("a", "b")]
    with pytest.raises(PolicyTextError), house.manager.memory.policies({"b": "(2"}):
        pytest.fail("somebody is let in")


def test_a_second_try_waits_for_its_turn_and_is_told_who_is_busy() -> None:

    trials = Trials(nullcontext, patience=0.1)
    taking, go_on = threading.Event(), threading.Event()

    def slow(program: Program | None) -> Trial:
        taking.set()
        assert go_on.wait(30)
        raise Conflict("enough")

    def first() -> None:
        with pytest.raises(Conflict):
            trials.decide(None, slow)

    thread = threading.Thread(target=first)
    thread.start()
    assert taking.wait(30)
    with pytest.raises(Busy, match=r"other memory policies have been tried for 0\.1 s; try again"):
        trials.decide(None, slow)
    go_on.set()
    thread.join()
    with pytest.raises(Conflict):    # there is room again
        trials.decide(None, slow)


def test_a_try_sees_one_moment_and_keeps_nothing(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold"), memory=64 * 1024)
    count = '(Host.SetVar "turns" (+ 1 (if (null (Host.GetVar "turns")) 0 (Host.GetVar "turns"))))'
    decided_by(house, "mom", count)
    house.manager.set_memory_level("advise")
    house.step(3)
    kept = house.manager._work.memory.policies.history._variables["", ""]
    before = kept["turns"]
    trial = house.manager._work.memory.trial(
        house.manager.snapshot, 10.0, compile_policies({"p": f'(Host.GetVar "turns") {count} (Host.GetVar "turns")'})
    )
    house.step(3)
    assert kept["turns"] == before + 3
    values = trial.decide(lambda: None).evaluation.values
    assert (values[0], values[-1]) == (before, before + 1)
    assert kept["turns"] == before + 3


def test_a_try_pauses_again_and_again_and_ends_as_without() -> None:
    program = compile_policies({"p": GREEDY})
    guests = [Entity(f"g{number}") for number in range(20)]
    pauses: list[int] = []
    found = program.explain(Entity("Host"), guests, pause=lambda: pauses.append(1))
    steps = BASE_STEPS + 20 * STEPS_PER_GUEST
    assert len(pauses) == pytest.approx(steps / STEPS_BETWEEN, abs=2)
    assert found.errors == program.explain(Entity("Host"), guests).errors
    (error,) = program.explain(Entity("Host"), guests, most=30_000).errors
    assert "more than the 30000 steps" in error.message

    def no_more() -> None:
        raise Busy("somebody has it for long")

    with pytest.raises(Busy, match="for long"):
        program.explain(Entity("Host"), guests, pause=no_more)
    short = compile_policies({"p": "(with Guests g (g.Control 'a' 1))"})
    assert short.explain(Entity("Host"), guests, MOST_STEPS, no_more).guest_controls["g7"] == {"a": 1}


def test_a_long_policy_can_be_tried_for_ten_thousand_guests() -> None:
    history = [{"mem_available": 4 << 20, "mem_unused": 1 << 20, "balloon_cur": 4 << 20, "balloon_max": 8 << 20,
                "balloon_min": 1 << 20, "swap_in": 0, "swap_out": 0, "major_fault": 0, "minor_fault": 0}]    # fmt: skip
    host = Entity("Host", {}, [{"mem_available": 1 << 30, "mem_free": 1 << 26, "ksm_pages_to_scan": 300,
                                "ksm_shareable": 0}])    # fmt: skip
    guests = [Entity(f"g{number}", {"name": f"g{number}"}, history) for number in range(1000)]
    found = compile_policies({"p": BENCH.read_text()}).explain(host, guests, MOST_STEPS // 10)
    assert not found.errors
    assert all("balloon_target" in controls for controls in found.guest_controls.values())


def test_a_list_that_was_kept_is_made_once_however_often_it_is_asked_for() -> None:
    host = Entity("Host", variables={"many": [1, 2, 3], "one": 1})
    program = compile_policies({"p": '(Host.GetVar "many") (Host.GetVar "many") (Host.GetVar "one")'})
    first, again, one = program.evaluate(host, []).values
    assert first is again
    assert (first, one) == ([1, 2, 3], 1)
    host.variables["many"] = [4]
    assert compile_policies({"p": '(Host.GetVar "many")'}).evaluate(host, []).values == ([4],)
