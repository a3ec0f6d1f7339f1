"""Tiny guests that stay defined when they stop, and libvirt's hook on a laboratory's host."""

from __future__ import annotations

import struct
import subprocess
import uuid as uuids
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import libvirt

from hpm.host.hooks import Hooks
from hpm.policy.guest_policies import GuestPolicy
from hpm.policy.start_policies import StartPolicy
from tests.lab import Lab, bootsector, cache, domains

#: The prefix of the laboratory, so that a guest that a killed run left running is found.
PREFIX = "hpmlab-"


class Defined:
    """Guests that are defined and do not run, by short names; `snapshots`: whose disks take such. `remove` ends and
    forgets them."""

    def __init__(self, lab: Lab, *names: str, snapshots: bool = False) -> None:
        self._lab = lab
        self._disks: list[Path] = []
        self.uuids = {name: str(uuids.uuid4()) for name in names}
        sector = bootsector.for_load("halt", 1)
        sector_disk = cache.cached("bootsector.img", [sector], lambda target: cache.write(target, sector))
        for name, uuid in self.uuids.items():
            self._forget(self.full(name))
            console = sector_disk.parent / f"{self.full(name)}.console"
            common = domains.Common(self.full(name), uuid, 1, console, None, None, None, None, None)
            xml = domains.tiny(common, sector_disk)
            if snapshots:
                disk = empty_qcow2(sector_disk.parent / f"{self.full(name)}.qcow2")    # where QEMU may read
                self._disks.append(disk)
                xml = xml.replace(str(sector_disk), str(disk)).replace("type='raw'", "type='qcow2'")
                xml = xml.replace("<shareable/>", "")
            lab.conn.defineXML(xml)

    @staticmethod
    def full(name: str) -> str:
        """The name that libvirt knows."""
        return f"{PREFIX}{name}"

    def runs(self, name: str) -> bool:
        """Whether libvirt says that a guest is active."""
        return bool(self._lab.conn.lookupByUUIDString(self.uuids[name]).isActive())

    def virsh_start(self, name: str) -> subprocess.CompletedProcess[str]:
        """A plain start, as an administrator makes it."""
        return subprocess.run(
            ["virsh", "start", self.full(name)], capture_output=True, text=True, timeout=60, check=False
        )

    def begin_virsh_start(self, name: str) -> subprocess.Popen[bytes]:
        """A plain start that may take its time."""
        return subprocess.Popen(["virsh", "-q", "start", self.full(name)])

    def destroy(self, *names: str) -> None:
        """End guests that run."""
        for name in names or self.uuids:
            with suppress(libvirt.libvirtError):
                self._lab.conn.lookupByUUIDString(self.uuids[name]).destroy()

    def remove(self) -> None:
        """End and undefine all."""
        for name in self.uuids:
            self._forget(self.full(name))
        for disk in self._disks:
            disk.unlink(missing_ok=True)

    def _forget(self, full: str) -> None:
        with suppress(libvirt.libvirtError):
            domain = self._lab.conn.lookupByName(full)
            with suppress(libvirt.libvirtError):
                domain.destroy()
            domain.undefineFlags(
                libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            )


def empty_qcow2(path: Path) -> Path:
    """A disk of 1 MiB without anything in it that can hold snapshots (QEMU, docs/interop/qcow2.txt, version 2): four
    clusters of 64 KiB, the header, the table of reference counts, the counts, and the table of data. A guest finds
    nothing to boot there, and runs all the same."""
    data = bytearray(4 << 16)
    struct.pack_into(">4sIQIIQIIQQIIQ", data, 0, b"QFI\xfb", 2, 0, 0, 16, 1 << 20, 0, 1, 3 << 16, 1 << 16, 1, 0, 0)
    struct.pack_into(">Q", data, 1 << 16, 2 << 16)
    struct.pack_into(">HHHH", data, 2 << 16, 1, 1, 1, 1)
    path.write_bytes(data)
    path.chmod(0o666)    # QEMU is another user
    return path


@contextmanager
def hook(lab: Lab, socket: Path) -> Iterator[Hooks]:
    """libvirt's hook in force, asking at this socket; afterwards the host is as it was."""
    hooks = Hooks(Path("/"), socket)
    directory = hooks.path.parent
    there = directory.exists()
    known = hooks.path.read_bytes() if hooks.path.exists() else None
    hooks.install()
    try:
        if hooks.state().seen is False:
            lab.kill_libvirtd()
            lab.start_libvirtd()
        yield hooks
    finally:
        if known is None:
            hooks.remove()
            if not there:
                directory.rmdir()
        else:
            hooks.path.write_bytes(known)


def say(state: Path, policies: dict[str, StartPolicy]) -> None:
    """Say in a store, before hpm starts, when guests (by UUID) start."""
    from hpm.policy.catalog import NO_SETTINGS
    from hpm.store.catalog_store import load_catalog, save_catalog
    from hpm.store.database import Database
    from hpm.store.revisions import Author

    database = Database(state / "hpm.db")
    try:
        old = new = load_catalog(database)
        for uuid, policy in policies.items():
            new = new.with_settings(uuid, NO_SETTINGS.with_policy(GuestPolicy(start=policy)))
        save_catalog(database, old, new, Author("test", "2030-01-01T00:00:00.000Z"), {})
    finally:
        database.close()
