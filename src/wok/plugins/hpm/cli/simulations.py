"""The command that simulates: what policies would do on a described or recorded host."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InvalidValue
from ..texts import plural, t
from .command import Failure, Slot, command
from .plain import plain
from .session import Session

if TYPE_CHECKING:
    from ..wire.simulations import DescribedHost

_FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
_HOST = Slot("file", "FILE", "--file", "The host: a JSON file; default: the host of a running hpm, as it is now.",
             optional=True, complete="file")  # fmt: skip


@command("simulate", _HOST, examples=[
    "hpm simulate examples/simulations/database-beside-batch.json",
    "hpm simulate host.json --policy policies.json --intervals 60",
    "hpm simulate --policy policies.json",
    "hpm simulate --record host.json",
])  # fmt: skip
@click.option("--policy", "policy", type=_FILE, metavar="POLICYFILE",
              help="Take groups and policies from this policy file, as policy-import would;"
                   " others stay as FILE has them.")  # fmt: skip
@click.option("--compare", "compare", type=_FILE, metavar="POLICYFILE",
              help="Show beside them what the groups and policies of this policy file would do.")  # fmt: skip
@click.option("--intervals", type=click.IntRange(1, 10000), metavar="N",
              help="Simulate so many intervals [default: as FILE says, else 20].")  # fmt: skip
@click.option("--record", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE",
              help="Write the host of a running hpm, as it is now, to FILE; simulate nothing.")  # fmt: skip
@click.option("--verbose", "-v", is_flag=True, help="Tell every adjustment, and of every missed goal why.")
def simulate(
    session: Session,
    file: str | None,
    policy: Path | None,
    compare: Path | None,
    intervals: int | None,
    record: Path | None,
    verbose: bool,
) -> None:
    """Simulate what policies would do.

    hpm's own planner works on a simulated host, without a hypervisor; nothing is changed anywhere. The
    same host without management is shown beside it. docs/simulate.md describes the file, and how far
    the result can be trusted.
    """
    if record is not None:
        if file or policy or compare or intervals:
            raise click.UsageError(t("--record writes what is there now; leave the others out"))
        _record(session, record)
        return
    import msgspec

    from ..wire.simulations import SimulationCreate
    from .local import simulated

    host = _host(session, file)
    others = None if compare is None else _with_policies(host, compare).workload_resource_groups
    if policy is not None:
        host = _with_policies(host, policy)
    wanted = SimulationCreate(host=host, compare_with=others, intervals=intervals)
    with _progress() as tell:
        found = simulated(wanted, tell)
    if session.json:
        session.emit_json(msgspec.json.encode(found))
        return
    from .simulation_tables import show_simulation

    show_simulation(found, verbose=verbose)


def _record(session: Session, path: Path) -> None:
    import msgspec

    answer = session.client.recorded_host()
    text = msgspec.json.format(answer.text, indent=2) + b"\n"
    if str(path) == "-":
        session.emit_json(answer.text)
        return
    try:
        path.write_bytes(text)
    except OSError as error:
        raise Failure(t("{path} cannot be written: {error}", path=path, error=error.strerror)) from None
    servers = len(answer.value.virtual_servers)
    told = plural("Wrote {path}: {n} virtual server.", "Wrote {path}: {n} virtual servers.", servers, path=path)
    click.echo(plain(told), err=session.json)


def _host(session: Session, file: str | None) -> DescribedHost:
    """The host of a file, or of a running hpm."""
    from ..policy.decode import decode
    from ..wire.simulations import DescribedHost

    if file is None:
        return session.client.recorded_host().value
    with _in_file(Path(file)):
        return decode(_read(Path(file)), DescribedHost)


def _with_policies(host: DescribedHost, path: Path) -> DescribedHost:
    """The host with what a policy file says."""
    from .local import with_policies

    with _in_file(path):
        return with_policies(host, _read(path))


def _read(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise Failure(t("{path} cannot be read: {error}", path=path, error=error.strerror)) from None


@contextmanager
def _in_file(path: Path) -> Iterator[None]:
    """Errors in the block say in which file."""
    try:
        yield
    except InvalidValue as error:
        raise Failure(f"{path}: {error}") from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    part = TextColumn("{task.percentage:>3.0f} %")
    columns = (TextColumn(t("Simulating")), BarColumn(), part, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
