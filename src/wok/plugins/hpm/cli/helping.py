"""Commands about the command line itself: help, and completion."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from ..texts import t
from .command import command
from .registry import COMMANDS
from .session import Session


def _complete_word(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    return [CompletionItem(e.name, help=t(e.summary)) for e in COMMANDS.values() if e.name.startswith(incomplete)]


@command("help", local=True, examples=["hpm help", "hpm help vs-update", "hpm help wrg"])
@click.argument("word", metavar="[COMMAND|NOUN]", required=False, shell_complete=_complete_word)
@click.pass_context
def help(ctx: click.Context, session: Session, word: str | None) -> None:
    """Tell about a command, or list commands.

    The same as 'hpm COMMAND --help'. For a noun (wrg, policy, class, vs), the commands of that noun.
    """
    outer = ctx.find_root()
    group = outer.command
    assert isinstance(group, click.Group)
    if word is None:
        click.echo(group.get_help(outer))
        return
    of_noun = [entry for entry in COMMANDS.values() if entry.name.startswith(word + "-")]
    if word not in COMMANDS and of_noun:
        formatter = outer.make_formatter()
        formatter.write_dl([(entry.name, t(entry.summary)) for entry in of_noun])
        click.echo(formatter.getvalue(), nl=False)
        return
    name, found, _ = group.resolve_command(outer, [word])    # an unknown word is answered with similar ones
    assert found is not None
    with click.Context(found, info_name=name, parent=outer) as inner:
        click.echo(found.get_help(inner))


@command("completion", local=True, examples=[
    "hpm completion bash > ~/.local/share/bash-completion/completions/hpm",
    "hpm completion zsh > ~/.zfunc/_hpm",
    "hpm completion fish > ~/.config/fish/completions/hpm.fish",
])  # fmt: skip
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(session: Session, shell: str) -> None:
    """Print a shell's completion of commands and names.

    Put it where the shell looks for it, as the examples do. Names of groups, policies, classes and
    servers are asked of the running hpm.

    To try it in this bash: source <(hpm completion bash). bash finds a file by the name of the command:
    link it to the name zhpm too if you use that. For zsh, the directory must be in fpath before compinit
    runs.
    """
    from .shells import SCRIPTS

    click.echo(SCRIPTS[shell], nl=False)
