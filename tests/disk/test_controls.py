"""All controls of a host, while the disk fails: what is changed is in the journal, and all is put back afterwards."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hpm.errors import StoreError
from hpm.manager.actuator import Actuator
from hpm.store.database import Database
from hpm.store.journal import Journal

from .disk import Disk, Kind, faulty, tell
from .kills import change, forgotten, new_host, not_back, put_back


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["eio", "full", "short"])
def test_whatever_cannot_be_written_no_value_is_forgotten_and_all_is_put_back(
    tmp_path: Path, kind: Kind, stride: int
) -> None:
    at, struck, refused = 1 - stride, True, 0
    while struck:
        at += stride
        path = tmp_path / str(at) / "hpm.db"
        host = new_host()
        with faulty(Disk(kind)) as disk:
            database = Database(path)
            disk.count, disk.at = 0, at
            journal = Journal(database)
            actuator = Actuator(host, journal)
            acts: list[Callable[[], None]] = [partial(change, host, actuator, number) for number in range(3)]
            acts.append(partial(put_back, host, actuator))
            for act in acts:
                for _ in range(3):
                    try:
                        act()
                        break
                    except StoreError:
                        refused += 1
                        assert not forgotten(host, journal), disk.where
                        disk.release()
                else:
                    raise AssertionError("refused for ever")
            struck = disk.came
            where = disk.where
            assert not not_back(host), where    # also while the disk is still full
            disk.release()
            put_back(host, actuator)
            database.close()
        assert not not_back(host), where
        assert not journal.entries, where
        database = Database(path)
        assert not Journal(database).entries, where
        database.close()
    tell("controls", kind, (at - 1) // stride)
    assert at > 50 and refused > 2
