"""Calls with a time limit: a hanging one is left behind, the next ones go on, and not without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from hpm.backend.calls import MAX_STUCK, Calls
from hpm.backend.patience import Attempt
from hpm.errors import HypervisorUnreachable
from tests.lab.errors import wait_until

SHORT, LONG = 0.02, 10.0


@pytest.fixture
def end() -> Iterator[threading.Event]:
    """Calls that hang wait for this."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def calls() -> Iterator[Calls]:
    made = Calls("test")
    yield made
    made.close()


def hang(calls: Calls, end: threading.Event) -> None:
    with pytest.raises(HypervisorUnreachable, match=r"asking took longer than 0\.02 s"):
        calls.run(lambda: end.wait(LONG), "asking", SHORT)


def works(calls: Calls) -> bool:
    try:
        return calls.run(lambda: 42, "counting", LONG) == 42
    except HypervisorUnreachable:
        return False


def test_results_and_errors_come_back(calls: Calls) -> None:
    assert calls.run(lambda: "yes", "asking", LONG) == "yes"
    with pytest.raises(ZeroDivisionError):
        calls.run(lambda: 1 // 0, "dividing", LONG)
    assert works(calls)


def test_calls_run_one_after_another_in_one_thread(calls: Calls) -> None:
    threads = {calls.run(threading.get_ident, "asking", LONG) for _ in range(5)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_a_hanging_call_is_left_behind_and_the_next_goes_on(calls: Calls, end: threading.Event) -> None:
    before = calls.run(threading.get_ident, "asking", LONG)
    hang(calls, end)
    assert works(calls)
    assert calls.run(threading.get_ident, "asking", LONG) != before


def test_when_too_many_hang_further_calls_are_refused_at_once(calls: Calls, end: threading.Event) -> None:
    for _ in range(MAX_STUCK):
        hang(calls, end)
    done: list[int] = []
    with pytest.raises(HypervisorUnreachable, match="8 earlier calls hang"):
        calls.run(lambda: done.append(1), "asking", LONG)
    assert not done
    end.set()
    wait_until(lambda: works(calls), 5.0, "calls work again")
    for _ in range(3):    # all of them are free again
        assert works(calls)


def test_abandoned_workers_end(calls: Calls, end: threading.Event) -> None:
    before = {t for t in threading.enumerate() if t.name == "test"}
    for _ in range(3):
        hang(calls, end)
    assert works(calls)
    end.set()
    wait_until(
        lambda: len({t for t in threading.enumerate() if t.name == "test"} - before) == 1, 5.0, "one worker is left"
    )


def test_several_threads_may_ask(calls: Calls) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(calls.run(lambda: n * n, "squaring", LONG)))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [n * n for n in range(20)]


def test_a_caller_behind_a_hanging_call_is_not_held_up_longer_than_its_own_limit(
    calls: Calls, end: threading.Event
) -> None:
    entered = threading.Event()

    def stuck() -> None:
        entered.set()
        end.wait(LONG)

    def first() -> None:
        with pytest.raises(HypervisorUnreachable):
            calls.run(stuck, "hanging", 0.2)

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(LONG)
    with pytest.raises(HypervisorUnreachable):
        calls.run(lambda: 1, "waiting", SHORT)
    assert works(calls)
    thread.join()


def test_a_closed_one_can_be_used_again(calls: Calls) -> None:
    assert works(calls)
    calls.close()
    assert works(calls)


def test_who_gave_a_call_up_is_told_when_it_comes_back_and_nobody_of_one_that_was_not(
    calls: Calls, end: threading.Event
) -> None:
    told: list[str] = []
    attempt = Attempt(time.monotonic_ns)
    with pytest.raises(HypervisorUnreachable):
        calls.run(lambda: attempt.run(lambda: end.wait(LONG)), "asking", SHORT)
    assert attempt.hangs
    attempt.when_back(lambda: told.append("late"))
    assert not told
    end.set()
    wait_until(lambda: told, 5.0, "it comes back")
    assert told == ["late"] and not attempt.hangs
    attempt.when_back(lambda: told.append("at once"))    # it came back meanwhile
    assert told == ["late", "at once"]
