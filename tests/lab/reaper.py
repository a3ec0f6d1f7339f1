"""A program: start a daemon, say its pid, and reap what it leaves. `python reaper.py PROGRAM`.

libvirt waits for a destroyed QEMU to vanish, and QEMU, which daemonizes itself, is a child of whoever adopts
orphans. Where process 1 is not a real init (a container, a micro-VM) it reaps late or never: a guest's end then
takes seconds. So this process, a subreaper, adopts the guests itself. It ends when its last child did.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_CHILD_SUBREAPER = 36


def main(program: str) -> None:
    """Become a subreaper in the background, say the daemon's pid on stdout, reap until no child is left."""
    if os.fork():
        os._exit(0)  # the caller waits for this process, not for the daemon
    os.setsid()  # Ctrl-C at the caller's terminal is not for the daemon
    os.chdir("/")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    daemon = os.fork()
    if daemon == 0:
        os.dup2(2, 1)
        os.execv(program, [program])
    os.write(1, f"{daemon}\n".encode())
    os.dup2(2, 1)  # the caller reads stdout to its end
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    main(sys.argv[1])
