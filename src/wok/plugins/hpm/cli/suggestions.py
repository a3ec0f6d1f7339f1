"""The command that suggests goals."""

from __future__ import annotations

import click

from ..policy.goals import Importance
from ..texts import t
from ..wire.suggestions import PolicyEffect, SuggestedClass, Suggestion, SuggestionQuery
from . import words
from .command import GROUP, Slot, command
from .option_types import IMPORTANCE
from .paging import SINCE, UNTIL
from .plain import plain
from .policies import create_policy
from .resolve import find_group
from .session import Session

_NAME = Slot("policy", "POLICY", "--policy-name", "The name of the policy; default: suggested, or one like it.",
             optional=True)  # fmt: skip


@command("policy-suggest", GROUP, _NAME, examples=[
    "hpm policy-suggest Gold",
    "hpm policy-suggest Gold --from '2026-02-02 09:00' --to '2026-02-02 17:00'",
    "hpm policy-suggest Gold weekday --create",
    "hpm policy-suggest default --policy-name others --importance low --activate",
    "hpm policy-suggest Gold --json",
])  # fmt: skip
@SINCE
@UNTIL
@click.option("--importance", type=IMPORTANCE,
              help="The business importance [default: that of the active policy, or medium].")  # fmt: skip
@click.option("--create", is_flag=True, help="Store the policy; as with policy-create, it becomes active at once if the"
                                             " group has neither an active policy nor a schedule.")  # fmt: skip
@click.option("--activate", is_flag=True, help="Store it, and make it the active one also if the group has another.")
def policy_suggest(
    session: Session,
    group: str,
    policy: str | None,
    since: str | None,
    until: str | None,
    importance: Importance | None,
    create: bool,
    activate: bool,
) -> None:
    """Suggest goals that a group has reached.

    From history: by default of the last 7 days; name with --from and --to a time in which nobody complained. A group
    without an active policy is suggested service classes, too. It is told what the goals would cost other groups.
    Nothing is changed without --create or --activate; with one of them, --json prints the policy that was made.
    """
    found = find_group(session.client, group)
    query = SuggestionQuery(from_=since, to=until, importance=importance, name=policy)
    answer = session.client.suggestion(found.object_id, query)
    if not (create or activate):
        session.emit(answer, _show)
        return
    if not session.json:
        _show(answer.value)
        click.echo()
    create_policy(session, found, answer.json["policy"], activate)


def _show(found: Suggestion) -> None:
    from .output import show_heading, show_sentences

    policy = found.policy
    click.echo(plain(t(
        "Policy {name}, importance {importance}, from history of {begin} to {end}.", name=repr(policy.name),
        importance=policy.importance, begin=words.local_time(found.from_), end=words.local_time(found.to),
    )))
    click.echo()
    _show_classes(found.classes)
    click.echo()
    show_sentences(f"{one.name}: {one.reason}" for one in found.classes)
    if found.effects:
        click.echo()
        show_heading(t("Classes of other groups, with the policies as they are → with this one"))
        _show_effects(found.effects)
    if found.notes:
        click.echo()
        show_sentences(found.notes)


def _show_classes(classes: list[SuggestedClass]) -> None:
    from .output import Column, show_table

    show_table(
        [Column(t("Class")), Column(t("Goal\nnow"), whole=True), Column(t("Goal\nsuggested"), whole=True),
         Column(t("Servers"), number=True), Column(t("History\nhours"), number=True),
         Column(t("Active\n%"), number=True), Column(t("Velocity\nlow"), number=True),
         Column(t("Velocity\nmedian"), number=True), Column(t("Met %\nnow"), number=True),
         Column(t("Met %\nthen"), number=True), Column(t("PI\nthen"), number=True)],
        [(one.name, words.goal(one.goal), words.goal(one.suggested_goal), str(one.virtual_server_count),
          f"{one.history_hours:.1f}", words.percent(one.active_percent), words.percent(one.velocity_low),
          words.percent(one.velocity_median), words.percent(one.attainment_now), words.percent(one.attainment),
          words.index(one.pi_projected)) for one in classes],
    )  # fmt: skip


def _show_effects(effects: list[PolicyEffect]) -> None:
    from .output import Column, show_table, status_cell

    show_table(
        [Column(t("Group")), Column(t("Class")), Column(t("Importance"), whole=True), Column(t("Goal"), number=True),
         Column(t("Velocity"), whole=True), Column(t("PI"), whole=True), Column(t("Goal status\nthen"), whole=True)],
        [(one.name, one.service_class, one.importance, words.goal_percent(one.goal),
          f"{words.percent(one.velocity_before)} → {words.percent(one.velocity_after)}",
          f"{words.index(one.pi_before)} → {words.index(one.pi_after)}", status_cell(one.goal_status_after))
         for one in effects],
    )  # fmt: skip
