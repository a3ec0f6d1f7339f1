"""The catalog and the management levels in the store."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..policy.catalog import Catalog, ServerSettings, empty_catalog
from ..policy.groups import WorkloadResourceGroup
from ..policy.partitions import Partition
from .database import Database
from .revisions import Author, write_revisions


def load_catalog(database: Database) -> Catalog:
    """The catalog as it was last saved; the empty one for a new store. Raises `StoreError`."""
    groups = database.bodies("SELECT id, body FROM groups", WorkloadResourceGroup)
    servers = database.bodies("SELECT uuid, body FROM servers", ServerSettings)
    partitions = database.bodies("SELECT path, body FROM partitions", Partition)
    generation = int(load_setting(database, "generation") or 0)
    return Catalog(generation, {**empty_catalog().groups, **groups}, servers, partitions)


def save_catalog(
    database: Database, old: Catalog, new: Catalog, author: Author, renamed: Mapping[tuple[str, str], str]
) -> None:
    """Make `new` what will be loaded. `old` is what the store has: only differences are written. `author` and
    `renamed` are for the revisions of policies (see `write_revisions`)."""
    with database.transaction() as connection:
        for table, key, before, after in (
            ("groups", "id", old.groups, new.groups),
            ("servers", "uuid", old.servers, new.servers),
            ("partitions", "path", old.partitions, new.partitions),
        ):
            gone, changed = _difference(before, after)
            connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", [(name,) for name in gone])
            connection.executemany(f"INSERT OR REPLACE INTO {table} ({key}, body) VALUES (?, ?)", changed)
        write_revisions(connection, old.groups, new.groups, author, renamed)
        connection.execute(_SET, ("generation", str(new.generation)))


def load_setting(database: Database, name: str) -> str | None:
    """One named value, or None."""
    rows = database.rows("SELECT value FROM settings WHERE name = ?", name)
    return str(rows[0][0]) if rows else None


def save_setting(database: Database, name: str, value: str, *, worth: bool = True) -> None:
    """Keep one named value; `worth` as in `Database.transaction`. Raises `StoreError`."""
    with database.transaction(worth=worth) as connection:
        connection.execute(_SET, (name, value))


_SET = "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)"


def _difference(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[list[str], list[tuple[str, str]]]:
    gone = [key for key in before if key not in after]
    changed = [
        (key, msgspec.json.encode(value).decode()) for key, value in after.items() if before.get(key) != value
    ]
    return gone, changed
