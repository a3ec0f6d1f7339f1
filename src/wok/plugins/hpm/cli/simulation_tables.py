"""How a simulation reads on the terminal: before and after, by server and by class, and what could not be met."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..policy.goals import VelocityGoal
from ..texts import later, plural, t
from ..wire.simulations import SimulatedClass, SimulatedSide, Simulation, UnmetGoal
from . import words
from .adjustments import show_decisions
from .output import Cell, Column, show_heading, show_sentences, show_table, show_text, status_cell
from .plain import plain

#: Sides in the order of the columns' arrows, in words.
_SIDES = {"unmanaged": later("unmanaged"), "managed": "hpm", "compared": later("compared")}


def show_simulation(found: Simulation, *, verbose: bool) -> None:
    """Print it all."""
    if found.description:
        click.echo(plain(found.description))
    size = [
        plural("{n} CPU", "{n} CPUs", found.cpus),
        plural("{n} virtual server", "{n} virtual servers", len(found.sides[0].virtual_servers)),
        plural(
            "{n} interval of {seconds} s", "{n} intervals of {seconds} s", found.intervals,
            seconds=f"{found.interval_seconds:g}",
        ),
    ]  # fmt: skip
    means = t(
        "Figures are means from interval {number} on, velocities in percent: {sides}.",
        number=found.counted_from, sides=" → ".join(t(_SIDES[side.side]) for side in found.sides),
    )
    click.echo(f"{', '.join(size)}. {means}")
    _show_servers(found)
    _show_classes(found)
    for side in found.sides[1:]:
        label = "" if len(found.sides) == 2 else f" ({t(_SIDES[side.side])})"
        _show_unmet(side, label, verbose=verbose)
        if verbose:
            _show_adjustments(side, label)
    for note in found.notes:
        click.echo(plain(t("Note: {sentence}", sentence=note)))


def _show_servers(found: Simulation) -> None:
    columns = [
        Column(t("Server"), whole=True), Column(t("Group"), whole=True), Column(t("Class"), whole=True),
        Column(t("Goal"), number=True), Column(t("Velocity"), whole=True), Column(t("PI"), whole=True),
        Column(t("CPUs"), whole=True), Column(t("Shares"), whole=True), Column(t("Goal\nstatus"), whole=True),
    ]  # fmt: skip
    every = list(zip(*(side.virtual_servers for side in found.sides), strict=True))
    velocities = _changes([[words.percent(s.velocity) for s in same] for same in every])
    indexes = _changes([[words.index(s.performance_index) for s in same] for same in every])
    cpus = _changes([[words.index(s.cpu_using) for s in same] for same in every])
    shares = _changes([[words.text_or_none(s.cpu_shares) for s in same] for same in every])
    rows: list[list[Cell]] = [
        [last.name, last.workload_resource_group, words.text_or_none(last.service_class),
         words.goal_percent(last.goal), *changes, status_cell(last.goal_status)]
        for (*_, last), *changes in zip(every, velocities, indexes, cpus, shares, strict=True)
    ]  # fmt: skip
    click.echo()
    show_table(columns, rows)


def _show_classes(found: Simulation) -> None:
    """Classes by group. Without management the goals of the first side are looked at."""
    unmanaged, managed, *others = found.sides
    before = {(group.name, state.name): state
              for group in unmanaged.workload_resource_groups for state in group.service_classes}  # fmt: skip
    for side in (managed, *others):
        states = [(group, state) for group in side.workload_resource_groups for state in group.service_classes]
        if not states:
            continue
        click.echo()
        if others:
            show_heading(t(_SIDES[side.side]))
        every = [[before[group.name, state.name], state] if side is managed else [state] for group, state in states]
        show_table([
            Column(t("Group"), whole=True), Column(t("Policy"), whole=True), Column(t("Class"), whole=True),
            Column(t("Importance"), whole=True), Column(t("Goal"), whole=True), Column(t("Servers"), number=True),
            Column(t("Velocity"), whole=True), Column(t("Intervals\nmet, %"), whole=True),
            Column(t("First met\nafter"), whole=True),
        ], [
            [group.name, words.text_or_none(group.active_policy), state.name, state.importance,
             words.goal(state.goal), str(state.virtual_server_count), velocity, percent,
             _seconds(state.met_after_seconds)]
            for (group, state), velocity, percent in zip(
                states, _changes([[words.percent(one.velocity) for one in same] for same in every]),
                _changes([[_met_percent(one) for one in same] for same in every]), strict=True,
            )
        ])  # fmt: skip


def _met_percent(state: SimulatedClass) -> str:
    if not isinstance(state.goal, VelocityGoal) or not state.intervals_busy:
        return words.NONE
    return f"{100 * state.intervals_met / state.intervals_busy:.0f}"


def _seconds(value: float | None) -> str:
    return words.NONE if value is None else f"{value:g} s"


def _changes(values: Sequence[Sequence[str]]) -> list[str]:
    """``41 → 78`` for each row, one below the other."""
    width = max((len(value) for row in values for value in row), default=0)
    most = max((len(row) for row in values), default=0)
    return [" → ".join(value.rjust(width) for value in row).rjust((width + 3) * most - 3) for row in values]


def _show_unmet(side: SimulatedSide, label: str, *, verbose: bool) -> None:
    click.echo()
    goals = [s for s in side.virtual_servers if isinstance(s.goal, VelocityGoal) and s.intervals_busy]
    if not side.unmet:
        click.echo(
            t("All goals are met{label}.", label=label) if goals else
            t("There are no goals to be met{label}.", label=label)
        )  # fmt: skip
        return
    show_heading(plural(
        "Not met{label}: {unmet} of {n} goal", "Not met{label}: {unmet} of {n} goals", len(goals),
        label=label, unmet=len(side.unmet),
    ))  # fmt: skip
    told: dict[tuple[str, str | None, str | None], list[UnmetGoal]] = {}
    for unmet in side.unmet:
        told.setdefault((unmet.workload_resource_group, unmet.service_class, unmet.reason), []).append(unmet)
    for (group, service_class, reason), some in told.items():
        names = ", ".join(unmet.virtual_server for unmet in some)
        show_text(t(
            "{group}, class {name}, {reason}: {servers}",
            group=group, name=service_class, reason=reason or t("in some intervals"), servers=names,
        ))
        for unmet in some if verbose else some[:1]:
            if unmet.sentences:
                show_sentences(unmet.sentences)


def _show_adjustments(side: SimulatedSide, label: str) -> None:
    click.echo()
    if not side.adjustments:
        click.echo(t("No adjustments{label}.", label=label))
        return
    show_heading(t("Adjustments{label}", label=label))
    show_decisions([
        (t("after {seconds} s", seconds=f"{made.after_seconds:g}"), made) for made in side.adjustments
    ])  # fmt: skip

