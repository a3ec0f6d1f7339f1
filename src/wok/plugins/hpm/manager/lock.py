"""One manager per host, and per state directory.

The lock is a `flock` on a file, so it ends with the process whatever becomes of it. The file says who
has it, for the message that the second one gives.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from ..errors import ManagerBusy


class HostLock:
    """Holds the lock `path` until `release`. Raises `ManagerBusy` naming who has it."""

    def __init__(self, path: Path, who: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 1024, 0).decode(errors="replace").strip() or "an unknown process"
            os.close(self._fd)
            raise ManagerBusy(f"another manager has this host: {holder}") from None
        os.ftruncate(self._fd, 0)
        with suppress(OSError):    # a full disk keeps nobody from putting back
            os.pwrite(self._fd, f"process {os.getpid()}, {who}".encode(), 0)
        # A process that forks while it hosts us (Wok does, for each login) must not leave the lock to its children.
        os.register_at_fork(after_in_child=self._close)

    def release(self) -> None:
        """Let go; the file stays, and says nobody."""
        os.ftruncate(self._fd, 0)
        fcntl.flock(self._fd, fcntl.LOCK_UN)    # also for a child that is just being forked
        self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
