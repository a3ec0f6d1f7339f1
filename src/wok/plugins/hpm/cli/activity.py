"""The command for the activity log."""

from __future__ import annotations

import click

from ..texts import t
from ..wire.activity import ActivityEntry, ActivityOutcome
from . import words
from .command import command
from .option_types import one_of
from .paging import LIMIT, PAGE, SINCE, UNTIL, gathered, gathered_json, tell_older
from .session import Session


@command("activity-list", examples=[
    "hpm activity-list",
    "hpm activity-list --from 1d --outcome refused",
    "hpm activity-list --by ann --limit 100",
])  # fmt: skip
@SINCE
@UNTIL
@click.option("--by", "by", metavar="USER", help="Only what this user did or tried.")
@click.option("--outcome", type=one_of(ActivityOutcome), help="Only what was done, was refused, or failed.")
@LIMIT
def activity_list(
    session: Session, since: str | None, until: str | None, by: str | None, outcome: str | None, limit: int
) -> None:
    """List who changed what, or tried to.

    The newest comes first. Reading is not listed, but wrong passwords and tokens are.
    """
    client = session.client
    first = client.activity(since=since, until=until, user=by, outcome=outcome, limit=min(limit, PAGE))
    if session.json:
        session.emit_json(gathered_json(first, client.more_activity, "activity-log", limit))
        return
    found, more = gathered(first, client.more_activity, lambda page: page.activity_log, limit)
    _show(found)
    if more:
        tell_older(limit, found[-1].time)


def _show(entries: list[ActivityEntry]) -> None:
    from .output import Column, Styled, show_table

    if not entries:
        click.echo(t("No activities."))
        return
    columns = [Column(t("Time"), whole=True), Column(t("User")), Column(t("From"), whole=True),
               Column(t("Outcome"), whole=True), Column(t("What"), words=True)]  # fmt: skip
    rows = []
    for e in entries:
        asked = e.request_method != ""    # else hpm noticed it by itself
        status = f" ({e.http_status})" if asked else ""
        what = e.summary if e.outcome == "done" else f"{e.summary}{status}: {e.message or ''}"
        user = e.user if e.user is not None else words.NONE
        claimed = asked and e.means == "nobody" and e.user is not None
        rows.append((
            words.local_time(e.time), t("{user} (claimed)", user=user) if claimed else user,
            (e.address or e.means) if asked else words.NONE,
            Styled(e.outcome, "" if e.outcome == "done" else "red"), what,
        ))  # fmt: skip
    show_table(columns, rows)
