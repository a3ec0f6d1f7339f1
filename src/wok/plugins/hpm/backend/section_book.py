"""The sections of all servers of a host, put together from what was heard of each, piece by piece.

Whoever hears something says so here, in the thread that heard it; a section that comes out as it was stays the same
object, and readers get all sections at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from ..engine.samples import ServerInfo
from ..wire.sections import Devices, GuestDetails, Machine, PauseCode, Status
from .agent_answers import AgentAnswer
from .device_answers import DeviceAnswer
from .domain_xml import DomainXml
from .extras import NO_DETAILS, NO_DEVICES, Sections
from .starts import Process

T = TypeVar("T")

#: Reasons of I/O errors as libvirt tells them.
_PAUSE_CODES: Final[dict[str, PauseCode]] = {"eio": "EIO", "enospc": "ENOSPC", "eperm": "EPERM"}


class Heard(msgspec.Struct, frozen=True):
    """All that was heard of one server.

    `run` tells its starts apart, None: it does not run. `read` is when its definition was read (unix, s). `io_error`:
    it is paused because of one; `io_reason` in libvirt's word, where an event told it. `clients` are addresses of
    those connected to its display, the newest last. `rtc_offset` is what it set its own clock to.
    """

    info: ServerInfo
    xml: DomainXml
    run: object
    read: float
    io_error: bool = False
    io_reason: str = ""
    process: Process | None = None
    clients: tuple[tuple[str, str], ...] = ()
    rtc_offset: int | None = None
    response: Literal[0, -1] | None = None
    leases: tuple[str, ...] | None = None
    agent: AgentAnswer | None = None
    agent_sampled: float | None = None
    devices: DeviceAnswer | None = None


class SectionBook:
    """What was heard of all servers, and their sections. Any thread may write and read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._sections: dict[str, Sections] = {}
        self._given: Mapping[str, Sections] | None = {}

    def sections(self) -> Mapping[str, Sections]:
        """All sections by UUID; the same mapping until one of them changes."""
        with self._lock:
            if self._given is None:
                self._given = dict(self._sections)
            return self._given

    def heard(self, uuid: str) -> Heard | None:
        """What was heard of a server; None: there is none, or nothing was."""
        with self._lock:
            return self._heard.get(uuid)

    def defined(self, servers: Mapping[str, Heard]) -> None:
        """These servers there are, and no others: as they are defined, and as they run."""
        with self._lock:
            for uuid in self._heard.keys() - servers.keys():
                del self._heard[uuid], self._sections[uuid]
                self._given = None
        for uuid, new in servers.items():
            with self._lock:    # of thousands, readers need not wait for all
                old = self._heard.get(uuid)
                if old is None or old.run != new.run:
                    self._note(uuid, new)
                elif (old.info, old.xml, old.read, old.io_error) != (new.info, new.xml, new.read, new.io_error):
                    over = old.io_error and not new.io_error
                    self._note(uuid, msgspec.structs.replace(
                        old, info=new.info, xml=new.xml, read=new.read, io_error=new.io_error,
                        process=new.process or old.process, io_reason="" if over else old.io_reason,
                    ))  # fmt: skip

    def hear(self, uuid: str, run: object = None, **news: Any) -> None:
        """Fields of `Heard` that are new of a server, if it is known, and (unless `run` is None) still that run."""
        self.change(uuid, lambda old: msgspec.structs.replace(old, **news), run)

    def change(self, uuid: str, how: Callable[[Heard], Heard], run: object = None) -> None:
        """As `hear`, where what is new depends on what was."""
        with self._lock:
            old = self._heard.get(uuid)
            if old is not None and run in (None, old.run):
                self._note(uuid, how(old))

    def _note(self, uuid: str, heard: Heard) -> None:
        made = sections_of(heard, self._sections.get(uuid))    # before it is kept: what cannot be told is not heard
        self._heard[uuid] = heard
        if made != self._sections.get(uuid):
            self._sections[uuid] = made
            self._given = None


def sections_of(heard: Heard, before: Sections | None) -> Sections:
    """The sections that follow from what was heard; those that come out as before are the same objects."""
    device, agent = heard.devices, heard.agent
    if device is None:
        devices = NO_DEVICES if agent is None else Devices(None, None, agent.filesystems, None, None)
    else:
        usage = None if agent is None else agent.filesystems
        devices = Devices(device.memory_stats, device.balloon_info, usage, device.network, device.disks)
    details = NO_DETAILS if agent is None else GuestDetails(None, agent.interfaces)
    return Sections(
        status=_same(None if before is None else before.status, _status(heard)),
        configuration=_same(None if before is None else before.configuration, _machine(heard)),
        devices=_same(None if before is None else before.devices, devices),
        guest_details=_same(None if before is None else before.guest_details, details),
        configuration_sampled=heard.read,
        devices_sampled=None if device is None else device.sampled,
        guest_details_sampled=heard.agent_sampled,
    )


def _same(before: T | None, now: T) -> T:
    return before if before is not None and before == now else now


def _status(heard: Heard) -> Status:
    if heard.run is None:
        return Status(heard.xml.hardware.time_offset(), None, None, None, None, None, None)
    agent = heard.agent
    people = None if agent is None else agent.users
    addresses = None if agent is None else agent.addresses
    offset = heard.rtc_offset
    return Status(
        time_offset=heard.xml.hardware.time_offset() if offset is None else offset,
        monitor_response=heard.response,
        client_ip=heard.clients[-1][0] if heard.clients else None,
        username=", ".join(people) if people else None,
        session=None if people is None else "logged-on" if people else "logged-off",
        guest_ips=heard.leases if addresses is None else addresses,
        pause_code=_pause_code(heard),
    )


def _pause_code(heard: Heard) -> PauseCode | None:
    if heard.info.status != "paused":
        return None
    return _PAUSE_CODES.get(heard.io_reason, "EOTHER") if heard.io_error else "NOERR"


def _machine(heard: Heard) -> Machine:
    hardware = heard.xml.hardware
    return Machine(
        acpi_enable=hardware.acpi,
        display_port=hardware.display_port,
        display_secure_port=hardware.display_secure_port,
        display_type=hardware.display_type,
        display_ip=hardware.display_ip,
        pid=None if heard.process is None else heard.process.pid,
        started=None if heard.process is None else heard.process.started,
        vm_type=hardware.type,
        kvm_enable=hardware.type == "kvm",
        vcpus=heard.info.vcpus,
        memory=heard.info.memory_mib,
        cdrom=hardware.cdrom or msgspec.UNSET,
        boot=hardware.boot or msgspec.UNSET,
    )
