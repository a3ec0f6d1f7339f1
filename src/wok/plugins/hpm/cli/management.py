"""The commands for what hpm may do, what it did, and what it is."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from ..client.rest import Client
from ..texts import later, plural, t
from ..wire.management import Admission, HostNode, ManagementLevels, MemoryPolicy, Outcome, Resource, Settings, Version
from . import words
from .adjustments import show_adjustments
from .command import command
from .following import follow_adjustments
from .names import GROUPS, SERVERS
from .option_types import NumberRange, one_of
from .paging import LIMIT, PAGE, SINCE, UNTIL, gathered, gathered_json, tell_older
from .plain import plain
from .resolve import find_group, find_server
from .session import Session

_LEVELS = {
    "on": later("hold the goals"), "advise": later("plan and report, change nothing"), "off": later("observe only"),
}  # fmt: skip
_MEMORY_LEVELS = {**_LEVELS, "on": later("move memory between servers, by importance or memory policies")}
_LEVEL = click.Choice(list(_LEVELS))

_ADMISSION = {"running": later("servers that run"), "all": later("all servers, stopped ones too")}

#: Adjustments asked for at once, at most.
LARGEST_PAGE = 1000


@command("config", examples=["hpm config", "hpm config --cpu-mgmt advise", "hpm config --cpu-mgmt on"])
@click.option("--cpu-mgmt", type=_LEVEL, help="What hpm may do with CPU shares.")
@click.option("--memory-mgmt", type=_LEVEL,
              help="What hpm may do with balloons and KSM.")  # fmt: skip
def config(session: Session, cpu_mgmt: str | None, memory_mgmt: str | None) -> None:
    """Show or set the management levels.

    off: observe only. advise: plan and report, but change nothing. on: hold the goals.
    Switching off puts back what hpm found: CPU shares, what balloons left the servers, and KSM.
    """
    changes = {"cpu-mgmt": cpu_mgmt, "memory-mgmt": memory_mgmt}
    changes = {name: level for name, level in changes.items() if level is not None}
    client = session.client
    answer = client.set_management_levels(changes) if changes else client.management_levels()

    def show(levels: ManagementLevels) -> None:
        from .output import show_fields

        show_fields([
            (t("CPU management"), f"{levels.cpu_mgmt}: {t(_LEVELS[levels.cpu_mgmt])}"),
            (t("Memory management"), f"{levels.memory_mgmt}: {t(_MEMORY_LEVELS[levels.memory_mgmt])}"),
        ])  # fmt: skip
        cpu, memory = levels.cpu_mgmt != "off", False
        if levels.memory_mgmt != "off":
            settings = client.settings().value
            memory = settings.memory_policy == "goals"    # memory policies are for all groups
            if not settings.manage_ksm:
                click.echo(t("KSM is not managed ('hpm settings --manage-ksm' has hpm manage it)."))
        if cpu or memory:
            _tell_unmanaged(client, cpu, memory)

    session.emit(answer, show)


def _tell_unmanaged(client: Client, cpu: bool, memory: bool) -> None:
    """Say whose CPU or memory stays as it is: who wonders why a goal is missed should look there."""
    groups = [g.name for g in client.groups().value.workload_resource_groups
              if g.active_policy is None and g.virtual_server_count]  # fmt: skip
    if groups:
        click.echo(plain(_unmanaged(cpu, memory, len(groups), ", ".join(map(repr, groups)))))


def _unmanaged(cpu: bool, memory: bool, number: int, names: str) -> str:
    if cpu and memory:
        return plural(
            "No CPU and no memory is taken from the servers of {names}: this group has no policy ('hpm policy-create"
            " GROUP POLICY --importance low' gives one).",
            "No CPU and no memory is taken from the servers of {names}: these groups have no policy ('hpm policy-create"
            " GROUP POLICY --importance low' gives one).", number, names=names,
        )  # fmt: skip
    if cpu:
        return plural(
            "No CPU is taken from the servers of {names}: this group has no policy ('hpm policy-create GROUP POLICY"
            " --importance low' gives one).",
            "No CPU is taken from the servers of {names}: these groups have no policy ('hpm policy-create GROUP POLICY"
            " --importance low' gives one).", number, names=names,
        )  # fmt: skip
    return plural(
        "No memory is taken from the servers of {names}: this group has no policy ('hpm policy-create GROUP POLICY"
        " --importance low' gives one).",
        "No memory is taken from the servers of {names}: these groups have no policy ('hpm policy-create GROUP POLICY"
        " --importance low' gives one).", number, names=names,
    )  # fmt: skip


@command("settings", examples=["hpm settings", "hpm settings --interval 5", "hpm settings --admission all"])
@click.option("--interval", type=NumberRange(1, 3600), metavar="SECONDS",
              help="Time between two decisions, 1 to 3600.")  # fmt: skip
@click.option("--devices-interval", type=NumberRange(10, 86400), metavar="SECONDS",
              help="Time between two samples of servers' devices, 10 to 86400.")  # fmt: skip
@click.option("--placement-interval", type=NumberRange(5, 86400), metavar="SECONDS",
              help="Time between two decisions on where vCPUs run, 5 to 86400.")  # fmt: skip
@click.option("--admission", type=one_of(Admission),
              help="Whose reserves a start must leave room for: those of servers that run, or of all.")  # fmt: skip
@click.option("--memory-policy", type=one_of(MemoryPolicy),
              help="What decides on memory: importance, memory policies, or importance where they do not.")  # fmt: skip
@click.option("--allow-guest-swap/--no-guest-swap", "allow_guest_swap", default=None,
              help="Let memory policies bring servers below their use, so that they swap; or not.")  # fmt: skip
@click.option("--manage-ksm/--no-manage-ksm", "manage_ksm", default=None,
              help="Let hpm change the merging of equal pages (KSM); or not, and undo what it changed.")  # fmt: skip
@click.option("--history-minutes-days", "minutes_days", type=NumberRange(0, 4000), metavar="DAYS",
              help="Keep history with a point a minute so long.")  # fmt: skip
@click.option("--history-ten-minutes-days", "ten_minutes_days", type=NumberRange(0, 4000), metavar="DAYS",
              help="Keep history with a point every ten minutes so long.")  # fmt: skip
@click.option("--history-hours-days", "hours_days", type=NumberRange(0, 4000), metavar="DAYS",
              help="Keep history with a point an hour so long.")  # fmt: skip
@click.option("--history-size", "size_mib", type=click.IntRange(16, 1_000_000), metavar="MIB",
              help="The most that the history's file may take; this wins.")  # fmt: skip
def settings(
    session: Session, interval: float | None, devices_interval: float | None, placement_interval: float | None,
    admission: str | None, memory_policy: str | None, allow_guest_swap: bool | None, manage_ksm: bool | None,
    **kept: Any,
) -> None:  # fmt: skip
    """Show or change what can be set for hpm as a whole. It holds also after hpm was started anew.

    KSM that an administrator changed by hand is left alone, until --no-manage-ksm and then --manage-ksm release it.
    """
    client = session.client

    def show(found: Settings) -> None:
        from .output import show_fields

        show_fields([
            (t("Interval, seconds"), f"{found.interval_seconds:g}"),
            (t("Devices' interval, seconds"), f"{found.devices_interval_seconds:g}"),
            (t("Placement's interval, seconds"), f"{found.placement_interval_seconds:g}"),
            (t("A start leaves room for reserves of"), t(_ADMISSION[found.admission])),
            (t("Memory is decided by"), found.memory_policy),
            (t("Memory policies may have servers swap"), words.yes_no(found.allow_guest_swap)),
            (t("Merging of equal pages (KSM)"), t("managed by hpm") if found.manage_ksm else t("not managed by hpm")),
            (t("History, a point a minute, days"), f"{found.history.minutes_days:g}"),
            (t("History, every ten minutes, days"), f"{found.history.ten_minutes_days:g}"),
            (t("History, a point an hour, days"), f"{found.history.hours_days:g}"),
            (t("History, at most MiB"), str(found.history.size_mib)),
        ])  # fmt: skip

    wanted: dict[str, object] = {
        "interval-seconds": interval, "devices-interval-seconds": devices_interval, "memory-policy": memory_policy,
        "allow-guest-swap": allow_guest_swap, "manage-ksm": manage_ksm,
        "placement-interval-seconds": placement_interval, "admission": admission,
    }  # fmt: skip
    changes: dict[str, object] = {name: value for name, value in wanted.items() if value is not None}
    history = {name: value for name, value in kept.items() if value is not None}
    if history:
        changes["history"] = msgspec.structs.replace(client.settings().value.history, **history)
    session.emit(client.update_settings(changes) if changes else client.settings(), show)


@command("dra-list", examples=[
    "hpm dra-list",
    "hpm dra-list --from 2h --vs db1",
    "hpm dra-list --from '2026-02-03 22:00' --to 2h --outcome failed",
    "hpm dra-list --cause placement",
    "hpm dra-list --follow --limit 1",
])  # fmt: skip
@SINCE
@UNTIL
@click.option("--wrg", "--wrg-name", "group", metavar="GROUP", shell_complete=GROUPS,
              help="Only with servers of this group.")  # fmt: skip
@click.option("--vs", "--vs-name", "server", metavar="VS", shell_complete=SERVERS,
              help="Only with this server.")  # fmt: skip
@click.option("--outcome", type=one_of(Outcome), help="Only these.")
@click.option("--resource", type=one_of(Resource), help="Only what was decided on that.")
@click.option("--cause", metavar="CAUSE",
              help="Only of this cause, such as placement or host-pressure; none: of CPU shares.")  # fmt: skip
@LIMIT
@click.option("--follow", "-f", is_flag=True, help="Then print new ones as they come, the newest last; Ctrl-C ends.")
def dra_list(
    session: Session,
    since: str | None,
    until: str | None,
    group: str | None,
    server: str | None,
    outcome: str | None,
    resource: str | None,
    cause: str | None,
    limit: int,
    follow: bool,
) -> None:
    """List the adjustments that hpm made or advises.

    The newest comes first. PI (goal / velocity) is as it was before, as it was projected, and as it
    was measured an interval later.

    With --follow, the oldest comes first, and an adjustment is printed once, before its effect was
    measured. With --json too: one line each.
    """
    if follow and until is not None:
        raise click.UsageError(t("--follow waits for new ones, and --to ends the list: leave one of them out"))
    client = session.client
    query = {
        "since": since,
        "until": until,
        "group": None if group is None else find_group(client, group).object_id,
        "server": None if server is None else find_server(client, server).object_id,
        "outcome": outcome,
        "resource": resource,
        "cause": cause,
    }
    if follow:
        follow_adjustments(session, query, min(limit, LARGEST_PAGE))
    first = client.adjustments(**query, limit=min(limit, PAGE))
    if session.json:
        session.emit_json(gathered_json(first, client.more_adjustments, "dynamic-resource-adjustments", limit))
        return
    found, more = gathered(first, client.more_adjustments, lambda page: page.dynamic_resource_adjustments, limit)
    if not found:
        click.echo(_why_none(client, any(value is not None for value in query.values())))
    show_adjustments(found)
    if more:
        tell_older(limit, found[-1].time)


def _why_none(client: Client, chosen: bool) -> str:
    if chosen:
        return t("No adjustments that fit; without options, 'hpm dra-list' lists all.")
    if client.management_levels().value.cpu_mgmt == "off":
        return t("No adjustments: CPU management is off ('hpm config --cpu-mgmt advise' has hpm advise some).")
    return t("No adjustments yet; 'hpm explain VS' tells why a server is left as it is.")


@command("version", examples=["hpm version", "hpm version --json"])
def version(session: Session) -> None:
    """Show versions and abilities of hpm and of the host.

    'hpm --version' tells the version of this program alone, and needs no connection.
    """

    def show(found: Version) -> None:
        from .output import show_fields, warn

        controls = [
            (t("Control of {name}", name=name), t("works: {how}", how=control.how) if control.works else
             t("does not work: {reason}", reason=control.why_not))
            for name, control in found.controls.items()
        ]
        show_fields([
            ("hpm", found.hpm_version),
            ("API", found.api_version),
            (t("Hypervisor"), " ".join(filter(None, (found.hypervisor, found.hypervisor_version))) or words.NONE),
            (t("Connected to"), found.hypervisor_uri),
            ("libvirt", words.text_or_none(found.libvirt_version)),
            (t("Kernel"), words.text_or_none(found.kernel)),
            ("cgroups", "" if found.cgroup_version is None else t("version {number}", number=found.cgroup_version)),
            (t("Interval, s"), _interval(found)),
            (t("Cycles that took longer"), str(found.overruns)),
            (t("Time zone"), found.time_zone),
            *((t("CPUs of node {node}", node=node.node), _cpus(node)) for node in found.numa_nodes),
            *controls,
            *((t("No {name}", name=name), ability.why_not)
              for name, ability in found.statistics.items() if not ability.works),
        ])  # fmt: skip
        if found.work_cut:
            warn(found.work_cut)
        if found.problem:
            warn(found.problem)

    session.emit(session.client.version(), show)


def _interval(found: Version) -> str:
    """The one that is set, and the one in force beside it where that is another one. (An older hpm tells none.)"""
    wanted, inforce = f"{found.interval_seconds:g}", f"{found.interval_in_force_seconds:g}"
    if found.interval_in_force_seconds <= found.interval_seconds:
        return wanted
    return t("{interval}, in force {other}", interval=wanted, other=inforce)


def _cpus(node: HostNode) -> str:
    """The CPUs of a NUMA node, and how they hang together."""
    cores, caches = len(node.cores), len(node.caches)
    return f"{node.cpus} ({plural('{n} core', '{n} cores', cores)}, {plural('{n} cache', '{n} caches', caches)})"
