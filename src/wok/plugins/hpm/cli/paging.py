"""Lists of what has happened, newest first: the options that they share, and their pages put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click

from ..client.answers import Answer
from ..texts import t
from .option_types import Moment

#: Entries asked for at once.
PAGE = 100

SINCE = click.option(
    "--from", "since", type=Moment(), metavar="TIME",
    help="Not older: '2026-02-03 14:00' (local time), RFC 3339, or 90m, 2h, 1d for so long ago.",
)  # fmt: skip
UNTIL = click.option("--to", "until", type=Moment(), metavar="TIME", help="Not younger.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")


class Page(Protocol):
    """A part of a list; `next` is the URI of the older ones, or None."""

    @property
    def next(self) -> str | None:
        """See above."""


P = TypeVar("P", bound=Page)
T = TypeVar("T")


def gathered(
    first: Answer[P], more: Callable[[str], Answer[P]], entries: Callable[[P], list[T]], limit: int
) -> tuple[list[T], bool]:
    """Up to `limit` entries from the `first` page on, and whether there are older ones. `more` gets the page of a
    `next`, `entries` those of a page."""
    page = first.value
    found = list(entries(page))
    while page.next is not None and len(found) < limit:
        page = more(page.next).value
        found += entries(page)
    return found[:limit], page.next is not None or len(found) > limit


def gathered_json(first: Answer[Any], more: Callable[[str], Answer[Any]], field: str, limit: int) -> Any:
    """The answer unchanged if it is the only page; else one such object with the entries of all in `field`."""
    if limit <= PAGE:
        return first.text
    whole = page = first.json
    while page.get("next") is not None and len(whole[field]) < limit:
        page = more(page["next"]).json
        whole[field] += page[field]
        whole["next"] = page.get("next")
    return whole


def tell_older(limit: int, oldest: str) -> None:
    """Say how to see what is older than the last entry shown, which is of the time `oldest`."""
    click.echo(t("There are older ones: say --limit {number}, or --to {time}.", number=limit * 5, time=oldest))
