"""What all commands have in common: names, global options, examples in the help, exit codes.

Exit codes: 0 done, 1 refused, 2 usage, 3 no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from ..client.errors import ApiError, NoConnection
from ..errors import HpmError
from ..texts import t
from . import hints
from .help_text import Helped, SaidOption, write_options
from .names import complete_slots, slot_completer
from .plain import plain
from .session import Session, pass_session


class Failure(click.ClickException):
    """Refused, as the user sees it: one message on stderr."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message."""
        said = t("error: {message}", message=plain(self.message, lines=True))
        click.echo(said, file=file, err=file is None)


class Unconnected(Failure):
    """Nobody answers."""

    exit_code = 3


@dataclass(frozen=True)
class Slot:
    """A name that a command takes: as an argument (in the order of slots), or as an option.

    `complete` is what the shell completes it with: a kind of `names.KINDS`, "file", or nothing (for new names).
    `value` is what the help calls the value of the option.
    """

    key: str
    metavar: str
    option: str
    what: str
    optional: bool = False
    many: bool = False
    complete: str = ""
    value: str = "NAME"

    def usage(self) -> str:
        """How the slot looks in the usage line."""
        text = self.metavar + ("..." if self.many else "")
        return f"[{text}]" if self.optional else text


GROUP = Slot("group", "GROUP", "--wrg-name", "The group, by name or id.", complete="group")
NEW_GROUP = Slot("group", "GROUP", "--wrg-name", "The group's name.")
POLICY = Slot("policy", "POLICY", "--policy-name", "The policy.", complete="policy")
ACTIVE_POLICY = Slot("policy", "POLICY", "--policy-name", "The policy; default: the active one.", optional=True,
                     complete="policy")  # fmt: skip
CLASS = Slot("service_class", "CLASS", "--class-name", "The service class.", complete="class")
NEW_CLASS = Slot("service_class", "CLASS", "--class-name", "The service class's name.")
SERVER = Slot("server", "VS", "--vs-name", "The virtual server, by name or id.", complete="server")
SERVERS = Slot("servers", "VS", "--vs-name", "A virtual server, by name or id (repeatable).", many=True,
               complete="server")  # fmt: skip


def connection_options() -> list[click.Option]:
    """`--socket`, `--host` and what goes with it, and `--json`, valid before and after the command's name."""

    def remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value:
            setattr(ctx.ensure_object(Session), str(param.name), value)

    path = click.Path(path_type=Path)
    return [
        click.Option(["--socket"], type=path, metavar="PATH", expose_value=False, callback=remember,
                     help="Reach hpm at this socket [default: $HPM_SOCKET, or this host's]."),
        click.Option(["--host"], metavar="URL", expose_value=False, callback=remember,
                     help="Reach hpm at this URL, on this host or another."),
        click.Option(["--user"], metavar="NAME", expose_value=False, callback=remember,
                     help="Log in there as this user [password: asked for, or $HPM_PASSWORD]; without it, a token is"
                          " taken from $HPM_TOKEN, or the file $HPM_TOKEN_FILE."),
        click.Option(["--cacert"], type=path, metavar="FILE", expose_value=False, callback=remember,
                     help="Trust the certificate in this file there, such as hpm's own."),
        click.Option(["--json"], is_flag=True, expose_value=False, callback=remember,
                     help="Print the API's answer as JSON instead of tables."),
    ]  # fmt: skip


class SlotOption(SaidOption):
    """The option of a slot."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        super().__init__(
            [slot.option, f"name_{slot.key}"], multiple=slot.many, metavar=slot.value,
            help=f"{slot.what} Another way to give {slot.metavar}.", shell_complete=slot_completer(slot),
        )  # fmt: skip

    def said(self) -> str:
        """See `SaidOption`."""
        return f"{t(self.slot.what)} {t('Another way to give {argument}.', argument=self.slot.metavar)}"


class HpmCommand(Helped):
    """A command with named slots, the global options (unless `local`), and examples."""

    def __init__(
        self,
        *args: Any,
        slots: Sequence[Slot] = (),
        examples: Sequence[str] = (),
        local: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.slots = tuple(slots)
        self.examples = tuple(examples)
        self.common = [] if local else connection_options()
        named = [SlotOption(slot) for slot in slots]
        if slots:
            usage = " ".join(slot.usage() for slot in slots)
            self.params.insert(0, click.Argument(["names"], nargs=-1, metavar=usage, shell_complete=complete_slots))
        self.params += [*named, *self.common]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of hpm become messages and exit codes."""
        if self.slots:
            ctx.params.update(fill(self.slots, ctx))
        try:
            return super().invoke(ctx)
        except NoConnection as error:
            raise Unconnected(hints.no_connection(error)) from None
        except ApiError as error:
            raise Failure(hints.refusal(error, ctx.ensure_object(Session))) from None
        except HpmError as error:
            raise Failure(str(error)) from None
        except BrokenPipeError:    # who read the output went; click ends quietly
            raise
        except OSError as error:    # a file or directory that must not be used, a full disk
            raise Failure(str(error)) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own options first, then those of every command, then examples."""
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        own = [p for p in options if p not in self.common]
        write_options(t("Options"), own, ctx, formatter)
        write_options(t("Connection and output"), self.common, ctx, formatter)
        with formatter.section(t("Examples")):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


def command(
    name: str, *slots: Slot, examples: Sequence[str], local: bool = False
) -> Callable[[Callable[..., None]], click.Command]:
    """Decorator: a command whose function takes the session, the slots by key, and its options."""

    def wrap(function: Callable[..., None]) -> click.Command:
        made = click.command(name, cls=HpmCommand, slots=slots, examples=examples, local=local)
        return made(pass_session(function))

    return wrap


def fill(slots: Sequence[Slot], ctx: click.Context) -> dict[str, Any]:
    """Names by slot: options as they are given, arguments in order into what is left.

    With fewer arguments than slots, optional slots stay empty.
    """
    given: dict[str, Any] = {slot.key: ctx.params.pop(f"name_{slot.key}") for slot in slots}
    words = spread(slots, given, list(ctx.params.pop("names")))
    for slot in slots:
        if not given[slot.key] and not slot.optional:
            raise click.UsageError(t(
                "{argument} is missing: give it as an argument or with {option}",
                argument=slot.metavar, option=slot.option,
            ), ctx)    # fmt: skip
    if words:
        raise click.UsageError(t("too many names: {names}", names=" ".join(map(repr, words))), ctx)
    return given


def open_slots(slots: Sequence[Slot], given: Mapping[str, Any]) -> list[Slot]:
    """The slots that no option has filled."""
    return [slot for slot in slots if not given.get(slot.key)]


def spread(slots: Sequence[Slot], given: dict[str, Any], words: list[str]) -> list[str]:
    """Put words in order into the slots that are open; gives the words that are left."""
    left = open_slots(slots, given)
    spare = len(words) - len([slot for slot in left if not slot.optional])
    for slot in left:
        if slot.many:
            given[slot.key], words = tuple(words), []
        elif slot.optional and spare <= 0:
            continue
        elif words:
            given[slot.key] = words.pop(0)
            spare -= slot.optional
    return words
