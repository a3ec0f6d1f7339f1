"""The command for schedules: which policy of a group is active on which days and hours."""

from __future__ import annotations

from typing import Any

import click
from msgspec import UNSET, UnsetType

from ..policy.schedule import DAYS, ScheduleEntry
from ..texts import t
from ..wire.groups import GroupDetail
from .command import GROUP, command
from .names import POLICIES
from .option_types import EntryText
from .resolve import find_group
from .session import Session


@command("policy-schedule", GROUP, examples=[
    "hpm policy-schedule Gold",
    "hpm policy-schedule Gold --entry 'night weekdays 22:00-06:00' \\",
    "    --entry 'calm weekend 00:00-00:00' --otherwise weekday",
    "hpm policy-schedule Gold --clear",
])  # fmt: skip
@click.option("--entry", "entries", type=EntryText(), multiple=True, metavar="'POLICY DAYS FROM-TO'",
              help="When a policy is active (repeatable; the first that holds decides). DAYS: mon,tue or mon-fri,"
                   " daily, weekdays, weekend. FROM-TO: 22:00-06:00 ends on the next day. Replaces the whole"
                   " schedule.")  # fmt: skip
@click.option("--otherwise", metavar="POLICY", shell_complete=POLICIES,
              help="What is active where no entry holds; without it, no policy.")  # fmt: skip
@click.option("--clear", is_flag=True, help="No schedule: policies are activated by hand only.")
def policy_schedule(
    session: Session, group: str, entries: tuple[dict[str, Any], ...], otherwise: str | None, clear: bool
) -> None:
    """Show or set on which days and hours policies are active.

    They are those of the host's time zone. A policy that is activated by hand holds until the schedule
    wants another one than before.
    """
    if clear and (entries or otherwise is not None):
        raise click.UsageError(t("--clear takes the schedule away: leave --entry and --otherwise out"))
    if otherwise is not None and not entries:
        raise click.UsageError(t("--otherwise is part of a schedule: give its entries with --entry too"))
    client = session.client
    found = find_group(client, group)
    if clear:
        answer = client.update_group(found.object_id, {"schedule": []})
    elif entries:
        answer = client.update_group(found.object_id, {"schedule": list(entries), "otherwise": otherwise})
    else:
        answer = client.group(found.object_id)
    session.emit(answer, _show)


def _show(group: GroupDetail) -> None:
    active = _policy(group.active_policy)
    if group.schedule is UNSET:
        click.echo(t("Group {name} has no schedule; active is {active}.", name=repr(group.name), active=active))
        return
    show_schedule(group.schedule, group.otherwise)
    click.echo(t("Active now: {active}.", active=active))


def _policy(name: str | UnsetType | None) -> str:
    return t("policy {name}", name=repr(name)) if isinstance(name, str) else t("no policy (unmanaged)")


def show_schedule(schedule: tuple[ScheduleEntry, ...], otherwise: str | UnsetType | None) -> None:
    """The entries as a table, and what is active where none holds."""
    from .output import Column, show_table

    show_table(
        [Column(t("Policy")), Column(t("Days")), Column(t("From"), whole=True), Column(t("To"), whole=True)],
        [(e.policy, days_in_short(e.days), e.from_, e.to) for e in schedule],
    )
    click.echo(t("Otherwise: {active}.", active=_policy(otherwise)))


def days_in_short(days: tuple[str, ...]) -> str:
    """``mon-fri``, ``daily``, ``mon, wed``."""
    places = sorted({DAYS.index(day) for day in DAYS if day in days})
    if len(places) == len(DAYS):
        return "daily"
    if len(places) > 2 and places == list(range(places[0], places[-1] + 1)):
        return f"{DAYS[places[0]]}-{DAYS[places[-1]]}"
    return ", ".join(DAYS[place] for place in places)
