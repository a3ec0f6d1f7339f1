"""Run hpm, and die by SIGKILL at the N-th step of its journal: ``python -m tests.crashing N serve …``.

A step is the moment before or after the journal is written, an entry is dropped, or a value is set.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from hpm.backend.guest import GuestFiles
from hpm.cli.main import main
from hpm.store.journal import Journal


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

    def some(_journal: Journal, entries: Any) -> bool:
        return bool(list(entries))    # most calls have nothing to write, and are no steps

    Journal.put = around(Journal.put, some)  # type: ignore[method-assign]
    Journal.drop = around(Journal.drop, some)  # type: ignore[method-assign]
    GuestFiles.write_shares = around(GuestFiles.write_shares, lambda *_: True)  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(int(sys.argv.pop(1)))
    main()
