"""Many passwords at a time, and a PAM that hangs: who waits, and who is told to come again."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

import pytest

from hpm.control.caller import NotAuthenticated, Throttled, Unavailable
from hpm.host.access import passwords as rules
from hpm.host.access.passwords import Passwords, WrongPassword
from hpm.host.access.throttle import FREE, Throttle

from .access_host import HERE


class Slow:
    """Holds every check until it is let go."""

    def __init__(self, right: bool = True) -> None:
        self.right = right
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.asked = 0

    def check(self, user: str, password: str, address: str) -> str:
        """See `PasswordChecker`."""
        with self.lock:
            self.asked += 1
        assert self.go.wait(30)
        if not self.right:
            raise WrongPassword
        return user


def test_a_hanging_pam_does_not_hold_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PATIENCE", 0.3)
    slow = Slow()
    passwords = Passwords(slow, Throttle(lambda: 0.0), lambda: 0.0)

    def check(number: int) -> str:
        try:
            return passwords.check(f"user{number}", "x", f"10.0.0.{number}")
        except Unavailable:
            return "unavailable"

    with ThreadPoolExecutor(40) as pool:
        results = [pool.submit(check, number) for number in range(40)]
        refused = [result for result in results if _ended(result)]
        assert len(refused) == 40 - rules.AT_ONCE    # those that may wait do so for a time, the others not at all
        assert slow.asked == rules.AT_ONCE
        slow.go.set()
        done = [result.result() for result in results]
    assert done.count("unavailable") == 40 - rules.AT_ONCE


def _ended(result: Future[str]) -> bool:
    try:
        result.result(timeout=2.0)
    except FutureTimeout:
        return False
    return True


def test_many_wrong_ones_at_once_are_not_more_than_one_after_another() -> None:
    wrong = Slow(right=False)
    wrong.go.set()
    passwords = Passwords(wrong, Throttle(lambda: 0.0), lambda: 0.0, lambda _: None)

    def check(number: int) -> str:
        try:
            return passwords.check("ann", f"x{number}", HERE)
        except (NotAuthenticated, Unavailable) as error:
            return type(error).__name__

    with ThreadPoolExecutor(rules.AT_ONCE + rules.WAITING) as pool:
        done = list(pool.map(check, range(200)))
    assert FREE <= wrong.asked < FREE + rules.AT_ONCE
    assert done.count("NotAuthenticated") == wrong.asked
    assert done.count(Throttled.__name__) == 200 - wrong.asked


def test_a_program_that_starts_with_many_requests_is_not_taken_for_an_attacker() -> None:
    slow = Slow()
    slow.go.set()
    passwords = Passwords(slow, Throttle(lambda: 0.0), lambda: 0.0)
    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda _: passwords.check("ann", "x", HERE, remember=True), range(200)))
    assert done == ["ann"] * 200
    assert slow.asked <= rules.AT_ONCE


class Taking:
    """Takes as many seconds as it is told for each user, and says what it is told."""

    def __init__(self, seconds: dict[str, float], error: Exception) -> None:
        self.seconds = seconds
        self.error = error
        self.now = 0.0

    def check(self, user: str, password: str, address: str) -> str:
        """See `PasswordChecker`."""
        self.now += self.seconds[user]
        raise self.error

    def sleep(self, seconds: float) -> None:
        assert 0.0 <= seconds <= rules.STEP
        self.now += seconds


@pytest.mark.parametrize("error", [WrongPassword(), Unavailable("the directory does not answer")], ids=repr)
def test_how_long_it_takes_tells_nothing_of_a_user(error: Exception) -> None:
    checker = Taking({"ann": 0.06, "none": 0.028, "slow": 0.7, "slower": 0.9, "exact": 0.5}, error)
    passwords = Passwords(checker, Throttle(lambda: 0.0), lambda: checker.now, checker.sleep)
    took = {}
    for user in [*checker.seconds, "a" * 2000]:
        began = checker.now
        with pytest.raises((NotAuthenticated, Unavailable)):
            passwords.check(user, "x" if user in checker.seconds else "", HERE)
        took[user[:6]] = round(checker.now - began, 6)
    assert took == {"ann": 0.5, "none": 0.5, "slow": 1.0, "slower": 1.0, "exact": 0.5, "aaaaaa": 0.5}


def test_who_waits_to_be_told_holds_nobody_up() -> None:
    wrong = Slow(right=False)
    wrong.go.set()
    held, let_go = threading.Semaphore(0), threading.Event()

    def sleep(_: float) -> None:
        held.release()
        assert let_go.wait(30)

    passwords = Passwords(wrong, Throttle(lambda: 0.0), lambda: 0.0, sleep)
    many = rules.AT_ONCE + rules.WAITING + 1
    with ThreadPoolExecutor(many) as pool:
        waiting = [pool.submit(passwords.check, f"user{n}", "x", f"10.0.0.{n}") for n in range(many)]
        try:
            assert all(held.acquire(timeout=20) for _ in range(many))
            wrong.right = True
            assert passwords.check("ann", "x", HERE) == "ann"
        finally:
            let_go.set()
        assert all(isinstance(one.exception(), NotAuthenticated) for one in waiting)
