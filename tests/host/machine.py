"""One QEMU that runs the machine, and the line to the agent inside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError, LabTimeoutError, wait_until

from .requirements import program

KERNEL_ARGUMENTS = (
    "root=/dev/nvme0n1 rw console=ttyS0 quiet mitigations=off nowatchdog random.trust_cpu=on net.ifnames=0 "
    "systemd.show_status=false"
)
#: AppArmor has each guest's profile made anew, which takes an emulated CPU seconds.
PLAIN, CONFINED = "audit=0 apparmor=0", "apparmor=1 security=apparmor"
PORT = "org.hpm.host"
OUTPUT, SERIAL, RESETS = "qemu.log", "serial.log", "resets.log"
# "max" has AMD's SVM, so that KVM works inside. Its five levels of page tables only take longer to walk. With nested
# paging the machine hung, or ended with a triple fault, within a minute of a guest that sleeps beside four that spin
# (QEMU 7.2); without it neither was seen in five minutes.
CPU = "max,la57=off,npt=off"
# What its kernel says of a CPU that took no interrupt for 21 s. Seen with QEMU 7.2: that CPU ran a guest that spins, in
# guest mode with the global interrupt flag clear, which VMRUN sets; so no interrupt ends the guest's turn any more.
STUCK = re.compile(r"rcu: INFO: rcu_\w+ (self-)?detected (expedited )?stalls? on CPU")
CPUS = 2
MEMORY_MIB = 3072
BOOT_SECONDS = 180.0  # ten are usual
ENDING_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """What a command inside ended with; `exit` is negative for a signal."""

    exit: int
    stdout: str
    stderr: str


class MachineError(LabError):
    """The machine ended, fell silent or is stuck. Being emulated, it is so by itself at times: nothing else is told."""


class Machine:
    """A context manager. Everything that is written to the disk is thrown away at the end.

    directory: for the console, the socket and QEMU's own output. scratch: where QEMU puts what the machine writes.
    payload: a tar file that the machine sees as a read-only disk. apparmor: whether its kernel has that.
    Entering raises LabError if it does not boot.
    """

    def __init__(
        self, disk: Path, kernel: Path, payload: Path, directory: Path, scratch: Path, apparmor: bool = False
    ) -> None:
        self._arguments = f"{KERNEL_ARGUMENTS} {CONFINED if apparmor else PLAIN}"
        self._disk, self._kernel, self._payload = disk, kernel, payload
        self._directory, self._scratch = directory, scratch
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._received = b""
        self._number = 0
        self._silent = False

    def __enter__(self) -> Machine:
        try:
            self._start()
            self.ask(["true"], seconds=BOOT_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ask(self, command: Sequence[str], *, stdin: str = "", seconds: float = 60.0) -> Answer:
        """Run a command inside, and give what it ended with.

        Raises LabTimeoutError if it takes longer (it is killed then), MachineError if the machine ended or is stuck.
        """
        assert self._line is not None
        if self._stuck():  # it may answer on its other CPU, but what runs on this one never will
            raise MachineError(f"a CPU of the machine is stuck; {self._last_words()}")
        self._number += 1
        request = {"id": self._number, "command": list(command), "stdin": stdin, "seconds": seconds}
        # A machine whose CPUs are all taken may be late; the agent keeps the time of the command itself.
        deadline = time.monotonic() + seconds + 30.0
        self._line.settimeout(seconds + 30.0)
        try:
            self._line.sendall(json.dumps(request).encode() + b"\n")
            while True:
                answer = json.loads(self._read_line(deadline))
                if answer["id"] == self._number:
                    break
        except TimeoutError:
            self._silent = True
            raise MachineError(f"no answer from the machine to {command}; {self._last_words()}") from None
        except OSError as error:
            raise MachineError(f"the machine hung up ({error}); {self._last_words()}") from error
        if answer["exit"] is None:
            raise LabTimeoutError(f"{list(command)} took more than {seconds:g} s: {answer['stdout']}{answer['stderr']}")
        return Answer(answer["exit"], answer["stdout"], answer["stderr"])

    @property
    def usable(self) -> bool:
        """Whether it runs, has answered all that it was asked, and all its CPUs work."""
        runs = self._process is not None and self._process.poll() is None
        return runs and not self._silent and not self._stuck()

    def counters(self) -> tuple[float, float]:
        """(using, delay) of its CPUs together since it started, as the kernel outside counts them, in seconds."""
        using = delay = 0.0
        for task in Path(f"/proc/{self._running().pid}/task").iterdir():
            if re.fullmatch(r"CPU \d+/TCG\n", (task / "comm").read_text()):
                fields = (task / "schedstat").read_text().split()
                using += int(fields[0]) / 1e9
                delay += int(fields[1]) / 1e9
        return using, delay

    def stop(self) -> None:
        """End QEMU at once; harmless if it has ended."""
        if self._line is not None:
            self._line.close()
            self._line = None
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(ENDING_SECONDS)

    def _start(self) -> None:
        address = self._directory / "agent"
        address.unlink(missing_ok=True)
        with (self._directory / OUTPUT).open("wb") as output:
            self._process = subprocess.Popen(
                self._command(address), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, "TMPDIR": str(self._scratch)},
            )  # fmt: skip
        self._line = wait_until(lambda: self._connected(address), ENDING_SECONDS, "QEMU's socket")

    def _connected(self, address: Path) -> socket.socket | None:
        self._running()
        line = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            line.connect(str(address))
            return line
        line.close()
        return None

    def _command(self, address: Path) -> list[str]:
        return [
            # With the test run, however that ends.
            program("setpriv"), "--pdeathsig", "KILL", program("qemu-system-x86_64"), "-name", "host,debug-threads=on",
            "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", str(CPUS), "-m", str(MEMORY_MIB),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", str(self._kernel), "-append", self._arguments,
            "-drive", f"if=none,id=root,format=raw,snapshot=on,file={self._disk}",
            "-device", "nvme,drive=root,serial=root",
            "-drive", f"if=none,id=payload,format=raw,readonly=on,file={self._payload}",
            "-device", "virtio-blk-pci,drive=payload,serial=payload",
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,path={address},server=on,wait=off",
            "-device", f"virtserialport,chardev=agent,name={PORT}",
            "-device", "virtio-rng-pci",
            "-serial", f"file:{self._directory / SERIAL}",
            "-d", "cpu_reset", "-D", str(self._directory / RESETS),  # a triple fault says nothing elsewhere
        ]  # fmt: skip

    def _read_line(self, deadline: float) -> bytes:
        assert self._line is not None
        while b"\n" not in self._received:
            self._line.settimeout(max(0.01, deadline - time.monotonic()))
            piece = self._line.recv(1 << 20)
            if not piece:
                self._running()
                raise MachineError(f"the machine hung up; {self._last_words()}")
            self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise MachineError(f"the machine ended; {self._last_words()}")
        return self._process

    def _stuck(self) -> bool:
        path = self._directory / SERIAL
        return path.exists() and STUCK.search(path.read_text(errors="replace")) is not None

    def _last_words(self) -> str:
        code = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(1.0)
        parts = ["it runs" if code is None else f"exit status {code}"]
        for name in (OUTPUT, SERIAL, RESETS):
            path = self._directory / name
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            # Registers that are 0 at a reset would leave no room for a triple fault.
            text = "\n".join(line for line in lines if not line.startswith(("XMM", "FPR", "DR")))
            parts.append(f"{name} says {text[-1500:]!r}")
        return ", ".join(parts)
