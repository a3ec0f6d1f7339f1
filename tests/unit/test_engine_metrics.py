"""Metrics as columns say the same as the objects that they are made of."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hpm.backend.simulated import Periodic, uuid_of
from hpm.engine.metrics import groups, host, servers
from hpm.engine.metrics.attainment import Attainment
from hpm.engine.metrics.figures import GROUP_METRICS, HOST_METRICS, SERVER_METRICS
from hpm.engine.metrics.rates import SILENT, Rates
from hpm.engine.table import Table
from hpm.model.views import Views

from .builders import House, guest

SCOPES = {"server": SERVER_METRICS, "group": GROUP_METRICS, "host": HOST_METRICS}


def house(path: Path) -> House:
    """Two cores with servers of every kind: spinning, sleeping, idle, paused, capped, shut off, unmanaged."""
    made = House(path, [
        guest("db1", 2048, vcpus=2), guest("db2", load=Periodic(20_000_000, 80_000_000)), guest("web", 512),
        guest("batch", 200), guest("idle", load=Periodic(1_000_000, 900_000_000)), guest("held", status="paused"),
        guest("off", status="shut-off"), guest("alone", parent="elsewhere"), guest("slow"),
    ])  # fmt: skip
    made.wish({"db1": (75, "highest"), "db2": (50, "high"), "idle": (50, "low"), "held": (30, "low")}, "gold")
    made.wish({"web": (90, "lowest"), "batch": None, "off": (50, "medium"), "slow": (5, "low")}, "grey")
    return made


def known(shown: float | None) -> Any:
    """What a figure must be near that is shown so, rounded."""
    return pytest.approx(math.nan if shown is None else shown, abs=0.06, nan_ok=True)


def test_columns_say_what_the_objects_say(tmp_path: Path) -> None:
    made = house(tmp_path)
    made.step(3)
    snapshot = made.manager.snapshot
    figures, views = snapshot.figures, Views(snapshot, "")
    seen = set()
    for row, uuid in enumerate(figures.roster.uuids):
        detail, status = views.server_detail(uuid), snapshot.status(uuid)
        seen.add(status)
        values = {name: column[row] for name, column in figures.servers.items()}
        for name, expected in (
            ("velocity", detail.velocity), ("performance-index", detail.performance_index),
            ("cpu-using", detail.cpu_using), ("cpu-delay", detail.cpu_delay), ("cpu-shares", detail.cpu_shares),
        ):  # fmt: skip
            assert values[name] == known(expected), name
        watched = snapshot.server_window(uuid) is not None
        assert values["goal-judged"] == float(watched and status in ("met", "missed", "idle"))
        assert values["goal-met"] == float(watched and status in ("met", "idle"))
    assert seen == {"met", "missed", "idle", "discretionary", "unmanaged", "paused"}


def test_groups_and_classes_are_the_sums_of_their_members(tmp_path: Path) -> None:
    made = house(tmp_path)
    made.step(3)
    snapshot = made.manager.snapshot
    figures, views = snapshot.figures, Views(snapshot, "")
    for row, (group_id, name) in enumerate(figures.roster.classes):
        owner = snapshot.catalog.groups[group_id]
        assert owner.policy is not None
        one = next(c for c in owner.policy.service_classes if c.name == name)
        state = views.service_class(owner, one)
        values = {key: column[row] for key, column in figures.classes.items()}
        assert values["virtual-servers"] == len(state.virtual_servers)
        for key, expected in (("velocity", state.velocity), ("performance-index", state.performance_index)):
            assert values[key] == known(expected), key
        if values["goal-judged"]:
            assert values["goal-met"] == float(state.goal_status in ("met", "idle"))
    for row, group_id in enumerate(figures.roster.groups):
        summary = views.group_summary(snapshot.catalog.groups[group_id])
        values = {key: column[row] for key, column in figures.groups.items()}
        assert values["performance-index"] == known(summary.performance_index)
        assert values["virtual-servers"] == summary.virtual_server_count
        if values["goal-judged"]:
            assert values["goal-met"] == float(summary.goal_status != "missed")
    used = np.nansum(figures.servers["cpu-using"][figures.servers["performance-index"] > 0])
    assert 0 < used <= figures.host["cpu-using"] <= 2.0


def test_entitlements_of_those_that_work_share_the_host(tmp_path: Path) -> None:
    idle = guest("idle", 5000, load=Periodic(1_000_000, 900_000_000))
    made = House(tmp_path, [guest("a", 300), guest("b", 100), guest("c", 100, vcpus=2), idle])
    made.step(3)
    figures = made.manager.snapshot.figures
    entitled = dict(zip(figures.roster.names, figures.servers["cpu-entitlement"], strict=True))
    assert entitled["a"] == 1.0    # by its shares 1.2 of two CPUs, but it has one vCPU
    assert entitled["b"] == pytest.approx(0.4, abs=0.01) and entitled["c"] == pytest.approx(0.4, abs=0.01)
    assert entitled["idle"] == 1.0    # it would get what it wants


def test_before_a_window_nothing_is_known_but_what_was_counted(tmp_path: Path) -> None:
    figures = house(tmp_path).manager.snapshot.figures
    assert math.isnan(figures.host["cpu-utilization"]) and figures.host["cpus"] == 2
    assert np.isnan(figures.servers["velocity"]).all() and not figures.servers["goal-judged"].any()
    assert np.isnan(figures.groups["velocity"]).all() and np.isnan(figures.classes["performance-index"]).all()
    assert (figures.servers["memory-size"] > 0).all()


def test_counters_only_grow(tmp_path: Path) -> None:
    made = house(tmp_path)
    before = None
    for _ in range(5):
        made.step()
        now = made.manager.snapshot.figures.servers
        for metric in servers.RAW:
            if metric.kind == "counter" and before is not None:
                assert not (now[metric.name] < before[metric.name]).any(), metric.name
        before = now


def test_what_was_set_is_shown_at_once(tmp_path: Path) -> None:
    made = house(tmp_path)
    made.on()
    made.step(3)
    snapshot = made.manager.snapshot
    shares = dict(zip(snapshot.figures.roster.uuids, snapshot.figures.servers["cpu-shares"], strict=True))
    for uuid, one in snapshot.sample.samples.items():
        assert shares[uuid] == one.shares
    assert any(shares[uuid] != original for uuid, original in snapshot.originals.items())


@pytest.mark.parametrize("scope", SCOPES)
def test_each_metric_is_described_once_and_well(scope: str) -> None:
    names = [metric.name for metric in SCOPES[scope]]
    assert len(set(names)) == len(names)
    exported = [metric.exported(scope) for metric in SCOPES[scope]]
    assert len(set(exported)) == len(exported)
    for metric in SCOPES[scope]:
        assert metric.name == metric.name.lower() and "_" not in metric.name
        assert metric.meaning.endswith(".") and metric.meaning[0].upper() == metric.meaning[0], metric.name


def test_a_roster_is_made_anew_when_something_changed(tmp_path: Path) -> None:
    made = house(tmp_path)
    made.step()
    first = made.manager.snapshot.figures.roster
    made.step()
    assert made.manager.snapshot.figures.roster is first
    with made.manager.change() as change:
        change.catalog = msgspec.structs.replace(change.catalog, generation=change.catalog.generation + 1)
    assert made.manager.snapshot.figures.roster is not first
    assert groups.RAW and host.RAW


def test_rates_are_those_between_two_samples_of_a_row() -> None:
    rates = Rates()

    def table(uuids: str, counted: list[float], seconds: list[int]) -> Table:
        taken = np.array(seconds, dtype=np.int64) * 1_000_000_000
        return Table(tuple(uuids), {"counted": np.array(counted, dtype=np.float64)}, taken)

    def rate(now: Table) -> list[float]:
        return rates.of(now).columns["counted"].tolist()

    first = table("abc", [0, 100, math.nan], [1, 1, 0])
    assert all(map(math.isnan, rate(first)))
    second = table("cab", [5, 40, 100], [3, 3, 3])
    assert rate(second) == pytest.approx([math.nan, 20, 0], nan_ok=True)
    assert rates.of(second) is rates.of(second)
    # one is not sampled any more, one begins anew, one is new
    assert rate(table("abcd", [40, 1, 8, 7], [3, 4, 6, 6])) == pytest.approx([20, math.nan, 1, math.nan], nan_ok=True)


def test_rates_of_what_is_told_now_and_then_are_those_between_two_reports() -> None:
    rates = Rates("told")

    def rate(counted: float, told: float, seconds: float) -> float:
        columns = {"counted": np.array([counted]), "told": np.array([told])}
        return float(rates.of(Table(("a",), columns, np.array([int(seconds * 1e9)]))).columns["counted"][0])

    assert math.isnan(rate(100, 1, 10.0))
    assert math.isnan(rate(100, 1, 10.5)), "nothing new was told"
    assert rate(140, 3, 12.0) == pytest.approx(20.0)
    assert [rate(140, 3, 12.5), rate(140, 3, 13.5)] == pytest.approx([20.0, 20.0])
    assert rate(142, 5, 14.0) == pytest.approx(1.0), "since the report before was seen first"
    assert rate(142, 5, 23.9) == pytest.approx(1.0)
    assert rate(142, 5, 14.0 + SILENT) == 0.0, "somebody who says nothing for long has counted nothing"


def test_what_is_sampled_beside_the_counters_is_told_too(tmp_path: Path) -> None:
    made = house(tmp_path)
    made.step(4)
    figures = made.manager.snapshot.figures
    row = figures.roster.names.index("db1")
    told = {name: column[row] for name, column in figures.servers.items()}
    assert 0 < told["qemu-user"] + told["qemu-system"] < 2.5
    assert 0 < told["memory-use"] <= 100 and told["memory-resident"] > 0
    assert told["qemu-user-time"] > 0 and told["memory-unused"] <= told["memory-available"] <= told["memory-size"]
    assert math.isnan(figures.servers["memory-use"][figures.roster.names.index("off")])


def test_what_devices_do_is_summed_and_as_old_as_its_sample(tmp_path: Path) -> None:
    made = house(tmp_path)
    made.manager.set_devices_interval(10.0)
    made.step()
    first = made.manager.snapshot.figures
    db1, off = (first.roster.names.index(name) for name in ("db1", "off"))
    assert first.servers["disk-read"][db1] >= 0 and math.isnan(first.servers["disk-read-rate"][db1])
    assert math.isnan(first.host["disk-read-rate"]) and np.isnan(first.groups["network-send-rate"]).all()
    made.step(8)
    now = made.manager.snapshot.figures
    columns = now.servers
    for counter, rate in (("disk-read", "disk-read-rate"), ("network-sent-packets", "network-send-packet-rate")):
        assert columns[rate][db1] > 0 and math.isnan(columns[rate][off])
        for name in (counter, rate):
            assert now.host[name] == pytest.approx(np.nansum(columns[name]))
            assert np.nansum(now.groups[name]) == pytest.approx(now.host[name])
            of_class = now.classes[name][now.roster.classes.index(("gold", "db1"))]
            assert of_class == pytest.approx(columns[name][db1])
    sampled = columns["devices-timestamp"]
    assert sampled[db1] > first.servers["devices-timestamp"][db1] and math.isnan(sampled[off])
    assert now.host["devices-timestamp"] == np.nanmin(sampled) and columns["devices-interval"][db1] >= 10
    made.step()    # not sampled meanwhile: the very same figures
    later = made.manager.snapshot.figures
    assert later.servers["disk-read-rate"][db1] == columns["disk-read-rate"][db1]
    made.host.restart(uuid_of("db1"))
    made.step()
    anew = made.manager.snapshot.figures.servers
    assert anew["disk-read"][db1] < columns["disk-read"][db1] and math.isnan(anew["disk-read-rate"][db1])
    made.host.stop(uuid_of("db1"))
    made.step()
    assert math.isnan(made.manager.snapshot.figures.servers["disk-read"][db1])


def test_attainment_is_the_share_of_the_time_that_is_not_over_yet() -> None:
    kept, one = Attainment(), np.array([1.0])
    begin = 1_900_000_000.0 // 3600 * 3600
    for minute in range(120):    # an hour missed, an hour met
        kept.add(begin + 60 * minute, ["gold"], 60 * one, 60 * one * (minute >= 60))
    now = begin + 119 * 60
    assert kept.share(now, ["gold"], "hour").tolist() == [100.0]
    assert kept.share(now, ["gold"], "day").tolist() == kept.share(now, ["gold"], "week").tolist() == [50.0]
    assert np.isnan(kept.share(now, ["silver"], "day")).all()
    assert np.isnan(kept.share(now + 3600, ["gold"], "hour")).all()    # nothing was judged since
    assert kept.share(now + 23.5 * 3600, ["gold"], "day").tolist() == [100.0]
    assert np.isnan(kept.share(now + 8 * 86400, ["gold"], "week")).all()
    kept.add(now - 600, ["gold"], 60 * one, 0 * one)    # a clock that was set back
    assert kept.share(now, ["gold"], "hour")[0] == pytest.approx(100 * 60 / 61, abs=0.1)
    kept.keep([])
    assert np.isnan(kept.share(now, ["gold"], "day")).all()


def test_attainment_goes_on_after_a_clock_that_was_far_ahead_is_set_right() -> None:
    kept, one = Attainment(), np.array([1.0])
    begin = 1_900_000_000.0 // 3600 * 3600
    ahead = begin + 30 * 3600
    for minute in range(30):    # half an hour met, with the wrong time
        kept.add(ahead + 60 * minute, ["gold"], 60 * one, 60 * one)
    for minute in range(15):    # and a quarter missed, with the right one
        kept.add(begin + 60 * minute, ["gold"], 60 * one, 0 * one)
    now = begin + 14 * 60
    assert kept.share(now, ["gold"], "hour")[0] == pytest.approx(100 * 30 / 45, abs=2.5)
    for minute in range(15, 75):
        kept.add(begin + 60 * minute, ["gold"], 60 * one, 60 * one)
    assert kept.share(begin + 74 * 60, ["gold"], "hour").tolist() == [100.0]
    assert not np.isnan(kept.share(begin + 74 * 60, ["gold"], "week")).any()
