"""Guest policies in a domain's XML: for a start by hpm, and for a lasting definition."""

from __future__ import annotations

import pytest

from hpm.backend.domain_xml import parse
from hpm.backend.start_xml import at_start, defined
from hpm.policy.guest_policies import DiskLimits, GuestPolicy, OnCpus

XML = """<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>a</name><memory>1048576</memory>
<vcpu cpuset='3'>2</vcpu><memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>
<metadata><x:y xmlns:x='urn:x'>kept</x:y></metadata>
<devices><disk><target dev='vda'/><iotune><read_iops_sec>7</read_iops_sec></iotune></disk>
<disk><target dev='vdb'/></disk>
</devices><qemu:commandline><qemu:arg value='-x'/></qemu:commandline></domain>"""


def test_what_a_policy_does_not_say_stays_to_the_letter() -> None:
    assert at_start(XML, GuestPolicy(cpu_weight=5)) == XML
    assert at_start(XML, GuestPolicy(huge_pages="hugetlbfs", page_sharing=True)) == XML


@pytest.mark.parametrize("pages", ["none", "transparent"])
def test_memory_is_backed_and_merged_as_said(pages: str) -> None:
    made = at_start(XML, GuestPolicy(huge_pages=pages, page_sharing=False))    # type: ignore[arg-type]
    memory = parse(made, 8).memory
    assert (memory.huge_pages, memory.page_sharing) == (False, False)
    again = parse(at_start(made, GuestPolicy(huge_pages="hugetlbfs", page_sharing=True)), 8).memory
    assert (again.huge_pages, again.page_sharing) == (True, True)
    assert "qemu:commandline" in made and "kept" in made


def test_a_definition_has_all_that_it_can_have() -> None:
    policy = GuestPolicy(
        OnCpus("0-1"), "4", 300, None, 0.5, 200, {"vda": DiskLimits(total_bytes_sec=9), "*": DiskLimits()}, None, 2048,
        "none", False,
    )  # fmt: skip
    made = defined(XML, policy, ("0-1", "0-1"))
    found = parse(made, 8)
    tuning = found.tuning
    assert (tuning.vcpu_pins, tuning.emulator_pin, tuning.blkio_weight) == (("0-1", "0-1"), "4", 200)
    assert (tuning.memory_limit_kib, tuning.swap_limit_kib) == (2 << 20, 2 << 20)
    assert [disk.limits for disk in tuning.disks] == [(9, 0, 0, 0, 0, 0), (0,) * 6]
    assert "<shares>300</shares>" in made and "<global_quota>50000</global_quota>" in made
    assert (found.memory.huge_pages, found.memory.page_sharing) == (False, False)
    assert parse(defined(made, policy, ("0-1", "0-1")), 8) == found    # the same once more


def test_a_lower_limit_of_memory_of_its_own_stays() -> None:
    own = XML.replace("</metadata>", "</metadata><memtune><hard_limit unit='MiB'>1500</hard_limit></memtune>")
    tuning = parse(defined(own, GuestPolicy(memory_swap_limit_mib=2048), ()), 8).tuning
    assert (tuning.memory_limit_kib, tuning.swap_limit_kib) == (1500 << 10, 2 << 20)
