"""How help reads: in the user's language, and in as many columns as its signs take.

Docstrings, summaries and the help of options stay English where they stand, and are looked up when they are shown: a
help text paragraph by paragraph, each as one line.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from unicodedata import east_asian_width

import click
from click.shell_completion import CompletionItem

from ..texts import later, t

#: What stands in for the second column of a wide sign while lines are made: click counts signs.
_SECOND = "\0"

#: click's own, which is shown as the help of other options is.
_HELP = later("Show this message and exit.")


class SaidOption(click.Option):
    """An option whose help is put together where it is shown."""

    def said(self) -> str:
        """The help in the user's language."""
        raise NotImplementedError


class Formatter(click.HelpFormatter):
    """click's, for signs that are two columns wide, too."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """As click's."""
        super().write_usage(prog, args, _widened(f"{t('Usage:')} " if prefix is None else prefix))

    def write_text(self, text: str) -> None:
        """As click's."""
        with self._room_for(text):
            super().write_text(_widened(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """As click's."""
        said = [(_widened(first), _widened(second)) for first, second in rows]
        with self._room_for("".join(second for _, second in said)):
            super().write_dl(said, col_max, col_spacing)

    def getvalue(self) -> str:
        """As click's."""
        return super().getvalue().replace(_SECOND, "")

    @contextmanager
    def _room_for(self, text: str) -> Iterator[None]:
        less = _cut(text)
        self.width -= less
        try:
            yield
        finally:
            self.width += less


class HelpContext(click.Context):
    """A context whose help is made by `Formatter`."""

    formatter_class = Formatter


class Helped(click.Command):
    """A command whose help is in the user's language."""

    context_class = HelpContext

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The docstring."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text("\n\n".join(one if one.startswith("\b") else t(one) for one in paragraphs(self.help)))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """As click's."""
        found = super().shell_complete(ctx, incomplete)
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        said = {name: option for option in options for name in (*option.opts, *option.secondary_opts)}
        for item in found:
            if item.value in said:
                item.help = _said(said[item.value])
        return found


def paragraphs(text: str | None) -> Iterator[str]:
    """The paragraphs of a help text, each as one line; one that begins with a backspace is shown as it is."""
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text or "")):
        yield block if block.startswith("\b") else " ".join(block.split())


def write_options(
    heading: str, options: Iterable[click.Option], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """A section of options; nothing if there are none."""
    records = []
    for option in options:
        shown = copy(option)
        shown.help = _said(option)
        records.append(shown.get_help_record(ctx))
    with_text = [record for record in records if record is not None]
    if with_text:
        with formatter.section(heading):
            formatter.write_dl(with_text)


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text that may take so many columns."""
    return [line.replace(_SECOND, "") for line in textwrap.wrap(_widened(text), width - _cut(text))]


def _said(option: click.Option) -> str:
    return option.said() if isinstance(option, SaidOption) else t(option.help or "")


def _cut(text: str) -> int:
    """Columns to leave free: a line may end within a wide sign, whose second column then counts for the next one; and
    where a word is cut behind a line that is full, click puts one more there."""
    return 2 if any(map(_is_wide, text)) else 0


def _is_wide(sign: str) -> bool:
    return east_asian_width(sign) in "WF"


def _widened(text: str) -> str:
    if text.isascii():
        return text
    return "".join(sign + _SECOND if _is_wide(sign) else sign for sign in text)
