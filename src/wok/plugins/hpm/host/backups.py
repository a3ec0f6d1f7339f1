"""Backups of the store at the shell: `hpm backup-list` and `hpm backup-use`."""

from __future__ import annotations

from pathlib import Path

from ..backend.connect import choose
from ..errors import NotFound, StoreError
from ..manager.lock import HostLock
from ..store.backups import Backup, backups_of
from ..store.recovery import use_backup
from .running import keep_to_host, lock_path, usual_state


def backup_list(connect: str | None, state_dir: Path | None) -> list[Backup]:
    """All that there are, newest first. Raises `StoreError` where they may not be read."""
    store = (state_dir or usual_state(choose(connect))) / "hpm.db"
    try:
        return backups_of(store)
    except OSError as error:
        raise StoreError(f"the backups of {store} cannot be read: {error}") from error


def backup_use(connect: str | None, state_dir: Path | None, name: str) -> str:
    """Put a backup in the store's place; gives a sentence. Raises `ManagerBusy` if a manager runs, `NotFound`,
    `Conflict` for the state of another host, `StoreError`."""
    choice = choose(connect)
    directory = state_dir or usual_state(choice)
    store = directory / "hpm.db"
    if not any(backup.name == name for backup in backups_of(store)):
        raise NotFound(f"there is no backup {name} of {store}; 'hpm backup-list' shows them")
    lock = HostLock(lock_path(choice, directory), "hpm backup-use")
    try:
        database, done = use_backup(store, name)
        try:
            keep_to_host(database, choice)
        finally:
            database.close()
    finally:
        lock.release()
    return done.said()
