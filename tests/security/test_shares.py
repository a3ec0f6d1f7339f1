"""Connections and threads of one socket, shared out: nobody has what others need."""

from __future__ import annotations

import os
import random

import pytest

from hpm.host import shares
from hpm.host.front.limits import Share
from hpm.host.shares import Shares

ROOT, OURS = 0, os.geteuid()


def test_many_users_together_leave_threads_for_root() -> None:
    """A local user may have thousands of numbers (subuid)."""
    found: Shares[int] = Shares(None)
    begun = [found.begin(100_000 + n // 8, n) for n in range(200)]
    assert sum(begun) == shares.THREADS_OF_USERS < shares.THREADS
    assert found.begin(ROOT, 0) and found.begin(OURS, 0)


def test_many_users_together_leave_files_for_the_manager() -> None:
    found: Shares[int] = Shares(None)
    assert sum(found.connect(100_000 + n) for n in range(50_000)) == shares.CONNECTIONS_OF_USERS
    assert found.connect(ROOT) and found.connect(OURS)
    found.disconnect(100_000)
    assert found.connect(200_000) and not found.connect(200_001)


def test_users_who_wait_have_their_turns_one_after_another() -> None:
    found: Shares[str] = Shares(None)
    for n in range(40):
        found.begin(1000, f"greedy {n}")
    assert found.served == shares.THREADS_PER_USER
    for n in range(shares.THREADS_OF_USERS - shares.THREADS_PER_USER):
        assert found.begin(2000 + n, "x")
    assert not found.begin(3000, "modest")
    assert found.end(2000) == "modest"    # the greedy one has as many as it may
    assert str(found.end(1000)).startswith("greedy")


@pytest.mark.parametrize("only", [None, 1000])
def test_nothing_is_lost_whatever_the_order(only: int | None) -> None:
    """Each request that began is served once, and in the end nothing is held or remembered."""
    random_ = random.Random(1)
    found: Shares[int] = Shares(only)
    running: list[tuple[int, int]] = []
    done: set[int] = set()
    users = [only] if only is not None else [ROOT, *range(1000, 1010)]
    for request in range(3000):
        user = random_.choice(users)
        assert user is not None
        if found.begin(user, request * 10_000 + user):
            running.append((user, request))
        while running and random_.random() < 0.6:
            user, ended = running.pop(random_.randrange(len(running)))
            done.add(ended)
            following = found.end(user)
            if following is not None:
                running.append((following % 10_000, following // 10_000))
    while running:
        user, ended = running.pop()
        done.add(ended)
        following = found.end(user)
        if following is not None:
            running.append((following % 10_000, following // 10_000))
    assert done == set(range(3000))
    assert found.served == 0
    assert found.drain() == []


def test_who_has_most_makes_room_for_who_has_less_and_for_nobody_else() -> None:
    places = Share(64, 128)
    for client in ("a", "b"):
        assert all(places.take(client) for _ in range(64))
    assert places.full
    assert places.greediest("new") in ("a", "b")
    places.give("a")
    places.take("new")
    assert places.greediest("a") is None    # it would have as many as the other then
    assert places.greediest("new") == "b"
