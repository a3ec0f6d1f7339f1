"""Tables and lists on the terminal or into a pipe.

Into a pipe: no colours, and 80 columns wide unless `COLUMNS` says otherwise. Nothing is ever cut off:
what is too wide goes on in the next line of its column.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shutil import get_terminal_size

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..texts import t
from . import words
from .plain import plain

PIPE_WIDTH = 80

#: A column of names is not made narrower than this.
LEAST_WIDTH = 8

#: Words up to this length, such as ids, stay whole in a column of words.
LONGEST_WORD = 36


@dataclass(frozen=True)
class Column:
    """A column. A number is right-aligned; it and what is `whole` are never broken into lines. One of `words` is
    broken between them. `width` fixes the width."""

    header: str
    number: bool = False
    width: int | None = None
    whole: bool = False
    words: bool = False

    @property
    def fixed(self) -> bool:
        """Whether its cells are never broken into lines."""
        return self.number or self.whole


@dataclass(frozen=True)
class Styled:
    """A cell in a colour (on a terminal)."""

    text: str
    style: str


Cell = str | Styled


def console(at_least: int = 0) -> Console:
    """Where tables go: standard output as it is now; not narrower than `at_least`."""
    terminal = sys.stdout.isatty()
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        width = int(columns)
    else:
        width = get_terminal_size().columns if terminal else PIPE_WIDTH
    return Console(
        file=sys.stdout, force_terminal=terminal, width=max(width, at_least), markup=False, highlight=False,
        emoji=False, legacy_windows=False,
    )  # fmt: skip


def status_cell(status: str) -> Styled:
    """A goal status, with symbol and colour."""
    return Styled(words.goal_status(status), words.goal_status_style(status))


def show_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], header: bool = True) -> None:
    """Print a table; two blanks between columns if there is room, else one.

    On a terminal too narrow for numbers and a few letters of each name, lines are longer than it is
    wide rather than cut off.
    """
    cells = [[_text(cell) for cell in row] for row in rows]
    natural = [column.width or max(map(cell_len, [*column.header.split("\n"), *(row[i].plain for row in cells)]))
               for i, column in enumerate(columns)]  # fmt: skip
    least = [wide if column.fixed else min(wide, _least(column, [row[i] for row in cells]))
             for i, (column, wide) in enumerate(zip(columns, natural, strict=True))]  # fmt: skip
    gaps = len(columns) - 1
    target = console(at_least=sum(least) + gaps)
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=header, header_style="bold",
        padding=(0, 1 if sum(natural) + 2 * gaps <= target.width else 0, 0, 0),
    )  # fmt: skip
    for column, low in zip(columns, least, strict=True):
        table.add_column(
            column.header, justify="right" if column.number else "left", overflow="fold", no_wrap=column.fixed,
            width=column.width, min_width=low,
        )  # fmt: skip
    for row in cells:
        table.add_row(*row)
    _print(table, target)


def show_fields(pairs: Iterable[tuple[str, Cell]], indent: int = 0) -> None:
    """Print names and values, one pair a line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        # without the indentation that aligns a status with those below it in a table
        told = Styled(value.text.strip(), value.style) if isinstance(value, Styled) else value
        grid.add_row(" " * indent + name, _text(told))
    _print(grid)


def show_sentences(sentences: Iterable[str]) -> None:
    """Print sentences, each with a bullet."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for sentence in sentences:
        grid.add_row("•", _text(sentence))
    _print(grid)


def show_paragraph(text: str) -> None:
    """Print a text, indented."""
    grid = Table.grid()
    grid.add_column(width=2)
    grid.add_column(overflow="fold")
    grid.add_row("", _text(text))
    _print(grid)


def show_text(text: str) -> None:
    """Print a text, in as many lines as it needs."""
    grid = Table.grid()
    grid.add_column(overflow="fold")
    grid.add_row(_text(text))
    _print(grid)


def show_heading(text: str) -> None:
    """Print a line above a table."""
    console().print(Text(plain(text), style="bold"), overflow="fold")


def warn(text: str) -> None:
    """Say on stderr what the user should know beside the answer."""
    click.echo(t("warning: {message}", message=plain(text)), err=True)


def _least(column: Column, cells: Sequence[Text]) -> int:
    """The width below which a column is not made narrower."""
    if not column.words:
        return LEAST_WIDTH
    lengths = [cell_len(word) for cell in cells for word in cell.plain.split()]
    return max([LEAST_WIDTH, *(length for length in lengths if length <= LONGEST_WORD)])


def _text(cell: Cell) -> Text:
    if isinstance(cell, Styled):
        return Text(plain(cell.text), style=cell.style)
    return Text(plain(cell))


def _print(table: Table, target: Console | None = None) -> None:
    target = target or console()
    with target.capture() as captured:
        target.print(table)
    # Rich fills every line up to the table's width; trailing blanks only disturb diffs and copies.
    lines = captured.get().splitlines()
    click.echo("\n".join(line.rstrip() for line in lines), color=target.is_terminal or None)
