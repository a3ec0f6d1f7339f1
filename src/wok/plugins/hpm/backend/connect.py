"""Which hypervisor to manage: the one that was named, else the local libvirt, else a simulated host."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from ..errors import HypervisorUnreachable, InvalidValue
from .hypervisor import Hypervisor
from .ports import PortAsked, port_answers

SYSTEM = "qemu:///system"
SIMULATED = "simulated"


class Choice(msgspec.Struct, frozen=True):
    """A hypervisor's URI, and why it was chosen."""

    uri: str
    why: str

    @property
    def simulated(self) -> bool:
        """Whether this host exists only in memory."""
        return self.uri.partition(":")[0] == SIMULATED


def choose(uri: str | None) -> Choice:
    """Decide what to manage. Raises `InvalidValue` for a URI of a kind that hpm cannot manage."""
    if uri is not None:
        if uri.partition(":")[0] not in (SIMULATED, "qemu"):
            raise InvalidValue(f"{uri!r} cannot be managed; known are qemu:///system, qemu:///session, simulated[:N]")
        return Choice(uri, "as you asked")
    why_not = _why_not_libvirt()
    if why_not is None:
        return Choice(SYSTEM, "the libvirt of this host")
    return Choice(SIMULATED, f"a simulated host, because {why_not}")


def open_hypervisor(uri: str, ask_port: PortAsked = port_answers) -> Hypervisor:
    """Open it; `ask_port` is who tries ports of guests. Raises `HypervisorUnreachable`, `InvalidValue`."""
    if uri.partition(":")[0] == SIMULATED:
        from .simulated import from_uri

        return from_uri(uri, time.monotonic_ns)
    try:
        from .libvirt_host import LibvirtHypervisor
    except ImportError as error:
        raise HypervisorUnreachable(
            f"Python's libvirt module is missing ({error}); install libvirt-python"
        ) from None
    return LibvirtHypervisor(uri, ask_port=ask_port)


def _why_not_libvirt() -> str | None:
    if not any(Path("/run/libvirt").glob("*-sock")):
        return "no libvirt runs here"
    if os.geteuid() != 0:
        return "managing the local libvirt takes root (sudo hpm serve)"
    try:
        import libvirt
    except ImportError:
        return "Python's libvirt module is not installed (pip install libvirt-python)"
    libvirt.registerErrorHandler(lambda *_: None, None)
    try:
        libvirt.open(SYSTEM).close()
    except libvirt.libvirtError as error:
        return f"{SYSTEM} does not answer ({error})"
    return None
