"""A host with systemd, as most users have one: booted, filled with this run's hpm, and given guests."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import uuid as uuids
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from tests.lab import cache, domains
from tests.lab.errors import LabError, wait_until
from tests.lab.state import State

from . import guest as guests
from . import image, payload
from .guest import RUN, HostGuest
from .machine import Answer, Machine
from .record import Reading, Record
from .requirements import missing

DIRECTORY = Path("/run/hpm-host-lab")
RECORDER = "hpm-recorder"
#: What works beside the guests, in the order of interest.
SERVICES = (
    "hpm.service", "libvirtd.service", "init.scope", "dbus.service", "systemd-machined.service", "virtlogd.service",
    f"{RECORDER}.service", "hpm-host-agent.service",
)  # fmt: skip
INSIDE = f"/{image.HPM}/tests/host/inside"


class Host:
    """A context manager; one runs at a time, and another one waits `wait` seconds for it. `apparmor`: its kernel has
    that.

    Entering builds the image if need be, boots it (10 s) and unpacks this run's sources; raises LabError,
    LabBusyError, LabTimeoutError. Leaving ends the machine with all that is in it.
    """

    def __init__(self, *, wait: float = 60.0, apparmor: bool = False) -> None:
        self._wait, self._apparmor = wait, apparmor
        self._state = State(DIRECTORY)
        self._stack = contextlib.ExitStack()
        self._machine: Machine | None = None

    def __enter__(self) -> Host:
        reason = missing()
        if reason is not None:
            raise LabError(reason)
        with contextlib.ExitStack() as stack:
            self._state.acquire(self._wait)
            stack.callback(self._state.release)
            # Only now: a predecessor that was killed may have left its own.
            for left in cache.directory().glob(".host-*"):
                shutil.rmtree(left)
            scratch = Path(tempfile.mkdtemp(prefix=".host-", dir=cache.directory()))
            stack.callback(shutil.rmtree, scratch)
            brought = scratch / "payload.tar"
            payload.write(brought, scratch)
            disk = image.disk()
            machine = Machine(disk, image.kernel(), brought, DIRECTORY, scratch, self._apparmor)
            self._machine = stack.enter_context(machine)
            self._prepare()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._machine = None
        self._stack.close()

    def run(
        self, command: str | Sequence[str], *, stdin: str = "", seconds: float = 60.0, check: bool = True
    ) -> Answer:
        """Run a command inside as root, a string by the shell; one at a time.

        Raises LabTimeoutError after `seconds`, MachineError if the machine ends or is stuck, LabError if the
        command fails and `check` is set.
        """
        machine = self._running()
        words = ["sh", "-c", command] if isinstance(command, str) else command
        answer = machine.ask(words, stdin=stdin, seconds=seconds)
        if check and answer.exit != 0:
            raise LabError(f"{command} ended with {answer.exit}: {answer.stdout}{answer.stderr}")
        return answer

    def guest(
        self, name: str, load: str = "spin", *, vcpus: int = 1, shares: int | None = None, partition: str | None = None
    ) -> HostGuest:
        """Start a KVM guest; returns when its load runs (3 to 10 s). load: spin or halt, a tiny guest of 2 MiB; others,
        see tests/lab/init.c, Linux. shares: cpu.weight, 100 if None. Raises ValueError, LabError, LabTimeoutError."""
        place = Path(guests.console(name))
        common = domains.Common(name, str(uuids.uuid4()), vcpus, place, shares, partition=partition)
        return guests.start(self.run, common, load)

    def read(self, named: Sequence[HostGuest]) -> Reading:
        """Counters and weights of these guests, as the kernel has them now."""
        names = [guest.name for guest in named]
        answer = self.run(["env", f"PYTHONPATH=/{image.HPM}", "python3", f"{INSIDE}/recorder.py", "0", *names])
        return Reading.of(answer.stdout, names)

    def weights(self, named: Sequence[HostGuest]) -> list[int]:
        """cpu.weight of these guests."""
        return list(self.read(named).weights)

    def services(self) -> dict[str, float]:
        """Seconds of CPU that each service has used since it started, for those that run."""
        command = ["systemctl", "show", "--property=Id", "--property=CPUUsageNSec", *SERVICES]
        used: dict[str, float] = {}
        for block in self.run(command).stdout.split("\n\n"):
            shown = dict(line.split("=", 1) for line in block.splitlines())
            if shown["CPUUsageNSec"].isdigit():
                used[shown["Id"].removesuffix(".service")] = int(shown["CPUUsageNSec"]) / 1e9
        return used

    @property
    def usable(self) -> bool:
        """Whether its machine runs, has answered all that it was asked, and all its CPUs work."""
        return self._machine is not None and self._machine.usable

    def outside(self) -> tuple[float, float]:
        """(using, delay) of the machine's CPUs since it started, in seconds: whether this computer had time for it."""
        return self._running().counters()

    @contextlib.contextmanager
    def recording(self, named: Sequence[HostGuest], every: float = 0.5) -> Iterator[Recording]:
        """While this is entered, a process inside reads these guests every so many seconds."""
        names = [guest.name for guest in named]
        output = f"{RUN}/record"
        self.run(["rm", "-f", output])
        self.run([
            "systemd-run", "--quiet", "--collect", f"--unit={RECORDER}", f"--setenv=PYTHONPATH=/{image.HPM}",
            f"--property=StandardOutput=file:{output}", "--property=CPUWeight=1000",
            "python3", f"{INSIDE}/recorder.py", str(every), *names,
        ])  # fmt: skip
        try:
            recording = Recording(self, output, names)
            wait_until(recording.readings, 30, "the recorder's first reading", 0.2)
            yield recording
        finally:
            self.run(["systemctl", "stop", RECORDER], check=False)

    def _running(self) -> Machine:
        if self._machine is None:
            raise LabError("the host does not run")
        return self._machine

    def _prepare(self) -> None:
        self.run(f"mkdir -p {RUN} && tar -xf /dev/disk/by-id/virtio-payload -C /{image.HPM}")
        self.run("python3 -m compileall -q /opt/hpm/src", seconds=120)
        # libvirt's QEMU runs as another user.
        self.run(["chmod", "755", RUN])
        # The first question for its version has libvirt try every QEMU there is: seconds on an emulated CPU.
        self.run(["virsh", "--quiet", "version"], seconds=120)


class Recording:
    """What a running recorder has written so far."""

    def __init__(self, host: Host, path: str, names: Sequence[str]) -> None:
        self._host, self._path, self._names = host, path, names

    def readings(self) -> tuple[Reading, ...]:
        """All readings so far."""
        lines = self._host.run(["cat", self._path], check=False).stdout.splitlines(keepends=True)
        return tuple(Reading.of(line, self._names) for line in lines if line.endswith("\n"))

    def until(self, seconds: float, since: float) -> Record:
        """The record, once it reaches `seconds` beyond a time of the machine's clock (time that guests run)."""

        def reached() -> bool:
            # Only the last line is asked for: the whole of a long record takes the machine a moment.
            line = self._host.run(["tail", "-n", "1", self._path]).stdout
            return line.endswith("\n") and json.loads(line)["time"] >= since + seconds

        wait_until(reached, seconds + 60, f"{seconds:g} s of readings", 3.0)
        return Record(self.readings())
