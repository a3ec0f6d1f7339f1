"""The commands for the memory policies of a running hpm, in the language of oVirt MOM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..client.errors import ApiError
from ..errors import InvalidValue
from ..memory.mom import PolicyTextError, compile_policies
from ..texts import later, t
from ..wire.management import MemoryPolicy
from ..wire.mom import MomEvaluation, MomPolicyDetail, MomPolicyList, MomSetting
from . import words
from .command import Failure, Slot, command
from .mom_files import read_policy, shown
from .plain import plain
from .session import Session

_NAME = Slot("name", "NAME", "--name", "The memory policy.", complete="memory-policy")
_NEW = Slot("name", "NAME", "--name", "The memory policy; policies are evaluated in the order of their names.",
            complete="memory-policy")  # fmt: skip
_FILE = Slot("file", "FILE", "--file", "Its text; '-': standard input.", complete="file", value="FILE")

_DECIDES: Mapping[MemoryPolicy, str] = {
    "goals": later(
        "Now business importance decides on memory, these policies on nothing ('hpm settings --memory-policy mom' has"
        " them decide)."
    ),
    "mom": later("Now these policies decide on memory."),
    "goals-and-mom": later(
        "Now these policies decide on memory where they set something, and business importance elsewhere."
    ),
}


@command("mom-list", examples=["hpm mom-list", "hpm mom-list --json"])
def mom_list(session: Session) -> None:
    """List the memory policies.

    They are evaluated in this order, as one program.
    """

    def show(found: MomPolicyList) -> None:
        from .output import Column, show_table

        if found.memory_policies:
            show_table([Column(t("Name")), Column(t("Lines")), Column(t("Changed")), Column(t("By"))], [
                (one.name, str(len(one.text.splitlines())), words.local_time(one.changed_time), one.changed_by)
                for one in found.memory_policies
            ])  # fmt: skip
        else:
            click.echo(t("No memory policies ('hpm mom-set NAME FILE' adds one)."))
        click.echo(t(_DECIDES[found.memory_policy]))

    session.emit(session.client.memory_policies(), show)


@command("mom-show", _NAME, examples=["hpm mom-show 50_main_", "hpm mom-show balloon > balloon.policy"])
def mom_show(session: Session, name: str) -> None:
    """Print a memory policy."""

    def show(found: MomPolicyDetail) -> None:
        click.echo(plain(found.text, lines=True), nl=not found.text.endswith("\n"))

    session.emit(session.client.memory_policy(name), show)


@command("mom-set", _NEW, _FILE, examples=[
    "hpm mom-set 20-balloon balloon.policy",
    "hpm mom-set 50_main_ /etc/vdsm/mom.d/02-balloon.policy",
])  # fmt: skip
def mom_set(session: Session, name: str, file: str) -> None:
    """Add a memory policy, or replace its text.

    It is read whole first; one that is wrong changes nothing. It decides if 'hpm settings --memory-policy' says so.
    """
    path, client = Path(file), session.client
    _, text = _read(path)
    known = {one.name for one in client.memory_policies().value.memory_policies}
    try:
        answer = client.update_memory_policy(name, text) if name in known else client.create_memory_policy(name, text)
    except ApiError as error:
        raise Failure(_located(path, text, error)) from None
    session.done(
        answer, t("Replaced the memory policy {name}.", name=repr(name)) if name in known else
        t("Added the memory policy {name}.", name=repr(name)),
    )  # fmt: skip


@command("mom-delete", _NAME, examples=["hpm mom-delete 20-balloon"])
def mom_delete(session: Session, name: str) -> None:
    """Delete a memory policy."""
    session.client.delete_memory_policy(name)
    session.done(None, t("Deleted the memory policy {name}.", name=repr(name)))


@command("mom-explain", examples=["hpm mom-explain", "hpm mom-explain --vs db1", "hpm mom-explain --try new.policy"])
@click.option("--vs", "--vs-name", "server", metavar="VS", help="Only of this server.")
@click.option("--try", "files", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="What the policies in these files would set, not those that hpm has (repeatable).")  # fmt: skip
def mom_explain(session: Session, server: str | None, files: tuple[Path, ...]) -> None:
    """Explain what memory policies set now, and why.

    For each control: its value, what hpm does of it and why that may be something else, and which expression set it,
    with what that saw. Nothing is changed.
    """
    client = session.client
    answer = client.evaluate_memory_policies(_texts(files)) if files else client.explain_memory_policies()
    session.emit(answer, lambda found: _tell(found, server))


def _texts(files: tuple[Path, ...]) -> dict[str, str]:
    found = dict(map(_read, files))
    if len(found) < len(files):
        raise click.UsageError(t("two of these files are policies of one name; give one another name"))
    return found


def _read(file: Path) -> tuple[str, str]:
    """The name and text of a policy in a file. Raises `Failure`, with the line that is wrong."""
    text = ""
    try:
        name, text = read_policy(file)
        compile_policies({name: text})
    except (InvalidValue, PolicyTextError) as error:
        raise Failure(shown(file, text, error)) from None
    return name, text


def _located(file: Path, text: str, error: ApiError) -> str:
    line, column = error.details.get("line"), error.details.get("column")
    if not isinstance(line, int) or not isinstance(column, int):
        return error.message
    return shown(file, text, InvalidValue(error.message, place=(line, column)))


def _tell(found: MomEvaluation, server: str | None) -> None:
    nothing = True
    if server is None and found.host.controls:
        nothing = False
        _tell_one(t("the host"), found.host.controls, found.host.applied, found.host.notes, found.host.settings)
    for one in found.virtual_servers:
        if server is None or server in (one.name, words.id_of(one.virtual_server)):
            nothing = False
            _tell_one(one.name, one.controls, one.applied, one.notes, one.settings)
    for fault in found.errors:
        told = f"{fault.policy}:{fault.line}:{fault.column}: {fault.message}"
        click.echo(plain(
            t("error: {message}", message=told) if fault.name is None else
            t("error: {message} (of {name} alone)", message=told, name=fault.name)
        ))  # fmt: skip
    if found.discarded:
        click.echo(t("Because of that, all decisions are discarded."))
    if nothing and not found.errors:
        click.echo(t("The policies set nothing."))


def _tell_one(
    name: str, controls: dict[str, Any], applied: dict[str, Any], notes: list[str], settings: list[MomSetting]
) -> None:
    click.echo(plain(t(
        "{name}: {values}; applied: {applied}",
        name=name, values=_values(controls), applied=_values(applied) or t("nothing"),
    )))
    for note in notes:
        click.echo("    " + plain(t("because: {reason}", reason=note)))
    for one in settings:
        if not one.decides:
            continue
        click.echo(plain(f"    {one.policy}:{one.line}:{one.column}: {' '.join(one.expression.split())}"))
        for symbol, value in one.symbols:
            click.echo(plain(f"        {symbol} = {json.dumps(value)}"))


def _values(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in values.items())


