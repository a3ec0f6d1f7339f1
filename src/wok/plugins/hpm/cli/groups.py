"""The commands for workload resource groups."""

from __future__ import annotations

import sys
from dataclasses import replace

import click
from msgspec import UNSET

from ..client.errors import ChangedMeanwhile
from ..errors import Conflict
from ..policy.decode import convert
from ..policy.guest_policies import GuestPolicy
from ..texts import plural, t
from ..wire.groups import GroupCreate, GroupDetail, GroupList, GroupUpdate
from . import words
from .command import GROUP, NEW_GROUP, SERVERS, command
from .guest_policy_options import read_whole
from .names import PARTITIONS
from .resolve import find_group, find_servers, names_for_ids
from .schedules import show_schedule
from .session import Session

_OUTSIDERS = replace(SERVERS, complete="outsider")
_MEMBERS = replace(SERVERS, complete="member")


@command("wrg-list", examples=["hpm wrg-list"])
def wrg_list(session: Session) -> None:
    """List the groups and how they fare.

    PI is the performance index: goal velocity / achieved velocity; up to 1.05 the goal is met.
    """
    from .output import Column, show_table, status_cell

    def show(groups: GroupList) -> None:
        columns = [
            Column(t("Name")), Column(t("Active policy")), Column(t("Importance"), whole=True),
            Column(t("Servers"), number=True), Column(t("PI"), number=True), Column(t("Goal status"), whole=True),
        ]  # fmt: skip
        show_table(columns, [
            (g.name, words.text_or_none(g.active_policy), words.text_or_none(g.importance),
             str(g.virtual_server_count), words.index(g.performance_index), status_cell(g.goal_status))
            for g in groups.workload_resource_groups
        ])  # fmt: skip

    session.emit(session.client.groups(), show)


@command("wrg-show", GROUP, examples=["hpm wrg-show Gold", "hpm wrg-show default --json"])
def wrg_show(session: Session, group: str) -> None:
    """Show a group: its policies and its servers."""
    from .output import Column, show_fields, show_table, status_cell

    def show(found: GroupDetail) -> None:
        active = found.active_policy or t("none; the group is unmanaged: its servers keep their shares")
        show_fields([
            (t("Name"), found.name), (t("Id"), found.object_id),
            (t("Description"), words.text_or_none(found.description)),
            (t("Active policy"), active), (t("Servers"), str(len(found.virtual_servers))),
            *_partition(session, found),
        ])  # fmt: skip
        if found.perf_policies:
            click.echo()
            show_table(
                [Column(t("Policy")), Column(t("Importance")), Column(t("Service classes"))],
                [(t("{name} (active)", name=p.name) if p.name == found.active_policy else p.name, p.importance,
                  ", ".join(c.name for c in p.service_classes)) for p in found.perf_policies],
            )  # fmt: skip
        if found.schedule is not UNSET:
            click.echo("\n" + t("Schedule"))
            show_schedule(found.schedule, found.otherwise)
        if found.virtual_servers:
            members = {words.id_of(uri) for uri in found.virtual_servers}
            click.echo()
            show_table(
                [Column(t("Server")), Column(t("Status"), whole=True), Column(t("Class")), Column(t("PI"), number=True),
                 Column(t("Goal status"), whole=True)],
                [(s.name, s.status, words.text_or_none(s.service_class), words.index(s.performance_index),
                  status_cell(s.goal_status))
                 for s in session.client.servers().value.virtual_servers if s.object_id in members],
            )  # fmt: skip

    session.emit(session.client.group(find_group(session.client, group).object_id), show)


def _partition(session: Session, group: GroupDetail) -> list[tuple[str, str]]:
    """The partition that backs a group, and which of its servers stand elsewhere."""
    if group.partition is UNSET or group.virtual_servers_elsewhere is UNSET:
        return []
    names = {server.object_id: server.name for server in session.client.servers().value.virtual_servers}
    away = ", ".join(names.get(words.id_of(uri), uri) for uri in group.virtual_servers_elsewhere)
    told = t("{partition}; {names} stand elsewhere until their next start", partition=group.partition, names=away)
    return [(t("Partition"), told if away else group.partition)]


@command("wrg-create", NEW_GROUP, examples=[
    "hpm wrg-create Gold",
    "hpm wrg-create --wrg-name Gold --description 'Web shop'",
])  # fmt: skip
@click.option("--description", metavar="TEXT", help="What the group is for.")
def wrg_create(session: Session, group: str, description: str | None) -> None:
    """Create a group.

    It is unmanaged (its servers keep their shares) until policy-create gives it a policy.
    """
    answer = session.client.create_group(GroupCreate(name=group, description=description or ""))
    session.done(answer, t("Created group {group}.", group=repr(group)))


@command("wrg-update", GROUP, examples=[
    "hpm wrg-update Gold --new-name Platinum",
    "hpm wrg-update Gold --description 'Web shop and its database'",
    "hpm wrg-update Gold --partition /machine/gold",
    "hpm wrg-update Gold --guest-policy gold.json",
])  # fmt: skip
@click.option("--new-name", metavar="NAME", help="Rename the group.")
@click.option("--description", metavar="TEXT", help="What the group is for; '' for nothing.")
@click.option("--partition", metavar="PATH|none", shell_complete=PARTITIONS,
              help="The partition that its servers should stand in: then the group as a whole has that one's"
                   " parameters.")  # fmt: skip
@click.option("--guest-policy", metavar="FILE|none",
              help="How its servers are placed, limited and started, where nothing else is said of them: JSON, whole,"
                   " as the API has it; - reads standard input.")  # fmt: skip
def wrg_update(
    session: Session, group: str, new_name: str | None, description: str | None, partition: str | None,
    guest_policy: str | None,
) -> None:  # fmt: skip
    """Change a group's name, partition or guest policy."""
    if new_name is None and description is None and partition is None and guest_policy is None:
        raise click.UsageError(t("nothing to change: give --new-name, --description, --partition or --guest-policy"))
    changes = GroupUpdate()
    if new_name is not None:
        changes.name = new_name
    if description is not None:
        changes.description = description
    if partition is not None:
        changes.partition = None if partition == "none" else partition
    if guest_policy is not None:
        changes.guest_policy = convert(read_whole(guest_policy), GuestPolicy)
    answer = session.client.update_group(find_group(session.client, group).object_id, changes)
    session.done(answer, t("Changed group {name}.", name=repr(answer.value.name)))


@command("wrg-delete", GROUP, examples=["hpm wrg-delete Gold", "hpm wrg-delete Gold --yes"])
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def wrg_delete(session: Session, group: str, yes: bool) -> None:
    """Delete a group; its servers go to the group default.

    Its policies are deleted with it. Asks first; where nobody can be asked, --yes is needed.
    """
    found = session.client.group(find_group(session.client, group).object_id)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(t("nobody can be asked whether to delete (no terminal): say --yes"))
    details = found.value
    if not yes:
        question = plural(
            "Delete group {name} with {n} policy?", "Delete group {name} with {n} policies?",
            len(details.perf_policies), name=repr(details.name),
        )  # fmt: skip
        servers = plural(
            "{n} server will go to the group default", "{n} servers will go to the group default",
            len(details.virtual_servers),
        )  # fmt: skip
        click.confirm(f"{question} ({servers})", abort=True, err=True)
    try:
        session.client.delete_group(details.object_id, if_match=found.etag)
    except ChangedMeanwhile:
        raise Conflict(t(
            "somebody else changed the group {name} at the same time, so it was not deleted; look at it as it is now,"
            " and try again",
            name=repr(details.name),
        )) from None
    session.done(None, t("Deleted group {name}.", name=repr(details.name)))


@command("wrg-add-vs", GROUP, _OUTSIDERS, examples=[
    "hpm wrg-add-vs Gold db1 db2",
    "hpm wrg-add-vs --wrg-name Gold --vs-name db1 --move",
])  # fmt: skip
@click.option("--move", is_flag=True, help="Take servers also from other groups than default.")
def wrg_add_vs(session: Session, group: str, servers: tuple[str, ...], move: bool) -> None:
    """Put virtual servers in a group.

    A server is in exactly one group. One that is in another group than default moves only with --move.
    """
    found = find_group(session.client, group)
    members = find_servers(session.client, servers)
    with names_for_ids(members):
        answer = session.client.add_servers(found.object_id, [server.object_id for server in members], move)
    names = ", ".join(server.name for server in members)
    session.done(answer, t("Put {names} in group {group}.", names=names, group=repr(found.name)))


@command("wrg-remove-vs", GROUP, _MEMBERS, examples=["hpm wrg-remove-vs Gold db1 db2"])
def wrg_remove_vs(session: Session, group: str, servers: tuple[str, ...]) -> None:
    """Take virtual servers out of a group.

    They go to the group default.
    """
    found = find_group(session.client, group)
    members = find_servers(session.client, servers)
    with names_for_ids(members):
        answer = session.client.remove_servers(found.object_id, [server.object_id for server in members])
    names = ", ".join(server.name for server in members)
    session.done(answer, t(
        "Took {names} out of group {group}; now in the group default.", names=names, group=repr(found.name),
    ))
