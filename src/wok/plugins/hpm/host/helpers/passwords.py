"""The process that asks PAM: as root, because PAM's modules want that, and for one password."""

from __future__ import annotations

import os
import sys

from ..access import pam_child
from ..access.pam import SERVICE, STAND_IN
from .peer import only_the_manager


def serve() -> None:
    """Become the program that asks PAM, whose standard input and output the connection is. Raises `NotTheManager`."""
    only_the_manager().close()
    # What PAM loads is what the host's administrator says: not even the manager may name another directory.
    command = [sys.executable, "-I", "-S", pam_child.__file__, SERVICE, STAND_IN]
    os.execve(sys.executable, command, {"PATH": os.defpath, "LC_ALL": "C.UTF-8"})
