"""Changes of partitions: on the host and in the catalog, both or neither.

They are direct requests of an administrator, as with virsh. So they are made whatever the management levels are, and
are not undone when management is switched off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from ..backend.domain_xml import with_partition
from ..backend.hypervisor import Hypervisor
from ..backend.partitions.host import PartitionHost, PartitionState
from ..errors import HpmError
from ..policy.catalog import Catalog
from ..policy.partitions import Partition, PartitionParameters, lineage
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from .change import CatalogChange, undo
from .observer import Observer
from .snapshot import Snapshot

log = logging.getLogger(__name__)

#: The start of the host at which hpm ran last, by this name in the store.
_BOOT = "partitions-boot"


class PartitionChange:
    """A change under way: set `catalog`, as of a `CatalogChange`; what is done here on the host is undone if the whole
    fails. `states` are the partitions that there are, as of the beginning. `said`: the partitions whose weight hpm has
    nothing to put back of, once the change is made."""

    def __init__(self, change: CatalogChange, host: PartitionHost, states: Mapping[str, PartitionState]) -> None:
        self.change = change
        self.states = states
        self._host = host
        self._undo = change.undoing
        self.said: set[str] = set()

    def create(self, path: str, parameters: PartitionParameters) -> None:
        """Make a partition with these parameters. Raises as `PartitionHost` does."""
        self._host.create(path)
        self.said.add(path)    # what was known of one that was there before is over
        self._undo.append(lambda: self._host.destroy(path))
        self._host.configure(path, parameters)

    def configure(self, path: str, parameters: PartitionParameters, *, weight: bool = True) -> None:
        """Have these parameters in force in a partition that is there. `weight`: that is said, too; else it is what was
        in force, and stays hpm's if it was. Raises as `PartitionHost` does."""
        before = self.states[path].parameters
        if weight:
            self.said.add(path)
        self._undo.append(lambda: self._host.configure(path, before))
        self._host.configure(path, parameters)

    def destroy(self, path: str) -> None:
        """Remove a partition. Raises as `PartitionHost` does."""
        before = self.states[path].parameters
        self.said.add(path)

        def again() -> None:
            if path not in self._host.states():
                self._host.create(path)
            self._host.configure(path, before)

        self._undo.append(again)    # first: it may fail in the middle
        self._host.destroy(path)


class Partitions:
    """`writing` takes the manager's lock, `changing` changes its catalog, `show` has it build a snapshot anew, `forget`
    has it forget what it found before it changed partitions by itself."""

    def __init__(
        self, hypervisor: Hypervisor, observer: Observer, writing: Callable[[], AbstractContextManager[None]],
        changing: Callable[[str], AbstractContextManager[CatalogChange]], show: Callable[[], None],
        forget: Callable[[Iterable[str]], None],
    ) -> None:  # fmt: skip
        self.host: PartitionHost = hypervisor.partitions
        self._observer = observer
        self._writing, self._changing, self._show, self._forget = writing, changing, show, forget
        #: Write into a server's lasting definition where it stands from its next start on.
        self.define_server = hypervisor.set_partition

    @contextmanager
    def change(self, by: str) -> Iterator[PartitionChange]:
        """Change partitions: all that is done in the block, or nothing. Raises `Busy`, `StoreError`, and what the block
        raises. (Where the store fails just after the commit, the change is made, and its weights count as somebody
        else's.)"""
        with self._writing():
            self._observer.see_partitions()
            changing: PartitionChange | None = None
            try:
                with self._changing(by) as change:
                    changing = PartitionChange(change, self.host, self._observer.partitions)
                    yield changing
                    self._observer.see_partitions()    # before the snapshot that shows the new catalog
            except BaseException:
                if changing is not None:
                    undo(changing.change.undoing)    # nothing, where it is not known yet whether the change is kept
                self._observer.see_partitions()
                raise
            else:    # once it is committed: of what is refused, hpm still has to put back what was there before
                assert changing is not None
                self._forget(changing.said)
            finally:
                self._show()

    def autostart(self, catalog: Catalog, database: Database) -> None:
        """Create the partitions that are defined so and are not there: the host was started anew. If hpm has not run
        since, those that are there were made by a guest that libvirt started first, with nothing set, and have set what
        is defined. What cannot be done is told in the log; the others are done all the same. Raises `StoreError`."""
        boot = self._observer.sample.boot
        booted = boot != (load_setting(database, _BOOT) or "")
        save_setting(database, _BOOT, boot)
        there = set(self._observer.partitions)
        for path, partition in sorted(catalog.partitions.items()):
            try:
                if path not in there:
                    if partition.autostart:
                        self._create(partition)
                elif booted:
                    self.host.configure(path, partition.parameters)
                    log.info("the partition %s was there at boot, and is set as it is defined", path)
            except HpmError as error:
                done = "created" if path not in there else "set as it is defined"
                log.warning("the partition %s could not be %s: %s", path, done, error)
        self._observer.see_partitions()

    def placed(self, snapshot: Snapshot, uuid: str, xml: str) -> str:
        """The definition with which a server starts, with the partition that it is to stand in. That one, and those
        that it stands in, are created if they are not there. Raises `Busy`, and as `PartitionHost` does."""
        path = snapshot.catalog.partition_at_start(uuid)
        if path is None:
            return xml
        if any(one not in snapshot.partitions for one in lineage(path)):
            with self._writing():
                there, defined = self.host.states(), snapshot.catalog.partitions
                for one in reversed(lineage(path)):
                    if one not in there and one in defined:
                        self._create(defined[one])
                self._observer.see_partitions()
                self._show()
        return with_partition(xml, path)

    def _create(self, partition: Partition) -> None:
        """Make a partition as it is defined, or leave none behind. Raises as `PartitionHost` does."""
        self.host.create(partition.path)
        try:
            self.host.configure(partition.path, partition.parameters)
        except HpmError:
            self.host.destroy(partition.path)
            raise
        self._forget([partition.path])
        log.info("the partition %s is created, as it is defined", partition.path)
