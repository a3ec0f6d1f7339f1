"""The entry of the command line: `hpm`, also installed as `zhpm`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..texts import ENGLISH, later, speak, t
from .command import connection_options
from .help_text import Helped, write_options
from .plain import plain
from .registry import COMMANDS, SECTIONS
from .session import Session

_EPILOG = (
    later("'hpm help COMMAND' tells more, with examples; so does 'man hpm-COMMAND'."),
    later("Exit codes: 0 done, 1 refused, 2 usage, 3 no connection."),
)


class Commands(Helped, click.Group):
    """The commands of `registry`, imported when asked for, and listed by noun."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, for completion and help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f".{entry.module}", __package__)
        found: click.Command = getattr(module, entry.name.replace("-", "_"))
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; an unknown name is answered with similar ones."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from .resolve import similar

            near = similar(args[0], list(COMMANDS))
            name = repr(args[0])
            raise click.UsageError(
                t("there is no command {name}; did you mean {names}?", name=name, names=", ".join(near[:3])) if near
                else t("there is no command {name}; 'hpm --help' lists the commands.", name=name), ctx,
            )  # fmt: skip
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's; what is said of wrong usage has the words in it that came, which may be a guest's name."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = plain(error.message, lines=True)    # type: ignore[misc]    # it is shown from there
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """As click's, but without importing all commands."""
        known = [entry for entry in COMMANDS.values() if entry.name.startswith(incomplete)]
        options = super().shell_complete(ctx, incomplete) if incomplete.startswith("-") else []
        return [*(CompletionItem(entry.name, help=t(entry.summary)) for entry in known), *options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options, then the commands by noun."""
        write_options(
            t("Options"), [p for p in self.get_params(ctx) if isinstance(p, click.Option)], ctx, formatter
        )
        width = max(map(len, COMMANDS))
        for heading, entries in SECTIONS.items():
            with formatter.section(t(heading)):
                formatter.write_dl([(entry.name.ljust(width), t(entry.summary)) for entry in entries])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What stands below them."""
        formatter.write_paragraph()
        with formatter.indentation():
            for line in _EPILOG:
                formatter.write_text(t(line))


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from ..version import VERSION

        click.echo(f"hpm {VERSION}")
        ctx.exit()


@click.group(
    cls=Commands,
    params=[
        *connection_options(),
        click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_print_version,
                     help="Print the version of this program."),
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="COMMAND [NAME]...",
)  # fmt: skip
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Manage the performance of KVM virtual servers by goals.

    Virtual servers are libvirt's domains, under the names that virsh knows. Put them in groups, give a
    group a policy that says how important it is and how fast its servers must run, and switch management
    on. CPU is taken only from servers whose group has a policy, so the group default gets one too:

    \b
      hpm wrg-create Gold
      hpm wrg-add-vs Gold db1 db2
      hpm policy-create Gold weekday --importance high --velocity fast
      hpm policy-create default others --importance low
      hpm config --cpu-mgmt on
      hpm top
    """
    ctx.ensure_object(Session)


def main(args: list[str] | None = None) -> Any:
    """Run the command line."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:    # closed by who started us; no file of ours may have its number
            setattr(sys, name, open(os.devnull, mode))    # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that cannot show a symbol gets a question mark, not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if speak(os.environ) != ENGLISH:
        from .click_texts import translate_click

        translate_click()
    if "_HPM_COMPLETE" in os.environ:
        from .shells import register

        register()
    return cli(args, prog_name=None, complete_var="_HPM_COMPLETE")


if __name__ == "__main__":
    main()
