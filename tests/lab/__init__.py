"""The test laboratory: real guests under a real libvirtd.

    with Lab() as lab:
        guest = lab.tiny("db1", load="spin")

At the shell: `python -m tests.lab --help`.
"""

from .errors import LabBusyError, LabError, LabTimeoutError
from .guest import Guest
from .lab import Lab

__all__ = ["Guest", "Lab", "LabBusyError", "LabError", "LabTimeoutError"]
