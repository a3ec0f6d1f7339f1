"""How dynamic resource adjustments read on the terminal: who received, who gave, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import click

from ..texts import later, t
from ..wire.management import AdjustedServer, Adjustment
from ..wire.simulations import SimulatedAdjustment, SimulatedShares
from . import words

Decision: TypeAlias = Adjustment | SimulatedAdjustment

#: `reason` of an adjustment that was not, or not fully, possible, in words.
_REASONS = {
    "at-capacity": later("the host has no more CPU to give"),
    "at-floor": later("those who could give have no more than they need"),
    "no-gain": later("the receiver would gain too little"),
    "cooldown": later("the last change is too recent"),
    "excluded": later("the server is excluded"),
    "ratio-limit": later("shares may not lie further apart"),
    "changed-by-administrator": later("somebody else changed it"),
    "unreachable": later("the server could not be reached"),
    "at-maximum": later("the server has all the memory that it is defined with"),
    "host-pressure": later("the host has no memory left to give"),
    "rate-limit": later("no more memory is moved in one interval"),
    "settling": later("the balloon is on its way"),
    "migrating": later("the server is being migrated, saved or copied"),
    "another-manager": later("another program manages memory here"),
}

#: `cause` of an adjustment, in words; those of KSM are not here.
_CAUSES = {
    "host-pressure": later("memory, because the host had too little"),
    "distress": later("memory, for servers that ran short of it"),
    "pressure-over": later("memory, given back"),
    "another-manager": later("memory, left alone"),
    "memory-policy": later("by a memory policy"),
    "placement": later("vCPUs moved to other CPUs"),
    "partition": later("weights of partitions"),
    "guest-policy": later("by a guest policy"),
    "drift-corrected": later("set again, because somebody changed it"),
    "drift-reported": later("somebody changed it, and the policy leaves it so"),
    "drift-given-up": later("somebody changed it again and again, and it is left so"),
}
_KSM = later("merging of equal pages (KSM)")


#: What a receiver and a donor did, by outcome: only what was applied has been received and given.
_ROLES = {"applied": (later("received"), later("gave")), "advised": (later("to get"), later("to give"))}
_NO_ROLES = (later("affected"), later("affected"))

#: A table's columns; the second and third are names.
_HEADERS = (
    "", later("Server"), later("Class"), later("Shares/MiB"), later("PI before →\nprojected → measured"),
)  # fmt: skip


def show_adjustments(adjustments: Sequence[Adjustment]) -> None:
    """Print adjustments, each a heading and a table."""
    show_decisions([(f"{words.local_time(a.time)}  #{a.object_id}", a) for a in adjustments])


def show_decisions(decisions: Sequence[tuple[str, Decision]]) -> None:
    """Print adjustments, with what stands before each in its heading; columns align over all of them."""
    from rich.cells import cell_len

    from .output import LEAST_WIDTH, Column, console, show_heading, show_paragraph, show_table

    rows = [_rows(decision) for _, decision in decisions]
    every = [row for some in rows for row in some]
    headers = [t(header) for header in _HEADERS]
    widths = [
        max([*map(cell_len, header.split("\n")), *(cell_len(row[i]) for row in every)])
        for i, header in enumerate(headers)
    ]
    room = console().width - widths[0] - widths[3] - widths[4] - 2 * 4
    if widths[1] + widths[2] > room:
        widths[2] = max(min(widths[2], LEAST_WIDTH), min(widths[2], room - widths[1], room // 2))
        widths[1] = max(min(widths[1], LEAST_WIDTH), room - widths[2])
    for number, (when, decision) in enumerate(decisions):
        if number:
            click.echo()
        show_heading(_heading(when, decision))
        if decision.detail:
            show_paragraph(decision.detail)
        if isinstance(decision, Adjustment) and decision.total_velocity_projected is not None:
            show_paragraph(t("Total velocity: {figures}", figures=_totals(decision)))
        columns = [
            Column(header, width=width, whole=i in (0, 3, 4))
            for i, (header, width) in enumerate(zip(headers, widths, strict=True))
        ]
        if rows[number]:
            show_table(columns, rows[number], header=number == 0)


def _heading(when: str, decision: Decision) -> str:
    text = f"{when}  {decision.outcome}"
    if isinstance(decision, Adjustment) and decision.resource == "memory":
        text += f": {t(_CAUSES.get(decision.cause or '', _KSM))}"
    elif isinstance(decision, Adjustment) and decision.cause is not None:
        text += f": {t(_CAUSES.get(decision.cause, decision.cause))}"
    if decision.reason:
        said = _REASONS.get(decision.reason)
        text += f": {decision.reason}" + (f" ({t(said)})" if said else "")
    return text


def _rows(decision: Decision) -> list[tuple[str, str, str, str, str]]:
    receiver, donor = _ROLES.get(decision.outcome, _NO_ROLES)
    return [_row(t(receiver), s) for s in decision.receivers] + [_row(t(donor), s) for s in decision.donors]


def _row(role: str, server: AdjustedServer | SimulatedShares) -> tuple[str, str, str, str, str]:
    if isinstance(server, AdjustedServer) and server.memory_before_mib is not None:
        sizes = f"{server.memory_before_mib:>5} → {words.text_or_none(server.memory_after_mib):<5}"
        return role, server.name, words.text_or_none(server.service_class), sizes.rstrip(), (
            t("used {mib}", mib=words.text_or_none(server.memory_used_mib))
        )  # fmt: skip
    indexes = " → ".join(f"{words.index(v):>5}" for v in (server.pi_before, server.pi_projected, server.pi_measured))
    if isinstance(server, AdjustedServer) and server.pinned_after is not None:
        places = t("CPUs {before} → {after}", before=_places(server.pinned_before), after=_places(server.pinned_after))
        return role, server.name, words.text_or_none(server.service_class), places, indexes
    shares = f"{words.text_or_none(server.shares_before):>5} → {words.text_or_none(server.shares_after):<5}"
    return role, server.name, words.text_or_none(server.service_class), shares.rstrip(), indexes


def _totals(decision: Adjustment) -> str:
    """Before, projected, measured."""
    figures = (decision.total_velocity_before, decision.total_velocity_projected, decision.total_velocity_measured)
    return " → ".join("-" if figure is None else f"{figure:.1f}" for figure in figures)


def _places(pins: list[str] | None) -> str:
    """The CPUs of each vCPU; once, if all have the same."""
    lists = [pin or t("any") for pin in pins or [""]]
    return lists[0] if len(set(lists)) == 1 else " ".join(lists)
