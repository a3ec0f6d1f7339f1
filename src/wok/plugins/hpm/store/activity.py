"""The activity log in the store, in rooms of a bounded size.

Every role has a room of its own, and who has none another one: whoever makes many entries drives out only those of
his like. So nobody can write over what administrators did, however often he is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..wire.access import Means, Role
from ..wire.activity import ActivityOutcome
from .database import Database, where_all

#: Entries of one room; older ones are dropped beyond this many.
KEPT = 10_000


class ActivityRecord(msgspec.Struct, frozen=True, rename="kebab"):
    """One entry; fields as in `wire.activity.ActivityEntry`. `id` comes from the store."""

    id: int
    time: str
    user: str | None
    role: Role | None
    means: Means
    address: str | None
    method: str
    uri: str
    summary: str
    outcome: ActivityOutcome
    status: int
    reason: int
    message: str | None


class ActivityFilter(msgspec.Struct, frozen=True):
    """Which entries are wanted; times in the form of `ActivityRecord.time`, `before` an id to go on from."""

    time_from: str | None = None
    time_to: str | None = None
    user: str | None = None
    outcome: str | None = None
    before: int | None = None
    limit: int = 100


def add_activity(database: Database, records: Sequence[ActivityRecord], oldest: str) -> None:
    """Keep new entries, in their order, and drop those before the time `oldest` and beyond `KEPT`.

    Raises `StoreError`.
    """
    rows = [(r.time, r.user, r.outcome, r.role or "", msgspec.json.encode(r).decode()) for r in records]
    with database.transaction(worth=False) as connection:
        connection.executemany("INSERT INTO activity (time, user, outcome, room, body) VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("DELETE FROM activity WHERE time < ?", (oldest,))
        for room in {row[3] for row in rows}:
            connection.execute(
                "DELETE FROM activity WHERE room = ? AND id <="
                " (SELECT id FROM activity WHERE room = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (room, room, KEPT),
            )


def find_activity(database: Database, wanted: ActivityFilter) -> list[ActivityRecord]:
    """Entries that match, newest first, at most `limit`. Raises `StoreError`."""
    where, values = where_all(
        ("time >= ?", wanted.time_from),
        ("time <= ?", wanted.time_to),
        ("user = ?", wanted.user),
        ("outcome = ?", wanted.outcome),
        ("id < ?", wanted.before),
    )
    query = f"SELECT id, body FROM activity WHERE {where} ORDER BY id DESC LIMIT ?"
    rows = database.rows(query, *values, wanted.limit)
    return [
        msgspec.structs.replace(msgspec.json.decode(str(body), type=ActivityRecord), id=int(str(number)))
        for number, body in rows
    ]
