"""What changes seldom of real guests: with an agent and without, and of a QEMU that does not answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hpm.backend.extras import Sections
from hpm.wire.times import moment_of
from tests.lab import Guest, Lab
from tests.lab.errors import wait_until

pytest.importorskip("libvirt", reason="Python's libvirt module is not installed")

from hpm.backend.libvirt_host import LibvirtHypervisor

pytestmark = pytest.mark.lab

DISPLAY = "<graphics type='vnc' autoport='yes' listen='127.0.0.1'/>"
NETWORK = "<interface type='ethernet'><mac address='52:54:00:00:48:50'/><model type='virtio'/></interface>"


@pytest.fixture
def host(lab: Lab) -> Iterator[LibvirtHypervisor]:
    hypervisor = LibvirtHypervisor("qemu:///system")
    hypervisor.set_interval(0.5)
    hypervisor.set_devices_interval(1.0)
    yield hypervisor
    hypervisor.close()


def sections(host: LibvirtHypervisor, guest: Guest) -> Sections:
    """What is known of a guest now."""
    return host.extras().sections[guest.uuid]


def known(host: LibvirtHypervisor, guest: Guest, agent: bool = False) -> Sections:
    """What is known of a guest when all that can be sampled was sampled."""

    def sampled() -> Sections | None:
        found = host.extras().sections.get(guest.uuid)
        if found is None or found.devices_sampled is None or found.status.monitor_response is None:
            return None
        return None if agent and found.guest_details_sampled is None else found

    return wait_until(sampled, 15, f"sections of {guest.name}")


def seconds_old(host: LibvirtHypervisor, guest: Guest) -> float:
    """How old the balloon's figures of a guest are."""
    taken = host.extras().balloon.taken(guest.uuid)
    assert taken is not None
    return (time.monotonic_ns() - taken) / 1e9


def test_a_guest_with_an_agent(lab: Lab, host: LibvirtHypervisor) -> None:
    begun = time.time()
    words = "lab_user=ann lab_address=192.0.2.10 lab_clock=7200"
    guest = lab.linux("det-agent", load="idle", agent=True, memory_mib=128, words=words, devices=DISPLAY + NETWORK)
    try:
        found = known(host, guest, agent=True)
        assert (found.status.monitor_response, found.status.pause_code) == (0, None)
        assert (found.status.username, found.status.session) == ("ann", "logged-on")
        assert found.status.guest_ips == ("192.0.2.10",)
        assert found.status.time_offset == pytest.approx(7200, abs=5)
        machine = found.configuration
        assert (machine.vm_type, machine.kvm_enable, machine.acpi_enable) == ("qemu", False, True)
        assert (machine.pid, machine.vcpus, machine.memory) == (guest.pid, 1, 128)
        assert machine.started is not None
        started = moment_of(machine.started).timestamp()
        assert begun - 1 <= started <= time.time()
        assert (machine.display_type, machine.display_ip) == ("vnc", "127.0.0.1")
        assert machine.display_port is not None
        devices = found.devices
        assert devices.memory_stats is not None and devices.balloon_info is not None and devices.network
        assert devices.balloon_info.current_bytes == 128 << 20
        assert devices.memory_stats.resident_bytes is not None and devices.memory_stats.resident_bytes > 64 << 20
        assert (devices.network[0].mac, devices.network[0].model) == ("52:54:00:00:48:50", "virtio")
        assert devices.network[0].name and devices.network[0].rx_bytes is not None
        assert devices.disks_usage == ()    # all that it has is in memory
        table = host.extras().devices
        wait_until(lambda: host.extras().devices.value(guest.uuid, "rx_bytes_per_second") is not None, 10, "a rate")
        assert table.value(guest.uuid, "rx_packets") is not None and table.value(guest.uuid, "read_bytes") is None
        assert found.guest_details.net_ifaces is not None
        assert [one.inet for one in found.guest_details.net_ifaces if one.name == "lo"] == [
            ("127.0.0.1", "192.0.2.10")
        ]
        with closing(socket.create_connection(("127.0.0.1", machine.display_port))):
            wait_until(lambda: sections(host, guest).status.client_ip == "127.0.0.1", 5, "the client is seen")
        wait_until(lambda: sections(host, guest).status.client_ip is None, 5, "it is seen to leave")
    finally:
        guest.destroy()
    wait_until(lambda: guest.uuid not in host.extras().sections, 5, "its end is seen")
    assert guest.uuid not in host.extras().devices.uuids


def test_a_guest_without_an_agent(lab: Lab, host: LibvirtHypervisor) -> None:
    guest = lab.tiny("det-plain", load="halt")
    try:
        found = known(host, guest)
        assert (found.status.session, found.status.guest_ips, found.guest_details.net_ifaces) == (None, None, None)
        assert found.guest_details_sampled is None
        assert found.devices.disks is not None and found.devices.disks_usage is None
        (disk,) = found.devices.disks
        assert (disk.name, disk.capacity_bytes) == ("hda", 512)
        assert found.configuration.boot == ("hd",)

        def at_rest() -> Sections | None:
            now = sections(host, guest)
            return now if now.devices.disks and now.devices.disks[0].read_bytes_per_second == 0 else None

        later = wait_until(at_rest, 10, "a sample of devices after it has booted")
        assert later.devices.disks and later.devices.disks[0].read_bytes == 512    # its boot sector
        devices = host.extras().devices
        assert devices.value(guest.uuid, "read_bytes") == 512 and devices.value(guest.uuid, "rx_bytes") is None

        def figure(name: str) -> float | None:
            return host.extras().devices.value(guest.uuid, name)

        wait_until(lambda: figure("read_bytes_per_second") == 0, 5, "its rate is shown")
        seconds, sampled = figure("seconds"), figure("sampled")
        assert seconds == pytest.approx(1, abs=0.9) and sampled is not None and abs(time.time() - sampled) < 5
        assert (later.configuration is found.configuration, later.status is found.status) == (True, True)
        table = host.extras().processes
        user, resident = (table.value(guest.uuid, name) for name in ("user_seconds", "resident_bytes"))
        assert user is not None and user > 0 and resident is not None and resident > 16 << 20
    finally:
        guest.destroy()


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """An image of 8 MiB on a file system of 1 MiB."""
    if place.is_mount():    # of a run that was killed
        subprocess.run(["umount", str(place)], check=True)
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "hpmlab", str(place)], check=True)
    try:
        image = place / "disk.img"
        with image.open("wb") as file:
            file.truncate(8 << 20)
        yield image
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


def test_a_guest_that_is_paused_because_its_disk_is_full(lab: Lab, host: LibvirtHypervisor) -> None:
    with small_disk(Path("/run/hpm-lab/full")) as image:
        disk = f"<disk type='file' device='disk'><source file='{image}'/><target dev='vda' bus='virtio'/></disk>"
        guest = lab.linux("det-full", load="idle", agent=True, memory_mib=128, words="lab_fill=/dev/vda", devices=disk)
        try:
            wait_until(
                lambda: (now := host.extras().sections.get(guest.uuid)) and now.status.pause_code == "ENOSPC", 15,
                "the full disk is seen",
            )  # fmt: skip
        finally:
            guest.destroy()


def test_one_guest_that_hangs_leaves_all_others_fresh(lab: Lab, host: LibvirtHypervisor) -> None:
    guests = [lab.linux(f"det-hang{n}", load="idle", memory_mib=96) for n in range(3)]
    stopped, *others = guests
    try:
        for guest in guests:
            known(host, guest)
        os.kill(stopped.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 6
        oldest = 0.0
        while time.monotonic() < deadline:    # time in which others must be fresh, not a wait for a state
            oldest = max(oldest, *(seconds_old(host, guest) for guest in others))
            time.sleep(0.1)
        assert oldest < 4    # the first call that hangs is given up after 2 s, and is the only one
        wait_until(lambda: sections(host, stopped).status.monitor_response == -1, 15, "it is found not to answer")
        before, taken = sections(host, stopped), host.extras().balloon.taken(stopped.uuid)
        assert seconds_old(host, stopped) > 5
        wait_until(lambda: all(seconds_old(host, guest) < 1 for guest in others), 5, "the others are fresh")
        assert host.extras().balloon.taken(stopped.uuid) == taken
        assert sections(host, stopped) == before
        processes = host.extras().processes.taken(stopped.uuid)    # the kernel answers for it
        assert processes is not None and (time.monotonic_ns() - processes) / 1e9 < 2
        for guest in others:
            assert sections(host, guest).status.monitor_response == 0
            sampled, hung = sections(host, guest).devices_sampled, before.devices_sampled
            assert sampled is not None and hung is not None and sampled > hung
        os.kill(stopped.pid, signal.SIGCONT)
        wait_until(lambda: sections(host, stopped).status.monitor_response == 0, 15, "it answers again")
        wait_until(lambda: seconds_old(host, stopped) < 2, 5, "its figures are fresh")
    finally:
        for guest in guests:
            os.kill(guest.pid, signal.SIGCONT)
            guest.destroy()
