"""Where a guest stands in the cgroup tree: cgroup v1 and v2, with systemd's scopes and without.

Seen layouts (below the mount of the cpu controller, or of cgroup v2):

- v1, no systemd: ``machine/qemu-1-db1.libvirt-qemu/{emulator,vcpu0}``
- v1, systemd: ``machine.slice/machine-qemu\\x2d1\\x2ddb1.scope/{emulator,vcpu0}``, or with ``libvirt/`` between
- v2, systemd: ``machine.slice/machine-qemu\\x2d1\\x2ddb1.scope/libvirt/{emulator,vcpu0}``

The QEMU process stands in ``emulator``; everything else follows from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .kernel_text import as_documented


class Mount(msgspec.Struct, frozen=True):
    """Where the cpu controller is mounted, and in which version (0: nowhere)."""

    version: int
    path: Path


class GuestCgroup(msgspec.Struct, frozen=True):
    """Directories of one guest. `scope` has its weight; `threads` has the vCPUs' groups and the quota.
    `parent` names the group whose children compete."""

    version: int
    scope: Path
    threads: Path
    parent: str

    @property
    def systemd(self) -> bool:
        """Whether systemd owns the weight: then a raw write is undone by its next reload."""
        return self.scope.name.endswith(".scope")

    @property
    def shares_file(self) -> Path:
        """The file with the CPU weight."""
        return self.scope / ("cpu.shares" if self.version == 1 else "cpu.weight")

    @property
    def quota_file(self) -> Path:
        """The file with the quota of all vCPUs together (`global_quota`)."""
        return self.threads / ("cpu.cfs_quota_us" if self.version == 1 else "cpu.max")

    @property
    def period_file(self) -> Path:
        """The file with the quota's period (v2: the same file)."""
        return self.threads / ("cpu.cfs_period_us" if self.version == 1 else "cpu.max")

    @property
    def stat_file(self) -> Path:
        """The file that counts throttling."""
        return self.threads / "cpu.stat"

    def vcpu_threads(self) -> dict[int, int]:
        """Thread ids by vCPU number. Raises `OSError` if the guest is gone."""
        listing = "tasks" if self.version == 1 else "cgroup.threads"
        found: dict[int, int] = {}
        for entry in self.threads.iterdir():
            number = entry.name.removeprefix("vcpu")
            if number == entry.name or not (number.isascii() and number.isdigit()):
                continue
            try:
                tids = (entry / listing).read_bytes().split()
            except FileNotFoundError:    # unplugged between listing and reading
                continue
            if tids:
                with as_documented(entry / listing):
                    found[int(number)] = int(tids[0])
        return found


def mounts(root: Path) -> Iterator[list[str]]:
    """What is mounted: device, place, type, options and more (proc(5)). Anybody may mount something, wherever they may
    make a directory, and names of those are any bytes."""
    for line in (root / "proc/self/mounts").read_bytes().split(b"\n"):
        fields = os.fsdecode(line).split(" ")
        if len(fields) >= 4:
            yield fields


def memberships(root: Path, pid: int) -> Iterator[tuple[str, str, str]]:
    """In which cgroups a process stands: number, controllers, path (cgroups(7)). Raises `OSError` if it is gone."""
    for line in (root / f"proc/{pid}/cgroup").read_bytes().split(b"\n"):
        number, _, rest = os.fsdecode(line).partition(":")
        controllers, colon, path = rest.partition(":")
        if colon:
            yield number, controllers, path


def find_mount(root: Path) -> Mount:
    """Find the cpu controller among the mounts below `root` (``/`` on a real host)."""
    unified: Path | None = None
    for fields in mounts(root):
        where = root / fields[1].lstrip("/")
        if fields[2] == "cgroup" and "cpu" in fields[3].split(","):
            return Mount(1, where)
        if fields[2] == "cgroup2" and unified is None:
            unified = where
    if unified is not None:
        try:
            if "cpu" in (unified / "cgroup.controllers").read_text(errors="replace").split():
                return Mount(2, unified)
        except OSError:
            pass
    return Mount(0, root)


def guest_cgroup(root: Path, mount: Mount, pid: int) -> GuestCgroup | None:
    """The cgroup of the guest whose QEMU has that pid; None if it has none of its own.

    Raises `OSError` if the process is gone.
    """
    if mount.version == 0:
        return None
    for number, controllers, where in memberships(root, pid):    # noqa: B007    it is used behind the loop
        if ("cpu" in controllers.split(",")) if mount.version == 1 else (number == "0"):
            break
    else:
        return None
    place = mount.path / where.lstrip("/")
    threads = place.parent if place.name == "emulator" else place
    scope = threads.parent if threads.name == "libvirt" else threads
    if scope == mount.path or not (threads / "vcpu0").is_dir():
        return None    # QEMU runs without a cgroup of its own (a session daemon, or no cpu controller)
    return GuestCgroup(mount.version, scope, threads, str(scope.parent.relative_to(mount.path)))


def find_controller(root: Path, controller: str) -> Path | None:
    """Where a controller of cgroup v1 is mounted; None: nowhere."""
    for fields in mounts(root):
        if fields[2] == "cgroup" and controller in fields[3].split(","):
            return root / fields[1].lstrip("/")
    return None


def controller_directory(root: Path, mount: Path, controller: str, pid: int) -> Path | None:
    """The directory of the guest whose QEMU has that pid, below the mount of a controller of cgroup v1 by which libvirt
    groups a guest's threads; None if it has none of its own. Raises `OSError` if the process is gone."""
    place = _place(root, mount, controller, pid)
    return place.parent if place is not None and place.name == "emulator" and place.parent != mount else None


def own_directory(root: Path, mount: Path, controller: str, pid: int) -> Path | None:
    """The same of a controller (memory) that has a guest's threads all together: a directory that libvirt or systemd
    made for this guest alone."""
    place = _place(root, mount, controller, pid)
    if place is None:
        return None
    whole = place
    while whole.name in ("emulator", "libvirt"):
        whole = whole.parent
    return whole if whole.name.startswith(("qemu-", "machine-qemu")) else None


def _place(root: Path, mount: Path, controller: str, pid: int) -> Path | None:
    """Where a process stands below the mount of a controller of cgroup v1; None: nowhere."""
    for _, controllers, path in memberships(root, pid):
        if controller in controllers.split(","):
            return mount / path.lstrip("/")
    return None
