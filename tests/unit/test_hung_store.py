"""A disk that hangs, or is full: the loop goes on, clients read, hpm takes its hands off the host all the same."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.backend.simulated.hypervisor import SimulatedHypervisor
from hpm.backend.simulated.machine import Scenario
from hpm.errors import StoreError
from hpm.host.running import RunningManager
from hpm.manager.lock import HostLock
from hpm.manager.manager import Manager
from hpm.manager.recorder import ENDING, HOST_KEY, KINDS
from hpm.store import committing
from hpm.store.adjustments import AdjustmentFilter, AdjustmentRecord, Adjustments
from hpm.store.catalog_store import load_catalog, load_setting
from hpm.store.committing import StoreLate
from hpm.store.database import Database
from hpm.store.history import History
from hpm.store.journal import Journal
from tests.lab.errors import wait_until

from .api_host import ApiHost, running
from .builders import House, group, guest, uuid_of
from .faulty_disk import DISK, Disk, OnDisk, on_disk

#: Seconds that a commit may take here; and in which every reader is answered.
LIMIT, READING = 0.3, 1.0

READ = (
    "/version", "/settings", "/mgmt-levels", "/workload-resource-groups", "/workload-resource-groups/detail",
    "/workload-resource-groups/default", "/virtual-servers", "/virtual-servers/detail", "/virtual-servers/sync",
    "/virtual-servers/status", "/metrics/raw/hypervisor", "/metrics/calculated/virtual-servers",
    "/metrics/prometheus", "/dynamic-resource-adjustments", "/activity-log", "/tokens", "/start-jobs", "/partitions",
    "/mom/policies", "/openapi.json", "/events?wait=0",
)  # fmt: skip


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(committing, "LIMIT", LIMIT)
    yield from on_disk(monkeypatch)


def later(deed: Callable[[], object]) -> Future[object]:
    """Do it in a thread."""
    pool = ThreadPoolExecutor(1)
    future: Future[object] = pool.submit(deed)
    pool.shutdown(wait=False)
    return future


def hung(disk: Disk, database: Database) -> None:
    """Let the disk hang, and the store have noticed."""
    disk.hang()
    with pytest.raises(StoreLate), database.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO settings VALUES ('x', 'y')")


# -- the store


def test_a_commit_that_hangs_is_given_up_and_what_became_of_it_is_known_later(disk: Disk, tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    disk.hang()
    began = time.monotonic()
    with pytest.raises(StoreLate) as told, database.transaction() as connection:
        connection.execute("INSERT INTO settings VALUES ('a', '1')")
    assert LIMIT <= time.monotonic() - began < 2 * LIMIT
    began = time.monotonic()
    with pytest.raises(StoreError, match="its disk hangs"), database.transaction():
        pass
    assert load_setting(database, "a") is None
    assert time.monotonic() - began < LIMIT / 2    # it was not waited for
    disk.answer()
    assert told.value.outcome.over.wait(5.0) and told.value.outcome.kept
    assert load_setting(database, "a") == "1"
    with database.transaction() as connection:
        connection.execute("INSERT INTO settings VALUES ('b', '2')")
        assert database.rows("SELECT value FROM settings WHERE name = 'b'") == [("2",)]    # its own, not committed yet
    database.close()


def test_a_commit_that_hangs_and_fails_leaves_nothing(disk: Disk, tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    disk.full = True
    disk.hang()
    with pytest.raises(StoreLate) as told, database.transaction() as connection:
        connection.execute("INSERT INTO settings VALUES ('a', '1')")
    disk.answer()
    assert told.value.outcome.over.wait(5.0) and not told.value.outcome.kept
    disk.full = False
    wait_until(lambda: _writes(database), 5.0, "the store takes changes again")
    assert load_setting(database, "a") is None
    database.close()


def _writes(database: Database) -> bool:
    try:
        with database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES ('b', '2')")
    except StoreError:
        return False
    return True


def test_the_store_is_closed_in_time_also_while_its_disk_hangs(disk: Disk, tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    hung(disk, database)
    began = time.monotonic()
    database.close()
    assert time.monotonic() - began < LIMIT / 2


# -- the loop


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, [guest(name) for name in ("gold", "slow", "more")])
    yield made
    DISK.answer()
    made.database.close()


def shares(house: House, name: str) -> int | None:
    return house.host.observe().samples[uuid_of(name)].shares


def test_the_loop_goes_on_and_shows_what_is_so(disk: Disk, house: House) -> None:
    house.wish({"gold": (70, "highest"), "slow": (20, "low")})
    house.step(2)
    house.manager.set_level("on")
    disk.hang()
    with pytest.raises(StoreError):
        house.manager.cycle()
    assert shares(house, "gold") == 1024    # nothing is changed that is not journalled
    for _ in range(3):
        house.host.advance(3.0)
        began = time.monotonic()
        with pytest.raises(StoreError):
            house.manager.cycle()
        assert time.monotonic() - began < LIMIT
        snapshot = house.manager.snapshot
        assert snapshot.taken == house.wall() and snapshot.window is not None
        assert snapshot.problem is not None and snapshot.problem.startswith("nothing is changed on the host: the store")
    disk.answer()
    wait_until(lambda: _writes(house.database), 5.0, "the store takes changes again")
    house.step(2)
    assert house.manager.snapshot.problem is None
    assert (shares(house, "gold") or 0) > 1024
    kept = Journal(house.database).entries
    assert kept.keys() == house.manager._work.actuator._journal.entries.keys() != set()


def test_what_came_of_an_adjustment_and_cannot_be_recorded_costs_no_decision(
    disk: Disk, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.wish({"gold": (70, "highest"), "slow": (20, "low")})
    house.step(2)
    house.on()    # changes shares; what comes of that is recorded in the next cycle
    before = shares(house, "gold")
    house.wish({"gold": (40, "highest"), "slow": (35, "low")})
    replace = Adjustments.replace

    def on_a_full_disk(self: Adjustments, records: Iterable[AdjustmentRecord]) -> None:
        disk.full = True
        try:
            replace(self, records)
        finally:
            disk.full = False

    monkeypatch.setattr(Adjustments, "replace", on_a_full_disk)
    house.step()
    assert "what came of adjustments could not be recorded: %s" in [record.msg for record in caplog.records]
    assert house.manager.snapshot.problem is None and shares(house, "gold") != before


@pytest.mark.parametrize("fault", ["hangs", "full"])
def test_off_takes_its_hands_off_the_host_whatever_the_disk_does(disk: Disk, house: House, fault: str) -> None:
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    assert shares(house, "gold") != 1024
    disk.full = fault == "full"
    if fault == "hangs":
        disk.hang()
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"the level is in force.*a restart would begin with the one before"):
        house.manager.set_level("off")
    assert time.monotonic() - began < 3 * LIMIT
    assert {shares(house, name) for name in ("gold", "slow", "more")} == {1024}
    assert house.manager.snapshot.levels.cpu_mgmt == "off"
    house.host.advance(3.0)
    house.manager.cycle()
    held = AdjustmentFilter(cause="changed-by-administrator")
    assert not house.manager.adjustments.find(held)    # what hpm put back is nobody else's deed

    disk.full = False
    disk.answer()
    wait_until(lambda: _writes(house.database), 5.0, "the store takes changes again")
    house.step(2)
    assert not Journal(house.database).entries
    house.crash()
    assert house.manager.snapshot.levels.cpu_mgmt == "off"
    assert {shares(house, name) for name in ("gold", "slow", "more")} == {1024}
    assert not house.manager.snapshot.held or "changed-by-administrator" not in house.manager.snapshot.held.values()


def test_on_is_refused_and_stays_so(disk: Disk, house: House) -> None:
    disk.hang()
    with pytest.raises(StoreError):
        house.manager.set_level("on")
    assert house.manager.snapshot.levels.cpu_mgmt == "off"
    disk.answer()
    wait_until(lambda: _writes(house.database), 5.0, "the store takes changes again")
    house.step()
    house.crash()
    assert house.manager.snapshot.levels.cpu_mgmt == "off"


def test_a_change_that_is_kept_after_all_is_in_force_then(disk: Disk, house: House) -> None:
    disk.hang()
    with pytest.raises(StoreLate, match="Whether this change is kept is not known"):
        house.wish({"gold": (70, "highest")})
    assert "app" not in house.manager.snapshot.catalog.groups
    with pytest.raises(StoreError, match="hangs"):
        house.wish({"gold": (30, "highest")}, "other")
    disk.answer()
    wait_until(lambda: _writes(house.database), 5.0, "the store takes changes again")
    house.step()
    assert "app" in house.manager.snapshot.catalog.groups
    assert house.manager.snapshot.catalog.groups == load_catalog(house.database).groups
    house.wish({"slow": (20, "low")}, "other")
    assert house.manager.snapshot.catalog.groups == load_catalog(house.database).groups


def test_a_clean_stop_puts_back_and_ends(disk: Disk, house: House) -> None:
    house.manage({"gold": (70, "highest"), "slow": (20, "low")})
    disk.hang()
    began = time.monotonic()
    said = house.manager.stop()
    assert time.monotonic() - began < 15.0
    assert {shares(house, name) for name in ("gold", "slow", "more")} == {1024}
    assert any("without the journal" in sentence for sentence in said)


def test_history_that_hangs_holds_up_neither_the_loop_nor_its_readers_nor_the_end(disk: Disk, tmp_path: Path) -> None:
    host = SimulatedHypervisor(Scenario(cores=2, servers=(guest("one"),)), time.monotonic_ns)
    database, history = Database(tmp_path / "hpm.db"), History(tmp_path / "history.db", KINDS)
    manager = Manager(host, database, 0.2, time.monotonic_ns, lambda: datetime.now(timezone.utc), history)
    manager.start()
    wait_until(lambda: manager.loop.completed > 2, 10.0, "history is kept")
    disk.hang()
    assert disk.waiting.wait(10.0)
    cycles = manager.loop.completed
    wait_until(lambda: manager.loop.completed > cycles + 3, 10.0, "the loop goes on")
    began, now = time.monotonic(), time.time()
    history.query("hypervisor", HOST_KEY, ("goal-judged",), now - 60.0, now, 1.0)
    history.status()
    assert time.monotonic() - began < LIMIT / 2
    began = time.monotonic()
    manager.stop()
    database.close()
    assert time.monotonic() - began < ENDING + 2.0


def test_a_whole_hpm_stops_in_time(disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its backups, too."""
    sync = os.fsync

    def fsync(file: int) -> None:
        disk.write()
        sync(file)

    monkeypatch.setattr(os, "fsync", fsync)
    running = RunningManager("simulated:3", tmp_path / "state", tmp_path / "s", 1.0)
    with running.manager.change() as change:
        change.catalog = change.catalog.with_group(group("app", {"vm1": (50, "high")}))
    disk.hang()
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 30.0    # of the 60 that systemd gives it, and more is asked for
    HostLock(tmp_path / "state" / "lock", "a test").release()    # the host is free


# -- clients


@pytest.fixture(scope="module")
def module_api() -> Iterator[ApiHost]:
    with pytest.MonkeyPatch.context() as patch:
        connect = sqlite3.connect
        patch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **{"factory": OnDisk, **more}))
        with running() as host:
            yield host


@pytest.fixture
def api(module_api: ApiHost) -> Iterator[ApiHost]:
    yield module_api
    DISK.answer()
    wait_until(lambda: _writes(module_api.database), 5.0, "the store takes changes again")
    module_api.reset()


def reads(api: ApiHost) -> float:
    """Ask all; gives the seconds of the slowest, the best of three: the machine may be at something else."""
    best = 30.0
    for _ in range(3):
        slowest = 0.0
        for path in READ:
            began = time.monotonic()
            assert api.send("GET", path).status_code == 200, path
            slowest = max(slowest, time.monotonic() - began)
        best = min(best, slowest)
        if best < READING:
            break
    return best


def test_every_reader_is_answered_while_a_change_hangs(disk: Disk, api: ApiHost) -> None:
    reads(api)    # what is made once is made
    disk.hang()
    change = later(lambda: api.send("POST", "/workload-resource-groups", {"name": "Hung"}))
    assert disk.waiting.wait(5.0)
    assert reads(api) < READING
    response = change.result(10.0)
    assert response.status_code in (500, 503), response.text    # type: ignore[attr-defined]
    assert reads(api) < READING    # while it is known to hang


def test_who_comes_with_a_token_waits_for_no_disk(disk: Disk, api: ApiHost) -> None:
    _, secret = api.manager.tokens.create("t", "ann", "user", None)
    disk.hang()
    began = time.monotonic()
    found = api.manager.tokens.find(secret)    # its first use is kept
    assert found is not None and time.monotonic() - began < LIMIT / 2
    making = later(lambda: api.manager.tokens.create("u", "ann", "user", None))
    began = time.monotonic()
    assert api.manager.tokens.find(secret) is not None and time.monotonic() - began < LIMIT / 2
    assert isinstance(making.exception(5.0), StoreError)


def test_a_token_that_is_revoked_is_worth_nothing_though_the_disk_hangs(disk: Disk, api: ApiHost) -> None:
    record, secret = api.manager.tokens.create("r", "ann", "user", None)
    disk.hang()
    with pytest.raises(StoreError):
        api.manager.tokens.revoke(record.id)
    assert api.manager.tokens.find(secret) is None
