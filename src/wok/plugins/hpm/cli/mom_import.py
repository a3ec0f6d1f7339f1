"""`hpm mom-import`: what MOM's configuration file says becomes hpm's, or is told to be left, and why."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ..client.errors import ChangedMeanwhile
from ..errors import Conflict, InvalidValue
from ..memory.mom import UNNAMED, compile_policies
from ..memory.mom.config import MomConfig, read_config
from ..memory.mom.migration import Became, Verdict, became, interval_of, without_effect
from ..texts import later, plural, t
from ..wire.mom import LONGEST_NAME, LONGEST_TEXT, NAME_PATTERN
from . import words
from .command import Failure, Slot, command
from .mom_files import read_policy, shown
from .mom_takeover import give_back, show_rivals, tell_taken
from .plain import plain
from .session import Session

if TYPE_CHECKING:
    from ..client.rest import Client

_FILE = Slot("file", "FILE", "--file", "MOM's configuration file, such as /etc/momd.conf.", optional=True,
             complete="file", value="FILE")  # fmt: skip
_SUFFIX = ".policy"
#: Bytes of a configuration file; MOM's own is 4,000 long.
_LARGEST = 1 << 20

_HEADINGS: Mapping[Verdict, str] = {
    "taken": later("Taken over"), "same": later("The same here"), "to-do": later("For you to do"),
    "left": later("Not taken over"), "unknown": later("Not known to MOM either"),
}  # fmt: skip


class Migration(msgspec.Struct, frozen=True, rename="kebab"):
    """All that a file says, checked whole: what becomes of its settings, its policies by name, and what hpm has."""

    settings: tuple[Became, ...]
    policies: Mapping[str, str]
    interval: float | None
    warnings: tuple[str, ...]
    others: tuple[str, ...]
    etag: str | None


@command("mom-import", _FILE, examples=[
    "hpm mom-import /etc/momd.conf --dry-run",
    "hpm mom-import /etc/vdsm/mom.conf --replace --decide",
    "hpm mom-import mom.conf --policy balloon.policy --yes",
    "hpm mom-import /etc/momd.conf --decide --takeover",
    "hpm mom-import --undo",
])  # fmt: skip
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE",
              help="The policy, instead of the file's own.")  # fmt: skip
@click.option("--policy-dir", type=click.Path(path_type=Path), metavar="DIR",
              help="Where policies are (*.policy), instead of the file's own.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Delete the memory policies that hpm has beside those.")
@click.option("--decide", is_flag=True, help="Have memory policies decide on memory from now on.")
@click.option("--takeover", is_flag=True,
              help="Then stop MOM, and what else manages memory there; without FILE, only that.")  # fmt: skip
@click.option("--undo", is_flag=True, help="Switch hpm's memory management off, and start again what it has stopped.")
@click.option("--dry-run", is_flag=True, help="Only show what would become of it.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def mom_import(
    session: Session, file: str | None, policy: Path | None, policy_dir: Path | None, replace: bool, decide: bool,
    takeover: bool, undo: bool, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Take over what MOM's configuration file says.

    Reads the file and the policies that it names, checks all of it, and shows for each setting what becomes of it.
    Then it asks, and sets memory policies and the interval. Whether these policies decide on memory stays as it is,
    unless --decide is said. What hpm must be started with, such as a directory for plots, is told.

    While MOM runs, hpm's memory management cannot be on. With --takeover the service is stopped, and does not start
    with the host any more; its files stay. --undo puts that back.
    """
    _check_options(file, takeover, undo, policy is not None or policy_dir is not None or replace or decide)
    if policy is not None and policy_dir is not None:
        raise click.UsageError(t("MOM takes a policy or a policy-dir: leave one of them out"))
    asks = not (yes or dry_run)
    if session.json and asks:
        raise click.UsageError(t("with --json nobody is asked: say --yes or --dry-run"))
    if asks and not _terminal():
        raise click.UsageError(t("nobody can be asked whether to import (no terminal): say --yes, or --dry-run"))
    if undo:
        give_back(session, asks, dry_run)
        return
    client = session.client
    found = None if file is None else _migration(client, Path(file), policy, policy_dir, replace, decide)
    rivals = client.memory_rivals().value if takeover else None
    if not session.json:
        if found is not None:
            _show(found, replace)
        if rivals is not None:
            show_rivals(rivals)
    if asks:
        click.confirm(_question(found is not None, takeover), abort=True, err=True)
    if found is not None:
        if not dry_run:
            _do(client, found, replace, decide)
        if not session.json:
            click.echo(plain(_summary(client, found, dry_run)))
    after = client.take_over_memory().value if takeover and not dry_run else rivals
    if session.json:
        told = {} if found is None else _as_json(found)
        session.emit_json({**told, **({} if after is None else {"takeover": after}), "done": not dry_run})
    if after is not None and not dry_run:
        tell_taken(after, quiet=session.json)


def _question(imports: bool, stops: bool) -> str:
    if imports and stops:
        return t("Import this and stop what can be stopped?")
    return t("Import this?") if imports else t("Stop what can be stopped?")


def _check_options(file: str | None, takeover: bool, undo: bool, of_file: bool) -> None:
    if undo and (file is not None or takeover or of_file):
        raise click.UsageError(t("--undo stands alone: leave FILE and the other options out"))
    if file is None and (of_file or not (takeover or undo)):
        raise click.UsageError(t("FILE is missing: give it as an argument or with --file"))


def _terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _migration(
    client: Client, file: Path, policy: Path | None, policy_dir: Path | None, replace: bool, decide: bool
) -> Migration:  # fmt: skip
    """Everything that is to be done, checked, so that what is done is what was shown. Raises `Failure` with all places
    that are wrong."""
    text = _text(file)
    version, known = client.version().value, client.memory_policies()
    try:
        config = read_config(text)
        settings = became(config, version.hypervisor_uri, version.interval_seconds)
        interval = interval_of(config)
    except InvalidValue as error:
        raise Failure(shown(file, text, error)) from None
    if policy is not None or policy_dir is not None:
        settings = tuple(map(_overridden, settings))
    policies = _policies(_policy_files(file, config, policy, policy_dir))
    others = {one.name: one.text for one in known.value.memory_policies if one.name not in policies}
    if decide and not policies and (replace or not others):
        raise Failure(t("there are no memory policies, so none can decide; leave --decide out"))
    try:
        compile_policies(policies if replace else {**others, **policies})
    except InvalidValue as error:
        raise Failure(t("these policies do not go together: {error}", error=error)) from None
    warnings = tuple(without_effect(config, policies))
    return Migration(settings, policies, interval, warnings, tuple(others), known.etag)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise Failure(t(
                "{file}: it is longer than {number} bytes, so it is no configuration of MOM's", file=file,
                number=_LARGEST,
            ))
        return data.decode()
    except OSError as error:
        raise Failure(t("cannot read {file}: {error}", file=file, error=error.strerror)) from None
    except UnicodeDecodeError:
        raise Failure(t("{file}: this is not UTF-8", file=file)) from None


def _overridden(one: Became) -> Became:
    """What becomes of a setting where a policy was named at the command line."""
    if one.setting.name in ("policy", "policy-dir") and one.verdict == "taken":
        return Became(one.setting, "left", "you named another place")
    return one


def _policy_files(file: Path, config: MomConfig, policy: Path | None, policy_dir: Path | None) -> dict[str, Path]:
    """The files of policies by the names that MOM gives these. Raises `Failure`."""
    told = t("as {file} says; --policy or --policy-dir names another place", file=file)
    if policy is None and policy_dir is None:
        named = config.get("main", "policy").value
        if named:
            return {UNNAMED: _there(Path(named), told)}
        named = config.get("main", "policy-dir").value
        if not named:
            return {}
        policy_dir = Path(named)
    elif policy is not None:
        return {UNNAMED: policy}
    assert policy_dir is not None
    try:
        names = sorted(one.name for one in policy_dir.iterdir())
    except OSError as error:
        raise Failure(
            t("cannot read {file}: {error} ({reason})", file=policy_dir, error=error.strerror, reason=told)
        ) from None
    found = {name.split(_SUFFIX)[0]: policy_dir / name for name in names
             if name.endswith(_SUFFIX) and not name.startswith(".")}  # fmt: skip
    for name, path in found.items():
        if len(name) > LONGEST_NAME or re.fullmatch(NAME_PATTERN, name) is None:
            raise Failure(t(
                "{path}: {name} cannot be the name of a policy here: letters, digits, _ . - , at most {number}; rename"
                " the file, and keep the order of names",
                path=path, name=repr(name), number=LONGEST_NAME,
            ))
    return found


def _there(path: Path, told: str) -> Path:
    if not path.exists():
        raise Failure(t("there is no {path} ({reason})", path=path, reason=told))
    return path


def _policies(files: Mapping[str, Path]) -> dict[str, str]:
    """The texts by name. Raises `Failure` with the places of all that is wrong."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for name, path in files.items():
        text = ""
        try:
            _, text = read_policy(path)
            if len(text) > LONGEST_TEXT:
                raise InvalidValue(t("a memory policy has at most {number} characters", number=LONGEST_TEXT))
            compile_policies({name: text})
        except InvalidValue as error:
            wrong.append(shown(path, text, error))
        found[name] = text
    if wrong:
        raise Failure("\n".join(wrong))
    return found


def _do(client: Client, found: Migration, replace: bool, decide: bool) -> None:
    if found.policies or replace:
        try:
            client.import_memory_policies(found.policies, replace=replace, if_match=found.etag)
        except ChangedMeanwhile:
            raise Conflict(t("somebody changed memory policies at the same time: nothing is done; try again")) from None
    changes: dict[str, Any] = {}
    if found.interval is not None:
        changes["interval-seconds"] = found.interval
    if decide:
        changes["memory-policy"] = "mom"
    if changes:
        client.update_settings(changes)


def _show(found: Migration, replace: bool) -> None:
    from .output import show_heading, show_sentences

    for verdict, heading in _HEADINGS.items():
        told = [_said(one) for one in found.settings if one.verdict == verdict]
        if told:
            show_heading(t(heading))
            show_sentences(told)
    for name, text in found.policies.items():
        lines = len(text.splitlines())
        click.echo(plain(
            plural("Memory policy {name}: {n} line.", "Memory policy {name}: {n} lines.", lines, name=name)
        ))
    if found.others:
        names = ", ".join(found.others)
        click.echo(plain(
            t("Memory policies that hpm has beside them are deleted: {names}.", names=names) if replace else
            t("Memory policies that hpm has beside them stay, and are one program with these (--replace deletes them):"
              " {names}.", names=names)
        ))  # fmt: skip
    for warning in found.warnings:
        click.echo(plain(t("Note: {sentence}", sentence=f"{warning}.")))


def _said(one: Became) -> str:
    setting = one.setting
    place = t("MOM's default") if setting.line is None else t("line {line}", line=setting.line)
    section = "" if setting.section == "main" else f"[{setting.section}] "
    return f"{section}{setting.name} {words.text_or_none(setting.value)} ({place}): {one.said}"


def _as_json(found: Migration) -> dict[str, Any]:
    return {
        "settings": [
            {"section": one.setting.section, "name": one.setting.name, "value": one.setting.value,
             "line": one.setting.line, "became": one.verdict, "said": one.said}
            for one in found.settings
        ],
        "policies": list(found.policies), "other-policies": list(found.others), "warnings": list(found.warnings),
    }  # fmt: skip


def _summary(client: Client, found: Migration, dry_run: bool) -> str:
    number = len(found.policies)
    if dry_run and found.interval is None:
        return plural(
            "Dry run: {n} memory policy would be set.", "Dry run: {n} memory policies would be set.", number,
        )  # fmt: skip
    if dry_run:
        return plural(
            "Dry run: {n} memory policy, an interval of {seconds} s would be set.",
            "Dry run: {n} memory policies, an interval of {seconds} s would be set.",
            number, seconds=f"{found.interval:g}",
        )  # fmt: skip
    settings = client.settings().value
    told = [plural(
        "Imported: {n} memory policy, an interval of {seconds} s.",
        "Imported: {n} memory policies, an interval of {seconds} s.", number, seconds=f"{settings.interval_seconds:g}",
    )]  # fmt: skip
    if found.policies and settings.memory_policy == "goals":
        told.append(t("They decide on nothing yet: 'hpm settings --memory-policy mom' has them decide."))
    if client.management_levels().value.memory_mgmt != "on":
        told.append(t("Memory management is not on: 'hpm config --memory-mgmt on' applies what is decided."))
    return " ".join(told)
