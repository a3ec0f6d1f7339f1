"""What was put back while the journal could not be written (`put-back.json`): half of it is never taken for all of it.

It need not outlast the host's boot, so no machine ends here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.store.database import Database
from hpm.store.journal import Journal, JournalEntry

from .disk import Disk, Kind, faulty, tell

FORMER = [JournalEntry(f"former{number}", "cpu-shares", "start", "1024", "2000", "1024") for number in range(3)]
LATER = [JournalEntry(f"later{number}", "cpu-shares", "start", "1024", "2000", "1024") for number in range(300)]


@pytest.mark.parametrize("before", [[], FORMER], ids=["none", "some"])
@pytest.mark.parametrize("kind", ["eio", "full", "short", "die", "die-short"])
def test_half_of_what_was_put_back_is_never_taken_for_all(
    tmp_path: Path, kind: Kind, before: list[JournalEntry], caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(tmp_path / "hpm.db")
    Journal(database).put([msgspec.structs.replace(entry, intended="2000") for entry in FORMER + LATER])
    at, struck = 0, True
    while struck:
        at += 1
        aside = tmp_path / str(at) / "put-back.json"
        aside.parent.mkdir()
        journal = Journal(database, aside)
        journal.put_aside(before)
        with faulty(Disk(kind, at)) as disk:
            journal.put_aside(LATER)
            struck = disk.came
        found = list(Journal(database, aside).aside.values())
        assert found in ([before, [*before, *LATER]] if struck else [[*before, *LATER]]), disk.where
        assert "is not known" not in caplog.text, disk.where    # so none was half there
        assert ("is not kept for a next start" in caplog.text) == struck, disk.where    # whoever can be told is told
        caplog.clear()
        Journal(database, aside).put_aside(LATER)    # and what is left of it is in nobody's way
        now = {entry.uuid for entry in Journal(database, aside).aside.values()}
        assert now == {entry.uuid for entry in [*found, *LATER]}, disk.where
    database.close()
    tell("put aside", kind, at - 1)
    assert at > 1, "a write"
