"""The commands for virtual servers."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from ..texts import later, plural, t
from ..wire.servers import Explanation, ServerDetail, ServerDetailList, ServerQuery
from ..wire.words import GoalStatus, Management, ServerStatus
from . import words
from .command import SERVER, command
from .names import CLASSES_IN_USE, GROUPS, PARTITIONS
from .option_types import IMPORTANCE, Attribute, Cpus, Mebibytes, Until, Velocity, one_of
from .resolve import find_group, find_server, names_for_ids
from .session import Session

#: `management-reason` in words.
_REASONS = {
    "no-policy": later("its group has no active policy"),
    "excluded": later("excluded by vs-update --exclude"),
    "not-running": later("it does not run"),
    "paused": later("it is paused"),
    "changed-by-administrator": later("somebody changed its shares; vs-release takes it back"),
    "own-quota": later("each of its vCPUs has a CPU quota of its own"),
    "real-time": later("it runs with real-time scheduling"),
    "unreachable": later("it cannot be reached"),
}


#: Servers that a warning names.
MOST_NAMED = 5

#: `memory-management-reason`, where it is another thing than for CPU.
MEMORY_REASONS = _REASONS | {
    "changed-by-administrator": later("somebody moved its balloon; vs-release takes it back"),
    "no-balloon": later("it has no balloon"),
    "no-report": later("the driver of its balloon tells nothing"),
    "booting": later("it has just been started"),
    "pinned-memory": later("its memory is pinned: an assigned device, or locked or huge pages"),
    "by-policy": later("a memory policy decides on it; mom-explain tells how"),
    "migrating": later("it is being migrated, saved or copied"),
    "another-manager": later("another program manages memory here; 'hpm mom-import --takeover' stops it"),
}


@command("vs-list", examples=["hpm vs-list", "hpm vs-list --wrg Gold", "hpm vs-list --name 'db*' --goal-status missed"])
@click.option("--name", metavar="PATTERN", help="Only servers of that name; * and ? are wildcards.")
@click.option("--wrg", "--wrg-name", "group", metavar="GROUP", shell_complete=GROUPS,
              help="Only the servers of this group.")  # fmt: skip
@click.option("--class", "--class-name", "service_class", metavar="CLASS", shell_complete=CLASSES_IN_USE,
              help="Only those in a class of this name.")  # fmt: skip
@click.option("--status", type=one_of(ServerStatus), help="Only those that do this.")
@click.option("--goal-status", type=one_of(GoalStatus), help="Only those that stand so to their goal.")
@click.option("--management", type=one_of(Management), help="Only those that are managed, or that are not.")
def vs_list(session: Session, name: str | None, group: str | None, **chosen: Any) -> None:
    """List the virtual servers and how they fare.

    Velocity is the percentage of the wanted time that a server really ran, PI the performance index:
    goal / velocity; up to 1.05 the goal is met.
    """
    client = session.client
    query = ServerQuery(
        name=name,
        workload_resource_group=None if group is None else find_group(client, group).object_id,
        **chosen,
    )

    def show(found: ServerDetailList) -> None:
        names = {g.object_id: g.name for g in client.groups().value.workload_resource_groups}
        _show_servers(found.virtual_servers, names, chosen=query != ServerQuery())
        _warn(found)

    session.emit(client.servers_detail(query), show)


@command("vs-show", SERVER, examples=["hpm vs-show db1", "hpm vs-show --vs-name db1 --json"])
def vs_show(session: Session, server: str) -> None:
    """Show a virtual server."""
    session.emit(
        session.client.server(find_server(session.client, server).object_id), lambda found: _show(session, found)
    )


@command("vs-update", SERVER, examples=[
    "hpm vs-update db1 --group Gold --move",
    "hpm vs-update db1 --reserve 1.5 --cap none",
    "hpm vs-update db1 --memory-minimum 2G",
    "hpm vs-update db1 --partition /machine/gold",
    "hpm vs-update db1 --attribute os-type=linux --attribute hostname=db1.example",
])  # fmt: skip
@click.option("--group", "--wrg", "--wrg-name", "group", metavar="GROUP", shell_complete=GROUPS,
              help="Put it in this group.")  # fmt: skip
@click.option("--move", is_flag=True, help="Take it also from another group than default.")
@click.option("--exclude/--include", "excluded", default=None,
              help="Leave it alone, whatever its group's policy says; or no longer.")  # fmt: skip
@click.option("--reserve", type=Cpus(), metavar="CPUS|none", help="CPUs it is entitled to whatever the goals say.")
@click.option("--cap", type=Cpus(), metavar="CPUS|none", help="CPUs it never exceeds.")
@click.option("--memory-minimum", type=Mebibytes(), metavar="SIZE|none",
              help="Memory it keeps while memory is managed, in MiB, or such as 2G.")  # fmt: skip
@click.option("--partition", metavar="PATH|none", shell_complete=PARTITIONS,
              help="The partition that it stands in from its next start on, such as /machine/gold; none: as its"
                   " definition says.")  # fmt: skip
@click.option("--persist", is_flag=True,
              help="Write the partition into its lasting definition, too, so that it holds whoever starts it.")
@click.option("--attribute", "attributes", type=Attribute(), multiple=True, metavar="KEY=VALUE",
              help="For classification: hostname, os-type, os-name or os-level (repeatable). Replaces"
                   " all that were set before; 'KEY=' alone takes all back.")  # fmt: skip
def vs_update(
    session: Session,
    server: str,
    group: str | None,
    move: bool,
    excluded: bool | None,
    reserve: float | str | None,
    cap: float | str | None,
    memory_minimum: int | str | None,
    partition: str | None,
    persist: bool,
    attributes: tuple[tuple[str, str], ...],
) -> None:
    """Change group, limits or attributes of a server.

    Reserve and cap hold while CPU management is on, the minimum while memory management is.
    """
    changes: dict[str, Any] = {}
    if persist:
        if partition is None:
            raise click.UsageError(t("--persist says how --partition is kept; give --partition too"))
        changes["persist"] = True
    if excluded is not None:
        changes["excluded"] = excluded
    for field, value in (
        ("cpu-reserve", reserve), ("cpu-cap", cap), ("memory-minimum-mib", memory_minimum), ("partition", partition),
    ):  # fmt: skip
        if value is not None:
            changes[field] = None if value == "none" else value
    if attributes:
        changes["attributes"] = {key: value for key, value in attributes if value}
    if group is None and not changes:
        raise click.UsageError(t("nothing to change: give at least one option"))
    if move and group is None:
        raise click.UsageError(t("--move says how --group may work; give --group too"))
    client = session.client
    if group is not None:
        changes["workload-resource-group"] = find_group(client, group).object_id
        if move:
            changes["move"] = True
    found = find_server(client, server)
    with names_for_ids([found]):
        answer = client.update_server(found.object_id, changes)
    changed = t("Changed virtual server {name}.", name=repr(found.name))
    session.done(answer, changed, *_next_start(answer.value, partition))
    for what, wish in (("reserve", reserve), ("cap", cap)):
        if isinstance(wish, float) and wish > answer.value.vcpus:
            _warn_of_more(found.name, answer.value.vcpus, what, wish)


@command("vs-boost", SERVER, examples=[
    "hpm vs-boost db1 --velocity fastest --for 1h",
    "hpm vs-boost db1 --velocity 95 --until '2026-02-03 18:00' --importance highest",
    "hpm vs-boost db1 --end",
])  # fmt: skip
@click.option("--velocity", type=Velocity(), metavar="LEVEL|NUMBER",
              help="The goal meanwhile: fastest, fast, moderate, slow, slowest, or 1 to 99 percent.")  # fmt: skip
@click.option("--for", "--until", "until", type=Until(), metavar="TIME",
              help="How long: 90m, 1h, 2d; or until when: '2026-02-03 18:00' (local time), RFC 3339 [default: 1h].")
@click.option("--importance", type=IMPORTANCE, help="The importance meanwhile [default: that of its class].")
@click.option("--end", is_flag=True, help="End a temporary goal now.")
def vs_boost(
    session: Session, server: str, velocity: dict[str, Any] | None, until: str | None, importance: str | None, end: bool
) -> None:
    """Give a server another goal for a while.

    Meanwhile it counts, and not the goal of its service class. It ends by itself. A server whose group has no policy
    is managed meanwhile, with high importance.
    """
    if end == (velocity is not None):
        raise click.UsageError(t("give the --velocity that is wanted, or --end"))
    if velocity == {"type": "discretionary"}:
        raise click.UsageError(t("a temporary goal is a velocity; --end ends one"))
    found = find_server(session.client, server)
    if velocity is None:
        session.done(
            session.client.update_server(found.object_id, {"temporary-goal": None}),
            t("Virtual server {name} has the goal of its service class.", name=repr(found.name)),
        )
        return
    wanted = {"velocity": velocity["velocity"], "until": until or words.parse_time("1h", ahead=True)}
    if importance is not None:
        wanted["importance"] = importance
    answer = session.client.update_server(found.object_id, {"temporary-goal": wanted})
    session.done(
        answer,
        t(
            "Virtual server {name} has the goal {goal} until {time}, with importance {importance}.",
            name=repr(found.name), goal=words.goal(answer.value.goal), time=words.local_time(wanted["until"]),
            importance=answer.value.importance,
        ),
    )


@command("vs-release", SERVER, examples=["hpm vs-release db1"])
def vs_release(session: Session, server: str) -> None:
    """Manage a server again that an administrator changed.

    hpm leaves a server alone when somebody else changes its shares. This ends that.
    """
    found = find_server(session.client, server)
    answer = session.client.update_server(found.object_id, {"release": True})
    session.done(answer, t("Released virtual server {name}: hpm may manage it again.", name=repr(found.name)))


@command("explain", SERVER, examples=["hpm explain db1"])
def explain(session: Session, server: str) -> None:
    """Explain why a virtual server is where it is."""
    from .output import show_sentences

    def show(found: Explanation) -> None:
        show_sentences(found.sentences)

    session.emit(session.client.explain(find_server(session.client, server).object_id), show)


def _show_servers(servers: list[ServerDetail], groups: dict[str, str], chosen: bool) -> None:
    from .output import Column, show_table, status_cell

    if not servers:
        click.echo(
            t("No virtual servers that fit; without options, 'hpm vs-list' lists all.") if chosen else
            t("No virtual servers: the hypervisor has none ('hpm version' tells which one that is).")
        )  # fmt: skip
        return
    columns = [
        Column(t("Name")), Column(t("Status"), whole=True), Column(t("Group")), Column(t("Class")),
        Column(t("Goal\n%"), number=True), Column(t("Velo-\ncity %"), number=True), Column(t("PI"), number=True),
        Column(t("Shares"), number=True), Column(t("Goal\nstatus"), whole=True),
    ]  # fmt: skip
    show_table(columns, [
        (s.name, _status(s), groups.get(words.id_of(s.workload_resource_group), words.NONE),
         words.text_or_none(s.service_class), words.goal_percent(s.goal), words.percent(s.velocity),
         words.index(s.performance_index), words.text_or_none(s.cpu_shares), status_cell(s.goal_status))
        for s in sorted(servers, key=lambda s: words.in_order(s.name))
    ])  # fmt: skip


def _show(session: Session, server: ServerDetail) -> None:
    from .output import Cell, show_fields, status_cell

    group = words.id_of(server.workload_resource_group)
    names = {g.object_id: g.name for g in session.client.groups().value.workload_resource_groups}
    management: str = server.management
    if server.management_reason:
        management += f": {t(_REASONS.get(server.management_reason, server.management_reason))}"
    shares = words.text_or_none(server.cpu_shares)
    if server.cpu_shares_original not in (None, server.cpu_shares):
        shares = t("{shares} (found: {original})", shares=shares, original=server.cpu_shares_original)
    fields: list[tuple[str, Cell]] = [
        (t("Name"), server.name),
        (t("Id"), server.object_id),
        (t("Status"), _status(server)),
        (t("Started"), words.NONE if server.started is None else words.local_time(server.started)),
        ("vCPUs", str(server.vcpus)),
        (t("Memory MiB"), _memory(server)),
        (t("Group"), names.get(group, group)),
        (t("Service class"), words.text_or_none(server.service_class)),
        (t("Importance"), words.text_or_none(server.importance)),
        (t("Goal"), _goal(server)),
        (t("Management"), management),
        (t("Goal status"), status_cell(server.goal_status)),
        (t("Velocity %"), words.percent(server.velocity)),
        (t("PI"), words.index(server.performance_index)),
        (t("Ran, CPUs"), words.cpus(server.cpu_using)),
        (t("Waited, CPUs"), words.cpus(server.cpu_delay)),
        (t("CPU shares"), shares),
        (t("Reserve, CPUs"), words.cpus(server.cpu_reserve)),
        (t("Cap, CPUs"), words.cpus(server.cpu_cap)),
        (t("Partition"), words.text_or_none(server.partition)),
    ]
    if server.partition_at_start is not None:
        own, path = server.partition_at_start_origin == "virtual-server", server.partition_at_start
        fields.append((t("At its start"), t("{path} (said of itself)", path=path) if own else
                       t("{path} (said of its group)", path=path)))  # fmt: skip
    if server.excluded:
        fields.append((t("Excluded"), t("yes")))
    if server.attributes:
        fields.append((t("Attributes"), ""))
    for name, value in server.attributes.items():
        fields.append((f"  {name}", value if isinstance(value, str) else ", ".join(value)))
    show_fields(fields)
    _warn_stale([server])


def _status(server: ServerDetail) -> str:
    """What it does, or did when that was last known."""
    return server.status if server.stale_since is None else f"{server.status}?"


def _memory(server: ServerDetail) -> str:
    """Its memory, what its balloon leaves it of that, and why that is as it is."""
    parts = [str(server.memory_mib)]
    if server.memory_current_mib is not None and abs(server.memory_current_mib - server.memory_mib) > 1:
        parts.append(t("balloon leaves {mib}", mib=server.memory_current_mib))
        if server.memory_original_mib is not None:
            parts.append(t("found: {mib}", mib=server.memory_original_mib))
    if server.memory_used_mib is not None:
        parts.append(t("used: {mib}", mib=server.memory_used_mib))
    if server.memory_minimum_mib is not None:
        parts.append(t("minimum: {mib}", mib=server.memory_minimum_mib))
    if server.memory_management_reason is not None:
        why = server.memory_management_reason
        parts.append(t("left alone: {reason}", reason=t(MEMORY_REASONS.get(why, why))))
    return ", ".join(parts)


def _goal(server: ServerDetail) -> str:
    goal, boost = words.goal(server.goal), server.temporary_goal
    if boost is msgspec.UNSET:
        return goal
    return t("{goal}, until {time} (vs-boost)", goal=goal, time=words.local_time(boost.until))


def _next_start(server: ServerDetail, partition: str | None) -> list[str]:
    """When a partition that was given takes effect."""
    wanted = server.partition_at_start
    if partition is None or server.status not in ("running", "paused") or wanted == server.partition:
        return []
    now = server.partition or t("no partition that is known")
    if wanted is None:
        return [t("It stands in {path} now, and as its definition says from its next start on.", path=now)]
    return [t("It stands in {path} now, and in {other} from its next start on.", path=now, other=wanted)]


def _warn_of_more(name: str, vcpus: int, what: str, wish: float) -> None:
    """Say on stderr that a server cannot use more CPUs than it has."""
    from .output import warn

    if what == "reserve":
        warn(plural(
            "{name} has {n} vCPU, so a reserve of {cpus} CPUs cannot all be used",
            "{name} has {n} vCPUs, so a reserve of {cpus} CPUs cannot all be used",
            vcpus, name=name, cpus=words.cpus(wish),
        ))  # fmt: skip
    else:
        warn(plural(
            "{name} has {n} vCPU, so a cap of {cpus} CPUs never holds it back",
            "{name} has {n} vCPUs, so a cap of {cpus} CPUs never holds it back",
            vcpus, name=name, cpus=words.cpus(wish),
        ))  # fmt: skip


def _warn(found: ServerDetailList) -> None:
    """Say on stderr that the figures are old, if they are."""
    from .output import warn

    if found.problem:
        warn(t(
            "{problem}; the figures are of {time}", problem=found.problem, time=words.local_time(found.snapshot_time),
        ) if found.snapshot_time else found.problem)    # fmt: skip
    _warn_stale(found.virtual_servers)


def _warn_stale(servers: list[ServerDetail]) -> None:
    """Say on stderr of which servers nobody knows how they are now, and since when, if that is so."""
    from .output import warn

    stale = sorted((server.stale_since, server.name) for server in servers if server.stale_since is not None)
    if stale:
        names = ", ".join(name for _, name in stale[:MOST_NAMED]) + (", …" if len(stale) > MOST_NAMED else "")
        warn(t(
            "libvirt answers, but not for {names} (a hook of a start is running, say): how they are now is not known"
            " since {time}",
            names=names, time=words.local_time(stale[0][0]),
        ))  # fmt: skip
