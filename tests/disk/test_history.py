"""The file of history, while its disk fails at each operation: an end may lose figures, and none is ever wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import hpm.store.history.history
from hpm.store.history import tail
from tests.unit.history_play import START, Play

from .disk import ENDS, PLAYED, Disk, Kind, faulty, tell


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs are made as often as possible, and a file that cannot be opened is tried again at once."""
    monkeypatch.setattr(tail, "FRAMES", 5)
    monkeypatch.setattr(hpm.store.history.history, "_PATIENCE", 0.0)


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", PLAYED)
def test_no_fault_makes_history_wrong_or_loses_more_than_it_must(tmp_path: Path, kind: Kind, stride: int) -> None:
    at, struck = 1 - stride, True
    while struck:
        at += stride
        path = tmp_path / str(at) / "history.db"
        with faulty(Disk(kind, at)) as disk, Play(path) as play:
            for _ in range(20):
                play.walk(10)
                play.history.work(0.0)
            struck = disk.came
            where = disk.where
            if kind not in ENDS:    # it stays in memory meanwhile
                play.check("a", START, play.now, 10)
                disk.release()
                play.walk(10)
                assert play.history.status().problem is None, where
                assert play.history.status().waiting == 0, where
                play.again()
                play.check("a", START, play.now, 10)
            end = play.now
        disk.lose_power()
        with faulty(Disk()):
            with Play(path) as found:
                found.added, found.now = play.added, end
                series = found.query("a", START, end, 10)
                _, count, low, _, _ = found.expected("a", START, end, 10)
                there = series.count > 0
                assert (series.count <= count).all(), where
                np.testing.assert_array_equal(series.minimum[there], low[there])
                if not there.all():
                    assert kind in ENDS and not np.diff(there.astype(int), axis=1).max(initial=0) > 0, where
                found.walk(20)
                assert found.history.status().problem is None, where
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], where
        assert not list(path.parent.glob("*.damaged-*")), where
    tell("history", kind, (at - 1) // stride)
    assert at > 100, "history has more operations than that"
