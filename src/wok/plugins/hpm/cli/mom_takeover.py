"""What `hpm mom-import` says and does about other programs that manage memory."""

from __future__ import annotations

import click

from ..texts import t
from ..wire.mom import MomRival, MomRivals
from .command import Failure
from .plain import plain
from .session import Session


def show_rivals(found: MomRivals) -> None:
    """Say who runs, and what will become of each one."""
    for rival in found.rivals:
        click.echo(plain(
            t("{program}: will be stopped, and not start with the host.", program=_named(rival)) if rival.stoppable else
            f"{_named(rival)}: {rival.advice}."
        ))
    if not found.rivals:
        click.echo(t("No other program manages memory there."))


def tell_taken(after: MomRivals, *, quiet: bool) -> None:
    """Say what was stopped. Raises `Failure` if another program still runs."""
    if after.rivals:
        raise Failure("\n".join(
            t("{program} still runs; {advice}", program=_named(rival), advice=rival.advice) for rival in after.rivals
        ))
    if quiet:
        return
    for one in after.stopped:
        click.echo(plain(t(
            "{name} ({unit}) is stopped; 'hpm mom-import --undo' starts it again.", name=one.name, unit=one.unit,
        )))
    click.echo(t("Nothing else manages memory there: 'hpm config --memory-mgmt on' has hpm do it."))


def give_back(session: Session, asks: bool, dry_run: bool) -> None:
    """Switch hpm's memory management off, and start again what was stopped."""
    client = session.client
    stopped = client.memory_rivals().value.stopped
    if not stopped:
        raise Failure(t("there is nothing to give back: hpm has stopped no other manager of memory"))
    names = ", ".join(f"{one.name} ({one.unit})" for one in stopped)
    manages = client.management_levels().value.memory_mgmt == "on"
    if not session.json:
        if manages:
            click.echo(t("hpm's memory management is on, and will be off."))
        click.echo(plain(t("Will be started again: {names}.", names=names)))
    if asks:
        click.confirm(t("Do this?"), abort=True, err=True)
    if dry_run:
        return
    if manages:
        client.set_management_levels({"memory-mgmt": "off"})
    session.done(client.give_back_memory(), t("Started again: {names}.", names=names))


def _named(rival: MomRival) -> str:
    unit = f", {rival.unit}" if rival.unit else ""
    return f"{rival.name} (pid {rival.pid}{unit})"
