"""Write the man pages: hpm(1), hpm-COMMAND(1) for each command, from what the command line says of itself, and
hpm.conf(5).

Usage: python contrib/manpages.py DIRECTORY
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from hpm.cli.command import HpmCommand
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS, SECTIONS, Entry
from hpm.host.configuration import OPTIONS
from hpm.version import VERSION

EXIT_STATUS = (
    ("0", "Done."),
    ("1", "Refused. The message on stderr says what is wrong and what would be right."),
    ("2", "Wrong usage."),
    ("3", "No connection to hpm."),
)
ENVIRONMENT = (
    ("HPM_SOCKET", "The socket at which hpm is reached, and at which hpm serve answers."),
    ("HPM_TOKEN", "The token by which --host is told who you are."),
    ("HPM_TOKEN_FILE", "The name of a file with that token, where HPM_TOKEN is not set."),
    ("HPM_PASSWORD", "The password of --user; without it, it is asked for."),
    ("NO_COLOR", "If set and not empty: no colours."),
    ("COLUMNS", "The width of tables, instead of the terminal's (80 in a pipe)."),
)
FILES = (
    ("/etc/hpm/hpm.conf", "The configuration, hpm.conf(5), where there is one. Of other users: hpm/hpm.conf in"
     " $XDG_CONFIG_HOME, or ~/.config."),
    ("/run/hpm/hpm.sock", "The socket of the hpm that root has started. Of other users:"
     " $XDG_RUNTIME_DIR/hpm/hpm.sock, or /tmp/hpm-UID/hpm.sock."),
    ("/run/hpm/front.sock", "The socket at which the web front, and nobody else, reaches hpm; beside hpm.sock."),
    ("/var/lib/hpm/hpm.db", "Groups, policies, settings, adjustments, and the journal of what was changed. Of other"
     " users: in $XDG_STATE_HOME/hpm, or ~/.local/state/hpm."),
    ("/var/lib/hpm-web/cert.pem", "The web front's own certificate, for --cacert, with its key beside it. Of other"
     " users: in web below the directory of hpm.db."),
)  # fmt: skip

#: Characters that roff would take for something else.
_SPECIAL = {
    "\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq",
}  # fmt: skip


def escape(text: str) -> str:
    """`text` as roff shows it unchanged, wherever it stands in a line."""
    shown = "".join(_SPECIAL.get(c) or (c if c.isascii() else f"\\[u{ord(c):04X}]") for c in text)
    return "\\&" + shown if shown.startswith(".") else shown


def bold(text: str) -> str:
    """`text` as it is to be typed."""
    return f"\\fB{escape(text)}\\fR"


def words(text: str) -> str:
    """A synopsis: options and commands in bold, what stands for something else in italics."""
    parts = re.split(r"(--?[a-z][a-z-]*|\b[A-Z][A-Z-]+\b)", text)
    return "".join(
        bold(part) if part.startswith("-") and place % 2 else f"\\fI{escape(part)}\\fR" if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def paragraphs(text: str) -> Iterator[str]:
    """A help text; after a line with a backspace, lines stay as they are (as in click)."""
    for number, block in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        if block.strip(" ").startswith("\b"):
            yield from literal(line.strip() for line in block.splitlines()[1:])
        else:
            yield escape(" ".join(block.split()))


def literal(lines: Iterable[str]) -> Iterator[str]:
    """Lines as they are."""
    yield from (".RS 4", ".nf", *(escape(line) for line in lines), ".fi", ".RE")


def terms(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Words, each with what it means; the words are roff, the meanings are not."""
    for term, meaning in pairs:
        yield from (".TP", term, escape(" ".join(meaning.split())))


def head(name: str, summary: str, section: int = 1) -> Iterator[str]:
    """The beginning of a page."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    day = time.strftime("%Y-%m-%d", time.gmtime(int(epoch) if epoch else None))
    yield f'.TH {escape(name.upper())} {section} {day} "hpm {VERSION}" "hpm"'
    yield from (".SH NAME", f"{escape(name)} \\- {escape(summary[0].lower() + summary[1:].rstrip('.'))}")


def tail(others: Iterable[str]) -> Iterator[str]:
    """The end of a page."""
    for title, pairs in (("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        yield f".SH {title}"
        yield from terms((bold(term), meaning) for term, meaning in pairs)
    yield ".SH SEE ALSO"
    yield ",\n".join(f"{bold(name)}({'5' if name.endswith('.conf') else '1'})" for name in others)


def options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """Names, then options; those of all commands last."""
    known = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    records = [record for param in known if (record := param.get_help_record(ctx)) is not None]
    slots = getattr(command, "slots", ())
    yield ".SH OPTIONS"
    yield from terms((words(slot.usage()), f"{slot.what} Or with {slot.option}.") for slot in slots)
    yield from terms((words(names), meaning) for names, meaning in records)


def command_page(entry: Entry, outer: click.Context) -> str:
    """hpm-COMMAND(1)."""
    command = cli.get_command(outer, entry.name)
    assert isinstance(command, HpmCommand)
    with click.Context(command, info_name=entry.name, parent=outer) as ctx:
        lines = [
            *head(f"hpm-{entry.name}", entry.summary),
            ".SH SYNOPSIS",
            f"{bold(f'hpm {entry.name}')} {words(' '.join(command.collect_usage_pieces(ctx)))}",
            ".SH DESCRIPTION", *paragraphs(command.help or ""), *options(command, ctx),
            ".SH EXAMPLES", *literal(command.examples),
        ]  # fmt: skip
    noun = next(entries for entries in SECTIONS.values() if entry in entries)
    return page(lines, ["hpm", *(f"hpm-{other.name}" for other in noun if other is not entry)])


def main_page(outer: click.Context) -> str:
    """hpm(1)."""
    lines = [
        *head("hpm", "Manage the performance of KVM virtual servers by goals"),
        ".SH SYNOPSIS", f"{bold('hpm')} {words('[OPTIONS] COMMAND [NAME]...')}",
        ".SH DESCRIPTION", *paragraphs(cli.help or ""), *options(cli, outer), ".SH COMMANDS",
        escape("Each has a page of its own, hpm-COMMAND(1), and hpm COMMAND --help tells the same. hpm has another"),
        escape("name, zhpm."),
    ]  # fmt: skip
    for heading, entries in SECTIONS.items():
        lines += [f".SS {escape(heading)}", *terms((bold(entry.name), entry.summary) for entry in entries)]
    return page(lines, [*(f"hpm-{name}" for name in COMMANDS), "hpm.conf"])


def configuration_page() -> str:
    """hpm.conf(5)."""
    lines = [
        *head("hpm.conf", "The configuration of hpm serve and hpm web", 5),
        ".SH SYNOPSIS", bold("/etc/hpm/hpm.conf"),
        ".SH DESCRIPTION",
        *paragraphs(
            "What hpm must know before it can be asked. All else is a setting of the running hpm (hpm settings), a"
            " management level (hpm config) or policy.\n\nThe file need not exist, and whatever it does not say holds"
            " as it does without it. An option of the command wins over the file. hpm config-check says what is wrong"
            " with it, and what holds; hpm reads it when it starts. Lines that begin with # or ; are comments. Root, or"
            " the user who runs hpm, owns the file, and nobody else may write it."
        ),
    ]
    for section in dict.fromkeys(option.section for option in OPTIONS):
        lines.append(f".SH {escape(f'[{section}]')}")
        for option in OPTIONS:
            if option.section == section:
                term = f"{bold(option.name)} = \\fI{escape(option.value)}\\fR"
                lines += terms([(term, f"{option.meaning} Default: {option.default}.")])
    lines += [".SH EXAMPLES", *literal(["[web]", "listen = [::]:8643", "tls-cert = /etc/hpm/cert.pem",
                                        "tls-key = /etc/hpm/key.pem"])]    # fmt: skip
    return "\n".join([*lines, ".SH SEE ALSO", ",\n".join(
        f"{bold(name)}(1)" for name in ("hpm", "hpm-serve", "hpm-web", "hpm-config-check", "hpm-settings")
    )]) + "\n"    # fmt: skip


def page(lines: Iterable[str], others: Iterable[str]) -> str:
    """A page, whole."""
    return "\n".join([*lines, *tail(others)]) + "\n"


def write(directory: Path) -> None:
    """Write all pages."""
    directory.mkdir(parents=True, exist_ok=True)
    with click.Context(cli, info_name="hpm", **cli.context_settings) as outer:
        (directory / "hpm.1").write_text(main_page(outer))
        (directory / "hpm.conf.5").write_text(configuration_page())
        (directory / "zhpm.1").write_text(".so man1/hpm.1\n")
        for entry in COMMANDS.values():
            (directory / f"hpm-{entry.name}.1").write_text(command_page(entry, outer))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python contrib/manpages.py DIRECTORY")
    write(Path(sys.argv[1]))
