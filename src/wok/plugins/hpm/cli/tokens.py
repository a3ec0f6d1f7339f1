"""The commands for tokens, by which programs show who they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click

from ..client.rest import Client
from ..texts import plural, t
from ..wire.access import NewToken, Role, Token, TokenList
from . import words
from .command import Failure, Slot, command
from .option_types import one_of
from .plain import plain
from .session import Session

TOKEN = Slot("token", "TOKEN", "--token-name", "The token, by name or id.")
NEW = Slot("name", "NAME", "--token-name", "What the token is for, such as the program's name.")


class Expiry(click.ParamType):  # type: ignore[type-arg]    # generic only in newer click
    """A span from now, or a time; gives RFC 3339 UTC, or None for never."""

    name = "expiry"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str | None:
        text = str(value).strip()
        if text == "never":
            return None
        try:
            return words.parse_time(text, ahead=True)
        except (ValueError, OverflowError):
            self.fail(t(
                "{text} is not an expiry; right would be 12h, 90d, 4w, a time as '2027-02-03 14:00', or never",
                text=repr(text),
            ))


@command("token-create", NEW, examples=[
    "hpm token-create monitoring --expires 30d --output token",
    "hpm token-create deploy --role admin --expires 12h",
])  # fmt: skip
@click.option("--role", type=one_of(Role), default="user", show_default=True,
              help="What it may do: user reads, admin reads and writes.")  # fmt: skip
@click.option("--expires", type=Expiry(), default="90d", show_default=True, metavar="WHEN",
              help="12h, 90d, 4w from now, a time, or never.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the token to this new file, which only you can read [default: standard output].")  # fmt: skip
def token_create(session: Session, name: str, role: str, expires: str | None, output: Path | None) -> None:
    """Create a token for a program.

    The token alone goes to standard output or the file, once: hpm keeps no copy. A program sends it as
    'Authorization: Bearer TOKEN'; hpm itself takes it from HPM_TOKEN, or from the file that HPM_TOKEN_FILE names.
    """
    wanted = {"name": name, "role": role, "expires": expires}
    if output is not None:
        if session.json:
            raise click.UsageError(t("--json prints the token, and --output does not: leave one of them out"))
        with _new_file(output) as file:
            made = session.client.create_token(wanted).value
            file.write(f"{made.secret}\n".encode())
        click.echo(plain(f"{_created(made)} {t('It is in {file}, and nowhere else.', file=output)}"), err=True)
        return
    answer = session.client.create_token(wanted)
    if session.json:
        session.emit_json(answer.text)
        return
    click.echo(plain(f"{_created(answer.value)} {t('It is shown only now:')}"), err=True)
    click.echo(plain(answer.value.secret))


@command("token-list", examples=["hpm token-list", "hpm token-list --json"])
def token_list(session: Session) -> None:
    """List tokens.

    They are your own ones; an administrator sees everybody's.
    """

    def show(found: TokenList) -> None:
        from .output import Column, show_table

        if not found.tokens:
            click.echo(t("No tokens."))
            return
        show_table([
            Column(t("Name")), Column(t("User")), Column(t("Role"), whole=True), Column(t("Created"), whole=True),
            Column(t("Expires"), whole=True), Column(t("Last used"), whole=True),
        ], [
            (one.name, one.user, one.role, words.local_time(one.created), _time(one.expires), _time(one.last_used))
            for one in found.tokens
        ])  # fmt: skip

    session.emit(session.client.tokens(), show)


@command("token-revoke", TOKEN, examples=["hpm token-revoke monitoring", "hpm token-revoke --token-name deploy"])
def token_revoke(session: Session, token: str) -> None:
    """Revoke a token.

    It is worth nothing from now on.
    """
    client = session.client
    found = _find(client, token)
    client.revoke_token(found.object_id)
    session.done(None, t("Revoked token {name} of {user}.", name=repr(found.name), user=found.user))


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that was not there, for its owner's eyes alone; gone again if the block fails. Raises `Failure`.

    It is made before the token: one that cannot be written down would be lost.
    """
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(t(
            "{path} is there already, and is left as it is; give the name of a new file", path=path,
        )) from None
    except OSError as error:
        raise Failure(t("{path} cannot be written: {error}", path=path, error=error.strerror)) from None
    try:
        with os.fdopen(opened, "wb") as file:
            yield file
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise Failure(t(
                "{path} cannot be written: {error}; 'hpm token-list' tells whether the token was made all the same",
                path=path, error=error.strerror,
            )) from None  # fmt: skip
        raise


def _created(made: NewToken) -> str:
    if made.expires is None:
        return t(
            "Created token {name} of {user} with the role {role}; it never expires.",
            name=repr(made.name), user=made.user, role=made.role,
        )
    return t(
        "Created token {name} of {user} with the role {role}; it expires {time}.",
        name=repr(made.name), user=made.user, role=made.role, time=words.local_time(made.expires),
    )


def _find(client: Client, wanted: str) -> Token:
    """The token of that id or name. Raises `Failure`."""
    tokens = client.tokens().value.tokens
    found = [one for one in tokens if wanted == one.object_id] or [one for one in tokens if wanted == one.name]
    if not found:
        raise Failure(t("there is no token {name}; 'hpm token-list' lists them", name=repr(wanted[:64])))
    if len(found) > 1:
        ids = ", ".join(f"{one.object_id} ({one.user})" for one in found)
        raise Failure(plural(
            "there is {n} token {name}; say which by its id: {ids}",
            "there are {n} tokens {name}; say which by its id: {ids}", len(found), name=repr(wanted), ids=ids,
        ))  # fmt: skip
    return found[0]


def _time(text: str | None) -> str:
    return t("never") if text is None else words.local_time(text)
