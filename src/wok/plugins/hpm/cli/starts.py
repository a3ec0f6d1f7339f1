"""The commands that start and stop virtual servers, and tell of the jobs that do it."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

import click

from ..client.errors import NoConnection
from ..texts import t
from ..wire.starts import DependencyGraph, JobPhase, JobState, StartJob, StartJobList, StopServers
from . import words
from .command import GROUP, SERVERS, Failure, Slot, command
from .option_types import one_of
from .plain import plain
from .resolve import find_group, find_servers
from .session import Session

if TYPE_CHECKING:
    from ..client.answers import Answer

#: Seconds between two questions how a job stands.
INTERVAL = 0.3
#: Seconds in which hpm may be out of reach while a job is waited for: it goes on after a restart.
LOST = 60.0

_JOB = Slot("number", "JOB", "--job", "The number of the job.", value="NUMBER")
_STYLES: dict[JobPhase, str] = {"ready": "green", "stopped": "green", "failed": "red", "cancelled": "yellow"}

_no_wait = click.option("--no-wait", is_flag=True, help="Do not wait for the end: the job goes on by itself.")
_dependants = click.option("--with-dependants", is_flag=True, help="Stop before it also those that need it.")
_leave = click.option("--leave-dependants", is_flag=True, help="Let those that need it go on.")
_grace = click.option("--grace", type=click.IntRange(0, 3600), default=120, metavar="SECONDS", show_default=True,
                      help="How long each server may take to shut down.")  # fmt: skip
_force = click.option("--force", is_flag=True, help="End those that do not shut down in that time.")


@command("vs-start", SERVERS, examples=[
    "hpm vs-start web", "hpm vs-start web1 web2 batch", "hpm vs-start web --no-wait",
])  # fmt: skip
@_no_wait
def vs_start(session: Session, servers: tuple[str, ...], no_wait: bool) -> None:
    """Start virtual servers, and before them what they need.

    Several are started in one job; those that run already stay as they are. What they need and does not run is started
    first, side by side where that is possible, and waited for until it is ready. The job goes on if this command ends,
    and if hpm is started anew.
    """
    client = session.client
    ids = _ids(session, servers)
    _follow(session, client.start_server(ids[0]) if len(ids) == 1 else client.start_servers(ids), no_wait)


@command("vs-stop", SERVERS, examples=[
    "hpm vs-stop db --with-dependants",
    "hpm vs-stop web1 web2 db",
    "hpm vs-stop web --grace 30 --force",
])  # fmt: skip
@_dependants
@_leave
@_grace
@_force
@_no_wait
def vs_stop(
    session: Session, servers: tuple[str, ...], with_dependants: bool, leave_dependants: bool, grace: int, force: bool,
    no_wait: bool,
) -> None:  # fmt: skip
    """Stop virtual servers, those that need them first.

    Several are stopped in one job; of those that need each other, who needs is first. Those whose policies say that
    they stop with what they need are always stopped before it. Where others that need it run, say whether they are to
    stop, too.
    """
    how = _how(with_dependants, leave_dependants, grace, force)
    client = session.client
    ids = _ids(session, servers)
    _follow(session, client.stop_server(ids[0], how) if len(ids) == 1 else client.stop_servers(ids, how), no_wait)


@command("group-start", GROUP, examples=["hpm group-start Gold", "hpm group-start Gold --no-wait"])
@_no_wait
def group_start(session: Session, group: str, no_wait: bool) -> None:
    """Start all servers of a group, in the order of needs.

    What they need outside of the group is started before them, too.
    """
    found = find_group(session.client, group)
    _follow(session, session.client.start_group(found.object_id), no_wait)


@command("group-stop", GROUP, examples=["hpm group-stop Gold", "hpm group-stop Gold --grace 30 --force"])
@_dependants
@_leave
@_grace
@_force
@_no_wait
def group_stop(
    session: Session, group: str, with_dependants: bool, leave_dependants: bool, grace: int, force: bool, no_wait: bool
) -> None:
    """Stop all servers of a group, in the order of needs.

    Those that need others are stopped first.

    Servers of other groups that need them are treated as by vs-stop.
    """
    how = _how(with_dependants, leave_dependants, grace, force)
    found = find_group(session.client, group)
    _follow(session, session.client.stop_group(found.object_id, how), no_wait)


@command("job-list", examples=["hpm job-list", "hpm job-list --state running", "hpm job-list --json"])
@click.option("--state", type=one_of(JobState), help="Only those that stand so.")
def job_list(session: Session, state: str | None) -> None:
    """List the jobs that start or stop servers.

    The newest stand first.
    """
    from .output import Column, show_table

    def show(found: StartJobList) -> None:
        columns = [
            Column(t("Job"), number=True), Column(t("Time"), whole=True), Column(t("User")),
            Column(t("Action"), whole=True), Column(t("State"), whole=True), Column(t("Servers")),
        ]  # fmt: skip
        show_table(columns, [
            (job.object_id, words.local_time(job.time), job.user, job.action, job.state,
             ", ".join(server.name for server in job.virtual_servers if server.asked))
            for job in found.start_jobs
        ])  # fmt: skip

    session.emit(session.client.start_jobs(state), show)


@command("job-show", _JOB, examples=["hpm job-show 12"])
def job_show(session: Session, number: str) -> None:
    """Show how a job stands.

    Each of its servers, and what it waits for.
    """
    session.emit(session.client.start_job(number), _show)


@command("job-cancel", _JOB, examples=["hpm job-cancel 12"])
def job_cancel(session: Session, number: str) -> None:
    """Cancel a job.

    What it has begun is not undone: servers that it started go on.
    """
    answer = session.client.cancel_start_job(number)
    session.done(answer, t("Cancelled job {job}.", job=answer.value.object_id))


@command("dependencies", examples=["hpm dependencies", "hpm dependencies --json"])
def dependencies(session: Session) -> None:
    """Show which servers need which, and who is ready."""
    from .output import Column, show_table, warn

    def show(found: DependencyGraph) -> None:
        if found.cycle is not None:
            warn(t("these wait for each other for ever: {names}", names=" → ".join(found.cycle)))
        names = {node.object_uri: node.name for node in found.virtual_servers}
        columns = [Column(t("Server")), Column(t("Status"), whole=True), Column(t("Ready")), Column(t("Needs")),
                   Column(t("When that stops"))]  # fmt: skip
        rows = []
        for node in found.virtual_servers:
            edges = [edge for edge in found.dependencies if edge.virtual_server == node.object_uri]
            rows.append((
                node.name, node.status or t("not here"),
                t("yes") if node.ready else t("no: {reason}", reason=node.reason),
                ", ".join(names[edge.needs] for edge in edges) or words.NONE,
                ", ".join(dict.fromkeys(edge.when_it_stops for edge in edges)) or words.NONE,
            ))  # fmt: skip
        show_table(columns, rows)

    session.emit(session.client.dependencies(), show)


def _ids(session: Session, servers: tuple[str, ...]) -> list[str]:
    return [one.object_id for one in find_servers(session.client, servers)]


def _how(with_dependants: bool, leave_dependants: bool, grace: int, force: bool) -> StopServers:
    if with_dependants and leave_dependants:
        raise click.UsageError(t("--with-dependants and --leave-dependants exclude each other; give one of them"))
    said = "stop" if with_dependants else "leave" if leave_dependants else None
    return StopServers(said, grace, force)  # type: ignore[arg-type]


def _follow(session: Session, answer: Answer[StartJob], no_wait: bool) -> None:
    """Print how a job goes on until it is over. Ends with 1 if it has failed."""
    job = answer.value
    if no_wait:
        names = ", ".join(server.name for server in job.virtual_servers)
        session.done(answer, t("Job {job} begins: {names}.", job=job.object_id, names=names))
        return
    known: dict[str, str] = {}
    lost = 0.0
    while True:
        if not session.json:
            _print_news(job, known)
        if job.state != "running":
            break
        time.sleep(INTERVAL)
        try:
            answer = session.client.start_job(job.object_id)
        except NoConnection:
            lost = lost or time.monotonic()
            if time.monotonic() - lost > LOST:
                raise
            continue
        job, lost = answer.value, 0.0
    if session.json:
        session.emit_json(answer.text)
    if job.state == "failed":
        failed = ", ".join(f"{s.name} ({s.reason})" for s in job.virtual_servers if s.phase == "failed")
        raise Failure(t("job {job} failed: {names}", job=job.object_id, names=failed))
    session.done(None, t("Job {job} is {state}.", job=job.object_id, state=job.state))


def _print_news(job: StartJob, known: dict[str, str]) -> None:
    for server in sorted(job.virtual_servers, key=lambda one: one.since):    # as it happened
        said = _said(server.phase, server.reason)
        told = re.sub(r"\d+", "#", said)    # seconds that are counted are no news
        if known.get(server.virtual_server) != told:
            known[server.virtual_server] = told
            click.echo(f"{plain(server.name)}: {click.style(plain(said), fg=_STYLES.get(server.phase))}")
    sys.stdout.flush()


def _said(phase: JobPhase, reason: str | None) -> str:
    if phase == "waiting":
        return reason or t("waits for its turn")
    return phase if reason is None else f"{phase} ({reason})"


def _show(job: StartJob) -> None:
    from .output import Column, show_fields, show_table

    show_fields([
        (t("Job"), job.object_id), (t("Action"), job.action), (t("State"), job.state), (t("User"), job.user),
        (t("Time"), words.local_time(job.time)),
        (t("Ended"), words.NONE if job.ended is None else words.local_time(job.ended)),
    ])  # fmt: skip
    click.echo()
    show_table([
        Column(t("Server")), Column(t("Phase"), whole=True), Column(t("Since"), whole=True), Column(t("Why")),
    ], [
        (server.name, server.phase, words.local_time(server.since), words.text_or_none(server.reason))
        for server in job.virtual_servers
    ])  # fmt: skip
