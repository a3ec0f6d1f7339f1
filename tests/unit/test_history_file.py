"""The file of history: crashes, damage, a full disk, clocks that jump, what is kept, and readers meanwhile."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import hpm.store.history.history
from hpm.errors import InvalidValue
from hpm.store.history import Retention, file, levels, upkeep
from hpm.store.history import tail as tail_module

from .history_play import DAY, HOUR, START, Play


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with Play(tmp_path / "history.db") as play:
        yield play


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be opened is tried again at once."""
    monkeypatch.setattr(hpm.store.history.history, "_PATIENCE", 0.0)


# -- crashes: the object is abandoned, and another one opens the file


def test_at_most_the_frame_that_was_being_written_is_lost(play: Play) -> None:
    for _ in range(75):
        play.walk(10)
        play.again()
    play.check("a", START, START + HOUR, 10)
    assert play.history.status().waiting == 0


def test_hours_and_days_that_ended_while_nobody_ran_are_summed_up(tmp_path: Path) -> None:
    with Play(tmp_path / "history.db", Retention(full=0, minutes=0)) as play:
        play.walk(2.5 * HOUR, interval=30.0)
        play.now = START + DAY + 600
        play.again()
        play.walk(60)
        play.settle()
        play.check("a", START, START + DAY + 660, 600, 5e-4)
        assert play.history.status().levels[1].oldest is None
        assert play.history.status().levels[2].oldest == START


@pytest.mark.parametrize("steps", range(1, 14, 2))
def test_summing_up_goes_on_after_a_crash_between_any_two_steps(tmp_path: Path, steps: int) -> None:
    keys = [f"server-{number}" for number in range(40)]    # two blocks; a day's slices are five
    with Play(tmp_path / "history.db", Retention(full=0, minutes=0)) as play:
        play.now = START + 23 * HOUR
        play.walk(HOUR + 60, interval=60.0, keys=keys)
        for _ in range(steps):
            play.history.work(0.0)
        play.check("server-39", START, play.now, 600, 5e-4)
        play.again()
        play.check("server-39", START, play.now, 600, 5e-4)
        play.settle()
        for key in keys[::13]:
            play.check(key, START, play.now, HOUR, 5e-4)
            play.check(key, START, play.now, 600, 5e-4)
        assert play.history.status().levels[1].oldest is None


def test_an_hour_that_was_summed_up_may_be_summed_up_again(play: Play) -> None:
    play.walk(2 * HOUR + 10)
    play.settle()
    with sqlite3.connect(play.path) as connection:
        connection.execute("INSERT INTO due VALUES (0, ?, -1)", (START // HOUR + 1,))
    connection.close()
    play.settle()
    play.check("a", START, play.now, 60)


# -- clocks


def test_a_clock_that_goes_back_or_stands_still_counts_every_sample(play: Play) -> None:
    play.walk(1200)
    play.now -= 900
    play.walk(1200)
    for _ in range(5):
        play.add({"a": (1, 2, 1)})
    play.check("a", START, START + HOUR, 60)
    play.check("a", START, START + HOUR, 10)
    play.now = START + HOUR + 10
    play.walk(HOUR)
    play.now = START + HOUR + 1800    # back, into what was not summed up
    play.walk(HOUR)
    play.settle()
    play.check("a", START, START + 3 * HOUR, 60)


def test_a_clock_that_goes_back_into_a_dropped_hour_does_not_hide_what_is_known(tmp_path: Path) -> None:
    with Play(tmp_path / "history.db", Retention(full=0)) as play:
        play.walk(2 * HOUR)
        play.settle()
        before = play.query("a", START, START + HOUR, 60)
        play.now = START + 600
        play.walk(30)    # three samples in a minute that had six
        play.now = START + 3 * HOUR
        play.walk(30)
        play.settle()
        after = play.query("a", START, START + HOUR, 60)
        np.testing.assert_array_equal(before.count, after.count)
        np.testing.assert_array_equal(before.mean, after.mean)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 1e18])
def test_a_time_that_is_none_is_left_out(play: Play, time: float) -> None:
    play.walk(60)
    play.history.add(time, {})
    status = play.history.status()
    assert status.lost == 1
    assert "which is no time" in str(status.problem)
    play.walk(60)
    assert play.history.status().problem is None
    play.check("a", START, START + 120, 10)


def test_a_clock_that_jumps_far_ahead_for_a_while_costs_no_history(play: Play) -> None:
    play.walk(2 * DAY, interval=300.0)
    play.settle()
    right = play.now
    play.now += 3000 * DAY
    play.walk(600)
    play.settle()
    assert play.history.status().levels[3].oldest == START
    play.now = right
    play.walk(600)
    play.settle()
    play.check("a", START, right, HOUR, 5e-4)
    play.now += 500 * DAY
    for _ in range(2):
        play.walk(HOUR)
        play.settle()
    assert play.history.status().levels[3].oldest is None


# -- what is kept


def test_every_level_is_kept_for_its_time(tmp_path: Path) -> None:
    kept = Retention(full=2 * HOUR, minutes=DAY, tens=2 * DAY, hours=4 * DAY)
    with Play(tmp_path / "history.db", kept) as play:
        for _ in range(6 * 4):
            play.walk(DAY / 4, interval=120.0)
            play.settle()
        play.walk(30 * 60, interval=120.0)
        play.settle()
        status = play.history.status()
        now = play.now - 30 * 60
        assert [level.oldest for level in status.levels] == [now - 2 * HOUR, now - DAY, now - 2 * DAY, now - 4 * DAY]
        assert [level.name for level in status.levels] == ["full", "1 min", "10 min", "1 h"]
        assert [level.kept for level in status.levels] == [2 * HOUR, DAY, 2 * DAY, 4 * DAY]
        play.check("a", now - 4 * DAY, play.now, DAY, 5e-4)


def test_a_retention_that_is_made_shorter_frees_the_disk(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_FREE", 16)    # a small file is worth it here
    keys = [f"server-{number}" for number in range(300)]
    play.walk(1.2 * DAY, interval=300.0, keys=keys)
    play.settle()
    before = play.path.stat().st_size
    play.history.retention = Retention(full=0, minutes=0, tens=0, hours=0)
    steps = play.settle()
    status = play.history.status()
    assert steps > 10    # in small steps
    assert play.path.stat().st_size < before / 2
    assert status.levels[3].oldest in (None, START + DAY)
    assert status.levels[1].oldest == START + DAY    # what is not summed up stays
    play.check("server-7", START + DAY, play.now, 300)


def test_the_bound_wins_over_the_retention(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = 8_000_000
    rng = np.random.default_rng(1)
    with Play(tmp_path / "history.db", Retention(size=bound)) as play:
        keys = [f"server-{number}" for number in range(120)]
        largest = 0
        for _ in range(30 * 60 * 2):
            play.add(dict(zip(keys, rng.lognormal(5, 1, (120, 3)), strict=True)))
            play.now += 30
            play.settle()
            largest = max(largest, play.history.status().size)
        status = play.history.status()
        assert largest <= bound
        assert status.size > bound * 0.8
        assert status.levels[3].oldest == START, "the finest level goes first"
        assert status.levels[1].oldest is None or status.levels[1].oldest > START
        assert status.problem is None
        play.check("server-7", START, play.now - play.now % DAY, HOUR, 5e-4)
        play.check("server-7", play.now - play.now % HOUR, play.now, 30)
        monkeypatch.setattr(levels, "LEAST_SIZE", 7_000_000)
        play.history.retention = Retention(size=7_000_000)    # lowered, it is kept as well
        play.settle()
        assert play.history.status().size <= 7_000_000
        play.check("server-7", START, play.now - play.now % DAY, HOUR, 5e-4)


@pytest.mark.parametrize(("name", "value"), [("full", -1.0), ("hours", float("nan")), ("size", 1000)])
def test_a_retention_that_cannot_be_is_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidValue, match=name):
        Retention(**{name: value})    # type: ignore[arg-type]


# -- damage


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database at all " * 4000)


def _newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()


def _foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE something (x)")
    connection.close()


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _names(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE forms SET metrics = '['")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("damage", [_garbage, _newer, _foreign, _directory, _names])
def test_a_file_that_cannot_be_used_is_moved_aside(
    play: Play, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    play.walk(600)
    play.history.close()
    damage(play.path)
    with caplog.at_level(logging.WARNING):
        play.again()
    begin = play.now
    play.walk(600)
    play.check("a", begin, play.now, 10)
    status = play.history.status()
    assert status.problem is None
    assert "could not be used" in str(status.last_problem)
    assert "could not be used" in caplog.text
    aside = [path.name for path in play.path.parent.iterdir() if ".damaged-" in path.name]
    assert [name for name in aside if not name.endswith(("-wal", "-shm"))] == ["history.db.damaged-20251127T001000Z"]
    play.again()
    play.check("a", begin, play.now, 10)


def test_only_the_last_damaged_file_is_kept(play: Play) -> None:
    for _ in range(3):
        play.walk(600)
        play.history.close()
        _garbage(play.path)
        play.again()
    assert len(list(play.path.parent.glob("*.damaged-*"))) == 1


def test_damage_that_shows_later_is_met_by_a_new_file(play: Play) -> None:
    play.walk(3 * HOUR, keys=[f"server-{number}" for number in range(100)])
    play.settle()
    begin = play.now
    pages = play.path.stat().st_size // 16384
    with play.path.open("r+b") as stream:
        for page in range(1, pages):    # all but the first: also what a reader has not seen yet
            stream.seek(page * 16384)
            stream.write(b"\xff" * 16384)
    play.query("server-50", START, play.now, 60)    # raises nothing
    play.walk(2 * HOUR)
    play.settle()
    status = play.history.status()
    assert "could not be used" in str(status.last_problem)
    assert status.problem is None
    play.check("a", begin + 600, play.now, 60)


def test_a_damaged_row_is_a_gap_and_is_told(play: Play) -> None:
    play.walk(3 * HOUR)
    play.settle()
    connection = sqlite3.connect(play.path)
    connection.execute("UPDATE minutes SET data = zeroblob(100) WHERE id = (SELECT min(id) FROM minutes)")
    connection.execute("UPDATE packs SET data = x'00' WHERE id = (SELECT max(id) FROM packs)")
    connection.commit()
    connection.close()
    for key, gap in (("a", True), ("b", False)):
        found = play.query(key, START, START + HOUR, 60)
        assert np.isnan(found.mean).all() == gap
    play.query("a", START, play.now, 10)
    assert "damaged rows" in str(play.history.status().last_problem)
    play.walk(2 * HOUR)
    play.settle()
    play.check("a", play.now - 2 * HOUR, play.now, 60)


# -- a disk that is full


def _limit(play: Play, pages: int) -> None:
    opened = play.history._file
    assert opened is not None
    opened.connection.execute(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_bridged_in_memory(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    keys = [f"server-{number}" for number in range(200)]
    play.walk(600, keys=keys)
    _limit(play, 1)
    with caplog.at_level(logging.WARNING):
        play.walk(2 * HOUR, keys=keys)
        play.settle()
    status = play.history.status()
    assert "full" in str(status.problem)
    assert status.waiting > 600
    assert len(caplog.records) == 1, "said once"
    play.check("server-9", START, play.now, 10)
    _limit(play, 1_000_000)
    play.walk(10, keys=keys)
    status = play.history.status()
    assert status.problem is None
    assert status.waiting == 0
    assert status.lost == 0
    play.again()
    play.settle()
    play.check("server-9", START, play.now, 60)


def test_what_does_not_fit_into_memory_is_counted(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"server-{number}" for number in range(300)]
    monkeypatch.setattr(hpm.store.history.history, "MOST_FIGURES", 3 * 300 * 100)
    _limit(play, 1)
    play.walk(3000, keys=keys)
    status = play.history.status()
    assert status.waiting <= 100 < status.lost
    _limit(play, 1_000_000)
    play.walk(10, keys=keys)
    status = play.history.status()
    assert status.waiting == 0
    assert status.problem is None
    play.check("server-7", play.now - 1000, play.now, 10)


def test_a_file_that_another_process_holds_is_written_afterwards(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_BUSY", 0.0)
    play.again()
    play.walk(100)
    other = sqlite3.connect(play.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    play.walk(600)
    assert "locked" in str(play.history.status().problem)
    assert play.history.status().waiting == 60
    play.check("a", START, play.now, 10)
    other.execute("ROLLBACK")
    other.close()
    play.walk(10)
    assert play.history.status().problem is None
    play.again()
    play.check("a", START, play.now, 10)


def test_a_file_that_is_nowhere_is_made_when_it_can_be(tmp_path: Path, impatient: None) -> None:
    blocked = tmp_path / "there"
    blocked.write_text("")    # a file where the directory should be
    with Play(blocked / "history.db") as play:
        play.walk(600)
        assert "cannot be opened" in str(play.history.status().problem)
        assert play.history.status().size == 0
        play.check("a", START, play.now, 10)
        blocked.unlink()
        play.walk(10)
        assert play.history.status().problem is None
        play.again()
        play.check("a", START, play.now, 10)


def test_what_was_added_before_the_file_could_be_opened_joins_what_is_in_it(
    tmp_path: Path, impatient: None
) -> None:
    with Play(tmp_path / "history.db") as play:
        play.walk(610, keys=["x", "a"])
        play.history.close()
        (tmp_path / "history.db").rename(tmp_path / "elsewhere")
        (tmp_path / "history.db").symlink_to(tmp_path / "nowhere" / "history.db")
        play.again()
        play.walk(610, keys=["a", "y"])
        assert play.history.status().waiting == 61
        (tmp_path / "history.db").unlink()
        (tmp_path / "elsewhere").rename(tmp_path / "history.db")
        play.walk(10, keys=["y", "a"])
        assert play.history.status().waiting == 0
        for key in "axy":
            play.check(key, START, play.now, 10)


# -- readers meanwhile


def test_queries_while_frames_are_added_and_packed_never_miss_one(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "FRAMES", 5)    # packs as often as possible
    play.walk(60)
    wrong: list[object] = []
    ended = threading.Event()

    def read() -> None:
        try:
            while not ended.is_set():
                known = play.now    # all before it was added
                found = play.history.query("server", "a", ["met"], START, known, 10)
                if np.isnan(found.mean).any() or found.count.max() > 1:
                    wrong.append((known, found))
                found = play.history.query("server", "a", ["met"], START, known - known % 60, 60)
                if (found.count != 6).any():
                    wrong.append((known, found))
        except BaseException as error:
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    while play.now < START + 3 * HOUR:
        play.walk(10)
        play.history.work(0.0)
    ended.set()
    for reader in readers:
        reader.join()
    assert not wrong
