"""The history of metrics: what a chart shows is what was measured, at every level, also after a crash."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.errors import InvalidValue
from hpm.store.history import Frame, History, Retention

from .history_play import DAY, HOUR, METRICS, START, Play


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with Play(tmp_path / "history.db") as play:
        yield play


# -- levels


def test_the_last_hour_is_there_at_full_resolution(play: Play) -> None:
    play.walk(HOUR)
    found = play.check("a", START, START + HOUR, 10)
    assert len(found.times) == 360
    assert not np.isnan(found.mean).any()


@pytest.mark.parametrize("step", [60, 120, 300, 90, 600, 3600])
def test_summed_up_minutes_say_what_the_samples_said(play: Play, step: float) -> None:
    play.walk(5 * HOUR)
    play.settle()
    assert play.history.status().levels[0].oldest == START + 4 * HOUR
    even = step % 60 == 0
    play.check("b", START, play.now if even else START + HOUR, step if even else 60)
    uneven = play.query("b", START, play.now, step)
    known = uneven.count > 0
    assert (uneven.count * np.where(known, uneven.mean, 0)).sum(axis=1) == pytest.approx(
        sum(values for _, values in play.added["b"]), rel=1e-3
    )


@pytest.mark.parametrize("step", [600, 1200, 3600, 7200, 86400])
def test_ten_minutes_and_hours_say_what_the_samples_said(tmp_path: Path, step: float) -> None:
    with Play(tmp_path / "history.db", Retention(minutes=3 * HOUR)) as play:
        play.walk(1.5 * DAY, interval=30.0)
        play.settle()
        assert play.history.status().levels[1].oldest == START + DAY    # the rest of today is not summed up yet
        assert play.history.status().levels[2].oldest == START
        play.check("a", START, START + 2 * DAY, step, 5e-4)


def test_attainment_over_every_level_is_exact(tmp_path: Path) -> None:
    with Play(tmp_path / "history.db", Retention(full=0, minutes=0, tens=0)) as play:
        play.walk(DAY + 120, interval=7.0)
        play.settle()
        levels = play.history.status().levels
        assert levels[2].oldest is None
        assert levels[1].oldest is None
        found = play.query("b", START, START + DAY, HOUR, ["met"])
        met = [values[2] for time, values in play.added["b"] if time < START + DAY]
        assert found.count.sum() == len(met)
        assert (found.mean * found.count).sum() == sum(met)


def test_coarse_points_fill_the_buckets_that_they_cover(tmp_path: Path) -> None:
    with Play(tmp_path / "history.db", Retention(full=0)) as play:
        play.walk(HOUR + 60)
        play.settle()
        minutes = play.query("a", START, START + HOUR, 60)
        found = play.query("a", START, START + HOUR, 10)
        assert len(found.times) == 360
        np.testing.assert_array_equal(found.mean, np.repeat(minutes.mean, 6, axis=1))
        assert found.count.sum() == minutes.count.sum()
        seven = play.query("a", START, START + HOUR, 7)
        assert not np.isnan(seven.mean).any()
        assert seven.count.sum() == pytest.approx(minutes.count.sum(), abs=3 * 2)    # one more bucket, or one less


def test_a_trembling_clock_leaves_no_gaps(play: Play) -> None:
    for beat in range(1, 100):
        play.add({"a": (beat, 0, 1)}, START + 10 * beat + (0.004 if beat % 3 else -0.004))
    found = play.query("a", START + 10, START + 980, 10)
    assert (found.count[0] == 0).any()
    assert (found.count[0] == 2).any()
    assert not np.isnan(found.mean).any()
    assert (np.abs(found.mean[0] - found.times / 10 + START / 10) <= 1).all()


def test_a_gap_stays_a_gap(play: Play) -> None:
    play.walk(600)
    play.now += 600
    play.walk(600)
    for step in (10, 60):
        found = play.check("a", START, START + 1800, step)
        empty = np.isnan(found.mean).all(axis=0)
        np.testing.assert_array_equal(empty, (found.times >= START + 600) & (found.times < START + 1200))


# -- what is asked


@given(
    start=st.floats(0, 3 * DAY), length=st.floats(0, 3 * DAY), step=st.floats(5, 2 * DAY), part=st.integers(0, 2)
)
@settings(max_examples=200, deadline=None)
def test_never_more_points_than_asked(filled: Play, start: float, length: float, step: float, part: int) -> None:
    begin, end = START - DAY + start, START - DAY + start + length
    found = filled.query("a", begin, end, step, METRICS[part:])
    assert len(found.times) <= length / step + 1
    assert found.mean.shape == found.minimum.shape == found.maximum.shape == (3 - part, len(found.times))
    np.testing.assert_allclose(found.times / step, np.round(found.times / step), atol=1e-6)


@pytest.fixture(scope="module")
def filled() -> Iterator[Play]:
    """Two days at every level."""
    with tempfile.TemporaryDirectory() as directory, Play(Path(directory) / "history.db") as play:
        play.walk(1.4 * DAY, interval=60.0)
        play.settle()
        yield play


def test_what_nobody_knows_is_a_gap(filled: Play) -> None:
    assert np.isnan(filled.query("nobody", START, START + HOUR, 60).mean).all()
    found = filled.query("a", START, START + HOUR, 60, ["cpu", "nothing"])
    assert not np.isnan(found.mean[0]).any()
    assert np.isnan(found.mean[1]).all()
    assert np.isnan(filled.history.query("nothing", "a", ["cpu"], START, START + HOUR, 60).mean).all()
    assert len(filled.query("a", START, START, 60).times) == 0


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(0, 1, 0), (0, 1, -1), (5, 1, 1), (-5, 1, 1), (0, float("nan"), 1), (0, 1, float("inf")), (0, 1e9, 1)],
)
def test_a_range_that_cannot_be_is_refused(filled: Play, start: float, end: float, step: float) -> None:
    with pytest.raises(InvalidValue):
        filled.query("a", start, end, step)


def test_figures_that_do_not_fit_are_refused(play: Play) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 1\) for 3 metrics of 1 keys"):
        play.history.add(START, {"server": Frame(("a",), np.zeros((2, 1)))})


# -- properties

_VALUES = st.one_of(
    st.floats(-1e12, 1e12), st.just(float("nan")), st.sampled_from([0.0, 1.0, -0.0, 1e-30, 1e30, float("inf")])
)
_BEATS = st.lists(
    st.tuples(
        st.one_of(st.floats(0.0, 60.0), st.floats(-2000.0, 4000.0)),    # seconds since the frame before
        st.lists(st.tuples(st.sampled_from("abcd"), _VALUES, _VALUES, st.sampled_from([0.0, 1.0])), max_size=3),
    ),
    min_size=1,
    max_size=60,
)


@given(beats=_BEATS, restarts=st.sets(st.integers(0, 59)), works=st.sets(st.integers(0, 59)))
@settings(max_examples=60, deadline=None)
def test_any_frames_at_any_times_come_back(
    beats: list[tuple[float, list[tuple[str, float, float, float]]]], restarts: set[int], works: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as directory, Play(Path(directory) / "history.db") as play:
        play.now = START + 3 * HOUR + 1
        times: set[float] = set()
        for number, (pause, servers) in enumerate(beats):
            time = max(START, round(play.now + pause, 3))
            while time in times:    # frames are told apart by their milliseconds: of two of the same, one may be left
                time = round(time + 0.001, 3)
            times.add(time)
            play.add({key: values for key, *values in servers}, time)
            if number in restarts:
                play.again()
            if number in works:
                play.settle()
        end = max(time for added in play.added.values() for time, _ in added) + 1 if play.added else START + HOUR
        for key in "abcd":
            _is_all_there(play, key, end)
        play.add({"last": (0, 0, 0)}, START + 3 * DAY)    # all hours and days are over
        play.settle()
        for key in "abcd":
            _is_all_there(play, key, end)


def _is_all_there(play: Play, key: str, end: float) -> None:
    found = play.query(key, START, end, HOUR)
    _, count, low, mean, high = play.expected(key, START, end, HOUR)
    np.testing.assert_array_equal(found.count, count)
    known = count > 0    # of samples that are an hour apart, an hour without one shows the later one
    np.testing.assert_array_equal(found.minimum[known], low[known])
    np.testing.assert_array_equal(found.maximum[known], high[known])
    # The error of a mean is that of rounded sums: in proportion to the largest of the figures, not to the mean.
    largest = np.fmax(np.abs(low), np.abs(high))
    allowed = 1e-3 * np.where(np.isnan(largest), 0, largest)
    np.testing.assert_array_equal(np.isnan(found.mean[known]), np.isnan(mean[known]))
    assert (np.nan_to_num(np.abs(found.mean - mean)) <= allowed)[known].all()
    np.testing.assert_array_equal((found.mean * found.count)[2][known[2]], (mean * count)[2][known[2]])


@given(beats=_BEATS, works=st.sets(st.integers(0, 59)), step=st.sampled_from([60, 300, 1000, 3600]))
@settings(max_examples=25, deadline=None)
def test_several_at_once_are_what_each_is_by_itself(
    beats: list[tuple[float, list[tuple[str, float, float, float]]]], works: set[int], step: int
) -> None:
    with tempfile.TemporaryDirectory() as directory, Play(Path(directory) / "history.db") as play:
        play.now = START + 3 * HOUR + 1
        many = [f"server-{number}" for number in range(40)]    # more than one block
        for number, (pause, servers) in enumerate(beats):
            later = {key: values for key, *values in servers}
            play.add({**dict.fromkeys(many[number % 3::3], (number, 1, 0)), **later}, max(START, play.now + pause))
            if number in works:
                play.settle()
        _are_as_alone(play, [*"dcba", "nobody", *many], step)
        play.add({"last": (0, 0, 0)}, START + 3 * DAY)
        play.settle()
        _are_as_alone(play, [*many, *"abcd"], step)


def _are_as_alone(play: Play, keys: list[str], step: float) -> None:
    end = play.now + step
    found = play.history.query_many("server", keys, ["met", "cpu"], end - 12 * HOUR, end, step)
    for place, key in enumerate(keys):
        alone = play.query(key, end - 12 * HOUR, end, step, ["met", "cpu"])
        for name in ("times", "count", "minimum", "mean", "maximum"):
            of_many = getattr(found.of(place), name)
            np.testing.assert_array_equal(of_many, getattr(alone, name), err_msg=f"{name} of {key}")


def test_too_much_to_be_read_at_once_is_refused(play: Play) -> None:
    keys = [f"server-{number}" for number in range(450)]
    for hour in range(72):
        play.add(dict.fromkeys(keys, (1, 2, 0)), START + hour * HOUR)
    play.settle()
    with pytest.raises(InvalidValue, match="450 at once"):
        play.history.query_many("server", keys, ["cpu"], START, play.now, 90)
    assert play.history.query_many("server", keys, ["cpu"], START, play.now, HOUR).count.sum() == 450 * 71


# -- many things


def test_keys_come_and_go(play: Play) -> None:
    for round_ in range(6):
        play.walk(1200, keys=[f"server-{number}" for number in range(round_ * 20, round_ * 20 + 50)])
    play.settle()
    for number in (0, 30, 60, 149):
        play.check(f"server-{number}", START, play.now, 60)
    assert np.isnan(play.query("server-0", START + 2400, play.now, 60).mean).all()


def test_kinds_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    kinds = {"server": ("x", "y"), "group": ("x",)}
    with Play(tmp_path / "other.db"):
        history = History(tmp_path / "history.db", kinds, wall=lambda: START + 100)
        for beat in range(40):
            frames = {
                "server": Frame(("a", "b"), np.array([[1, 2], [3, 4.0]])),
                "group": Frame(("a",), np.array([[9.0]])),
            }
            history.add(START + beat, frames if beat % 2 else {"group": frames["group"]})
        assert history.query("server", "a", ["x", "y"], START, START + 40, 40).mean.tolist() == [[1], [3]]
        assert history.query("group", "a", ["x", "y"], START, START + 40, 40).mean[0].tolist() == [9]
        assert history.query("server", "a", ["x"], START, START + 40, 40).count.tolist() == [[20]]
        assert history.query("group", "a", ["x"], START, START + 40, 40).count.tolist() == [[40]]
        history.close()


@pytest.mark.parametrize("step", [60, 600, 3600])
def test_kinds_with_other_metrics_lose_none_when_days_are_summed_up(tmp_path: Path, step: float) -> None:
    now = START
    history = History(tmp_path / "history.db", {"group": ("cpu", "met"), "server": ("memory", "cpu")}, wall=lambda: now)
    while now < START + DAY + HOUR:
        history.add(now, {"group": Frame(("g",), np.array([[1.0], [2.0]])),
                          "server": Frame(("a", "b"), np.array([[3.0, 4.0], [5.0, 6.0]]))})  # fmt: skip
        now += 60.0
    while history.work(0.0):
        pass
    for kind, key, figures in (("group", "g", {"cpu": 1.0, "met": 2.0}), ("server", "b", {"memory": 4.0, "cpu": 6.0})):
        found = history.query(kind, key, tuple(figures), START, START + DAY, step)
        assert found.count.sum(axis=1).tolist() == [DAY / 60.0] * 2
        assert found.mean[:, 0].tolist() == found.mean[:, -1].tolist() == list(figures.values())
    history.close()


def test_metrics_that_grow_leave_old_figures_readable(play: Play) -> None:
    play.walk(1.5 * HOUR)
    grown = ("new", "met", "cpu", "memory")    # another order, too
    play.again(grown)
    before = play.now
    for _ in range(360):
        play.add({"a": (7, 1, 20, 3)})
        play.now += 10
    for _ in range(2):
        found = play.query("a", START, play.now, 60)
        old, new = found.times < before, (found.times >= before) & (found.times < before + HOUR)
        assert np.isnan(found.mean[0, old]).all()
        assert not np.isnan(found.mean[1:, old]).any()
        assert (found.mean[:, new] == np.array([7, 1, 20, 3])[:, None]).all()
        play.now += 2 * HOUR
        play.again()
        play.add({"a": (7, 1, 20, 3)})
        play.settle()
