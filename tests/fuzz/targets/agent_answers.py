"""What agents in guests answer, and libvirt's statistics of devices: JSON here, of which libvirt makes a dict.

A guest's agent is the guest's own program, and may say anything.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from hpm.backend.agent_answers import AgentAnswer, filesystems, interfaces, reachable, users
from hpm.backend.device_answers import DeviceAnswer, device_answer
from hpm.backend.device_figures import device_row
from hpm.backend.domain_xml import parse
from hpm.backend.section_book import Heard, sections_of

from ..target import CORPUS, Target
from .domain_xml import CPUS, UUID

XML: Final = parse((CORPUS / "domain_xml" / "whole.xml").read_text(), CPUS)
#: What libvirt makes of an answer: a number of one of its types, a yes or no, a text.
LEAST: Final = -(2**63)
MOST: Final = 2**64 - 1


_TEXTS: Final = ("name", "mountpoint", "fstype", "hwaddr", "type", "addr")


def run(data: bytes) -> None:
    """An answer of an agent, then the sections of its server."""
    try:
        given = msgspec.json.decode(data, type=dict[str, int | float | bool | str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    info = {key: value for key, value in given.items() if _possible(key, value)}
    agent = AgentAnswer(users(info), filesystems(info), interfaces(info))
    texts = [str(value) for value in info.values()]
    leases = reachable(texts)
    before: DeviceAnswer | None = None
    for time_ns in (1_000_000_000, 3_000_000_000):
        devices = device_answer(_counted(info), XML.hardware, before, time_ns, time_ns / 1e9)
        _check_row(devices, before)
        before = devices
        sections = sections_of(
            Heard(
                XML.info(UUID, "running", {}), XML, object(), 1.0, agent=agent, agent_sampled=2.0, devices=devices,
                leases=leases,
            ), None,
        )  # fmt: skip
        msgspec.json.encode(sections)


def _possible(key: str, value: Any) -> bool:
    """Amounts are numbers: libvirt, not the agent, says how many there are, and passes on nothing else as a size. Of
    memory it tells KiB of what QEMU tells in bytes."""
    text = key.rpartition(".")[2] in _TEXTS
    if not isinstance(value, int) or isinstance(value, bool):
        return text
    return not text and LEAST <= value <= (MOST >> 10 if key.startswith("balloon.") else MOST)


def _counted(info: dict[str, Any]) -> dict[str, Any]:
    """Statistics are QEMU's and libvirt's: numbers, but for names."""
    return {key: value for key, value in info.items() if isinstance(value, int) or key.endswith(".name")}


def _check_row(now: DeviceAnswer, before: DeviceAnswer | None) -> None:
    then = None if before is None else (before.disks, before.network)
    for value in device_row((now.disks, now.network), then, 2.0, 1.0):
        assert not math.isinf(value), "a figure without a bound"


_KEYS: Final = (
    "user.count", "user.0.name", "fs.count", "fs.0.mountpoint", "fs.0.fstype", "fs.0.total-bytes", "fs.0.used-bytes",
    "if.count", "if.0.name", "if.0.hwaddr", "if.0.addr.count", "if.0.addr.0.type", "if.0.addr.0.addr", "block.0.name",
    "block.0.rd.bytes", "block.0.rd.times", "net.0.name", "net.0.rx.bytes", "balloon.current", "balloon.maximum",
    "balloon.unused", "balloon.swap_in", "balloon.major_fault",
)  # fmt: skip
_VALUES: Final = ("ipv4", "ipv6", "10.0.0.1", "fe80::1%eth0", "::1", "vda", "vnet0", "not an address", "1.2.3.4/8")
TARGET = Target(run, (
    *(f'"{key}": 1'.encode() for key in _KEYS), *(f'"{key}"'.encode() for key in _KEYS),
    *(f'"{value}"'.encode() for value in _VALUES), b", ", b"{", b"}", b"100000000",
))  # fmt: skip
