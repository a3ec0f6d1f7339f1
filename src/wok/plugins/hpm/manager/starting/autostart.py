"""Which servers are still to be started with the host: once a boot, whatever becomes of hpm meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ...policy.start_policies import StartPolicy
from ...store.catalog_store import load_setting, save_setting
from ...store.database import Database
from ..snapshot import Snapshot
from .world import start_policy

_BOOT, _LEFT = "autostarted-boot", "autostart-left"


class Autostart:
    """Not thread-safe. Nothing is due until `begin`. Those that cannot be begun stay due; who runs, or does not start
    with the host any more, is done with. So is who is outside of its hours (`outside` says so): it starts with them."""

    def __init__(self, database: Database, outside: Callable[[StartPolicy], bool]) -> None:
        self._database, self._outside = database, outside
        self._left: tuple[str, ...] = ()

    def begin(self, snapshot: Snapshot) -> None:
        """Find those of this boot of the host, or those of them that were left. Raises `StoreError`."""
        boot = snapshot.sample.boot
        if not boot:
            return
        if load_setting(self._database, _BOOT) == boot:
            self._left = msgspec.json.decode(load_setting(self._database, _LEFT) or "[]", type=tuple[str, ...])
            return
        self._save(tuple(uuid for uuid in snapshot.assignments if self._wanted(snapshot, uuid)))
        save_setting(self._database, _BOOT, boot)

    def due(self, snapshot: Snapshot) -> tuple[str, ...]:
        """UUIDs of those that are to be begun now. Raises `StoreError`."""
        if self._left:
            self._keep(tuple(uuid for uuid in self._left if self._wanted(snapshot, uuid)))
        return self._left

    def done(self, uuids: Iterable[str]) -> None:
        """These were begun. Raises `StoreError`."""
        begun = set(uuids)
        self._keep(tuple(uuid for uuid in self._left if uuid not in begun))

    def _keep(self, left: tuple[str, ...]) -> None:
        if left != self._left:
            self._save(left)

    def _save(self, left: tuple[str, ...]) -> None:
        save_setting(self._database, _LEFT, msgspec.json.encode(left).decode())
        self._left = left

    def _wanted(self, snapshot: Snapshot, uuid: str) -> bool:
        info, start = snapshot.sample.infos.get(uuid), start_policy(snapshot, uuid)
        stopped = info is not None and info.status not in ("running", "paused")
        return stopped and start.autostart and not self._outside(start)
