"""A KVM guest inside the machine: its XML, its start, and what can be done to it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab import bootsector, domains, loads
from tests.lab.errors import LabError, LabTimeoutError, wait_until
from tests.lab.lab import KERNEL_ARGUMENTS, READY_LINE

from . import payload
from .image import HPM
from .machine import Answer

RUN = "/run/hpm-host"
READY_SECONDS = 240.0  # among guests that already take all CPU
LINUX_MIB = 96

Run = Callable[..., Answer]


@dataclass(frozen=True)
class HostGuest:
    """A transient domain. `name` is its full libvirt name."""

    name: str
    uuid: str
    run: Run

    @property
    def console(self) -> str:
        """What it wrote to its serial console so far."""
        return self.run(["cat", console(self.name)], check=False).stdout

    def virsh(self, command: str, *words: str) -> str:
        """`virsh COMMAND NAME WORDS`; gives what it says. Raises LabError if it fails."""
        return str(self.run(["virsh", "--quiet", command, self.name, *words], seconds=120).stdout)

    def set_shares(self, shares: int) -> None:
        """Set its weight as an administrator does, through libvirt."""
        self.virsh("schedinfo", "--live", "--set", f"cpu_shares={shares}")

    def scope(self) -> str:
        """The name of its systemd scope."""
        place = self.run(f"cat /proc/$(cat /run/libvirt/qemu/{shlex.quote(self.name)}.pid)/cgroup").stdout
        for part in place.split("/"):
            if part.endswith(".scope"):
                return str(part)
        raise LabError(f"{self.name} is in no scope: {place}")

    def suspend(self) -> None:
        """Pause it."""
        self.virsh("suspend")

    def resume(self) -> None:
        """Let it go on."""
        self.virsh("resume")

    def destroy(self) -> None:
        """End it at once."""
        self.virsh("destroy")

    def ready(self, load: str, others: int) -> bool:
        """Whether its load runs."""
        if load in bootsector.LOADS:
            return bootsector.runs(self.console, others)
        return READY_LINE.search(self.console) is not None


def console(name: str) -> str:
    """The file inside that takes a guest's console."""
    return f"{RUN}/{name}.console"


def start(run: Run, common: domains.Common, load: str) -> HostGuest:
    """Start a guest; returns when its load runs. Raises ValueError for an unknown load, LabError."""
    text = xml(common, load)
    place = f"{RUN}/{common.name}.xml"
    # Not by virsh's own stdin: it says where in the file an error is.
    run(f"cat > {shlex.quote(place)}", stdin=text)
    run(["virsh", "--quiet", "create", place], seconds=READY_SECONDS)
    guest = HostGuest(common.name, common.uuid, run)
    others = common.vcpus - 1 if load == "spin" else 0
    try:
        try:
            wait_until(lambda: guest.ready(load, others), READY_SECONDS, f"load of {guest.name}", 0.2)
        except LabTimeoutError as error:
            raise LabTimeoutError(f"{error}; {state(guest)}") from None
    except BaseException:
        guest.destroy()
        raise
    return guest


def state(guest: HostGuest) -> str:
    """What tells why a guest gets nowhere: its console, where its vCPUs are, and what else there is in the machine."""
    told = [f"its console says {guest.console[-1500:]!r}"]
    monitor = f"virsh qemu-monitor-command {shlex.quote(guest.name)} --hmp"
    registers = f"{monitor} 'info registers -a' | grep -E 'CPU#|IP=|CR0='"
    # The registers twice: a vCPU that is stuck is where it was.
    for command in (registers, registers, "virsh list", "top -b -H -n 1 | head -n 20", "dmesg | tail -n 15"):
        try:
            answer = guest.run(command, check=False)
        except LabTimeoutError as error:  # this, too, is a part of the answer
            told.append(str(error))
        else:
            told.append(f"{command}\n{answer.stdout}{answer.stderr}")
    return "\n".join(told)


def xml(common: domains.Common, load: str) -> str:
    """A KVM guest that boots what the payload brought."""
    files = Path("/") / HPM / payload.GUESTS
    if load in bootsector.LOADS:
        names = {"halt": payload.HALT, "spin": payload.SPIN if common.vcpus == 1 else payload.SPIN_ALL}
        text = domains.tiny(common, files / names[load])
    else:
        arguments = f"{KERNEL_ARGUMENTS} load={loads.check(load)} lab_host={common.name}"
        text = domains.linux(common, files / payload.KERNEL, files / payload.INITRD, arguments, LINUX_MIB, False, False)
    assert text.startswith("<domain type='qemu'>"), text
    return text.replace("<domain type='qemu'>", "<domain type='kvm'>", 1)
