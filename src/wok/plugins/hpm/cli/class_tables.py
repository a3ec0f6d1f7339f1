"""How service classes read on the terminal: as their policy has them, and how their servers fare."""

from __future__ import annotations

from typing import Any

import click

from ..policy.classification import describe
from ..policy.policies import PerformancePolicy, ServiceClass
from ..texts import t
from ..wire.groups import GroupDetail, ServiceClassState
from . import words
from .session import Session


def active_policy(group: GroupDetail) -> PerformancePolicy | None:
    return next((p for p in group.perf_policies if p.name == group.active_policy), None)


def _rule_words(service_class: ServiceClass | None) -> str:
    if service_class is None or service_class.classification is None:
        return t("all that are left")
    return describe(service_class.classification)


def show_classes(policy: PerformancePolicy | None, states: list[ServiceClassState]) -> None:
    from .output import Column, show_heading, show_table, status_cell

    if policy is None:
        click.echo(t("The group has no active policy: its servers are unmanaged."))
        return
    by_name = {state.name: state for state in states}
    show_heading(
        t("Policy {name}", name=policy.name) if states else t("Policy {name} (not active)", name=policy.name)
    )
    columns = [
        Column(t("Class")), Column(t("Importance"), whole=True), Column(t("Goal"), whole=True), Column(t("Rule")),
    ]  # fmt: skip
    if states:
        columns += [Column(t("Servers"), number=True), Column(t("Velo-\ncity %"), number=True),
                    Column(t("PI"), number=True), Column(t("Goal\nstatus"), whole=True)]  # fmt: skip
    rows = []
    for service_class in policy.service_classes:
        row: list[Any] = [
            service_class.name, policy.importance_of(service_class), words.goal(service_class.goal),
            _rule_words(service_class),
        ]  # fmt: skip
        state = by_name.get(service_class.name)
        if state is not None:
            row += [str(len(state.virtual_servers)), words.percent(state.velocity),
                    words.index(state.performance_index), status_cell(state.goal_status)]  # fmt: skip
        rows.append(row)
    show_table(columns, rows)


def show_class(
    session: Session, policy: PerformancePolicy, service_class: ServiceClass, state: ServiceClassState | None
) -> None:
    from .output import Column, show_fields, show_table, status_cell

    importance = policy.importance_of(service_class)
    fields: list[tuple[str, Any]] = [
        (t("Name"), service_class.name),
        (t("Policy"), policy.name if state else t("{name} (not active)", name=policy.name)),
        (t("Description"), words.text_or_none(service_class.description)),
        (t("Importance"), importance if service_class.importance else t(
            "{importance} (the policy's)", importance=importance,
        )),
        (t("Goal"), words.goal(service_class.goal)),
        (t("Rule"), _rule_words(service_class)),
    ]
    if state is not None:
        fields += [
            (t("Velocity %"), words.percent(state.velocity)),
            (t("PI"), words.index(state.performance_index)),
            (t("Goal status"), status_cell(state.goal_status)),
            (t("Servers"), str(len(state.virtual_servers))),
        ]
    show_fields(fields)
    if state is None or not state.virtual_servers:
        return
    members = {words.id_of(uri) for uri in state.virtual_servers}
    click.echo()
    show_table(
        [Column(t("Server")), Column(t("Status"), whole=True), Column(t("PI"), number=True),
         Column(t("Goal status"), whole=True)],
        [(s.name, s.status, words.index(s.performance_index), status_cell(s.goal_status))
         for s in session.client.servers().value.virtual_servers if s.object_id in members],
    )  # fmt: skip
