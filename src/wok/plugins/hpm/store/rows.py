"""The rows that a start reads, read one by one: in pages that SQLite finds whole, a row can still be none.

They are read as bytes, so that one that is no UTF-8 is like any other that cannot be read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from ..errors import InvalidValue, StoreDamaged
from ..policy.catalog import ServerSettings
from ..policy.groups import WorkloadResourceGroup
from ..policy.partitions import Partition
from ..wire.management import DevicesInterval, Interval, Level, PlacementInterval
from .backups import check
from .history import Retention
from .journal import JournalEntry
from .settings import Correction, MemorySettings, MomPolicy, Notified, Stopped, Wanted
from .start_jobs import StartJob
from .tokens import TokenRecord

T = TypeVar("T")

#: Gives the rows of a query.
Read: TypeAlias = "Callable[[str], Sequence[tuple[object, ...]]]"

#: What is in each table: its key, and the type of its bodies.
_BODIES: Mapping[str, tuple[str, type]] = {
    "groups": ("id", WorkloadResourceGroup), "servers": ("uuid", ServerSettings), "partitions": ("path", Partition),
    "tokens": ("id", TokenRecord), "start_jobs": ("id", StartJob),
}  # fmt: skip

#: What is in settings, in JSON. Others are plain texts, or can be done without.
_SETTINGS: Mapping[str, object] = {
    "autostart-left": list[str], "devices-interval": DevicesInterval, "drift": list[Correction], "generation": int,
    "history-retention": Retention, "interval": Interval, "levels": dict[str, Level], "memory": MemorySettings,
    "mom-policies": list[MomPolicy], "notifications": Wanted | None, "notified": Notified,
    "placement-interval": PlacementInterval, "run-windows": dict[str, bool], "stopped-rivals": list[Stopped],
    "worth": int,
}  # fmt: skip

_ENTRY = ("uuid", "control", "start", "original", "previous", "intended", "held")


def read_entries(read: Read) -> tuple[list[JournalEntry], list[str]]:
    """The journal's entries, and the names of those that cannot be read."""
    return _sorted(_entries(read))


def entry_name(uuid: str, control: str) -> str:
    """What people are told of a row of the journal."""
    return f"the journal's row of {control} of {uuid}"


def read_tokens(read: Read) -> tuple[list[TokenRecord], list[str]]:
    """The same of tokens."""
    return _sorted(_bodies(read, "tokens", "id", TokenRecord))


def check_rows(read: Read, path: Path) -> None:
    """See whether all that a start reads can be read, of an older store too. Raises `StoreDamaged`."""
    there = {str(name) for (name,) in read("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = [bad for _, bad in _entries(read) if bad] if "journal" in there else []
    for table, (key, type_) in _BODIES.items():
        if table in there:
            found += [bad for _, bad in _bodies(read, table, key, type_) if bad]
    if "settings" in there:
        found += _bad_settings(read)
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise StoreDamaged(f"the store {path} is damaged: {', '.join(found[:3])}{more} cannot be read")


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """See whether an open file is whole, and each of those rows. Raises `StoreDamaged`, `sqlite3.Error`."""
    check(connection, path)
    check_rows(lambda query: connection.execute(query).fetchall(), path)


def _entries(read: Read) -> Iterator[tuple[JournalEntry | None, str]]:
    """Each entry, or its name."""
    for row in _rows(read, "journal", _ENTRY):
        try:
            # a row of texts is taken as the numbers and truths that they are
            named = dict(zip(_ENTRY, (value.decode() for value in row), strict=True))
            yield msgspec.convert(named, JournalEntry, strict=False), ""
        except (msgspec.MsgspecError, UnicodeDecodeError):
            yield None, entry_name(_text(row[0]), _text(row[1]))


def _bodies(read: Read, table: str, key: str, type_: type[T]) -> Iterator[tuple[T | None, str]]:
    for name, body in _rows(read, table, (key, "body")):
        try:
            name.decode()
            yield msgspec.json.decode(body, type=type_), ""
        except (msgspec.MsgspecError, UnicodeDecodeError):
            yield None, f"the row {_text(name)} of {table.replace('_', ' ')}"


def _bad_settings(read: Read) -> Iterator[str]:
    for name, value in _rows(read, "settings", ("name", "value")):
        try:
            type_ = _SETTINGS.get(name.decode())
            value.decode()
            if type_ is not None and value:
                msgspec.json.decode(value, type=type_)
        except (msgspec.MsgspecError, InvalidValue, UnicodeDecodeError):
            yield f"the setting {_text(name)}"


def _rows(read: Read, table: str, columns: Sequence[str]) -> Iterator[tuple[bytes, ...]]:
    selected = ", ".join(f"CAST({column} AS BLOB)" for column in columns)
    for row in read(f"SELECT {selected} FROM {table}"):
        yield tuple(value if isinstance(value, bytes) else b"" for value in row)


def _sorted(found: Iterator[tuple[T | None, str]]) -> tuple[list[T], list[str]]:
    good: list[T] = []
    bad: list[str] = []
    for one, name in found:
        if one is None:
            bad.append(name)
        else:
            good.append(one)
    return good, bad


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
