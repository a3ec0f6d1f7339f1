"""Programs beside hpm that manage guests as well: who they are, and what hpm leaves to them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ...backend.rivals import Rivals
from ...wire.findings import Finding

#: By the name of the program: whose it is, what it does, and what hpm does where it finds it.
NEIGHBOURS: Final[Mapping[str, tuple[str, str]]] = {
    "momd": ("oVirt MOM, which moves balloons and sets KSM",
             "hpm does not manage memory beside it. 'hpm mom-import --takeover' takes its policies over and stops it"),
    "vdsmd": ("oVirt's VDSM, which has MOM inside and sets CPU shares as its engine says",
              "hpm does not manage memory beside it. Shares that the engine sets while CPU is managed count as an"
              " administrator's: such a server is left alone until it is released"),
    "ksmtuned": ("ksmtuned, which sets KSM by how much memory is free",
                 "hpm does not manage memory beside it. Stop it (systemctl disable --now ksmtuned), or let hpm leave"
                 " KSM alone (hpm settings --no-manage-ksm)"),
    "numad": ("numad, which moves processes and their memory between NUMA nodes",
              "hpm pins nothing unless a guest policy says so. Where one does, numad may move it again, which is told"
              " as drift: exclude QEMU from numad (numad -x PID), or use no placement of hpm's"),
    "nova-compute": ("OpenStack Nova, which starts, moves and resizes guests, and sets CPU shares by flavour when they"
                     " start",
                     "hpm leaves starting, moving and pinning to it; use no guest policies and no partitions. Shares"
                     " and quotas of running guests are hpm's while management is on"),
    "virt-handler": ("KubeVirt, whose guests are in containers with cgroups of Kubernetes",
                     "hpm does not see them: each has a libvirt of its own. Kubernetes sets their shares by their"
                     " requests, and hpm leaves that alone"),
    "virt-launcher": ("a guest of KubeVirt, with a libvirt of its own in its container",
                      "hpm does not see it and leaves it alone"),
    "pvedaemon": ("Proxmox VE, which starts guests without libvirt", "hpm does not see them and leaves them alone"),
}  # fmt: skip


def neighbour_findings(root: Path) -> Iterator[Finding]:
    """Each of them that runs here."""
    found = Rivals(root, time.monotonic_ns, NEIGHBOURS).look()
    for name in dict.fromkeys(rival.name for rival in found):
        what, left = NEIGHBOURS[name]
        pids = ", ".join(str(rival.pid) for rival in found if rival.name == name)
        yield Finding("note", f"{what}, runs here (process {pids})", left)
    if not found:
        yield Finding("good", f"none of {', '.join(NEIGHBOURS)} runs here")
