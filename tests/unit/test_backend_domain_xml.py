"""What a domain's XML tells of a guest."""

from __future__ import annotations

import pytest

from hpm.backend.domain_xml import DomainXml, parse, with_partition


def domain(inside: str = "", vcpu: str = "<vcpu>2</vcpu>") -> DomainXml:
    memory = "<memory unit='KiB'>2097152</memory>"
    return parse(f"<domain type='kvm' id='3'><name>db1</name>{memory}{vcpu}{inside}</domain>", 4)


def test_name_and_size() -> None:
    found = domain()
    assert (found.name, found.vcpus, found.memory_mib, found.constraint) == ("db1", 2, 2048, None)
    assert found.facts == {"virtual-server-name": "db1"}


def test_plugged_vcpus_count() -> None:
    assert domain(vcpu="<vcpu placement='static' current='3'>8</vcpu>").vcpus == 3


@pytest.mark.parametrize(
    ("unit", "text", "mib"), [("GiB", "3", 3072), ("M", "512", 512), ("b", "1073741824", 1024), ("k", "1048576", 1024)]
)
def test_memory_in_any_unit(unit: str, text: str, mib: int) -> None:
    assert parse(f"<domain><name>x</name><memory unit='{unit}'>{text}</memory></domain>", 4).memory_mib == mib


def test_every_unit_that_libvirt_documents_is_understood() -> None:
    for unit in ("KB", "MB", "GB", "T", "TiB", "TB"):
        assert parse(f"<domain><name>x</name><memory unit='{unit}'>5000000</memory></domain>", 4).memory_mib > 0


def test_title_and_metadata() -> None:
    found = domain(
        "<title>Order &amp; invoice «database»</title><metadata xmlns:a='urn:a'>"
        "<a:app a:stage='production'><a:owner> Ada </a:owner><a:empty/></a:app></metadata>"
    )
    assert found.facts["title"] == "Order & invoice «database»"
    assert set(found.facts["metadata"]) == {"app@stage=production", "owner=Ada"}


@pytest.mark.parametrize(
    ("id_", "facts"),
    [
        ("http://debian.org/debian/12", {"os-type": "linux", "os-name": "debian", "os-level": "12"}),
        ("http://redhat.com/rhel/9.4", {"os-type": "linux", "os-name": "rhel", "os-level": "9.4"}),
        ("http://microsoft.com/win/11", {"os-type": "windows", "os-name": "win", "os-level": "11"}),
        ("http://freebsd.org/freebsd/14.0", {"os-type": "bsd", "os-name": "freebsd", "os-level": "14.0"}),
        ("http://archlinux.org/archlinux/rolling", {"os-type": "linux", "os-name": "archlinux", "os-level": "rolling"}),
        ("http://debian.org", {}),
        ("", {}),
    ],
)
def test_the_operating_system_that_was_installed(id_: str, facts: dict[str, str]) -> None:
    found = domain(
        "<metadata><l:libosinfo xmlns:l='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
        f"<l:os id='{id_}'/></l:libosinfo></metadata>"
    )
    assert {key: value for key, value in found.facts.items() if key.startswith("os-")} == facts


@pytest.mark.parametrize(
    ("inside", "constraint"),
    [
        ("<cputune><shares>333</shares></cputune>", None),
        ("<cputune><vcpupin vcpu='0' cpuset='0-3'/></cputune>", None),
        ("<cputune><vcpupin vcpu='0' cpuset='0-3,^2'/></cputune>", None),
        ("<cputune><vcpupin vcpu='0' cpuset='0-3'/><vcpupin vcpu='1' cpuset='2'/></cputune>", None),
        ("<cputune><emulatorpin cpuset='1'/></cputune>", None),
        ("<cputune><period>100000</period><quota>-1</quota></cputune>", None),
        ("<cputune><period>100000</period><quota>-2</quota></cputune>", None),
        ("<cputune><quota>0</quota></cputune>", None),
        ("<cputune><quota>50000</quota></cputune>", "own-quota"),
        ("<cputune><global_period>100000</global_period><global_quota>50000</global_quota></cputune>", None),
        ("<cputune><emulator_quota>50000</emulator_quota></cputune>", None),
        ("<cputune><vcpusched vcpus='0-1' scheduler='fifo' priority='1'/></cputune>", "real-time"),
        ("<cputune><vcpusched vcpus='0' scheduler='rr' priority='1'/><quota>5000</quota></cputune>", "real-time"),
        ("<cputune><vcpusched vcpus='0-1' scheduler='batch'/></cputune>", None),
    ],
)
def test_what_keeps_its_cpu_from_being_planned(inside: str, constraint: str | None) -> None:
    assert domain(inside).constraint == constraint


def test_a_guest_confined_to_some_cpus_is_pinned() -> None:
    assert domain(vcpu="<vcpu cpuset='1-2'>2</vcpu>").tuning.vcpu_pins == ("1-2", "1-2")
    assert domain(vcpu="<vcpu cpuset='0-3'>2</vcpu>").tuning.vcpu_pins == ()


def test_the_agent_counts_only_when_it_is_connected() -> None:
    channel = "<devices><channel><target type='virtio' name='org.qemu.guest_agent.0'{}/></channel></devices>"
    assert not domain(channel.format("")).has_agent
    assert not domain(channel.format(" state='disconnected'")).has_agent
    assert domain(channel.format(" state='connected'")).has_agent


def test_what_the_xml_says_ranks_above_what_was_found() -> None:
    found = domain("<title>t</title>").info("uuid-1", "running", {"title": "other", "hostname": "h1"})
    assert found.facts == {
        "title": "t", "hostname": "h1", "virtual-server-name": "db1", "virtual-server-uuid": "uuid-1",
    }  # fmt: skip
    assert (found.uuid, found.status, found.vcpus) == ("uuid-1", "running", 2)


@pytest.mark.parametrize(("tune", "vcpu", "pins", "emulator"), [
    ("", "<vcpu>2</vcpu>", (), ""),
    ("<vcpupin vcpu='0' cpuset='1-2'/>", "<vcpu>2</vcpu>", ("1-2",), ""),
    ("<vcpupin vcpu='1' cpuset='0,^0,3'/><emulatorpin cpuset='2'/>", "<vcpu>2</vcpu>", ("", "3"), "2"),
    ("<vcpupin vcpu='1' cpuset='0-3'/>", "<vcpu cpuset='1-3'>2</vcpu>", ("1-3",), "1-3"),
])  # fmt: skip
def test_pinnings_of_vcpus_and_of_the_emulator(tune: str, vcpu: str, pins: tuple[str, ...], emulator: str) -> None:
    tuning = domain(f"<cputune>{tune}</cputune>", vcpu).tuning
    assert (tuning.vcpu_pins, tuning.emulator_pin) == (pins, emulator)


def test_a_partition_is_put_into_a_definition_and_taken_out_again() -> None:
    note = '<ovirt:note xmlns:ovirt="http://ovirt.org/vm/1.0">a &amp; b</ovirt:note>'
    plain = f"<domain type='kvm'><name>db</name><metadata>{note}</metadata><vcpu>2</vcpu></domain>"
    there = with_partition(plain, "/machine/gold")
    assert parse(there, 4).partition == "/machine/gold"
    assert "<ovirt:note>a &amp; b</ovirt:note>" in there    # what others wrote keeps its prefix
    assert 'xmlns:ovirt="http://ovirt.org/vm/1.0"' in there
    assert parse(with_partition(there, "/machine/gold/db"), 4).partition == "/machine/gold/db"
    gone = with_partition(there, None)
    assert parse(gone, 4).partition is None
    assert "resource" not in gone
    resource = "<resource><fibrechannel appid='a'/><partition>/machine/x</partition></resource>"
    both = f"<domain><name>x</name>{resource}</domain>"
    assert "<fibrechannel" in with_partition(both, None) and "/machine/x" not in with_partition(both, None)
