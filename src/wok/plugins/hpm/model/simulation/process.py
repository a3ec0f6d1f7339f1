"""Running a simulation in a process of its own.

A thread would share Python's one lock with the loop, and delay it for as long as the simulation takes. The process is
nicer than the manager, has a limited time, and ends with the manager.
"""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Final

import msgspec

from ... import child
from ...errors import Conflict, HpmError
from ...manager.change import Busy
from ...wire.simulations import SimulationCreate

#: Seconds that one may take; a client waits for 30.
TIME_LIMIT: Final = 25.0


class SimulationFailed(HpmError):
    """The process ended without a result: a fault of hpm's (HTTP 500)."""

    id = "simulation-failed"


class Runner:
    """Runs one simulation at a time."""

    def __init__(self) -> None:
        self._free = threading.Lock()

    def run(self, wanted: SimulationCreate, limit: float = TIME_LIMIT) -> bytes:
        """The result, a `Simulation` as JSON, of what was checked (`prepare`). Raises `Busy`, `Conflict` if it takes
        more than `limit` seconds, `SimulationFailed`."""
        if not self._free.acquire(blocking=False):
            raise Busy("another simulation is under way; try again when it has ended")
        try:
            return _run(msgspec.json.encode(wanted), limit)
        finally:
            self._free.release()


def command() -> list[str]:
    """What starts the process."""
    return child.command(f"{__package__}.worker")


def _run(request: bytes, limit: float) -> bytes:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    over = threading.Event()
    pipe = subprocess.PIPE
    # What it says on stderr, should it break, is for the manager's log. Without buffers nothing is left to be written
    # when the pipe is closed.
    with subprocess.Popen(command(), bufsize=0, stdin=pipe, stdout=pipe, env=environment) as process:
        assert process.stdin is not None and process.stdout is not None

        def end() -> None:
            over.set()
            process.kill()

        timer = threading.Timer(limit, end)
        timer.start()
        try:
            left = memoryview(request + b"\n")
            while left:
                left = left[process.stdin.write(left) :]
            result = process.stdout.read()    # the other pipe is left open: the process ends when we do
        except BrokenPipeError:
            result = b""
        finally:
            timer.cancel()
            process.kill()
    if over.is_set():
        raise Conflict(
            f"the simulation took longer than {limit:g} s and was ended; say fewer intervals or virtual servers, or run"
            " it with 'hpm simulate', which has no such limit"
        )
    if not result:
        raise SimulationFailed("the simulation broke; hpm's log says more")
    return result
