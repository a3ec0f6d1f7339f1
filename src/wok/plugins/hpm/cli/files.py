"""The commands for policy files."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import click

from ..client.errors import ApiError, ChangedMeanwhile
from ..errors import Conflict, InvalidValue
from ..policy.files.content import PolicyFile
from ..policy.files.notation import Notation, notation_of, read
from ..policy.files.problems import problems
from ..policy.policies import PerformancePolicy
from ..texts import later, plural, t
from .command import Slot, command
from .edits import policy_place
from .file_changes import show_changes, summary
from .file_input import located, name_of, read_bytes, refused
from .option_types import one_of
from .plain import plain
from .resolve import find_group
from .session import Session

_GROUP = Slot("group", "GROUP", "--wrg-name", "The group, by name or id; default: all.", optional=True,
              complete="group")  # fmt: skip
_POLICY = Slot("policy", "POLICY", "--policy-name", "The policy; default: the whole group.", optional=True,
               complete="policy")  # fmt: skip
_FILE = Slot("file", "FILE", "--file", "The policy file; '-': standard input.", complete="file")
_FILES = Slot("files", "FILE", "--file", "A policy file; '-': standard input (repeatable).", optional=True, many=True,
              complete="file")  # fmt: skip

_NOBODY = later("nobody can be asked whether to import (no terminal): say --yes, or --dry-run")


@command("policy-export", _GROUP, _POLICY, examples=[
    "hpm policy-export > host.json",
    "hpm policy-export --output host.xml",
    "hpm policy-export Gold weekday --format xml",
])  # fmt: skip
@click.option("--format", "notation", type=one_of(Notation),
              help="The notation [default: by the name of the output file, else json].")  # fmt: skip
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write to this file [default: standard output].")  # fmt: skip
def policy_export(
    session: Session, group: str | None, policy: str | None, notation: Notation | None, output: Path | None
) -> None:
    """Write all groups, one, or one policy, as a policy file.

    The same state gives the same text, so that files can be kept under version control. They hold groups with their
    policies, schedules and servers, and what was said of virtual servers (exclusion, reserve, cap, attributes).
    """
    if notation is None:
        notation = "xml" if output is not None and output.suffix.lower() == ".xml" else "json"
    if session.json and notation != "json":
        raise click.UsageError(t("--json and XML are wanted; leave one of them out"))
    if policy is not None and group is None:
        raise click.UsageError(t("a policy belongs to a group: give GROUP, too"))
    group_id = None
    if group is not None:
        group_id = find_group(session.client, group).object_id
    if policy is not None and group_id is not None:
        whole = session.client.group(group_id).json
        policy_place(whole["perf-policies"], policy, whole)    # for its error: it knows similar names
    data = session.client.export_file(notation, group_id, policy)
    if output is not None:
        try:
            output.write_bytes(data)
        except OSError as error:
            raise InvalidValue(t("cannot write {file}: {error}", file=output, error=error.strerror)) from None
        told = t("Wrote {file}: {content}.", file=plain(str(output)), content=_content(read(data)))
        click.echo(told, err=True)
    elif sys.stdout.isatty():
        click.echo(plain(data.decode(), lines=True), nl=False)
    else:
        click.echo(data, nl=False)


@command("policy-import", _GROUP, _FILE, examples=[
    "hpm policy-import host.xml --dry-run",
    "hpm policy-import Gold weekday.json",
    "hpm policy-import host.json --replace --yes",
])  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--replace", is_flag=True, help="Delete what the file does not name: other groups (of default, the"
              " policies), and what was said of other servers.")  # fmt: skip
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def policy_import(session: Session, group: str | None, file: str, dry_run: bool, replace: bool, yes: bool) -> None:
    """Read a policy file, show what changes, and do it.

    All is done, or nothing. A group that the file names is afterwards as the file says: these policies, this schedule,
    these servers, and no others. With GROUP: a file of one policy, which is added to the group or takes the place of
    its namesake, or a file of that group. Asks first; where nobody can be asked, --yes is needed.
    """
    path = Path(file)
    if group is not None and replace:
        raise click.UsageError(t("--replace is for a file of all groups: leave GROUP or --replace out"))
    if session.json and not (yes or dry_run):
        raise click.UsageError(t("with --json nobody is asked: say --yes or --dry-run"))
    asks = not (yes or dry_run)
    if asks and file == "-":
        raise click.UsageError(t(_NOBODY))
    data, client = read_bytes(path), session.client
    notation = notation_of(data)
    group_id = tag = None
    if group is not None:
        group_id = find_group(client, group).object_id
    if asks and not sys.stdin.isatty():
        raise click.UsageError(t(_NOBODY))
    if asks:    # so that what is done is what was shown
        tag = client.state_of_policies() if group_id is None else client.group(group_id).etag
    try:
        answer = client.import_file(
            data, notation, group_id, dry_run=dry_run or not yes, replace=replace, if_match=tag
        )
        if session.json:
            session.emit_json(answer.text)
            return
        result = answer.value
        show_changes(result, {server.object_id: server.name for server in client.servers().value.virtual_servers})
        if dry_run or yes or not result.changed:
            told = summary(result)
            click.echo(t("Dry run: {changes}.", changes=told) if dry_run else t("Imported: {changes}.", changes=told))
            return
        click.confirm(t("Import this?"), abort=True, err=True)
        client.import_file(data, notation, group_id, replace=replace, if_match=tag)
        click.echo(t("Imported: {changes}.", changes=summary(result)))
    except ChangedMeanwhile:
        raise Conflict(t("somebody else changed groups at the same time, so nothing was done; try again")) from None
    except ApiError as error:
        raise ApiError(error.status, error.reason, refused(path, error), error.details) from None


@command("policy-check", _FILES, local=True, examples=[
    "hpm policy-check host.json gold.xml",
    "hpm policy-check --schema > policy-file.rng",
])  # fmt: skip
@click.option("--schema", is_flag=True, help="Print the RELAX NG schema of policy files as XML, for editors.")
@click.pass_context
def policy_check(ctx: click.Context, session: Session, files: tuple[str, ...], schema: bool) -> None:
    """Check policy files, without a running hpm.

    Says what is in each of them, or FILE:LINE:COLUMN and what is wrong there, up to 20 times a file (then the exit
    code is 1). One error of each group, policy, service class and server is told at a time.
    """
    if schema == bool(files):
        raise click.UsageError(t("give the FILEs to check, or --schema"))
    if schema:
        package = (__package__ or "hpm.cli").rpartition(".")[0]
        text = resources.files(f"{package}.policy.files").joinpath("policy-file.rng").read_text("utf-8")
        click.echo(text, nl=False)
    bad = False
    for file in map(Path, files):
        data = None
        try:
            data = read_bytes(file)
            content = read(data)
        except InvalidValue as error:
            bad = True
            for one in [error] if data is None else problems(data, error):
                click.echo(plain(located(file, one)), err=True)
        else:
            click.echo(plain(f"{name_of(file)}: {_content(content)}"))
    if bad:
        ctx.exit(1)


def _content(content: PolicyFile) -> str:
    """What is in a file, in a few words."""
    if isinstance(content, PerformancePolicy):
        return plural(
            "the policy {name} with {n} service class", "the policy {name} with {n} service classes",
            len(content.service_classes), name=repr(content.name),
        )  # fmt: skip
    groups, servers = content.workload_resource_groups, content.virtual_servers
    policies = [policy for group in groups for policy in group.perf_policies]
    classes = sum(len(policy.service_classes) for policy in policies)
    members = sum(len(group.virtual_servers) for group in groups)
    told = [
        plural("{n} group", "{n} groups", len(groups)),
        plural("{n} policy", "{n} policies", len(policies)),
        plural("{n} service class", "{n} service classes", classes),
        plural("{n} server in a group", "{n} servers in groups", members),
    ]
    if servers:
        told.append(plural("something said of {n} server", "something said of {n} servers", len(servers)))
    return ", ".join(told)
