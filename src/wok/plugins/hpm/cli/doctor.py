"""What is wrong here, and an archive of it for a bug report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..client.errors import ApiError, NoConnection
from ..texts import english, plural, t
from .command import Failure, command
from .local import examined, write_report
from .plain import plain
from .session import Session

if TYPE_CHECKING:
    from ..client.rest import Client
    from ..wire.findings import Finding

_MARKS = {"good": "●", "note": "◌", "bad": "▲"}
_COLOURS = {"good": "green", "note": None, "bad": "red"}


@command("doctor", examples=["hpm doctor", "hpm doctor --all", "hpm doctor --json"])
@click.option("--all", "everything", is_flag=True, help="Also what is as it should be.")
def doctor(session: Session, everything: bool) -> None:
    """Find out what does not work here, and how to mend it.

    Looks at this host, at how hpm is set up, and at the hpm that runs, if one does; changes nothing. Root sees more
    than others. ▲ does not work, or will not; ◌ is worth knowing; ● is good. The exit code is 1 if there is any ▲.
    """
    if session.host is not None:
        raise click.UsageError(t("doctor looks at this host; leave --host out"))
    with english():    # what it finds is to be found elsewhere, too, in these words
        parts = _found(session)
    bad = sum(finding.verdict == "bad" for _, found in parts for finding in found)
    if session.json:
        session.emit_json({heading: [
            {"verdict": one.verdict, "what": one.what, "mend": one.mend} for one in found
        ] for heading, found in parts})    # fmt: skip
    else:
        for heading, found in parts:
            _show(heading, [one for one in found if everything or one.verdict != "good"])
        click.echo(plural("{n} thing is wrong.", "{n} things are wrong.", bad) if bad else t("Nothing is wrong."))
    if bad:
        raise click.exceptions.Exit(1)


def _show(heading: str, found: list[Finding]) -> None:
    if not found:
        return
    click.echo(heading)
    for one in found:
        mark = click.style(_MARKS[one.verdict], fg=_COLOURS[one.verdict])
        click.echo(f"  {mark} {plain(one.what)}")
        if one.mend is not None:
            click.echo(f"    → {plain(one.mend)}")
    click.echo()


def _found(session: Session) -> list[tuple[str, list[Finding]]]:
    return [*examined(), ("The hpm that runs", list(_running(session)))]


def _running(session: Session) -> Iterator[Finding]:
    from ..wire.findings import Finding

    try:
        yield from running_findings(session.client)
    except NoConnection as error:
        said, *more = error.message.splitlines()
        places = "; ".join(line.strip() for line in more if line.startswith("  "))    # what follows is advice
        what = f"no hpm answers: {said} {places}".rstrip()
        yield Finding("note", what, "systemctl start hpm.service, or 'hpm serve'")
    except ApiError as error:
        yield Finding("note", f"hpm answers, but not to you: {error.message}", "sudo hpm doctor")


def running_findings(client: Client) -> Iterator[Finding]:
    """What the hpm that runs tells of itself. Raises `ApiError`, `NoConnection`."""
    from ..wire.findings import Finding, some

    version, levels = client.version().value, client.management_levels().value
    yield Finding(
        "good", f"hpm {version.hpm_version} runs; CPU management is {levels.cpu_mgmt}, memory management"
        f" {levels.memory_mgmt}",
    )
    listed = client.servers_detail().value
    if listed.problem is not None:
        yield Finding("bad", f"it has a problem: {listed.problem}")
    if levels.cpu_mgmt == "off":
        yield Finding("note", "CPU management is off: hpm only watches", "hpm config --cpu-mgmt advise, then on")
    groups = client.groups().value.workload_resource_groups
    without = [group.name for group in groups if group.active_policy is None and group.virtual_server_count]
    if without and levels.cpu_mgmt != "off":
        yield Finding(
            "note", f"no CPU is taken from the servers of {some(without)}: no policy is active there",
            "hpm policy-create GROUP POLICY --importance low", tuple(without),
        )
    held = [one.name for one in listed.virtual_servers if one.management_reason == "changed-by-administrator"]
    if held:
        yield Finding(
            "note", f"{some(held)}: somebody else changed what hpm had set, so hpm leaves it alone",
            "hpm vs-release VS hands it back", tuple(held),
        )
    missed = [one.name for one in listed.virtual_servers if one.goal_status == "missed"]
    if missed:
        yield Finding("note", f"the goal of {some(missed)} is missed", "hpm explain VS tells why", tuple(missed))


@command("report", examples=["hpm report", "hpm report --output hpm-report.tar.gz"])
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write it here [default: hpm-report-TIME.tar.gz in this directory].")  # fmt: skip
@click.option("--names/--no-names", default=False,
              help="Keep names of servers, groups and users [default: each becomes a number].")  # fmt: skip
def report(session: Session, output: Path | None, names: bool) -> None:
    """Write an archive for a bug report, without secrets.

    It has what doctor says, versions, settings, the newest adjustments, the groups and their policies, the servers with
    their figures, and the last lines of hpm's log. Passwords, tokens and what notifications are signed with are not in
    it; names, addresses and titles are replaced. Look at it before you send it: it is a tar archive of text files.

    The log is that of hpm.service and hpm-web.service: Wok's, where hpm may run, is not in it.
    """
    if session.host is not None:
        raise click.UsageError(t("report looks at this host; leave --host out"))
    try:
        with english():
            path, files = write_report(output, _found(session), _answers(session), names)
    except OSError as error:
        raise Failure(t("the archive cannot be written: {error}", error=error)) from None
    click.echo(plain(t("Wrote {path}: {names}.", path=path, names=", ".join(files))))


#: File in the archive, and the path below the API's base that it has the answer of.
ANSWERS = {
    "version.json": "/version", "settings.json": "/settings", "management-levels.json": "/mgmt-levels",
    "groups.json": "/workload-resource-groups/detail", "servers.json": "/virtual-servers/detail",
    "partitions.json": "/partitions", "hypervisor.json": "/metrics/calculated/hypervisor",
    "adjustments.json": "/dynamic-resource-adjustments", "activity.json": "/activity-log",
}


def _answers(session: Session) -> dict[str, bytes]:
    """What the hpm that runs answers; where it does not, why."""
    found: dict[str, bytes] = {}
    for name, path in ANSWERS.items():
        try:
            found[name] = session.client.text(path)
        except (NoConnection, ApiError) as error:
            found[name] = json.dumps({"error": error.message}).encode()
    return found
