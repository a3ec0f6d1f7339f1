"""Backups of the store at the shell: `hpm backup-list` and `hpm backup-use`.

Neither needs the hypervisor, so whether libvirt answers just now changes nothing of what they look at.
"""

from __future__ import annotations

from pathlib import Path

from .. import paths
from ..backend.connect import SYSTEM, Choice, choose
from ..errors import Conflict, NotFound, StoreError
from ..store.backups import Backup, backups_of
from ..store.recovery import host_of, is_kept, use_backup
from .running import host_name, take_locks, usual_state


def backup_list(connect: str | None, state_dir: Path | None) -> list[Backup]:
    """All that there are, newest first. Raises `StoreError` where they may not be read."""
    return _found(connect, state_dir)[1]


def backup_use(connect: str | None, state_dir: Path | None, name: str) -> str:
    """Put a backup in the store's place; gives a sentence. Raises `ManagerBusy` if a manager runs, `NotFound`,
    `Conflict` for the state of another host, `StoreError`; nothing is changed then."""
    store, backups = _found(connect, state_dir)
    path = next((each.path for each in backups if each.name == name), None)
    if path is None:
        raise NotFound(f"there is no backup {name} of {store}; 'hpm backup-list' shows them")
    backup, present = host_of(path), host_of(store)
    asked = None if connect is None else host_name(choose(connect))
    hosts = {host for host in (backup, present, asked) if host is not None}
    if len(hosts) > 1:
        raise Conflict(
            f"the store {store} is that of {present or 'an unknown host'}, the backup {name} that of"
            f" {backup or 'an unknown host'}" + (f", and {asked} was asked for" if asked else "")
            + "; all must be of one host: name the right --connect, --state-dir and backup"
        )
    host = next(iter(hosts), SYSTEM)    # not known: no manager of the real one may run either
    with take_locks(Choice(host, "its state"), store.parent, "hpm backup-use"):
        database, done = use_backup(store, name)
        database.close()
    return done.said()


def _found(connect: str | None, state_dir: Path | None) -> tuple[Path, list[Backup]]:
    """The store that is meant, and its backups: where none was named, that of the real host, if there is anything of
    it."""
    try:
        if state_dir is None and connect is None and is_kept(real := paths.state_dir() / "hpm.db"):
            return real, backups_of(real)
        store = (state_dir or usual_state(choose(connect))) / "hpm.db"
        return store, backups_of(store)
    except OSError as error:
        raise StoreError(f"the backups cannot be read: {error}") from error
