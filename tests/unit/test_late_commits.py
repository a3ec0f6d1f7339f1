"""What becomes of a change that the store answered to too late; and who does not wait for its disk meanwhile."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.errors import StoreError
from hpm.manager.notify.notifier import Notifier
from hpm.manager.tokens import Tokens
from hpm.policy.partitions import CpuParameters, Partition, PartitionParameters
from hpm.store import committing
from hpm.store.catalog_store import load_catalog, load_setting, save_setting
from hpm.store.committing import StoreLate
from hpm.store.database import Database
from hpm.store.start_jobs import load_jobs
from tests.lab.errors import wait_until

from .builders import House, guest
from .start_house import StartHouse
from .test_hung_store import DISK, LIMIT, OnDisk, later

NEW = "/machine/new"


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(timezone.utc)


class Broken(OnDisk):
    """Cannot roll back either while it is `broken`; commits end with `fault`, if there is one."""

    broken = False
    fault: Exception | None = None

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:    # type: ignore[override]
        if statement == "ROLLBACK" and Broken.broken:
            raise sqlite3.OperationalError("disk I/O error")
        if statement == "COMMIT" and Broken.fault is not None:
            DISK.write()
            raise Broken.fault
        return super().execute(statement, *values)


@pytest.fixture(autouse=True)
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(committing, "LIMIT", LIMIT)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **{"factory": Broken, **more}))
    yield
    DISK.full = Broken.broken = False
    Broken.fault = None
    DISK.answer()


def writes(database: Database) -> bool:
    """Whether it can be written."""
    try:
        save_setting(database, "b", "2")
    except StoreError:
        return False
    return True


def answer(database: Database) -> None:
    """The disk answers, and the store has noticed."""
    DISK.answer()
    wait_until(lambda: writes(database), 5.0, "the store takes changes again")


def test_a_stop_that_was_refused_is_not_done_after_the_next_start_of_hpm(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"prod": True, "dev": True})
    DISK.hang()
    with pytest.raises(StoreLate):
        house.end("prod", force=True)
    house.wait()
    answer(house.database)
    house.wait()
    assert [(job.action, job.state) for job in house.manager.starting.jobs()] == [("stop", "cancelled")]
    assert "refused it, as the store was late" in house.reason(house.manager.starting.jobs()[0], "prod")
    house.crash()
    house.wait(300)
    assert house.running() == {"prod", "dev"}
    assert {job.state for job in load_jobs(house.database).values()} == {"cancelled"}
    job = house.end("prod", force=True)    # and may be asked for again
    house.wait(300)
    assert house.job(job).state == "done" and house.running() == {"dev"}


def test_a_start_that_was_refused_is_cancelled_before_another_one_is_taken(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"one": False, "two": False})
    DISK.hang()
    with pytest.raises(StoreLate):
        house.begin("one")
    answer(house.database)
    job = house.begin("two")
    assert [one.state for one in house.manager.starting.jobs()] == ["running", "cancelled"]
    house.crash()
    house.wait(5)
    assert house.job(job).state == "done" and house.running() == {"two"}


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "not-kept"])
def test_a_partition_is_on_the_host_and_in_the_catalog_or_on_neither(tmp_path: Path, kept: bool) -> None:
    house = House(tmp_path, [guest("a")])
    house.step()
    wanted = PartitionParameters(cpu=CpuParameters(shares=2048))
    DISK.hang()
    DISK.full = not kept
    with pytest.raises(StoreLate), house.manager.partitions.change("ann") as changing:
        changing.create(NEW, wanted)
        changing.change.catalog = changing.change.catalog.with_partition(Partition(NEW, parameters=wanted))
    DISK.answer()
    wait_until(lambda: not house.database._turn.late, 5.0, "it is known what became of it")
    DISK.full = False
    house.step(2)
    there = house.host.partitions.states()
    assert (NEW in there) == (NEW in house.manager.snapshot.catalog.partitions) == kept
    assert (NEW in load_catalog(house.database).partitions) == (NEW in house.manager.snapshot.partitions) == kept
    assert not kept or there[NEW].parameters.cpu.shares == 2048
    house.crash()
    assert (NEW in house.host.partitions.states()) == kept


def test_the_store_is_written_again_after_a_late_commit_that_could_not_be_rolled_back(tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    DISK.hang()
    DISK.full = Broken.broken = True
    with pytest.raises(StoreLate) as told:
        save_setting(database, "a", "1")
    DISK.answer()
    assert told.value.outcome.over.wait(5.0)
    wait_until(lambda: not database._turn.late, 5.0, "the next one may write")
    with pytest.raises(StoreError, match="cannot be written"):
        save_setting(database, "a", "2")
    DISK.full = Broken.broken = False
    save_setting(database, "b", "3")
    assert (load_setting(database, "a"), load_setting(database, "b")) == (None, "3")
    database.close()


def test_the_store_is_written_again_after_a_late_commit_that_failed_in_a_way_of_its_own(tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    DISK.hang()
    Broken.fault = MemoryError()
    with pytest.raises(StoreLate):
        save_setting(database, "a", "1")
    DISK.answer()
    wait_until(lambda: not database._turn.late, 5.0, "the next one may write")
    with pytest.raises(MemoryError):
        save_setting(database, "a", "2")
    Broken.fault = None
    save_setting(database, "b", "3")
    assert (load_setting(database, "a"), load_setting(database, "b")) == (None, "3")
    database.close()


def test_a_token_is_worth_nothing_at_once_also_while_a_use_of_it_is_being_kept(tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    tokens = Tokens(database, now)
    record, secret = tokens.create("t", "ann", "user", None)
    DISK.hang()
    assert tokens.find(secret) is not None
    assert DISK.waiting.wait(5.0)    # its use is being kept
    began = time.monotonic()
    revoking = later(lambda: tokens.revoke(record.id))
    wait_until(lambda: tokens.find(secret) is None, 5.0, "it is worth nothing")
    assert time.monotonic() - began < LIMIT / 2
    assert isinstance(revoking.exception(5.0), StoreError)
    answer(database)
    tokens.revoke(record.id)
    assert Tokens(database, now).find(secret) is None
    database.close()


def test_who_asks_for_notifications_waits_for_no_disk(tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    notifier = Notifier(database, time.monotonic_ns, now, None)
    DISK.hang()
    setting = later(lambda: notifier.set(None))
    assert DISK.waiting.wait(5.0)
    began = time.monotonic()
    assert notifier.missed() == [] and notifier.fared("mail") is None
    assert time.monotonic() - began < LIMIT / 2
    assert isinstance(setting.exception(5.0), StoreLate)
    answer(database)
    database.close()
