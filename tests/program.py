"""hpm as tests run it: ``python -m tests.program N serve …``.

It ends (and puts everything back) when the test run that started it ends, however that ends; a manager left
over would have the host. And it dies by SIGKILL at the N-th step of its journal; 0: never. A step is the
moment before or after the journal is written, an entry is dropped, or a value is set.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from hpm.backend.guest import GuestFiles
from hpm.cli.main import main
from hpm.store.journal import Journal, JournalEntry


def arm(step: int) -> None:
    """Have the process die at that step, counted from 1."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(function: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            if not counts(*args):
                return function(*args)
            tick()
            result = function(*args)
            tick()
            return result

        return wrapped

    def some(_journal: Journal, entries: Sequence[JournalEntry]) -> bool:
        return bool(entries)    # most calls have nothing to write, and are no steps

    Journal.put = around(Journal.put, some)  # type: ignore[method-assign]
    Journal.drop = around(Journal.drop, some)  # type: ignore[method-assign]
    GuestFiles.write_shares = around(GuestFiles.write_shares, lambda *_: True)  # type: ignore[method-assign]


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)


if __name__ == "__main__":
    faulthandler.enable()    # SIGABRT makes it tell where all of its threads are
    end_with_parent()
    arm(int(sys.argv.pop(1)))
    main()
