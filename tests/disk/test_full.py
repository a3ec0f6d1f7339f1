"""A full disk, a real one: clients read, the loop goes on, changes are refused with why, and all is well with room."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm import paths
from hpm.client.connection import connect
from hpm.client.errors import ApiError
from hpm.client.rest import Client
from hpm.errors import StoreDamaged, StoreError
from hpm.host.running import RunningManager
from hpm.store.backups import backups_of
from hpm.store.database import Database
from hpm.store.recovery import open_store
from tests.lab.errors import wait_until

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    at = tmp_path / "disk"
    at.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(at)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room at all."""
    path = disk / "filling"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return path


def refused(client: Client) -> str:
    """Make changes until one is refused (the last pages of the log may have room); why it is."""
    for number in range(500):
        try:
            client.create_group({"name": f"Group {number}", "description": "x" * 1000})
        except ApiError as error:
            assert error.status == 500
            return str(error)
    raise AssertionError("no change was refused")


def test_while_the_disk_is_full_clients_read_and_the_loop_goes_on(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "run_dir", lambda: tmp_path / "run")
    with (
        RunningManager("simulated:5", disk / "hpm", tmp_path / "s", 1.0) as running,
        connect(tmp_path / "s") as client,
    ):
        filling = fill(disk)
        said = refused(client)
        assert "cannot be written" in said and "full" in said
        known = len(client.groups().value.workload_resource_groups)
        cycles = running.manager.loop.cycles
        wait_until(lambda: running.manager.loop.cycles >= cycles + 3, 15, "cycles while the disk is full")
        began = time.monotonic()
        assert len(client.groups().value.workload_resource_groups) == known
        assert client.servers().value.problem is None
        assert time.monotonic() - began < 1.0
        filling.unlink()
        client.create_group({"name": "There is room"})
        client.set_management_levels({"cpu-mgmt": "on"})
        assert len(client.groups().value.workload_resource_groups) == known + 1
    database, recovered = open_store(disk / "hpm/hpm.db")
    assert recovered is None
    assert len(database.rows("SELECT id FROM groups")) == known    # and default, which is not stored
    database.close()
    assert backups_of(disk / "hpm/hpm.db")


def test_a_start_without_room_or_rights_says_what_to_do_and_takes_nothing_for_damaged(disk: Path) -> None:
    filling = fill(disk)
    with pytest.raises(StoreError, match="check the directory's rights and free space"):
        open_store(disk / "hpm.db")
    filling.unlink()
    Database(disk / "hpm.db").close()
    content = (disk / "hpm.db").read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StoreError, match="check the directory's rights") as raised:
        open_store(disk / "hpm.db")
    assert not isinstance(raised.value, StoreDamaged)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert (disk / "hpm.db").read_bytes() == content
    open_store(disk / "hpm.db")[0].close()
