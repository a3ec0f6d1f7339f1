"""Revisions of performance policies: who changed what when, and what it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import msgspec

from ..policy.groups import WorkloadResourceGroup
from ..policy.policies import PerformancePolicy
from .database import Database

#: Older revisions of a policy are dropped beyond this many.
KEPT = 100

Groups = Mapping[str, WorkloadResourceGroup]


class Author(msgspec.Struct, frozen=True):
    """Who changes something, and when (RFC 3339 UTC)."""

    user: str
    time: str


class Revision(msgspec.Struct, frozen=True):
    """A policy as somebody left it; `policy` None: deleted. Numbers count from 1 for each policy."""

    number: int
    time: str
    user: str
    policy: PerformancePolicy | None


def find_revisions(database: Database, group_id: str, policy: str) -> list[Revision]:
    """Revisions of a policy, newest first; none if there never was one of that name."""
    rows = database.rows(
        "SELECT number, time, user, body FROM revisions WHERE wrg = ? AND policy = ? ORDER BY number DESC",
        group_id, policy,
    )  # fmt: skip
    return [
        Revision(
            int(str(number)), str(time), str(user),
            None if body is None else msgspec.json.decode(str(body), type=PerformancePolicy),
        )
        for number, time, user, body in rows
    ]  # fmt: skip


def newest_revisions(database: Database, group_id: str) -> dict[str, tuple[int, str, str]]:
    """Number, time and user of the newest revision of each policy of a group."""
    rows = database.rows(
        "SELECT policy, max(number), time, user FROM revisions WHERE wrg = ? GROUP BY policy", group_id
    )
    return {str(policy): (int(str(number)), str(time), str(user)) for policy, number, time, user in rows}


def write_revisions(
    connection: sqlite3.Connection, old: Groups, new: Groups, author: Author, renamed: Mapping[tuple[str, str], str]
) -> None:
    """Keep a revision of each policy that differs between `old` and `new`, within the caller's transaction.

    `renamed` says new names by group and old name: their revisions go with them.
    """
    for group_id in old.keys() - new.keys():
        connection.execute("DELETE FROM revisions WHERE wrg = ?", (group_id,))
    for group_id, group in new.items():
        if old.get(group_id) is group:
            continue
        before = {p.name: p for p in old[group_id].perf_policies} if group_id in old else {}
        after = {p.name: p for p in group.perf_policies}
        for (changed, name), to in renamed.items():
            if changed == group_id:
                connection.execute("DELETE FROM revisions WHERE wrg = ? AND policy = ?", (group_id, to))
                connection.execute(
                    "UPDATE revisions SET policy = ? WHERE wrg = ? AND policy = ?", (to, group_id, name)
                )
                before.pop(name, None)
        for name in {**before, **after}:
            if before.get(name) != after.get(name):
                _add(connection, group_id, name, after.get(name), author)


def _add(
    connection: sqlite3.Connection, group_id: str, name: str, policy: PerformancePolicy | None, author: Author
) -> None:
    body = None if policy is None else msgspec.json.encode(policy).decode()
    connection.execute(
        "INSERT INTO revisions (wrg, policy, number, time, user, body) SELECT ?, ?, coalesce(max(number), 0) + 1,"
        " ?, ?, ? FROM revisions WHERE wrg = ? AND policy = ?",
        (group_id, name, author.time, author.user, body, group_id, name),
    )
    connection.execute(
        "DELETE FROM revisions WHERE wrg = ? AND policy = ? AND number <="
        " (SELECT max(number) FROM revisions WHERE wrg = ? AND policy = ?) - ?",
        (group_id, name, group_id, name, KEPT),
    )
