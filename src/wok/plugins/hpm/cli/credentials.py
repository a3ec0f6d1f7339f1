"""Where the command line has a password or token from: the environment, a file, or the user's fingers.

Never from its own arguments, which every user of a host can read.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ..client.credentials import Credentials, by_password, by_token
from ..texts import t

TOKEN = "HPM_TOKEN"
TOKEN_FILE = "HPM_TOKEN_FILE"
PASSWORD = "HPM_PASSWORD"


def find_credentials(user: str | None) -> Credentials | None:
    """What to send to a URL: the password of `user`; without one, the token of the environment, if there is any.

    Raises `InvalidValue`, `click.UsageError`.
    """
    if user is not None:
        return by_password(user, _password(user))
    token = os.environ.get(TOKEN)
    if token:
        return by_token(token.strip())
    file = os.environ.get(TOKEN_FILE)
    if file:
        try:
            return by_token(Path(file).read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(t(
                "the token in the file {file}, which {variable} names, cannot be read: {error}",
                file=file, variable=TOKEN_FILE, error=error,
            )) from None
    return None


def _password(user: str) -> str:
    given = os.environ.get(PASSWORD)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise click.UsageError(t(
            "there is no terminal to ask for the password of {user} on; set {password}, or use a token ({token})",
            user=user, password=PASSWORD, token=TOKEN,
        ))
    typed: str = click.prompt(t("Password of {user}", user=user), hide_input=True, err=True)
    return typed
