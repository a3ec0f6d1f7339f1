"""hpm as tests run it: ``python -m tests.program N serve …``.

It ends (and puts everything back) when the test run that started it ends, however that ends; a manager left
over would have the host. And it dies by SIGKILL at the N-th of its steps; 0: never. A step is the moment before
or after something is committed to the store, or a value of the host is set.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpm.backend.guest import GuestFiles
from hpm.cli.main import main
from hpm.store.database import Database

#: What else sets a value of the host; shares are the kernel's file where there is one.
SETTERS = (
    "set_cpu_quota", "set_balloon", "set_stats_period", "set_ksm", "set_vcpu_quota", "set_io_limits", "set_vcpu_pins",
    "set_emulator_pin", "set_blkio_weight", "set_swap_limit",
)


def arm(step: int) -> None:
    """Have the process die at that step, counted from 1; 0: at none."""
    if not step:
        return
    from hpm.backend.libvirt_host import LibvirtHypervisor  # which is not everywhere

    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            tick()
            result = function(*args)
            tick()
            return result

        return wrapped

    @contextmanager
    def transaction(self: Database, *, worth: bool = True) -> Iterator[sqlite3.Connection]:
        with committed(self, worth=worth) as connection:
            yield connection
            tick()
        tick()

    committed = Database.transaction
    Database.transaction = transaction  # type: ignore[method-assign]
    GuestFiles.write_shares = around(GuestFiles.write_shares)  # type: ignore[method-assign]
    for name in SETTERS:
        setattr(LibvirtHypervisor, name, around(getattr(LibvirtHypervisor, name)))


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)


if __name__ == "__main__":
    faulthandler.enable()    # SIGABRT makes it tell where all of its threads are
    end_with_parent()
    arm(int(sys.argv.pop(1)))
    if told := os.environ.get("HPM_TOLD_INSIDE"):
        from tests.soak import inside

        inside.begin(Path(told))
    main()
