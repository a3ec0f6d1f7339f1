"""The commands for memory policies in the language of oVirt MOM; they need no running hpm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import InvalidValue
from ..memory.mom import Decision, Evaluation, PolicyTextError, Program, compile_policies
from ..texts import plural, t
from .command import Failure, Slot, command
from .file_input import name_of
from .mom_files import as_json, read_policy, read_state, shown
from .plain import plain
from .session import Session

_FILES = Slot("files", "FILE", "--file", "A memory policy; '-': standard input (repeatable).", many=True,
              complete="file", value="FILE")  # fmt: skip


@command("mom-check", _FILES, local=True, examples=[
    "hpm mom-check balloon.policy ksm.policy",
    "hpm mom-check - < /etc/mom/policy.rules",
])  # fmt: skip
@click.pass_context
def mom_check(ctx: click.Context, session: Session, files: tuple[str, ...]) -> None:
    """Check memory policies, without a running hpm.

    Says what is in each of them, or FILE:LINE:COLUMN and what is wrong there, with the line itself (then the exit code
    is 1). What only an evaluation can show, such as a field that the host has not, is found by 'hpm mom-eval'.
    """
    bad = False
    for file in map(Path, files):
        text = ""
        try:
            name, text = read_policy(file)
            program = compile_policies({name: text})
        except InvalidValue as error:
            bad = True
            click.echo(plain(shown(file, text, error), lines=True), err=True)
        else:
            click.echo(plain(f"{name_of(file)}: {_content(program)}"))
    if bad:
        ctx.exit(1)


@command("mom-eval", _FILES, local=True, examples=[
    "hpm mom-eval balloon.policy --state state.json",
    "hpm mom-eval ksm.policy balloon.policy --state state.json --explain",
    "hpm mom-eval try.policy --state state.json --values",
])  # fmt: skip
@click.option("--state", "state_file", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="The statistics, as JSON; docs/mom-language.md describes the file.")  # fmt: skip
@click.option("--json", "compact", is_flag=True, help="Print JSON in one line, and nothing for people beside it.")
@click.option("--values", is_flag=True, help="Print the value of each expression at the top instead.")
@click.option("--explain", is_flag=True, help="Tell for each control who set it, where, and by which values, instead.")
def mom_eval(
    session: Session, files: tuple[str, ...], state_file: Path, compact: bool, values: bool, explain: bool
) -> None:
    """Evaluate memory policies on given statistics.

    They are evaluated once, as one program in plain order of their names (a file's without its suffix); no running hpm
    is needed, and nothing is set. What they decide is printed as JSON: controls of the host, of each guest, and errors.
    An error in a guest's turn takes the controls of that guest, any other one all of them.
    """
    if explain and (values or compact):
        raise click.UsageError(t("--explain is for people: leave --json and --values out"))
    program = _program(files)
    host, guests = read_state(state_file).entities()
    found = program.explain(host, guests) if explain else program.evaluate(host, guests)
    if explain:
        _explain(found)
    else:
        told = [as_json(value) for value in found.values] if values else _decided(found)
        click.echo(json.dumps(told) if compact else json.dumps(told, indent=2))
    if not compact:
        for debugged in found.debugged:
            said = " ".join(json.dumps(as_json(value)) for value in debugged.values)
            click.echo(plain(t(
                "debug: {policy}, line {line}: {values}", policy=debugged.policy, line=debugged.line, values=said,
            )), err=True)    # fmt: skip
        for error in found.errors:
            click.echo(plain(t("error: {message}", message=error)), err=True)


def _program(files: Sequence[str]) -> Program:
    """The program of some files. Raises `Failure`, with the line that is wrong."""
    read: dict[str, tuple[Path, str]] = {}
    for file in map(Path, files):
        text = ""
        try:
            name, text = read_policy(file)
        except InvalidValue as error:
            raise Failure(shown(file, text, error)) from None
        if name in read:
            raise click.UsageError(t(
                "{file} and {other} are both the policy {name}; give one another name",
                file=file, other=read[name][0], name=name,
            ))
        read[name] = file, text
    try:
        return compile_policies({name: text for name, (_, text) in read.items()})
    except PolicyTextError as error:
        raise Failure(shown(*read[error.path], error)) from None


def _content(program: Program) -> str:
    expressions = plural("{n} expression", "{n} expressions", program.expressions)
    return f"{expressions}, {plural('{n} function', '{n} functions', program.functions)}"


def _decided(found: Evaluation) -> dict[str, Any]:
    guests: dict[str, Any] = {}
    for name, controls in found.guest_controls.items():
        guests[name] = {control: as_json(value) for control, value in controls.items()}
        if name in found.io_tune:
            guests[name]["io_tune"] = found.io_tune[name]
    return {
        "host": {control: as_json(value) for control, value in found.host_controls.items()},
        "guests": guests,
        "errors": [
            {"policy": error.policy, "line": error.line, "column": error.column, "symbol": error.symbol,
             "message": error.message, "guest": error.guest}
            for error in found.errors
        ],
    }  # fmt: skip


def _explain(found: Evaluation) -> None:
    for decision in found.decisions:
        click.echo(plain(_sentence(decision)))
        for name, value in decision.symbols:
            click.echo(plain(f"    {name} = {json.dumps(as_json(value))}"))
    if not found.decisions:
        click.echo(t("Nothing was set."))


def _sentence(decision: Decision) -> str:
    values: dict[str, Any] = {
        "who": t("the host") if decision.guest is None else decision.guest, "control": decision.control,
        "value": json.dumps(as_json(decision.value)), "policy": decision.policy, "line": decision.line,
        "column": decision.column, "expression": decision.expression,
    }  # fmt: skip
    if decision.held:
        return t("{who}: {control} = {value}, by {policy}, line {line}, column {column}: {expression}", **values)
    return t(
        "{who}: {control} = {value} (not held: another write or an error took it away, or it is nil), by {policy}, line"
        " {line}, column {column}: {expression}", **values,
    )  # fmt: skip
