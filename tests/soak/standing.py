"""What a running hpm takes of its host: memory, files, threads, room on disk; read from outside."""

from __future__ import annotations

import resource
import sqlite3
from pathlib import Path

import msgspec

from tests.running import resident

#: Tables of the store that grow up to a bound of their own, or not at all.
TABLES = ("groups", "servers", "journal", "adjustments", "adjusted", "revisions", "activity", "start_jobs", "settings")


class Standing(msgspec.Struct, frozen=True, rename="kebab"):
    """One process: bytes of memory, and how many of them are pages of files (programs, libraries, shared memory); open
    files, threads, and processes that it started."""

    resident: int
    of_files: int
    files: int
    threads: int
    children: int


class Room(msgspec.Struct, frozen=True, rename="kebab"):
    """The store: rows by table, and bytes of the files in the state directory by name."""

    rows: dict[str, int]
    bytes: dict[str, int]


def standing(pid: int) -> Standing:
    """Of a process. Raises `OSError` where there is none."""
    process = Path(f"/proc/{pid}")
    shared = int((process / "statm").read_text().split()[2]) * resource.getpagesize()
    return Standing(
        resident(pid), shared, sum(1 for _ in (process / "fd").iterdir()), sum(1 for _ in (process / "task").iterdir()),
        len(children(pid)),
    )  # fmt: skip


def children(pid: int) -> list[int]:
    """The processes that one started and that run, or are not waited for yet."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted(int(word) for file in files for word in file.read_text().split())


def open_files(pid: int) -> dict[str, int]:
    """How many files a process has open, by what they are: numbers in their names do not count."""
    found: dict[str, int] = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        kind = "".join("0" if letter.isdigit() else letter for letter in target)
        while "00" in kind:
            kind = kind.replace("00", "0")
        found[kind] = found.get(kind, 0) + 1
    return dict(sorted(found.items()))


def room(directory: Path) -> Room:
    """Of a state directory in use."""
    connection = sqlite3.connect(f"file:{directory / 'hpm.db'}?mode=ro", uri=True, timeout=10.0)
    try:
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        rows = {
            name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])
            for name in TABLES if name in there
        }
    finally:
        connection.close()
    sizes = {file.name: file.stat().st_size for file in sorted(directory.glob("*.db*"))}
    return Room(rows, sizes)
