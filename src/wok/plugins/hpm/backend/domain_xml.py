"""What a domain's XML tells: name, size, facts for classification, constraints on its CPU."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import msgspec

from ..engine.samples import IO_LIMITS, Constraint, DiskTuning, MemoryFacts, ServerInfo, ServerStatus, Tuning
from ..policy.cpu_sets import format_cpus, parse_cpus
from .domain_devices import Hardware, hardware
from .xml_values import LARGEST, MOST_VCPUS, number, quota, reading, said_number, size

_LIBOSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}os"
#: What stands for no limit of memory in libvirt (VIR_DOMAIN_MEMORY_PARAM_UNLIMITED).
UNLIMITED_KIB = 9007199254740991
#: Of a limit in percent, such as oVirt's metadata may say.
MOST_PERCENT = 1000_000
_NOT_LINUX = {"microsoft.com": "windows", "freebsd.org": "bsd", "openbsd.org": "bsd", "netbsd.org": "bsd"}


class DomainXml(msgspec.Struct, frozen=True):
    """The parts of a domain's XML that hpm uses. `facts` by filter type, as `ServerInfo` has them."""

    name: str
    vcpus: int
    memory_mib: int
    facts: dict[str, str | tuple[str, ...]]
    constraint: Constraint | None
    has_agent: bool
    macs: tuple[str, ...]
    hardware: Hardware
    memory: MemoryFacts
    tuning: Tuning
    partition: str | None = None

    def info(self, uuid: str, status: ServerStatus, found: dict[str, str], *, carried: bool = False) -> ServerInfo:
        """Join with the status and with facts found elsewhere, which rank below those in the XML."""
        facts = {**found, **self.facts, "virtual-server-uuid": uuid}
        return ServerInfo(
            uuid, self.name, status, self.vcpus, self.memory_mib, facts, self.constraint, self.memory, self.tuning,
            self.partition, carried,
        )  # fmt: skip


def parse(xml: str, host_cpus: int) -> DomainXml:
    """Read the XML that libvirt gave. `host_cpus`: a pinning to all of them is none. Raises `HypervisorError`."""
    with reading():
        return _parsed(ElementTree.fromstring(xml), host_cpus)


def _parsed(root: ElementTree.Element, host_cpus: int) -> DomainXml:
    name = root.findtext("name", "")
    vcpu = root.find("vcpu")
    memory = root.find("memory")
    facts: dict[str, str | tuple[str, ...]] = {"virtual-server-name": name}
    title = root.findtext("title")
    if title:
        facts["title"] = title
    metadata = root.find("metadata")
    if metadata is not None:
        facts["metadata"] = tuple(_leaves(metadata))
        facts.update(_operating_system(metadata))
    return DomainXml(
        name=name,
        vcpus=1 if vcpu is None else number(vcpu.get("current") or vcpu.text, 1, MOST_VCPUS),
        memory_mib=0 if memory is None else round(size(memory) / 2**20),
        facts=facts,
        constraint=_constraint(root),
        has_agent=any(
            target.get("name") == "org.qemu.guest_agent.0" and target.get("state") == "connected"
            for target in root.iterfind("devices/channel/target")
        ),
        macs=tuple(mac.get("address", "") for mac in root.iterfind("devices/interface/mac")),
        hardware=hardware(root),
        memory=_memory(root),
        tuning=_tuning(root, host_cpus),
        partition=root.findtext("resource/partition"),
    )


def named_partition(xml: str) -> str | None:
    """The partition that a domain's XML names; None: none. Raises `HypervisorError`."""
    with reading():
        return ElementTree.fromstring(xml).findtext("resource/partition")


def with_partition(xml: str, path: str | None) -> str:
    """A domain's XML with its partition (https://libvirt.org/formatdomain.html#resource-partitioning); None: without
    one, so that it stands in the root. Nothing else is changed, but for how the XML is written. Raises
    `HypervisorError`."""
    with reading():
        return _with_partition(xml, path)


def _with_partition(xml: str, path: str | None) -> str:
    for prefix, uri in _namespaces(xml):
        ElementTree.register_namespace(prefix, uri)
    root = ElementTree.fromstring(xml)
    resource = root.find("resource")
    if path is None:
        known = None if resource is None else resource.find("partition")
        if resource is not None and known is not None:
            resource.remove(known)
            if not len(resource):
                root.remove(resource)
    else:
        resource = ElementTree.SubElement(root, "resource") if resource is None else resource
        known = resource.find("partition")
        known = ElementTree.SubElement(resource, "partition") if known is None else known
        known.text = path
    return ElementTree.tostring(root, encoding="unicode")


def _namespaces(xml: str) -> list[tuple[str, str]]:
    """Prefixes that are declared, so that they are written as they were: metadata of others stays readable. A namespace
    without a prefix gets one: ElementTree would declare it for all of the domain."""
    found = ElementTree.iterparse(io.BytesIO(xml.encode()), events=("start-ns",))
    return [(prefix, uri) for _, (prefix, uri) in found if prefix and not re.fullmatch(r"ns\d+", prefix)]


def _tuning(root: ElementTree.Element, host_cpus: int) -> Tuning:
    """Quotas, limits and pinnings that are set, and what oVirt's metadata says that a user may have."""
    period = number(root.findtext("cputune/period"), 100000)
    limit = said_number(_metadata(root, "vcpuLimit"), MOST_PERCENT)
    return Tuning(
        quota(root.findtext("cputune/quota")), period, 100 if limit is None else limit,
        tuple(_disk(disk) for disk in root.iterfind("devices/disk")), *_pins(root, host_cpus),
        number(root.findtext("blkiotune/weight")) or None,
        memory_limit(root, "hard_limit"), memory_limit(root, "swap_hard_limit"),
    )  # fmt: skip


def memory_limit(root: ElementTree.Element, name: str) -> int | None:
    """A limit of memory in KiB; None: there is none. Raises `ValueError`, `KeyError`."""
    found = root.find(f"memtune/{name}")
    if found is None or not found.text:
        return None
    kib = size(found) // 1024
    return kib if kib < UNLIMITED_KIB else None


def _pins(root: ElementTree.Element, host_cpus: int) -> tuple[tuple[str, ...], str]:
    """The CPUs of each vCPU up to the last one that is pinned, and of the emulator. Those of the whole guest hold where
    there are none of their own (https://libvirt.org/formatdomain.html#cpu-allocation)."""
    whole, tune = root.find("vcpu"), root.find("cputune")

    def said(element: ElementTree.Element | None) -> str:
        cpus = _cpus(None if element is None else element.get("cpuset"))
        return format_cpus(cpus) if len(cpus) < host_cpus else ""

    usual, own = said(whole), [] if tune is None else tune.findall("vcpupin")
    by_vcpu = {number(pin.get("vcpu")): said(pin) for pin in own}
    count = 0 if whole is None else number(whole.text, 1, MOST_VCPUS)
    pins = [by_vcpu.get(vcpu, usual) for vcpu in range(count)]
    while pins and not pins[-1]:
        pins.pop()
    emulator = None if tune is None else tune.find("emulatorpin")
    return tuple(pins), usual if emulator is None else said(emulator)


def _disk(disk: ElementTree.Element) -> DiskTuning:
    target, source, tune = disk.find("target"), disk.find("source"), disk.find("iotune")
    places = () if source is None else (source.get("file"), source.get("dev"), source.get("name"))
    return DiskTuning(
        "" if target is None else target.get("dev", ""), next((place for place in places if place), None),
        tuple(0 if tune is None else number(tune.findtext(name)) for name in IO_LIMITS),
    )  # fmt: skip


def _metadata(root: ElementTree.Element, name: str) -> list[str]:
    """Texts of the elements of that local name in the metadata."""
    return [
        (element.text or "").strip() for element in root.iterfind("metadata//")
        if element.tag.rpartition("}")[2] == name
    ]  # fmt: skip


def _memory(root: ElementTree.Element) -> MemoryFacts:
    """Whether and how far its balloon may be moved."""
    balloon = root.find("devices/memballoon")
    has_balloon = balloon is not None and balloon.get("model", "none") != "none"
    stats = None if balloon is None else balloon.find("stats")
    return MemoryFacts(
        balloon=has_balloon,
        stats_period=0 if stats is None else number(stats.get("period")),
        pinned=_pinned_memory(root),
        minimum_bytes=_minimum(root),
        huge_pages=root.find("memoryBacking/hugepages") is not None,
        page_sharing=root.find("memoryBacking/nosharepages") is None,
    )


def _pinned_memory(root: ElementTree.Element) -> bool:
    """Devices that reach into the guest's memory by themselves pin all of it; and huge pages are never given back in
    small ones."""
    return (
        any(device.get("type") in ("pci", "mdev") for device in root.iterfind("devices/hostdev"))
        or any(device.get("type") in ("hostdev", "vdpa") for device in root.iterfind("devices/interface"))
        or any(root.find(f"memoryBacking/{name}") is not None for name in ("locked", "hugepages"))
    )


def _minimum(root: ElementTree.Element) -> int | None:
    """What it must keep, in bytes: libvirt's own element, or oVirt's metadata."""
    own = root.find("memtune/min_guarantee")
    if own is not None and own.text:
        return size(own)
    said = said_number(_metadata(root, "minGuaranteedMemoryMb"), LARGEST >> 20)
    return None if said is None else said * 2**20


def _leaves(metadata: ElementTree.Element) -> list[str]:
    """Each element with a text as ``name=text``, each attribute as ``name@attribute=value`` (local names)."""
    texts: list[str] = []
    for element in metadata.iter():
        tag = element.tag.rpartition("}")[2]
        if element is metadata:
            continue
        if element.text and element.text.strip():
            texts.append(f"{tag}={element.text.strip()}")
        texts += [f"{tag}@{key.rpartition('}')[2]}={value}" for key, value in element.attrib.items()]
    return texts


def _operating_system(metadata: ElementTree.Element) -> dict[str, str]:
    """libosinfo's id is like ``http://debian.org/debian/12``: vendor, name, level."""
    for element in metadata.iter(_LIBOSINFO):
        parts = element.get("id", "").split("://", 1)[-1].strip("/").split("/")
        if len(parts) >= 2:
            facts = {"os-type": _NOT_LINUX.get(parts[0], "linux"), "os-name": parts[1]}
            if len(parts) > 2:
                facts["os-level"] = parts[2]
            return facts
    return {}


def _constraint(root: ElementTree.Element) -> Constraint | None:
    tune = root.find("cputune")
    if tune is not None and any(s.get("scheduler") in ("fifo", "rr", "deadline") for s in tune.iterfind("vcpusched")):
        return "real-time"
    # Of each vCPU. One of the whole guest (`global_quota`) is a limit that can be planned with.
    if tune is not None and quota(tune.findtext("quota")) is not None:
        return "own-quota"
    return None


def _cpus(cpuset: str | None) -> frozenset[int]:
    """The CPUs of a list that libvirt gave; none where there is none."""
    return parse_cpus(cpuset) if cpuset else frozenset()
