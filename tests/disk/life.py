"""All that hpm keeps in its store, in a few acts; and what must be there after a fault at any of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from hpm.errors import StoreError
from hpm.policy.catalog import empty_catalog
from hpm.store.activity import ActivityRecord, add_activity
from hpm.store.adjustments import AdjustmentRecord, Adjustments, ServerRecord
from hpm.store.catalog_store import load_catalog, load_setting, save_catalog, save_setting
from hpm.store.database import Database
from hpm.store.journal import Journal, JournalEntry
from hpm.store.revisions import Author, find_revisions
from hpm.store.start_jobs import JobServer, StartJob, add_job, load_jobs, save_job
from hpm.store.tokens import TokenRecord, delete_token, load_tokens, save_token
from tests.unit.builders import group

#: The tables that a life writes, with an order of their rows.
TABLES = (
    "settings", "groups", "servers", "partitions", "journal", "adjustments", "adjusted", "revisions", "tokens",
    "activity", "start_jobs",
)  # fmt: skip
UUIDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(1, 9)]
TIME = "2030-01-01T00:00:00.000Z"
Content = dict[str, list[tuple[object, ...]]]
Act = Callable[[Database], None]


def _catalog(stage: int) -> Act:
    def act(database: Database) -> None:
        old = load_catalog(database)
        new = old.with_group(group("one", {"db*": (stage, "highest"), "x": None}))
        new = new.with_group(group("two", {"web": (20 + stage, "low")})) if stage % 2 else new.without_group("two")
        new = new.with_members("one", UUIDS[:stage], move=True)
        save_catalog(database, old, new, Author("anna", TIME), {})

    return act


def _entry(uuid: str, intended: int) -> JournalEntry:
    return JournalEntry(uuid, "cpu-shares", "boot-1-2", "1024", "1024", str(intended))


def _put(database: Database, first: int, last: int, intended: int) -> None:
    Journal(database).put([_entry(uuid, intended) for uuid in UUIDS[first:last]])


def _drop(database: Database) -> None:
    journal = Journal(database)
    journal.drop(list(journal.entries.values())[:3])


def _token(number: int) -> TokenRecord:
    return TokenRecord(f"token{number}", "d" * 64, "backup", "anna", "admin", TIME, None)


def _adjustment(database: Database) -> None:
    server = ServerRecord(UUIDS[0], "a", "one", "db*", "high", 1000, 2000, 1.5, 0.95)
    Adjustments(database).add(AdjustmentRecord(0, TIME, "applied", None, None, 3.0, (server,), ()))


def _job(state: str) -> Act:
    def act(database: Database) -> None:
        if state == "running":
            add_job(database, StartJob(0, "start", TIME, "anna", (JobServer(UUIDS[0], "a", "waiting", TIME),)))
        else:
            newest = list(load_jobs(database).values())[-1]
            save_job(database, msgspec.structs.replace(newest, state="done", ended=TIME))

    return act


def _activity(database: Database) -> None:
    record = ActivityRecord(0, TIME, "anna", "admin", "socket", None, "POST", "/", "did", "done", 200, 0, None)
    add_activity(database, [record, record], "2029")


#: Each is whole or not done at all.
ACTS: tuple[Act, ...] = (
    _catalog(1),
    lambda database: save_setting(database, "levels", '{"cpu-mgmt": "on"}'),
    lambda database: _put(database, 0, 4, 2000),
    _adjustment,
    lambda database: save_token(database, _token(1)),
    _catalog(2),
    _job("running"),
    lambda database: _put(database, 2, 8, 3000),
    _drop,
    _activity,
    _job("done"),
    lambda database: save_setting(database, "levels", '{"cpu-mgmt": "off"}'),
    lambda database: save_token(database, _token(2)),
    lambda database: delete_token(database, "token1"),
    _catalog(3),
    lambda database: _put(database, 0, 2, 77),
)


def content(database: Database) -> Content:
    """All rows."""
    return {table: sorted(database.rows(f"SELECT * FROM {table}"), key=str) for table in TABLES}


def readable(database: Database) -> None:
    """All of it can be read as what it is."""
    catalog = load_catalog(database)
    assert empty_catalog().groups.keys() <= catalog.groups.keys()
    for name in catalog.groups:
        find_revisions(database, name, "day")
    Journal(database)
    load_tokens(database)
    load_jobs(database)
    load_setting(database, "levels")
    assert database.rows("PRAGMA integrity_check") == [("ok",)]
    assert database.rows("PRAGMA foreign_key_check") == []


class Told(msgspec.Struct):
    """How a life went: acts that were acknowledged, and how many were refused; the one after them was the last."""

    done: int = 0
    refused: int = 0
    opened: bool = False
    said: list[str] = []


def live(path: Path, dead: Callable[[], bool], release: Callable[[], None]) -> Told:
    """Open the store, do all acts, close it. An act that is refused is done again once there is room (`release`), as
    users do. Where all ends (`dead`), so does this."""
    told = Told()
    database: Database | None = None
    while database is None:
        try:
            database = Database(path)
        except StoreError:
            if dead():
                return told
            told.refused += 1
            assert told.refused < 3, "the store cannot be opened"
            release()
    told.opened = True
    try:
        for act in ACTS:
            while not dead():
                try:
                    act(database)
                    told.done += 1
                    break
                except StoreError as error:
                    if dead():
                        return told
                    told.said.append(str(error))
                    told.refused += 1
                    assert told.refused < 3, "an act is refused for ever"
                    release()
    finally:
        database.close()
    return told
