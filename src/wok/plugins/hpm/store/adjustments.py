"""Dynamic resource adjustments: every decision, what it did, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ..policy.goals import Importance
from ..wire.management import Outcome, Resource
from .database import Database, where_all

#: Older records are dropped beyond this many.
KEPT = 20000


class ServerRecord(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    """One receiver or donor, or a server nothing could be done for.

    `goal` and velocities in percent, `cpus` of use in one CPU, memory in bytes: what its balloon left it, and what of
    it it used; pins are the CPUs of each vCPU (empty: any). What is not known, or not what was decided on, is None, as
    all is that earlier versions did not keep.
    """

    uuid: str
    name: str
    group: str
    service_class: str | None
    importance: Importance | None
    shares_before: int | None
    shares_after: int | None
    pi_before: float | None
    pi_projected: float | None
    cpus_before: float | None = None
    cpus_projected: float | None = None
    pi_measured: float | None = None
    goal: int | None = None
    velocity_before: float | None = None
    velocity_projected: float | None = None
    velocity_measured: float | None = None
    cpus_measured: float | None = None
    memory_before: int | None = None
    memory_after: int | None = None
    memory_measured: int | None = None
    memory_used: int | None = None
    pins_before: tuple[str, ...] | None = None
    pins_after: tuple[str, ...] | None = None


class AdjustmentRecord(msgspec.Struct, frozen=True, rename="kebab"):
    """One decision. `time` is RFC 3339 UTC; `outcome` is applied, advised or failed. `resource` is what was decided on,
    `cause` why (of memory; ``placement`` where vCPUs were to be moved, ``partition`` where partitions were given other
    shares; one of `manager.drift` where it is about a guest policy). Of placements, the total velocity of all servers
    concerned, in percent: before, projected and measured."""

    id: int
    time: str
    outcome: Outcome
    reason: str | None
    detail: str | None
    interval_seconds: float
    receivers: tuple[ServerRecord, ...]
    donors: tuple[ServerRecord, ...]
    resource: Resource = "cpu"
    cause: str | None = None
    total_before: float | None = None
    total_projected: float | None = None
    total_measured: float | None = None


class AdjustmentFilter(msgspec.Struct, frozen=True):
    """Which records are wanted; times in the form of `AdjustmentRecord.time`, `before` an id to go on from; the cause
    ``none``: those without one."""

    time_from: str | None = None
    time_to: str | None = None
    group: str | None = None
    uuid: str | None = None
    outcome: str | None = None
    resource: str | None = None
    cause: str | None = None
    before: int | None = None
    limit: int = 100


class Adjustments:
    """The records in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: AdjustmentRecord) -> AdjustmentRecord:
        """Keep a new record; gives it with its id."""
        with self._database.transaction(worth=False) as connection:
            cursor = connection.execute(
                "INSERT INTO adjustments (time, outcome, body) VALUES (?, ?, ?)", (record.time, record.outcome, "")
            )
            number = int(cursor.lastrowid or 0)
            record = msgspec.structs.replace(record, id=number)
            connection.execute("UPDATE adjustments SET body = ? WHERE id = ?", (_encode(record), number))
            connection.executemany(
                "INSERT OR IGNORE INTO adjusted (adjustment, uuid, wrg) VALUES (?, ?, ?)",
                [(number, s.uuid, s.group) for s in (*record.receivers, *record.donors)],
            )
            connection.execute("DELETE FROM adjustments WHERE id <= ?", (number - KEPT,))
        return record

    def replace(self, records: Iterable[AdjustmentRecord]) -> None:
        """Keep records with what was measured since."""
        with self._database.transaction(worth=False) as connection:
            connection.executemany(
                "UPDATE adjustments SET body = ? WHERE id = ?", [(_encode(r), r.id) for r in records]
            )

    def find(self, wanted: AdjustmentFilter) -> Sequence[AdjustmentRecord]:
        """Records that match, newest first, at most `limit`."""
        where, values = where_all(
            ("time >= ?", wanted.time_from),
            ("time <= ?", wanted.time_to),
            ("outcome = ?", wanted.outcome),
            ("ifnull(json_extract(body, '$.resource'), 'cpu') = ?", wanted.resource),
            ("ifnull(json_extract(body, '$.cause'), 'none') = ?", wanted.cause),
            ("id < ?", wanted.before),
            ("id IN (SELECT adjustment FROM adjusted WHERE uuid = ?)", wanted.uuid),
            ("id IN (SELECT adjustment FROM adjusted WHERE wrg = ?)", wanted.group),
        )
        query = f"SELECT body FROM adjustments WHERE {where} ORDER BY id DESC LIMIT ?"
        rows = self._database.rows(query, *values, wanted.limit)
        return [msgspec.json.decode(str(row[0]), type=AdjustmentRecord) for row in rows]


def _encode(record: AdjustmentRecord) -> str:
    return msgspec.json.encode(record).decode()
