"""One running guest of the lab, and what the host shows of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import LabError
from .process import PROC, stat_fields
from .virt import libvirt

RUN_DIR = Path("/run/libvirt/qemu")
CGROUP = Path("/sys/fs/cgroup")


class Guest:
    """A transient domain. `connection` is asked each time, so that a guest outlives a restart of libvirtd."""

    def __init__(self, name: str, uuid: str, console: Path, connection: Callable[[], Any]) -> None:
        self._name = name
        self._uuid = uuid
        self._console = console
        self._connection = connection
        self._cgroup: Path | None = None

    def __repr__(self) -> str:
        return f"Guest({self._name!r})"

    @property
    def name(self) -> str:
        """The full libvirt name."""
        return self._name

    @property
    def uuid(self) -> str:
        return self._uuid

    @property
    def domain(self) -> Any:
        """The virDomain, on the present connection; raises libvirtError if the guest is gone."""
        return self._connection().lookupByUUIDString(self._uuid)

    @property
    def console(self) -> str:
        """What the guest wrote to its serial console so far."""
        try:
            return self._console.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    @property
    def pid(self) -> int:
        """The pid of its QEMU; raises LabError if there is none."""
        try:
            return int((RUN_DIR / f"{self._name}.pid").read_text())
        except (OSError, ValueError) as error:
            raise LabError(f"guest {self._name} does not run: {error}") from error

    @property
    def cgroup(self) -> Path:
        """The guest's directory in the cgroup hierarchy that has the cpu controller (version 1 or 2)."""
        if self._cgroup is None:
            self._cgroup = cpu_cgroup(self.pid)
        return self._cgroup

    def vcpu_tids(self) -> list[int]:
        """Host thread ids of its vCPUs, in order."""
        found: dict[int, int] = {}
        for place in [self.cgroup, self.cgroup / "libvirt"]:
            for directory in place.glob("vcpu*"):
                # Version 1 has `tasks`; the threaded groups of version 2 have `cgroup.threads`.
                tasks = directory / "tasks"
                text = (tasks if tasks.exists() else directory / "cgroup.threads").read_text()
                found[int(directory.name[4:])] = int(text)
        return [found[index] for index in sorted(found)]

    def cpu_shares(self) -> int:
        """Its weight as the kernel has it: `cpu.shares`, or `cpu.weight` in version 2."""
        return int(self._shares_file().read_text())

    def set_cpu_shares_file(self, shares: int) -> None:
        """Write its weight behind libvirt's back."""
        self._shares_file().write_text(str(shares))

    def schedstat(self) -> list[tuple[int, int, int]]:
        """(using, delay, turns) of each vCPU thread since its start: nanoseconds, and how often it got a CPU."""
        pid = self.pid
        counters = []
        for tid in self.vcpu_tids():
            fields = (PROC / str(pid) / "task" / str(tid) / "schedstat").read_text().split()
            counters.append((int(fields[0]), int(fields[1]), int(fields[2])))
        return counters

    def throttled(self) -> int:
        """Nanoseconds that a quota of the whole guest has taken since its start."""
        for place in [self.cgroup, self.cgroup / "libvirt"]:
            for line in (place / "cpu.stat").read_text().splitlines() if (place / "cpu.stat").exists() else ():
                name, _, value = line.partition(" ")
                if name == "throttled_time":
                    return int(value)
                if name == "throttled_usec" and int(value):
                    return int(value) * 1000
        return 0

    def thread_states(self) -> list[str]:
        """The state letter of each vCPU thread, such as `R` or `S`."""
        pid = self.pid
        return [stat_fields(PROC / str(pid) / "task" / str(tid) / "stat")[0] for tid in self.vcpu_tids()]

    def destroy(self) -> None:
        """End the guest at once; harmless if it is gone already."""
        destroy_domain(self._connection(), self._uuid)
        self._console.unlink(missing_ok=True)

    def _shares_file(self) -> Path:
        shares = self.cgroup / "cpu.shares"
        return shares if shares.exists() else self.cgroup / "cpu.weight"


def destroy_domain(connection: Any, uuid: str) -> None:
    """Destroy a domain by UUID; harmless if it is gone, or goes by itself meanwhile."""
    try:
        connection.lookupByUUIDString(uuid).destroy()
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            raise


def adopted(connection: Any, uuid: str) -> bool:
    """Whether a restarted libvirtd has a domain in hand again (or knows that it is gone).

    It answers before it found the guests' cgroups; until then their scheduler parameters are "not mounted".
    """
    try:
        connection.lookupByUUIDString(uuid).schedulerParameters()
    except libvirt.libvirtError as error:
        return bool(error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN)
    return True


def cpu_cgroup(pid: int) -> Path:
    """The directory of a guest in the cpu controller's hierarchy, found through its QEMU's main thread."""
    paths = {}
    for line in (PROC / str(pid) / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    # Version 1 has one hierarchy a controller; the one of version 2 has no controllers in its name.
    below = CGROUP / "cpu" / paths["cpu"][1:] if "cpu" in paths else CGROUP / paths[""][1:]
    # libvirt puts the main thread into `emulator` below the guest; systemd has `libvirt` in between.
    for inner in ("emulator", "libvirt"):
        if below.name == inner:
            below = below.parent
    return below
