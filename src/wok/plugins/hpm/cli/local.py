"""The commands that need no running hpm: they act on this host themselves.

The only file of `cli` that imports more than the client and the API's types.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..texts import plural, speak, t
from .command import Failure, Slot, command
from .option_types import NumberRange
from .plain import plain
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..host.configuration import Configuration
    from ..host.hooks import Hooks
    from ..wire.findings import Finding
    from ..wire.simulations import DescribedHost, Simulation, SimulationCreate

# hpm adds up some thousands of integers. numpy's linear algebra is not used, and need not start a thread for each
# of the host's CPUs as soon as it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_connect = click.option(
    "--connect", metavar="URI",
    help="The hypervisor: qemu:///system, simulated, or simulated:N for N servers [default: the local"
         " libvirt if it may be managed, else simulated].",
)  # fmt: skip
_state_dir = click.option(
    "--state-dir", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Where hpm keeps groups, policies and journal [default: /var/lib/hpm, or the user's own].",
)  # fmt: skip
_listen = click.option(
    "--listen", "web_listen", metavar="ADDRESS:PORT",
    help="Where browsers and programs reach hpm [default: 127.0.0.1:8643, this host only].",
)  # fmt: skip
_config = click.option(
    "--config", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Take what is not said here from this file [default: /etc/hpm/hpm.conf, or the user's own, if it is there].",
)  # fmt: skip
_FILE = Slot("file", "FILE", "--file", "The file; default: the one that 'hpm serve' would read.", optional=True,
             complete="file", value="FILE")  # fmt: skip
_BACKUP = Slot("backup", "NAME", "--backup", "A backup, by its name in backup-list.")
_file = click.Path(dir_okay=False, path_type=Path)
_tls_cert = click.option(
    "--tls-cert", type=_file, metavar="FILE", help="A certificate with its chain, in PEM [default: an own one]."
)
_tls_key = click.option("--tls-key", type=_file, metavar="FILE", help="Its key, if that is in another file.")
_verbose = click.option("--verbose", "-v", is_flag=True, help="Say more of what is done.")


@command("serve", local=True, examples=[
    "hpm serve",
    "hpm serve --listen 0.0.0.0:8643",
    "hpm serve --connect simulated --state-dir /tmp/try --interval 3 --no-web",
])  # fmt: skip
@_config
@_connect
@_state_dir
@click.option("--socket", "listen", type=click.Path(path_type=Path), metavar="PATH",
              help="Answer at this socket [default: /run/hpm/hpm.sock, or the user's own].")  # fmt: skip
@click.option("--interval", type=NumberRange(1, 3600), metavar="SECONDS",
              help="Time between two decisions, 1 to 3600 [default: that of 'hpm settings', or 10].")  # fmt: skip
@click.option("--no-web", is_flag=True, help="No web front: answer at the socket only.")
@_listen
@_tls_cert
@_tls_key
@click.option("--mom-rpc", type=click.Path(path_type=Path), metavar="PATH",
              help="Answer programs that talk to MOM, by XML-RPC at this socket; root's alone [default: do not].",
)  # fmt: skip
@click.option("--plot-dir", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write files for plots as MOM does, below this directory [default: write none].")  # fmt: skip
@click.option("--helpers", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Have ports tried, notifications delivered and passwords checked by what answers at the sockets in"
                   " this directory, as the units of systemd do [default: by processes of hpm's own].",
)  # fmt: skip
@_verbose
@click.pass_context
def serve(
    ctx: click.Context,
    session: Session,
    file: Path | None,
    connect: str | None,
    state_dir: Path | None,
    listen: Path | None,
    interval: float | None,
    no_web: bool,
    web_listen: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    mom_rpc: Path | None,
    plot_dir: Path | None,
    helpers: Path | None,
    verbose: bool,
) -> None:
    """Run hpm: watch the host, manage it, answer requests.

    Requests come through a local socket, and from browsers and other hosts through the web front: a process of
    its own, without rights, that 'hpm serve' starts too.

    It runs until it is ended (Ctrl-C, or SIGTERM), and then puts back what it changed.
    """
    if session.host is not None:
        raise click.UsageError(t("serve runs on this host; leave --host out"))
    speak({})    # what is logged, and told to programs, is English
    from ..host.serve import serve as run

    said = _configured(
        file, listen=web_listen, tls_cert=tls_cert, tls_key=tls_key, mom_rpc=mom_rpc, plot_dir=plot_dir,
        verbose=verbose,
    )  # fmt: skip
    try:
        code = run(
            connect=connect, state_dir=state_dir, socket=listen or session.socket, interval=interval,
            verbose=said.verbose, web=not no_web, listen=said.listen, tls_cert=said.tls_cert, tls_key=said.tls_key,
            mom_rpc=said.mom_rpc, plot_dir=said.plot_dir, helpers=helpers,
        )  # fmt: skip
    except OSError as error:    # a directory that cannot be made, a socket that cannot be bound
        raise Failure(t("hpm cannot start: {error}", error=error)) from None
    except RuntimeError as error:
        if "new thread" not in str(error):
            raise
        raise Failure(
            t("hpm cannot start: {error}; allow it more (TasksMax of its unit, or 'ulimit -u')", error=error)
        ) from None
    ctx.exit(code)


@command("web", local=True, examples=[
    "hpm web",
    "hpm web --listen [::]:443 --tls-cert cert.pem --tls-key key.pem",
])  # fmt: skip
@_config
@click.option("--manager-socket", type=click.Path(path_type=Path), metavar="PATH",
              help="The manager's socket for the web front [default: front.sock beside the manager's other].",
)  # fmt: skip
@click.option("--state-dir", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Where the own certificate is kept [default: the user's own].")  # fmt: skip
@_listen
@_tls_cert
@_tls_key
@_verbose
def web(
    session: Session,
    file: Path | None,
    manager_socket: Path | None,
    state_dir: Path | None,
    web_listen: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    verbose: bool,
) -> None:
    """Run the web front alone, beside 'hpm serve --no-web'.

    Started by root it becomes the user hpm-web. The manager's socket for it takes nobody else: for a manager
    that an ordinary user started, only that user.
    """
    speak({})
    from .. import paths
    from ..host.front.process import run
    from ..host.front.settings import front_settings

    socket = manager_socket or paths.front_socket_path(paths.socket_path())
    said = _configured(file, listen=web_listen, tls_cert=tls_cert, tls_key=tls_key, verbose=verbose)
    run(front_settings(
        socket, state_dir or paths.web_dir(), said.listen, said.tls_cert, said.tls_key, said.verbose
    ))  # fmt: skip


def _configured(file: Path | None, **given: object) -> Configuration:
    """What the configuration file says, and what is given. Raises `InvalidValue`, `OSError`."""
    from .. import paths
    from ..host.configuration import read_configuration, with_options

    return with_options(read_configuration(file or paths.config_file()), given)


@command("config-check", _FILE, local=True, examples=["hpm config-check", "hpm config-check hpm.conf"])
def config_check(session: Session, file: str | None) -> None:
    """Check the configuration file, without a running hpm.

    Says what is wrong, with the line, and else what holds: what the file says, and what hpm takes where it says
    nothing. hpm reads the file when it starts: systemctl restart hpm.service hpm-web.service.
    """
    if session.host is not None:
        raise click.UsageError(t("config-check reads a file of this host; leave --host out"))
    from .. import paths
    from ..host.configuration import OPTIONS, check, read_configuration

    path = Path(file) if file else paths.judged_config_file()
    if path is not None and (wrong := check(path)):
        raise Failure("\n".join(f"{path}: {sentence}" for sentence in wrong))
    said = read_configuration(path)
    click.echo(plain(
        t("{file} is right", file=path) if path else t("there is no configuration file; what holds without one:")
    ))
    for option in OPTIONS:
        value = getattr(said, option.field)
        told = option.default if value in (None, False) else "yes" if value is True else value
        click.echo(plain(f"[{option.section}] {option.name}: {told}"))


_WHAT = Slot("what", "WHAT", "--what", "The helper: network or passwords.")


@command("helper", _WHAT, local=True, examples=["hpm helper network", "hpm helper passwords"])
def helper(session: Session, what: str) -> None:
    """Do one thing for a manager that is kept from it.

    systemd starts this for a connection of the manager's, which is its standard input and output
    (hpm-network.socket, hpm-passwords.socket). network: try ports of guests, and deliver notifications. passwords: ask
    PAM for one password. Nobody else need run it.
    """
    if session.host is not None:
        raise click.UsageError(t("helper runs on this host; leave --host out"))
    speak({})
    if what == "network":
        from ..host.helpers.network import serve as run
    elif what == "passwords":
        from ..host.helpers.passwords import serve as run
    else:
        raise click.UsageError(t("there is no helper {what}; known are network, passwords", what=repr(what)))
    run()


@command("restore", local=True, examples=["hpm restore", "hpm restore --connect qemu:///system"])
@_connect
@_state_dir
@click.option("--after", metavar="UNIT",
              help="Only if systemd stops that unit, and does not start it again: for its ExecStopPost.")  # fmt: skip
def restore(session: Session, connect: str | None, state_dir: Path | None, after: str | None) -> None:
    """Put back the values found at the start (offline).

    For a host on which hpm ended without doing so, and will not start again. What an administrator
    changed since then stays. hpm must not run.
    """
    if session.host is not None:
        raise click.UsageError(t("restore acts on this host; leave --host out"))
    from ..host.serve import is_stopped
    from ..host.serve import restore as put_back

    if after is not None and not is_stopped(after):
        click.echo(plain(t(
            "nothing is put back: {unit} is not stopped, but ended by itself or is started again", unit=after,
        )))
        return
    for sentence in put_back(connect=connect, state_dir=state_dir):
        click.echo(plain(sentence))


@command("backup-list", local=True, examples=["hpm backup-list"])
@_connect
@_state_dir
def backup_list(session: Session, connect: str | None, state_dir: Path | None) -> None:
    """List the backups of groups, policies and journal.

    Newest first. hpm makes them by itself: when changes have settled, once a day, and before an upgrade. It keeps the
    newest three, and the last one of each of seven days before them. The time in their names is UTC. They are those of
    the real host if there are any, also while libvirt does not answer; for a simulated one: --connect simulated.
    """
    from ..host.backups import backup_list as found

    backups = found(connect, state_dir)
    for each in backups:
        click.echo(f"{each.name}  " + plural("{n} byte", "{n} bytes", each.path.stat().st_size))
    if not backups:
        click.echo(t("there is no backup"))


@command("backup-use", _BACKUP, local=True, examples=["hpm backup-use hpm-000017-20301231T235959Z.db"])
@_connect
@_state_dir
def backup_use(session: Session, backup: str, connect: str | None, state_dir: Path | None) -> None:
    """Go back to a backup (offline).

    Groups, policies, settings and tokens are then those of the backup; what hpm changed on this host, and will put
    back, stays known. The present file is kept aside. hpm must not run.
    """
    if session.host is not None:
        raise click.UsageError(t("backup-use acts on this host; leave --host out"))
    from ..host.backups import backup_use as use

    click.echo(plain(use(connect, state_dir, backup)))


def examined() -> Iterator[tuple[str, list[Finding]]]:
    """What is found on this host, heading by heading (`hpm doctor`)."""
    from ..host.doctor import examine

    return examine()


def write_report(
    output: Path | None, found: Sequence[tuple[str, Sequence[Finding]]], answers: Mapping[str, bytes], keep_names: bool
) -> tuple[Path, list[str]]:  # fmt: skip
    """Write an archive for a bug report (`hpm report`). Raises `OSError`."""
    from ..host.report import write_report as write

    return write(output, found, answers, keep_names)


def libvirt_hooks(root: Path, socket: Path | None) -> Hooks:
    """libvirt's hook below that directory (`hpm hooks-install`)."""
    from .. import paths
    from ..host.hooks import Hooks

    return Hooks(root, (socket or paths.SYSTEM_RUN_DIR / "hpm.sock").absolute())


def with_policies(host: DescribedHost, data: bytes) -> DescribedHost:
    """A described host with what a policy file says (`hpm simulate --policy`). Raises `InvalidValue`."""
    from ..host.simulate import with_policies as put

    return put(host, data)


def simulated(wanted: SimulationCreate, progress: Callable[[int, int], None] | None) -> Simulation:
    """What would happen, simulated in this process (`hpm simulate`). Raises `InvalidValue`."""
    from ..host.simulate import simulate

    return simulate(wanted, progress)
