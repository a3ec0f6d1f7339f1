"""The command for the activity log."""

from __future__ import annotations

from typing import Any

import click

from ..client.answers import Answer
from ..client.rest import Client
from ..wire.activity import ActivityEntry, ActivityList
from . import words
from .command import command
from .option_types import Moment
from .session import Session

#: Entries asked for at once.
PAGE = 100

_OUTCOME = click.Choice(["done", "refused", "failed"])


@command("activity-list", examples=[
    "hpm activity-list",
    "hpm activity-list --from 1d --outcome refused",
    "hpm activity-list --by ann --limit 100",
])  # fmt: skip
@click.option("--from", "since", type=Moment(), metavar="TIME",
              help="Not older: '2026-02-03 14:00' (local time), RFC 3339, or 90m, 2h, 1d for so long ago.")  # fmt: skip
@click.option("--to", "until", type=Moment(), metavar="TIME", help="Not younger.")
@click.option("--by", "by", metavar="USER", help="Only what this user did or tried.")
@click.option("--outcome", type=_OUTCOME, help="Only what was done, was refused, or failed.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
def activity_list(
    session: Session, since: str | None, until: str | None, by: str | None, outcome: str | None, limit: int
) -> None:
    """List who changed what, or tried to.

    The newest comes first. Reading is not listed, but wrong passwords and tokens are.
    """
    client = session.client
    first = client.activity(since=since, until=until, user=by, outcome=outcome, limit=min(limit, PAGE))
    if session.json:
        session.emit_json(_whole(client, first, limit))
        return
    page = first.value
    found = list(page.activity_log)
    while page.next is not None and len(found) < limit:
        page = client.more_activity(page.next).value
        found += page.activity_log
    _show(found[:limit])
    if page.next is not None or len(found) > limit:
        click.echo(f"There are older ones: say --limit {limit * 5}, or --to {found[limit - 1].time}.")


def _show(entries: list[ActivityEntry]) -> None:
    from .output import Column, Styled, show_table

    if not entries:
        click.echo("No activities.")
        return
    columns = [Column("Time", whole=True), Column("User"), Column("From", whole=True), Column("Outcome", whole=True),
               Column("What", words=True)]  # fmt: skip
    rows = []
    for e in entries:
        what = e.summary if e.outcome == "done" else f"{e.summary} ({e.http_status}): {e.message or ''}"
        user = e.user if e.user is not None else words.NONE
        rows.append((
            words.local_time(e.time), f"{user} (claimed)" if e.means == "nobody" and e.user else user,
            e.address or e.means, Styled(e.outcome, "" if e.outcome == "done" else "red"), what,
        ))  # fmt: skip
    show_table(columns, rows)


def _whole(client: Client, first: Answer[ActivityList], limit: int) -> Any:
    """The answer unchanged if it is the only page; else one such object with the entries of all."""
    if limit <= PAGE:
        return first.text
    whole = page = first.json
    while page.get("next") is not None and len(whole["activity-log"]) < limit:
        page = client.more_activity(page["next"]).json
        whole["activity-log"] += page["activity-log"]
        whole["next"] = page.get("next")
    return whole
