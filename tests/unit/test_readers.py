"""Connections for reading: each keeps little of the file, and few are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hpm.store.database import Database
from hpm.store.history.file import HistoryFile
from hpm.store.readers import Readers
from tests.sqlite_library import memory_used, why_not

#: Readers at once.
MANY = 7


@pytest.fixture(params=["store", "history"])
def readers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Readers]:
    """Those of a file below `tmp_path`."""
    made = (Database if request.param == "store" else HistoryFile)(tmp_path / "file.db")
    found = made._readers
    assert found is not None
    yield found
    made.close()


def _logs(folder: Path) -> int:
    """How often this process has a log of SQLite open there: once for each connection that was used."""
    log = folder / "file.db-wal"
    return sum(one.is_symlink() and one.readlink() == log for one in Path("/proc/self/fd").iterdir())


def test_each_keeps_64_kib_of_the_file_and_two_idle_ones_are_kept(readers: Readers, tmp_path: Path) -> None:
    before = _logs(tmp_path)
    with ExitStack() as stack:
        for _ in range(MANY):
            connection = stack.enter_context(readers.reading())
            assert connection.execute("PRAGMA cache_size").fetchone() == (-64,)    # below nothing: KiB, and not pages
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        assert _logs(tmp_path) == before + MANY
    assert _logs(tmp_path) == before + 2


def test_each_takes_no_more_memory_than_that(readers: Readers) -> None:
    """With what else a connection takes, 10 to 20 KiB."""
    if (why := why_not()) is not None:
        pytest.skip(why)
    before = memory_used()
    with ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(readers.reading()).execute("SELECT count(*) FROM sqlite_master").fetchone()
        assert 0 < memory_used() - before < MANY * (64 + 32) * 1024
