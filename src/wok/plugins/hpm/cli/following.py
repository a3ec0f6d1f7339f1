"""`--follow`: adjustments as they come, and what there is as often as it changes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import click
import msgspec

from ..client.answers import Answer, decode_answer
from ..client.errors import BadAnswer, NoConnection
from ..client.rest import Client
from ..wire.management import Adjustment, AdjustmentList
from .adjustments import show_adjustments
from .session import Session

Json = dict[str, Any]
T = TypeVar("T")

#: Seconds between two questions. One that finds nothing new costs hpm a fraction of a millisecond.
INTERVAL = 1.0

#: Adjustments asked for at once while following; there are seldom more than one or two in an interval.
PAGE = 20


def follow(session: Session, ask: Callable[[str | None], Answer[T]], show: Callable[[T], None]) -> NoReturn:
    """Print an answer whenever it is another one, until Ctrl-C ends the program (130). `ask` takes the ETag of the
    answer before. Raises and outlasts as `follow_adjustments`."""
    tag, shown = None, False

    def look() -> None:
        nonlocal tag, shown
        answer = ask(tag)
        if answer.unchanged:
            return
        if session.json:
            session.emit_json(answer.text, one_line=True)
        else:
            value = answer.value
            if shown:
                click.echo()
            show(value)
        tag, shown = answer.etag, True

    _repeat(look)


def follow_adjustments(session: Session, query: Mapping[str, Any], limit: int) -> NoReturn:
    """Print up to `limit` adjustments that are there, then new ones, until Ctrl-C ends the program (130).

    Once it has begun, it outlasts a hpm that is restarted. Raises `ClientError` before that.
    """
    shown, tag = 0, None

    def look() -> None:
        nonlocal shown, tag
        first = tag is None
        answer = session.client.adjustments(**query, limit=limit if first else PAGE, unless=tag)
        new = [] if answer.unchanged else _newer(session.client, answer, shown)
        for one in new:
            _print(session, one, blank=shown > 0)
            shown = int(one["object-id"])
        tag = answer.etag

    _repeat(look)


def _repeat(look: Callable[[], None]) -> NoReturn:
    """Look again and again, until Ctrl-C. The first look may fail; later ones are tried again, and it is said."""
    from .output import warn

    first, lost = True, False
    try:
        while True:
            try:
                look()
            except (NoConnection, BadAnswer) as error:
                if first:
                    raise
                if not lost:
                    warn(error.message.partition("\n")[0])
                lost = True
            else:
                sys.stdout.flush()
                first, lost = False, False
            time.sleep(INTERVAL)
    except KeyboardInterrupt:
        sys.exit(130)


def _newer(client: Client, page: Answer[AdjustmentList], shown: int) -> list[Json]:
    """The adjustments after the one with the id `shown`, oldest first; with 0, those of the first page alone."""
    found: list[Json] = []
    while True:
        some = [one for one in page.json["dynamic-resource-adjustments"] if one["object-id"] > shown]
        found += some
        rest = page.json.get("next")
        if shown == 0 or rest is None or len(some) < len(page.json["dynamic-resource-adjustments"]):
            return found[::-1]
        page = client.more_adjustments(rest)


def _print(session: Session, one: Json, blank: bool) -> None:
    if session.json:
        session.emit_json(one, one_line=True)
        return
    if blank:
        click.echo()
    show_adjustments([decode_answer(msgspec.json.encode(one), Adjustment)])
