"""What of a guest policy can only be had by a new start: a domain's XML as it is to be started, or lastingly defined.

Elements are those of https://libvirt.org/formatdomain.html: memoryBacking, cputune, blkiotune, memtune, iotune.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from ..engine.samples import IO_LIMITS
from ..policy.guest_policies import GuestPolicy
from .domain_xml import memory_limit
from .xml_values import reading

#: Prefixes that libvirt itself writes; ElementTree would call them ns0 and so on, which means the same.
_PREFIXES = {
    "qemu": "http://libvirt.org/schemas/domain/qemu/1.0",
    "libosinfo": "http://libosinfo.org/xmlns/libvirt/domain/1.0",
}


def at_start(xml: str, policy: GuestPolicy) -> str:
    """The XML of a domain as hpm is to start it: with what backs its memory, and whether equal pages are merged. What
    the policy does not say stays as the definition has it. Gives the same text where that changes nothing. Raises
    `HypervisorError`."""
    if policy.huge_pages is None and policy.page_sharing is None:
        return xml
    with reading():
        root = _parsed(xml)
        return _text(root) if _back_memory(root, policy) else xml


def defined(xml: str, policy: GuestPolicy, pins: Sequence[str]) -> str:
    """The XML of a domain with all of a policy that a definition can have: so it holds without hpm too, from the next
    start on. `pins` are the CPUs that its placement comes to, for each vCPU; none: it says nothing. Raises
    `HypervisorError`."""
    with reading():
        root = _parsed(xml)
        _define(root, policy, pins)
        return _text(root)


def _define(root: ElementTree.Element, policy: GuestPolicy, pins: Sequence[str]) -> None:
    _back_memory(root, policy)
    if policy.placement is not None:
        _pin(root, pins)
    if policy.emulator_cpus is not None:
        _one(_one(root, "cputune"), "emulatorpin").set("cpuset", policy.emulator_cpus)
    if policy.cpu_weight is not None:
        _one(_one(root, "cputune"), "shares").text = str(policy.cpu_weight)
    if policy.cpu_cap is not None:
        tune = _one(root, "cputune")
        _one(tune, "global_period").text = "100000"
        _one(tune, "global_quota").text = str(max(1000, round(policy.cpu_cap * 100000)))
    if policy.blkio_weight is not None:
        _one(_one(root, "blkiotune"), "weight").text = str(policy.blkio_weight)
    if policy.memory_swap_limit_mib is not None:
        tune, limit, own = _one(root, "memtune"), policy.memory_swap_limit_mib * 1024, memory_limit(root, "hard_limit")
        # A lower limit of memory alone, of its own, stays.
        for name, kib in (("hard_limit", limit if own is None else min(own, limit)), ("swap_hard_limit", limit)):
            found = _one(tune, name)
            found.text = str(kib)
            found.set("unit", "KiB")
    if policy.disk_limits is not None:
        _limit_disks(root, policy)


def _back_memory(root: ElementTree.Element, policy: GuestPolicy) -> bool:
    """Give it the memory that a policy says; gives whether that is another one."""
    wanted: Mapping[str, bool | None] = {
        "hugepages": None if policy.huge_pages is None else policy.huge_pages == "hugetlbfs",
        "nosharepages": None if policy.page_sharing is None else not policy.page_sharing,
    }
    changed = False
    for name, there in wanted.items():
        found = root.find(f"memoryBacking/{name}")
        if there is None or there is (found is not None):
            continue
        changed = True
        if there:
            ElementTree.SubElement(_one(root, "memoryBacking"), name)
        else:
            backing = root.find("memoryBacking")
            assert backing is not None and found is not None
            backing.remove(found)
    return changed


def _pin(root: ElementTree.Element, pins: Sequence[str]) -> None:
    tune = _one(root, "cputune")
    for old in tune.findall("vcpupin"):
        tune.remove(old)
    vcpu = root.find("vcpu")
    if vcpu is not None:
        vcpu.attrib.pop("cpuset", None)    # which would hold for vCPUs without a pin of their own
    for number, pin in enumerate(pins):
        if pin:
            tune.append(ElementTree.Element("vcpupin", {"vcpu": str(number), "cpuset": pin}))


def _limit_disks(root: ElementTree.Element, policy: GuestPolicy) -> None:
    said = policy.disk_limits or {}
    for disk in root.iterfind("devices/disk"):
        target = disk.find("target")
        limits = said.get("" if target is None else target.get("dev", ""), said.get("*"))
        if limits is None:
            continue
        for old in disk.findall("iotune"):
            disk.remove(old)
        values = {name: getattr(limits, name) for name in IO_LIMITS if getattr(limits, name)}
        if values:
            tune = ElementTree.SubElement(disk, "iotune")
            for name, value in values.items():
                ElementTree.SubElement(tune, name).text = str(value)


def _one(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    """The child of that name, made if it is not there."""
    found = parent.find(name)
    return ElementTree.SubElement(parent, name) if found is None else found


def _parsed(xml: str) -> ElementTree.Element:
    for prefix, uri in _PREFIXES.items():
        ElementTree.register_namespace(prefix, uri)
    return ElementTree.fromstring(xml)


def _text(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")
