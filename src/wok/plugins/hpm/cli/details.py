"""The command for what changes seldom of a virtual server."""

from __future__ import annotations

from typing import Any

import click

from ..client.rest import Client
from ..texts import t
from ..wire.sections import (
    ConfigurationList,
    Devices,
    DevicesList,
    GuestDetailsList,
    SectionQuery,
    StatusList,
)
from . import words
from .command import SERVER, command
from .resolve import find_server
from .session import Session

SECTIONS = ("status", "configuration", "devices", "guest-details")

#: Of what is below the name of a section.
INDENT = 2

#: Bytes in a mebibyte.
_MIB = 1 << 20


@command("vs-details", SERVER, examples=["hpm vs-details db1", "hpm vs-details db1 --section devices"])
@click.option("--section", "sections", type=click.Choice(SECTIONS), multiple=True,
              help="Only this one (repeatable) [default: all].")  # fmt: skip
def vs_details(session: Session, server: str, sections: tuple[str, ...]) -> None:
    """Show a server's devices, guest details and the like.

    They are sampled in the background; each section says when. What this host or guest cannot tell is '-';
    'hpm version' says why.
    """
    client = session.client
    query = SectionQuery(ids=find_server(client, server).object_id)
    wanted = [section for section in SECTIONS if not sections or section in sections]
    if session.json:
        answers = {section: _ask(client, section, query) for section in wanted}
        whole = {section: answer.json for section, answer in answers.items()}
        session.emit_json(answers[wanted[0]].text if len(wanted) == 1 else whole)
        return
    for section in wanted:
        _show(section, _ask(client, section, query).value)


def _ask(client: Client, section: str, query: SectionQuery) -> Any:
    if section == "status":
        return client.status(query)
    if section == "configuration":
        return client.configuration(query)
    return client.devices(query) if section == "devices" else client.guest_details(query)


def _show(section: str, found: StatusList | ConfigurationList | DevicesList | GuestDetailsList) -> None:
    from .output import show_fields, show_heading, warn

    one = found.virtual_servers[0]
    show_heading(
        t("{section} (not read yet)", section=section) if one.sampled is None else
        t("{section} (read {time})", section=section, time=words.local_time(one.sampled))
    )  # fmt: skip
    if isinstance(found, StatusList):
        status = found.virtual_servers[0].status
        show_fields([
            (t("Clock ahead of UTC, s"), words.text_or_none(status.time_offset)),
            (t("QEMU answers"), _answers(status.monitor_response)),
            (t("Display's client"), words.text_or_none(status.client_ip)),
            (t("Logged in"), words.text_or_none(status.username)),
            (t("Session"), words.text_or_none(status.session)),
            (t("Addresses"), _listed(status.guest_ips)),
            (t("Pause code"), words.text_or_none(status.pause_code)),
        ], indent=INDENT)  # fmt: skip
    elif isinstance(found, ConfigurationList):
        _show_configuration(found)
    elif isinstance(found, DevicesList):
        _show_devices(found.virtual_servers[0].devices)
    else:
        details = found.virtual_servers[0].guest_details
        rows = [(one.name, ", ".join((one.mac or words.NONE, *one.inet, *one.inet6)))
                for one in details.net_ifaces or ()]  # fmt: skip
        show_fields([(t("Applications"), _listed(details.apps_list)), *rows], indent=INDENT)
    if found.problem:
        warn(found.problem)


def _show_configuration(found: ConfigurationList) -> None:
    from .output import show_fields

    machine = found.virtual_servers[0].configuration
    ports = [str(port) for port in (machine.display_port, machine.display_secure_port) if port is not None]
    show_fields([
        (t("Kind"), machine.vm_type),
        ("KVM", words.yes_no(machine.kvm_enable)),
        ("ACPI", words.yes_no(machine.acpi_enable)),
        (t("QEMU's pid"), words.text_or_none(machine.pid)),
        (t("Started"), words.NONE if machine.started is None else words.local_time(machine.started)),
        ("vCPUs", str(machine.vcpus)),
        (t("Memory MiB"), str(machine.memory)),
        (t("Display"), " ".join(filter(None, (machine.display_type, machine.display_ip, *ports))) or words.NONE),
        ("CD-ROM", machine.cdrom if isinstance(machine.cdrom, str) else words.NONE),
        (t("Boots from"), ", ".join(machine.boot) if isinstance(machine.boot, tuple) else words.NONE),
        (t("Group's id"), words.id_of(machine.group)),
        (t("Service class"), words.text_or_none(machine.class_)),
        (t("Goal"), words.goal(machine.goal)),
    ], indent=INDENT)  # fmt: skip


def _show_devices(devices: Devices) -> None:
    from .output import Column, show_fields, show_table

    memory, balloon = devices.memory_stats, devices.balloon_info
    if balloon is not None:
        show_fields([
            (t("Memory now, MiB"), _mib(balloon.current_bytes)),
            (t("Memory at most, MiB"), _mib(balloon.maximum_bytes)),
            (t("Unused, MiB"), _mib(None if memory is None else memory.unused_bytes)),
            (t("Usable, MiB"), _mib(None if memory is None else memory.usable_bytes)),
            (t("QEMU takes, MiB"), _mib(None if memory is None else memory.resident_bytes)),
        ], indent=INDENT)  # fmt: skip
    if devices.disks:
        show_table([
            Column(t("Disk"), whole=True), Column(t("Size\nMiB"), number=True), Column(t("Read\nMiB"), number=True),
            Column(t("Written\nMiB"), number=True), Column(t("Reading\nkB/s"), number=True),
            Column(t("Writing\nkB/s"), number=True), Column(t("Source")),
        ], [
            (disk.name, _mib(disk.capacity_bytes), _mib(disk.read_bytes), _mib(disk.written_bytes),
             _kilo(disk.read_bytes_per_second), _kilo(disk.written_bytes_per_second),
             words.text_or_none(disk.source))
            for disk in devices.disks
        ])  # fmt: skip
    if devices.network:
        show_table([
            Column(t("Network"), whole=True), Column(t("Received\nMiB"), number=True),
            Column(t("Sent\nMiB"), number=True), Column(t("Receiving\nkB/s"), number=True),
            Column(t("Sending\nkB/s"), number=True), Column(t("Hardware address")),
        ], [
            (words.text_or_none(one.name), _mib(one.rx_bytes), _mib(one.tx_bytes), _kilo(one.rx_bytes_per_second),
             _kilo(one.tx_bytes_per_second), one.mac)
            for one in devices.network
        ])  # fmt: skip
    if devices.disks_usage:
        show_table([
            Column(t("File system")), Column(t("Kind"), whole=True), Column(t("Size\nMiB"), number=True),
            Column(t("Used\nMiB"), number=True),
        ], [
            (one.path, one.filesystem, _mib(one.total_bytes), _mib(one.used_bytes)) for one in devices.disks_usage
        ])  # fmt: skip


def _listed(values: tuple[str, ...] | None) -> str:
    return ", ".join(values) if values else words.NONE


def _answers(code: int | None) -> str:
    return words.yes_no(None if code is None else code == 0)


def _mib(value: int | None) -> str:
    return words.NONE if value is None else f"{value / _MIB:.0f}"


def _kilo(value: float | None) -> str:
    return words.NONE if value is None else f"{value / 1000:.0f}"
