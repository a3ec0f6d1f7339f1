"""What one run of the command line knows: where hpm is, and how to print.

An object of this class is click's `ctx.obj`. The tests make one with a transport of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import InvalidValue
from ..texts import t
from .plain import plain

if TYPE_CHECKING:
    import httpx

    from ..client.answers import Answer
    from ..client.rest import Client

T = TypeVar("T")

#: Control characters that JSON leaves as they are and a terminal obeys.
_LOOSE_CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass
class Session:
    """Global options, and the client made from them when first needed."""

    socket: Path | None = None
    host: str | None = None
    user: str | None = None
    cacert: Path | None = None
    json: bool = False
    transport: httpx.BaseTransport | None = None
    #: Whether hpm is asked at a URL without a word of who asks.
    anonymous: bool = False

    @cached_property
    def client(self) -> Client:
        """The connection to hpm."""
        from ..client.connection import connect
        from .credentials import find_credentials

        if self.socket is not None and self.host is not None:
            raise click.UsageError(t("--socket and --host exclude each other; give one of them"))
        if self.host is None and (self.user is not None or self.cacert is not None):
            raise click.UsageError(t("--user and --cacert are for --host; on a local socket hpm knows who you are"))
        try:
            credentials = None if self.host is None else find_credentials(self.user)
            self.anonymous = self.host is not None and credentials is None
            return connect(self.socket, self.host, self.transport, credentials, self.cacert)
        except InvalidValue as error:
            raise click.BadParameter(error.message, param_hint="'--host'") from None

    def emit(self, answer: Answer[T], show: Callable[[T], None]) -> None:
        """Print an answer: as JSON if that was asked for, else by `show`."""
        if self.json:
            self.emit_json(answer.text)
        else:
            show(answer.value)

    def emit_json(self, value: Any, one_line: bool = False) -> None:
        """Print JSON, indented or on one line: text (bytes) unchanged, or plain dicts and lists."""
        import msgspec

        text = value if isinstance(value, bytes) else msgspec.json.encode(value)
        if not text.strip():
            return
        try:
            indented = msgspec.json.format(text, indent=-1 if one_line else 2).decode()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            from ..client.errors import BadAnswer

            raise BadAnswer(t("the answer is not JSON: {error}", error=error)) from None
        click.echo(_LOOSE_CONTROLS.sub(lambda c: f"\\u{ord(c.group()):04x}", indented))

    def done(self, answer: Answer[Any] | None, *sentences: str) -> None:
        """Say what was done; with `--json`, print the answer instead (nothing if there is none)."""
        if self.json:
            if answer is not None:
                self.emit_json(answer.text)
            return
        for sentence in sentences:
            click.echo(plain(sentence))


pass_session = click.make_pass_decorator(Session, ensure=True)
