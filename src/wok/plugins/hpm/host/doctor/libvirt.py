"""Whether libvirt can be asked, and what its guests lack for hpm to manage them whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...backend.connect import SYSTEM
from ...backend.domain_xml import parse
from ...errors import HypervisorError
from ...wire.findings import Finding, some

#: Earlier ones have no events of changed metadata, which guest policies are seen by.
OLDEST = (4, 0)


def libvirt_findings(root: Path) -> Iterator[Finding]:
    """Everything about libvirt and its guests."""
    try:
        import libvirt
    except ImportError as error:
        yield Finding(
            "bad", f"Python's libvirt module cannot be used: {error}",
            "install the distribution's python3-libvirt, or 'pip install libvirt-python'",
        )
        return
    daemons = [name for name in ("libvirtd", "virtqemud") if (root / f"run/{name}.pid").exists()]
    if not list((root / "run/libvirt").glob("*-sock")):
        yield Finding(
            "bad", "libvirt does not run here: there is no socket in /run/libvirt",
            "install libvirt and QEMU, and 'systemctl enable --now libvirtd' (or virtqemud.socket)",
        )
        return
    if os.geteuid() != 0:
        yield Finding("note", "you are not root, so libvirt was not looked at", "sudo hpm doctor")
        return
    from ...backend.libvirt_connection import Connection, version_text

    running = libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
    connection = Connection(SYSTEM, lambda _: None, events=())
    try:
        connection.ensure()
        number = connection.call(lambda conn: int(conn.getLibVersion()), "asking libvirt for its version")
        qemu = connection.call(lambda conn: int(conn.getVersion()), "asking libvirt for QEMU's version", 60.0)
        defined = connection.call(
            lambda conn: [one.name() for one in conn.listAllDomains(0)], "listing the guests", 30.0
        )
        yield Finding(
            "good", f"libvirt {version_text(number)} with QEMU {version_text(qemu)} answers at {SYSTEM}"
            + (f" ({', '.join(daemons)})" if daemons else ""), names=tuple(defined),
        )
        if (number // 1000000, number // 1000 % 1000) < OLDEST:
            yield Finding("note", "this libvirt is older than 4.0, with which hpm was never tried", "a newer one")
        guests = connection.call(
            lambda conn: [(one.name(), one.XMLDesc(0)) for one in conn.listAllDomains(running)],
            "reading the guests that run", 30.0,
        )  # fmt: skip
        yield from guest_findings(guests)
    except HypervisorError as error:
        yield Finding(
            "bad", f"libvirt does not answer: {error.message}",
            "look at its log (journalctl -u libvirtd -u virtqemud); a guest's QEMU that hangs can hold it up",
        )
    finally:
        connection.close()


def guest_findings(guests: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """What of guests, by name and definition, hpm cannot manage."""
    if not guests:
        yield Finding("note", "no guest runs: there is nothing to manage yet")
        return
    yield Finding("good", f"{len(guests)} {'guest runs' if len(guests) == 1 else 'guests run'}")
    without: list[str] = []
    pinned: list[str] = []
    quotas: list[str] = []
    real_time: list[str] = []
    unread: list[str] = []
    for name, text in guests:
        try:
            domain = parse(text, os.cpu_count() or 1)
        except HypervisorError:
            unread.append(name)
            continue
        for names, holds in (
            (without, not domain.memory.balloon), (pinned, domain.memory.pinned),
            (quotas, domain.constraint == "own-quota"), (real_time, domain.constraint == "real-time"),
        ):  # fmt: skip
            if holds:
                names.append(name)
    if unread:
        yield Finding(
            "bad", f"the definition of {some(unread)} cannot be read, so hpm leaves it alone",
            "please report it, with 'virsh dumpxml' of it",
        )
    if without:
        yield Finding(
            "note", f"{some(without)}: no memory balloon, so memory is not taken from it or given to it",
            "<memballoon model='virtio'/> in its definition, and the driver virtio_balloon in the guest",
        )
    if pinned:
        yield Finding(
            "note", f"{some(pinned)}: all memory is pinned (an assigned device, or locked or huge pages), so"
            " it is neither taken nor given",
        )
    if real_time:
        yield Finding(
            "note", f"{some(real_time)}: scheduled in real time, before all others; shares do nothing for it,"
            " and hpm leaves it alone",
        )
    if quotas:
        yield Finding(
            "note", f"{some(quotas)}: each of its vCPUs has a quota of its own, so its goal cannot be held",
            "virsh schedinfo --live --config GUEST vcpu_quota=-1; hpm's caps do the same for all of it",
        )
