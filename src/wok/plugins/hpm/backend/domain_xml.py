"""What a domain's XML tells: name, size, facts for classification, constraints on its CPU."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import msgspec

from ..engine.samples import IO_LIMITS, Constraint, DiskTuning, MemoryFacts, ServerInfo, ServerStatus, Tuning
from ..policy.cpu_sets import format_cpus, parse_cpus
from .domain_devices import Hardware, hardware

_LIBOSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}os"
#: Units of memory sizes as libvirt documents them, in bytes.
_BYTES = {"b": 1, "bytes": 1} | {
    name: base**power
    for power, letter in enumerate("KMGT", start=1)
    for name, base in ((f"{letter}B", 1000), (f"{letter}iB", 1024), (letter, 1024), (letter.lower(), 1024))
}
#: What stands for no limit of memory in libvirt (VIR_DOMAIN_MEMORY_PARAM_UNLIMITED).
UNLIMITED_KIB = 9007199254740991
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

    def info(self, uuid: str, status: ServerStatus, found: dict[str, str]) -> ServerInfo:
        """Join with the status and with facts found elsewhere, which rank below those in the XML."""
        facts = {**found, **self.facts, "virtual-server-uuid": uuid}
        return ServerInfo(
            uuid, self.name, status, self.vcpus, self.memory_mib, facts, self.constraint, self.memory, self.tuning,
            self.partition,
        )  # fmt: skip


def parse(xml: str, host_cpus: int) -> DomainXml:
    """Read the XML that libvirt gave. `host_cpus`: a pinning to all of them is none."""
    root = ElementTree.fromstring(xml)
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
        vcpus=1 if vcpu is None else int(vcpu.get("current") or vcpu.text or 1),
        memory_mib=0 if memory is None else round(int(memory.text or 0) * _BYTES[memory.get("unit", "KiB")] / 2**20),
        facts=facts,
        constraint=_constraint(root),
        has_agent=any(
            target.get("name") == "org.qemu.guest_agent.0" and target.get("state") == "connected"
            for target in root.iterfind("devices/channel/target")
        ),
        macs=tuple(mac.get("address", "") for mac in root.iterfind("devices/interface/mac")),
        hardware=hardware(root, _BYTES),
        memory=_memory(root),
        tuning=_tuning(root, host_cpus),
        partition=root.findtext("resource/partition"),
    )


def named_partition(xml: str) -> str | None:
    """The partition that a domain's XML names; None: none."""
    return ElementTree.fromstring(xml).findtext("resource/partition")


def with_partition(xml: str, path: str | None) -> str:
    """A domain's XML with its partition (https://libvirt.org/formatdomain.html#resource-partitioning); None: without
    one, so that it stands in the root. Nothing else is changed, but for how the XML is written."""
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
    """Prefixes that are declared, so that they are written as they were: metadata of others stays readable."""
    found = ElementTree.iterparse(io.BytesIO(xml.encode()), events=("start-ns",))
    return [(prefix, uri) for _, (prefix, uri) in found if not re.fullmatch(r"ns\d+", prefix)]


def _tuning(root: ElementTree.Element, host_cpus: int) -> Tuning:
    """Quotas, limits and pinnings that are set, and what oVirt's metadata says that a user may have."""
    quota, period = int(root.findtext("cputune/quota", "0")), int(root.findtext("cputune/period", "100000"))
    limits = [text for text in _metadata(root, "vcpuLimit") if text.isdecimal()]
    return Tuning(
        quota if quota > 0 else None, period, int(limits[0]) if limits else 100,
        tuple(_disk(disk) for disk in root.iterfind("devices/disk")), *_pins(root, host_cpus),
        int(root.findtext("blkiotune/weight", "0")) or None,
        memory_limit(root, "hard_limit"), memory_limit(root, "swap_hard_limit"),
    )  # fmt: skip


def memory_limit(root: ElementTree.Element, name: str) -> int | None:
    """A limit of memory in KiB; None: there is none."""
    found = root.find(f"memtune/{name}")
    if found is None or not found.text:
        return None
    size = int(found.text) * int(_BYTES[found.get("unit", "KiB")]) // 1024
    return size if size < UNLIMITED_KIB else None


def _pins(root: ElementTree.Element, host_cpus: int) -> tuple[tuple[str, ...], str]:
    """The CPUs of each vCPU up to the last one that is pinned, and of the emulator. Those of the whole guest hold where
    there are none of their own (https://libvirt.org/formatdomain.html#cpu-allocation)."""
    whole, tune = root.find("vcpu"), root.find("cputune")

    def said(element: ElementTree.Element | None) -> str:
        cpus = _cpus(None if element is None else element.get("cpuset"))
        return format_cpus(cpus) if len(cpus) < host_cpus else ""

    usual, own = said(whole), [] if tune is None else tune.findall("vcpupin")
    by_vcpu = {int(pin.get("vcpu", "0")): said(pin) for pin in own}
    count = 0 if whole is None else int(whole.text or 1)
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
        tuple(0 if tune is None else int(tune.findtext(name, "0")) for name in IO_LIMITS),
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
        stats_period=0 if stats is None else int(stats.get("period") or 0),
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
        return int(own.text) * int(_BYTES[own.get("unit", "KiB")])
    said = [int(text) for text in _metadata(root, "minGuaranteedMemoryMb") if text.isdecimal()]
    return said[0] * 2**20 if said else None


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
    if tune is not None and int(tune.findtext("quota", "0")) > 0:
        return "own-quota"
    return None


def _cpus(cpuset: str | None) -> frozenset[int]:
    """The CPUs of a list that libvirt gave; none where there is none."""
    return parse_cpus(cpuset) if cpuset else frozenset()
