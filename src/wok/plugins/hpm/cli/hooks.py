"""The commands for libvirt's hook, which act on this host themselves."""

from __future__ import annotations

from pathlib import Path

import click

from ..texts import t
from .command import Failure, command
from .local import libvirt_hooks
from .session import Session

_root = click.option(
    "--root", type=click.Path(file_okay=False, path_type=Path), default=Path("/"), metavar="DIR",
    help="The host's files are below this directory [default: /].",
)  # fmt: skip


@command("hooks-install", local=True, examples=[
    "hpm hooks-install",
    "hpm hooks-install --check",
])  # fmt: skip
@_root
@click.option("--socket", "asked", type=click.Path(path_type=Path), metavar="PATH",
              help="Where the hook asks hpm [default: the socket of the system's hpm].")  # fmt: skip
@click.option("--check", is_flag=True, help="Only say how it stands; 1 where it is not in force.")
def hooks_install(session: Session, root: Path, asked: Path | None, check: bool) -> None:
    """Have libvirt ask hpm before guests start.

    Then also a start by virsh waits for what the guest depends on, or is refused with what it waits for. Other hooks
    stay as they are. libvirt sees its first hook only when its daemon is started anew; hpm never does that.
    """
    hooks = libvirt_hooks(root, asked)
    try:
        state = hooks.state() if check else hooks.install()
    except OSError as error:
        raise Failure(t("the hook cannot be written: {error}; this takes root", error=error)) from None
    for sentence in state.sentences():
        click.echo(sentence)
    if check and not (state.current and state.seen is not False):
        raise click.exceptions.Exit(1)


@command("hooks-remove", local=True, examples=["hpm hooks-remove"])
@_root
def hooks_remove(session: Session, root: Path) -> None:
    """Have libvirt ask hpm no longer.

    Other hooks stay as they are.
    """
    hooks = libvirt_hooks(root, None)
    try:
        removed = hooks.remove()
    except OSError as error:
        raise Failure(t("the hook cannot be taken away: {error}; this takes root", error=error)) from None
    path = hooks.path
    click.echo(t("Removed {path}.", path=path) if removed else t("There is no {path}.", path=path))
