"""virtlogd and libvirtd: started where none answers, stopped by pid where a lab started them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import LabError, LabTimeoutError, wait_until
from .process import Process
from .requirements import find_program
from .state import State
from .virt import URI, libvirt

VIRTLOGD_SOCKET = Path("/run/libvirt/virtlogd-sock")
REAPER = Path(__file__).with_name("reaper.py")
START_SECONDS = 60.0  # the first start probes QEMU, which takes seconds on a cold machine


def connect() -> Any:
    """A libvirt connection (virConnect) to the system's QEMU driver, or None if nobody answers."""
    try:
        return libvirt.open(URI)
    except libvirt.libvirtError:
        return None


def answers(path: Path) -> bool:
    """Whether somebody listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


class Daemons:
    """The two daemons of libvirt that guests need.

    A daemon is *ours* if the state's record names it: this lab, a killed predecessor or the shell started it.
    Others are used as they are and never touched. `lasting`: daemons started now outlive this process.
    """

    def __init__(self, state: State, lasting: bool) -> None:
        self._state = state
        self._lasting = lasting

    def start(self) -> Any:
        """Start what does not answer; returns a connection. Raises LabError if a daemon ends or is silent."""
        self._forget_dead()
        self.thaw_libvirtd()
        self.start_virtlogd()
        return self.start_libvirtd()

    def start_virtlogd(self) -> None:
        """libvirtd hands the guests' consoles to virtlogd, and without systemd nobody else starts that."""
        if not answers(VIRTLOGD_SOCKET):
            self._spawn("virtlogd", lambda: answers(VIRTLOGD_SOCKET))

    def start_libvirtd(self) -> Any:
        """Returns a connection to a libvirtd that answers, started if need be."""
        return connect() or self._spawn("libvirtd", connect)

    def kill_libvirtd(self) -> None:
        """SIGKILL; returns when it is gone. Raises LabError if libvirtd is not ours."""
        self._forget_dead()
        process = self._state.record.daemons.get("libvirtd")
        if process is None:
            raise LabError("libvirtd was not started by a lab, so the lab does not kill it; stop it first")
        process.kill(signal.SIGKILL)
        process.wait_gone(10)
        self._forget_dead()

    def freeze_libvirtd(self) -> None:
        """SIGSTOP: it does not answer any more, and is there. Raises LabError if libvirtd is not ours."""
        self._forget_dead()
        process = self._state.record.daemons.get("libvirtd")
        if process is None:
            raise LabError("libvirtd was not started by a lab, so the lab does not stop it; end it first")
        process.kill(signal.SIGSTOP)

    def thaw_libvirtd(self) -> None:
        """Have it go on, if it was frozen, by this lab or by one that was killed."""
        process = self._state.record.daemons.get("libvirtd")
        if process is not None:
            process.kill(signal.SIGCONT)

    def stop(self) -> None:
        """End the daemons that are ours and not lasting, libvirtd first."""
        self.thaw_libvirtd()
        record = self._state.record
        for name in ("libvirtd", "virtlogd"):
            if name in record.daemons and name not in record.lasting:
                record.daemons[name].end()
        self._forget_dead()

    def _spawn(self, name: str, answer: Callable[[], Any]) -> Any:
        program = find_program(name)
        if program is None:
            raise LabError(f"{name} is not installed")
        log = self._state.log / f"{name}.log"
        with log.open("ab") as output:
            # In the foreground, by the reaper: its pid is known from the start, no pid file is believed.
            reaper = subprocess.run(
                [sys.executable, "-I", str(REAPER), program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                check=True,
            )
        try:
            process = Process.of(int(reaper.stdout))
        except ProcessLookupError:
            raise LabError(f"{name} ended at once; see {log}") from None
        self._state.record.daemons[name] = process
        if self._lasting:
            self._state.record.lasting.add(name)
        self._state.save()

        def answered_or_ended() -> Any:
            if not process.alive:
                raise LabError(f"{name} ended; see {log}")
            return answer()

        try:
            return wait_until(answered_or_ended, START_SECONDS, f"answer of {name}")
        except LabTimeoutError:
            process.end()
            self._forget_dead()
            raise

    def _forget_dead(self) -> None:
        record = self._state.record
        for name in [name for name, process in record.daemons.items() if not process.alive]:
            del record.daemons[name]
            record.lasting.discard(name)
        self._state.save()
