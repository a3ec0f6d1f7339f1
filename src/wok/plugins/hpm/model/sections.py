"""The sections of virtual servers that change seldom: status, configuration, devices, guest details."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import NamedTuple, TypeVar

from ..backend.extras import Sections
from ..errors import InvalidValue, NotFound
from ..manager.manager import Manager
from ..manager.snapshot import Snapshot
from ..policy.assignment import Assignment
from ..wire.sections import (
    MOST_IDS,
    Configuration,
    ConfigurationList,
    Devices,
    DevicesList,
    GuestDetails,
    GuestDetailsList,
    Machine,
    SectionQuery,
    ServerConfigurationSection,
    ServerDevicesSection,
    ServerGuestDetailsSection,
    ServerStatusSection,
    Status,
    StatusList,
)
from ..wire.times import rfc3339
from .pages import page
from .references import server_id
from .views import Views

T = TypeVar("T")


class ServerSections(NamedTuple):
    """The four sections of one server. Each is the same object until something in it changes."""

    status: Status
    configuration: Configuration
    devices: Devices
    guest_details: GuestDetails


class SectionReader:
    """Joins what the host says of a server with what administrators say. Keeps what it made, so that the same object
    is given as long as nothing changes. `base` is the base path of the request."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[Machine, Assignment, Configuration]] = {}

    def read(self, snapshot: Snapshot, base: str, uuid: str) -> ServerSections | None:
        """The sections of a server; None: nothing is known of it yet."""
        found = snapshot.extras.sections.get(uuid)
        if found is None:
            return None
        return ServerSections(
            found.status, self.configuration(snapshot, base, uuid, found.configuration), found.devices,
            found.guest_details,
        )  # fmt: skip

    def configuration(self, snapshot: Snapshot, base: str, uuid: str, machine: Machine) -> Configuration:
        """The section `configuration` of a server that the host has defined so."""
        assignment = snapshot.assignments[uuid]
        known = self._made.get((base, uuid))
        if known is not None and known[0] is machine and known[1] == assignment:
            return known[2]
        made = Configuration(
            acpi_enable=machine.acpi_enable, display_port=machine.display_port,
            display_secure_port=machine.display_secure_port, display_type=machine.display_type,
            display_ip=machine.display_ip, pid=machine.pid, started=machine.started, vm_type=machine.vm_type,
            kvm_enable=machine.kvm_enable, vcpus=machine.vcpus, memory=machine.memory, cdrom=machine.cdrom,
            boot=machine.boot, group=Views(snapshot, base).group_uri(assignment.group),
            class_=assignment.service_class, goal=assignment.goal,
        )  # fmt: skip
        if known is not None and known[2] == made:
            made = known[2]
        if len(self._made) > 64 + 4 * len(snapshot.sample.infos):    # servers come and go
            self._made = {key: one for key, one in self._made.items() if key[1] in snapshot.sample.infos}
        self._made[base, uuid] = machine, assignment, made
        return made


class SectionLists:
    """Requests for one section of several servers. `base` is the base path of the request."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._reader = SectionReader()

    def status(self, base: str, query: SectionQuery) -> StatusList:
        """How servers are. Raises `InvalidValue`, `NotFound`, `HypervisorUnreachable` as all of these do."""
        views = Views(self._manager.snapshot, base)
        balloon = views.snapshot.extras.balloon

        def entry(uuid: str, found: Sections) -> ServerStatusSection:
            return ServerStatusSection(
                object_id=uuid, object_uri=views.server_uri(uuid), name=views.snapshot.sample.infos[uuid].name,
                sampled=sampled_time(balloon.value(uuid, "sampled")), status=found.status,
            )  # fmt: skip

        entries, following = _entries(views, query, "status", entry)
        return StatusList(entries, views.taken, views.problem, following)

    def configuration(self, base: str, query: SectionQuery) -> ConfigurationList:
        """As servers are defined."""
        views = Views(self._manager.snapshot, base)

        def entry(uuid: str, found: Sections) -> ServerConfigurationSection:
            return ServerConfigurationSection(
                object_id=uuid, object_uri=views.server_uri(uuid), name=views.snapshot.sample.infos[uuid].name,
                sampled=sampled_time(found.configuration_sampled),
                configuration=self._reader.configuration(views.snapshot, base, uuid, found.configuration),
            )  # fmt: skip

        entries, following = _entries(views, query, "configuration", entry)
        return ConfigurationList(entries, views.taken, views.problem, following)

    def devices(self, base: str, query: SectionQuery) -> DevicesList:
        """What devices of servers have done."""
        views = Views(self._manager.snapshot, base)

        def entry(uuid: str, found: Sections) -> ServerDevicesSection:
            return ServerDevicesSection(
                object_id=uuid, object_uri=views.server_uri(uuid), name=views.snapshot.sample.infos[uuid].name,
                sampled=sampled_time(found.devices_sampled), devices=found.devices,
            )  # fmt: skip

        entries, following = _entries(views, query, "devices", entry)
        return DevicesList(entries, views.taken, views.problem, following)

    def guest_details(self, base: str, query: SectionQuery) -> GuestDetailsList:
        """What agents in the guests say."""
        views = Views(self._manager.snapshot, base)

        def entry(uuid: str, found: Sections) -> ServerGuestDetailsSection:
            return ServerGuestDetailsSection(
                object_id=uuid, object_uri=views.server_uri(uuid), name=views.snapshot.sample.infos[uuid].name,
                sampled=sampled_time(found.guest_details_sampled), guest_details=found.guest_details,
            )  # fmt: skip

        entries, following = _entries(views, query, "guest-details", entry)
        return GuestDetailsList(entries, views.taken, views.problem, following)


def _entries(
    views: Views, query: SectionQuery, section: str, entry: Callable[[str, Sections], T]
) -> tuple[list[T], str | None]:
    """An entry for each server that is wanted and of which something is known, by name; and the URI of the rest."""
    sections, infos = views.snapshot.extras.sections, views.snapshot.sample.infos
    wanted = [uuid for uuid in infos if uuid in sections] if query.ids is None else _named(views, query.ids)
    uri = f"{views.base}/virtual-servers/{section}"
    uuids, following = page(wanted, lambda uuid: (0, infos[uuid].name, uuid), query, uri)
    return [entry(uuid, sections[uuid]) for uuid in uuids], following


def _named(views: Views, ids: str) -> list[str]:
    """The servers of a list of ids, each once. One that is not there refuses the whole: who asks by id has it from
    somewhere, and must learn that it is over."""
    parts = ids.split(",")
    if len(parts) > MOST_IDS:
        raise InvalidValue(f"{len(parts)} servers; at most {MOST_IDS} can be named, or leave it out for all", "ids")
    uuids = list(dict.fromkeys(server_id(views.snapshot, part, "ids") for part in parts))
    for uuid in uuids:
        if uuid not in views.snapshot.sample.infos:
            raise NotFound(f"ids: the virtual server {uuid} is in a group, but this host does not have it now")
        if uuid not in views.snapshot.extras.sections:
            raise NotFound(f"ids: the virtual server {uuid} has just come, and nothing is known of it yet; ask again")
    return uuids


def sampled_time(unix: float | None) -> str | None:
    """Unix time as the API has all times."""
    return None if unix is None else rfc3339(datetime.fromtimestamp(unix, timezone.utc))
