"""Whose state it is: what was found on one host is not forgotten because another one was chosen by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm import paths
from hpm.backend.simulated import from_uri
from hpm.errors import Conflict, NotFound
from hpm.host import running, serve
from hpm.host.running import RunningManager
from hpm.store.database import Database
from hpm.store.journal import Journal, JournalEntry

ENTRY = JournalEntry("00000000-0000-4000-8000-000000000001", "cpu-shares", "start", "1024", "1024", "501", False)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of a real host whose manager was killed; no libvirt runs now."""
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    monkeypatch.setattr("hpm.backend.connect._why_not_libvirt", lambda: "no libvirt runs here")
    database = Database(tmp_path / "hpm/hpm.db")
    running.keep_to_host(database, running.Choice("qemu:///system", "as you asked"))
    Journal(database).put([ENTRY])
    database.close()
    return tmp_path / "hpm"


def entries(state: Path) -> int:
    database = Database(state / "hpm.db")
    try:
        return len(Journal(database).entries)
    finally:
        database.close()


@pytest.mark.parametrize("connect", [None, "simulated:3", "qemu:///session"])
def test_a_manager_of_another_host_does_not_touch_the_journal(state: Path, connect: str | None) -> None:
    with pytest.raises(Conflict, match=r"is that of qemu:///system.*say --connect qemu:///system"):
        RunningManager(connect, state, state / "s", 1.0)
    assert entries(state) == 1


def test_nothing_is_put_back_on_a_host_that_was_not_asked_for(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Conflict, match="no libvirt runs here"):
        serve.restore(None, state)
    monkeypatch.setattr(paths, "state_dir", lambda: state)
    with pytest.raises(Conflict, match="no libvirt runs here"):
        serve.restore(None, None)
    with pytest.raises(Conflict, match="is that of qemu:///system"):
        serve.restore("simulated:3", state)
    assert entries(state) == 1


def test_what_there_is_to_put_back_is_told_with_host_and_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    with pytest.raises(NotFound, match="is this the right --state-dir"):
        serve.restore("simulated", tmp_path / "mistyped")
    Database(tmp_path / "hpm.db").close()
    (said,) = serve.restore("simulated", tmp_path)
    assert said == f"nothing to put back on simulated: the journal in {tmp_path}/hpm.db is empty"


def test_what_is_as_it_was_found_is_told_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    server = next(iter(from_uri("simulated:3").observe().samples.values()))
    database, shares = Database(tmp_path / "hpm.db"), str(server.shares)
    Journal(database).put([JournalEntry(server.uuid, "cpu-shares", server.start, shares, shares, shares)])
    database.close()
    (said,) = serve.restore("simulated:3", tmp_path)
    assert said == "nothing to put back on simulated:3: all is as it was found"
    assert entries(tmp_path) == 0
