"""Sections from what is heard of a guest: its XML, its agent, libvirt's statistics and events."""

from __future__ import annotations

import math
import time
from typing import Any

import msgspec
import pytest

from hpm.backend.agent_answers import AgentAnswer, filesystems, interfaces, users
from hpm.backend.device_answers import device_answer
from hpm.backend.device_figures import device_row
from hpm.backend.domain_devices import DiskXml, InterfaceXml
from hpm.backend.domain_xml import DomainXml, parse
from hpm.backend.extras import DEVICES
from hpm.backend.section_book import Heard, SectionBook
from hpm.backend.starts import Process, Starts
from hpm.backend.turns import Turns
from hpm.wire.sections import Disk, DiskUsage

XML = """<domain type='kvm' id='7'><name>db1</name><memory unit='MiB'>2048</memory><vcpu current='2'>4</vcpu>
<os><type>hvm</type><boot dev='hd'/><boot dev='network'/></os><features><acpi/></features>
<clock offset='variable' adjustment='-3600' basis='utc'/><memtune><min_guarantee unit='GiB'>1</min_guarantee></memtune>
<devices>
<disk type='file' device='disk'><source file='/images/db1.qcow2'/><target dev='vda' bus='virtio'/></disk>
<disk type='block' device='disk'><source dev='/dev/vg/data'/><target dev='vdb' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda'/></disk>
<disk type='file' device='cdrom'><source file='/iso/debian.iso'/><target dev='sdb'/></disk>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><target dev='vnet3'/><model type='virtio'/></interface>
<interface type='user'><mac address='52:54:00:00:00:02'/></interface>
<graphics type='spice' port='5901' tlsPort='-1'><listen type='address' address='127.0.0.1'/></graphics>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
<memballoon model='virtio'/></devices></domain>"""


def machine(**changed: str) -> DomainXml:
    """The domain above, with some of its text changed."""
    text = XML
    for part, new in changed.items():
        assert PARTS[part] in text
        text = text.replace(PARTS[part], new)
    return parse(text, 8)


PARTS = {
    "clock": "<clock offset='variable' adjustment='-3600' basis='utc'/>",
    "disk": "<disk type='file' device='disk'><source file='/images/db1.qcow2'/><target dev='vda' bus='virtio'/></disk>",
    "boot": "<boot dev='hd'/><boot dev='network'/>",
    "graphics": "<graphics type='spice' port='5901' tlsPort='-1'>"
                "<listen type='address' address='127.0.0.1'/></graphics>",
}  # fmt: skip


def heard(xml: DomainXml | None = None, run: object = 7, **fields: Any) -> Heard:
    """A guest that runs."""
    xml = xml or machine()
    status = fields.pop("status", "running")
    return Heard(xml.info("u", status, {}), xml, run, 1.0, **fields)


def book(first: Heard) -> SectionBook:
    made = SectionBook()
    made.defined({"u": first})
    return made


def test_the_machine_is_as_its_xml_says() -> None:
    found = machine().hardware
    assert found.disks == (
        DiskXml("vda", "/images/db1.qcow2", "disk"), DiskXml("vdb", "/dev/vg/data", "disk"),
        DiskXml("sda", None, "cdrom"), DiskXml("sdb", "/iso/debian.iso", "cdrom"),
    )  # fmt: skip
    assert found.interfaces == (
        InterfaceXml("vnet3", "52:54:00:00:00:01", "virtio"), InterfaceXml(None, "52:54:00:00:00:02", None)
    )
    assert (found.minimum_bytes, found.has_balloon) == (1 << 30, True)
    configuration = book(heard(process=Process("7", 99, "2030-01-01T00:00:00.000Z"))).sections()["u"].configuration
    assert msgspec.to_builtins(configuration) == {
        "acpi-enable": True, "display-port": 5901, "display-secure-port": None, "display-type": "spice",
        "display-ip": "127.0.0.1", "pid": 99, "started": "2030-01-01T00:00:00.000Z", "vm-type": "kvm",
        "kvm-enable": True, "vcpus": 2, "memory": 2048, "cdrom": "/iso/debian.iso", "boot": ("hd", "network"),
    }  # fmt: skip


def test_a_machine_without_display_and_with_an_order_of_its_own() -> None:
    ordered = PARTS["disk"].replace("</disk>", "<boot order='2'/></disk>")
    xml = machine(graphics="<interface type='user'><boot order='1'/></interface>", disk=ordered, boot="")
    configuration = book(heard(xml)).sections()["u"].configuration
    assert (configuration.display_type, configuration.display_port) == (None, None)
    assert configuration.boot == ("interface", "vda")


@pytest.mark.parametrize(("clock", "offset"), [
    ("<clock offset='utc'/>", 0),
    ("", 0),
    ("<clock offset='variable' adjustment='120' basis='utc'/>", 120),
    ("<clock offset='localtime'/>", time.localtime().tm_gmtoff),
    ("<clock offset='variable' adjustment='5' basis='localtime'/>", time.localtime().tm_gmtoff + 5),
    ("<clock offset='timezone' timezone='Asia/Kolkata'/>", 19800),
    ("<clock offset='timezone' timezone='Nowhere/Nothing'/>", None),
    ("<clock offset='absolute' start='1000'/>", None),
])  # fmt: skip
def test_the_clock_as_it_is_defined(clock: str, offset: int | None) -> None:
    assert book(heard(machine(clock=clock))).sections()["u"].status.time_offset == offset


def test_a_clock_that_the_guest_sets_counts_until_it_starts_anew() -> None:
    told = book(heard())
    told.hear("u", rtc_offset=42)
    assert told.sections()["u"].status.time_offset == 42
    told.defined({"u": heard(run=8)})
    assert told.sections()["u"].status.time_offset == -3600


@pytest.mark.parametrize(("reason", "code"), [("enospc", "ENOSPC"), ("eio", "EIO"), ("eperm", "EPERM"), ("", "EOTHER")])
def test_why_it_is_paused(reason: str, code: str) -> None:
    told = book(heard())
    assert told.sections()["u"].status.pause_code is None
    told.hear("u", io_reason=reason)
    told.defined({"u": heard(status="paused", io_error=True)})
    assert told.sections()["u"].status.pause_code == code
    told.defined({"u": heard()})
    assert told.sections()["u"].status.pause_code is None
    told.defined({"u": heard(status="paused")})
    assert told.sections()["u"].status.pause_code == "NOERR"


ANSWER = {
    "user.count": 3, "user.0.name": "root", "user.1.name": "ann", "user.2.name": "root",
    "fs.count": 2, "fs.0.mountpoint": "/var", "fs.0.fstype": "xfs", "fs.0.total-bytes": 100, "fs.0.used-bytes": 60,
    "fs.1.mountpoint": "/", "fs.1.fstype": "ext4",
    "if.count": 2, "if.0.name": "lo", "if.0.hwaddr": "00:00:00:00:00:00", "if.0.addr.count": 1,
    "if.0.addr.0.type": "ipv4", "if.0.addr.0.addr": "127.0.0.1", "if.1.name": "eth0",
    "if.1.hwaddr": "52:54:00:00:00:01", "if.1.addr.count": 3,
    "if.1.addr.0.type": "ipv4", "if.1.addr.0.addr": "192.0.2.9",
    "if.1.addr.1.type": "ipv6", "if.1.addr.1.addr": "fe80::1",
    "if.1.addr.2.type": "ipv6", "if.1.addr.2.addr": "2001:db8::9",
}  # fmt: skip


def test_what_an_agent_says() -> None:
    told = book(heard(leases=("192.0.2.77",)))
    nothing = told.sections()["u"]
    assert (nothing.status.session, nothing.status.guest_ips) == (None, ("192.0.2.77",))
    answer = AgentAnswer(users(ANSWER), filesystems(ANSWER), interfaces(ANSWER))
    told.hear("u", 7, agent=answer, agent_sampled=5.0)
    found = told.sections()["u"]
    assert (found.status.username, found.status.session) == ("ann, root", "logged-on")
    assert found.status.guest_ips == ("192.0.2.9", "2001:db8::9")
    assert found.devices.disks_usage == (DiskUsage("/", "ext4", None, None), DiskUsage("/var", "xfs", 100, 60))
    assert found.guest_details.net_ifaces is not None
    eth0 = found.guest_details.net_ifaces[1]
    assert (eth0.name, eth0.mac, eth0.inet) == ("eth0", "52:54:00:00:00:01", ("192.0.2.9",))
    assert (found.guest_details.apps_list, found.guest_details_sampled) == (None, 5.0)
    told.hear("u", 7, agent=AgentAnswer((), (), ()), agent_sampled=6.0)
    assert told.sections()["u"].status.session == "logged-off"
    told.hear("u", 6, agent=answer)    # of a start that is over
    assert told.sections()["u"].status.session == "logged-off"


def statistics(read: int, sent: int) -> dict[str, Any]:
    return {
        "balloon.current": 1048576, "balloon.maximum": 2097152, "balloon.rss": 900, "balloon.unused": 500,
        "balloon.major_fault": 3, "block.count": 2,
        "block.0.name": "vda", "block.0.rd.bytes": read, "block.0.wr.bytes": 10, "block.0.rd.reqs": 4,
        "block.0.rd.times": 1_500_000_000, "block.0.capacity": 4096, "block.0.allocation": 512,
        "net.count": 1, "net.0.name": "vnet3", "net.0.rx.bytes": 7, "net.0.tx.bytes": sent, "net.0.rx.drop": 2,
        "net.0.tx.pkts": 3,
    }  # fmt: skip


def test_what_its_devices_have_done() -> None:
    hardware = machine().hardware
    first = device_answer(statistics(1000, 50), hardware, None, 0, 100.0)
    second = device_answer(statistics(6000, 250), hardware, first, 10_000_000_000, 110.0)
    told = book(heard())
    told.hear("u", 7, devices=second)
    found = told.sections()["u"].devices
    assert found.balloon_info is not None and found.memory_stats is not None and found.disks and found.network
    assert (found.balloon_info.current_bytes, found.balloon_info.maximum_bytes) == (1 << 30, 2 << 30)
    assert (found.balloon_info.minimum_bytes, found.balloon_info.target_bytes) == (1 << 30, None)
    assert (found.memory_stats.unused_bytes, found.memory_stats.swap_in_bytes) == (512000, None)
    vda, vdb, *_ = found.disks
    assert (vda.read_bytes, vda.read_bytes_per_second, vda.written_bytes_per_second) == (6000, 500.0, 0.0)
    assert (vda.read_seconds, vda.capacity_bytes, vda.allocation_bytes) == (1.5, 4096, 512)
    assert (vdb.name, vdb.read_bytes) == ("vdb", None)
    bridge, user = found.network
    assert (bridge.tx_bytes_per_second, bridge.rx_dropped, user.tx_bytes) == (20.0, 2, None)
    assert (bridge.tx_packets, bridge.rx_packets) == (3, None)
    assert told.sections()["u"].devices_sampled == 110.0
    again = device_answer(statistics(1, 1), hardware, second, 20_000_000_000, 120.0)
    assert again.disks[0].read_bytes_per_second is None    # a counter that went back counts anew


DISK = {
    "source": None, "flush_requests": 0, "read_bytes_per_second": None, "written_bytes_per_second": None,
    "read_seconds": None, "write_seconds": None, "flush_seconds": None, "capacity_bytes": None,
    "allocation_bytes": None,
}  # fmt: skip


def disk(name: str, read: int | None, requests: int = 0) -> Disk:
    return Disk(name=name, read_bytes=read, written_bytes=0, read_requests=requests, write_requests=0, **DISK)


def figures(now: list[Disk], before: list[Disk] | None, seconds: float | None) -> dict[str, float]:
    row = device_row((now, ()), None if before is None else (before, ()), seconds, 50.0)
    return dict(zip(DEVICES, row, strict=True))


def test_rates_of_a_server_are_those_of_the_devices_that_it_had_before() -> None:
    first = figures([disk("vda", 1000), disk("vdb", 10), disk("sda", None)], None, None)
    assert first["read_bytes"] == 1010 and math.isnan(first["read_bytes_per_second"]) and math.isnan(first["seconds"])
    assert math.isnan(first["rx_bytes"])    # it has no interface
    later = figures([disk("vda", 3000, 4), disk("vdb", 10)], [disk("vda", 1000), disk("vdb", 10)], 10.0)
    assert (later["read_bytes"], later["read_bytes_per_second"], later["read_requests_per_second"]) == (3010, 200, 0.4)
    assert (later["sampled"], later["seconds"]) == (50.0, 10.0)
    plugged = figures([disk("vda", 3000), disk("vdc", 10**9)], [disk("vda", 2000), disk("vdb", 7)], 10.0)
    assert plugged["read_bytes_per_second"] == 100
    assert math.isnan(figures([disk("vdc", 5)], [disk("vda", 2)], 10.0)["read_bytes_per_second"])
    anew = figures([disk("vda", 5), disk("vdb", 900)], [disk("vda", 1000), disk("vdb", 100)], 10.0)
    assert anew["read_bytes"] == 905 and math.isnan(anew["read_bytes_per_second"])


def test_sections_are_the_same_objects_until_something_changes() -> None:
    told = book(heard())
    first = told.sections()
    told.hear("u", 7, response=None)
    assert told.sections() is first
    told.defined({"u": msgspec.structs.replace(heard(), read=9.0)})
    later = told.sections()
    assert later is not first and later["u"].configuration_sampled == 9.0
    assert later["u"].configuration is first["u"].configuration and later["u"].status is first["u"].status
    told.hear("u", 7, response=-1)
    assert told.sections()["u"].status is not first["u"].status
    assert told.sections()["u"].devices is first["u"].devices
    told.defined({"u": heard(run=None)})
    assert told.sections()["u"].status.monitor_response is None
    told.defined({})
    assert told.sections() == {}
    told.hear("u", 7, response=0)    # of a server that is gone
    assert told.sections() == {}


def test_a_start_stays_at_its_time_whatever_happens_to_the_clock() -> None:
    clock = [1_900_000_000.4, 1000.0]
    starts = Starts(lambda: clock[0], lambda: clock[1])
    starts.adopt("u", "boot-99-77", 99, 700.2)
    first = starts.of("u")
    assert first is not None and (first.pid, first.started) == (99, "2030-03-17T17:41:41.000Z")
    clock[:] = [1_900_000_061.0, 1060.0]    # adjusted by half a second
    starts.adopt("u", "boot-99-77", 99, 700.2)
    assert starts.of("u") == first
    starts.adopt("u", "boot-101-80", 101, 1050.0)
    later = starts.of("u")
    assert later is not None and (later.pid, later.started) == (101, "2030-03-17T17:47:31.000Z")
    starts.keep(())
    assert starts.of("u") is None


def test_whose_turn_it_is() -> None:
    turns = Turns()
    assert turns.due({"a": 1, "b": 2}, 0, 10) == ["a", "b"]
    turns.asked("a", 1, 0)
    assert turns.due({"a": 1, "b": 2}, 4_000_000_000, 10) == ["b"]
    assert turns.due({"a": 3}, 4_000_000_000, 10) == ["a"]
    turns.asked("a", 3, 4_000_000_000)
    assert turns.due({"a": 3}, 10_000_000_000, 10) == ["a"]
    turns.asked("a", 3, 10_000_000_000)
    turns.again("a")
    assert turns.due({"a": 3}, 10_000_000_000, 10) == ["a"]
