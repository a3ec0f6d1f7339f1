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
    passwords = Passwords(wrong, Throttle(lambda: 0.0), lambda: 0.0)

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
