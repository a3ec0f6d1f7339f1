"""Answers that are kept for who asks the same: how much memory they may take, whatever is asked."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import datetime, timezone

import pytest

from hpm.control import answers
from hpm.control.answers import KeptAnswers

SIZE = 1_000_000


class Snapshot:
    taken = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Host:
    snapshot = Snapshot()

    def now(self) -> datetime:
        return self.snapshot.taken


@pytest.mark.parametrize(("asked", "told", "number"), [(3, 0, 10_000), (28_000, 0, 200), (3, 28_000, 200)],
                         ids=["many", "long questions", "long answers"])    # fmt: skip
def test_what_is_kept_is_bounded_by_all_the_memory_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, asked: int, told: int, number: int
) -> None:
    monkeypatch.setattr(answers, "SIZE", SIZE)
    kept, host = KeptAnswers(), Host()
    gc.collect()
    tracemalloc.start()
    try:
        for n in range(number):
            kept.get(("/hpm", "/x", "y" * asked + str(n)), host, lambda n=n: [n, "z" * told])    # type: ignore[misc]
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert SIZE // 2 < grown < SIZE * 1.1
    made = []
    kept.get(("/hpm", "/x", "y" * asked + str(number - 1)), host, lambda: made.append(1))
    assert not made    # the newest one is kept
