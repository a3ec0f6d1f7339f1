"""The process of its own in which a simulation runs for the manager (see `process`)."""

from __future__ import annotations

import logging
import os
import resource
import sys
import threading

import msgspec

from ...wire.simulations import SimulationCreate
from .limits import OVER_REST
from .process import TIME_LIMIT
from .simulate import prepare, simulate

#: Guests, and the manager itself, come first.
NICE = 10


def main() -> None:
    """Read one line of JSON, a `SimulationCreate` that was checked already; write a `Simulation` as JSON."""
    os.nice(NICE)
    most = int(TIME_LIMIT) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    logging.getLogger().addHandler(logging.NullHandler())    # what its manager would log is not to be in ours
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=SimulationCreate)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    result = msgspec.json.encode(simulate(prepare(wanted, OVER_REST)))
    sys.stdout.buffer.write(result)
    sys.stdout.buffer.flush()
    os._exit(0)    # the thread still reads


def _end_with_parent() -> None:
    """Nobody waits for the result of a manager that is gone: its end of the pipe closes with it."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)
