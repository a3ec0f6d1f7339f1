"""`dra-list --follow`: adjustments as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import click
import msgspec

from ..client.answers import Answer, decode_answer
from ..client.errors import BadAnswer, NoConnection
from ..client.rest import Client
from ..wire.management import Adjustment, AdjustmentList
from .adjustments import show_adjustments
from .session import Session

Json = dict[str, Any]

#: Seconds between two questions. One that finds nothing new costs hpm a fraction of a millisecond.
INTERVAL = 1.0

#: Adjustments asked for at once while following; there are seldom more than one or two in an interval.
PAGE = 20


def follow_adjustments(session: Session, query: Mapping[str, Any], limit: int) -> NoReturn:
    """Print up to `limit` adjustments that are there, then new ones, until Ctrl-C ends the program (130).

    Once it has begun, it outlasts a hpm that is restarted. Raises `ClientError` before that.
    """
    from .output import warn

    shown, tag = 0, None
    first, lost = True, False
    try:
        while True:
            try:
                answer = session.client.adjustments(**query, limit=limit if first else PAGE, unless=tag)
                new = [] if answer.unchanged else _newer(session.client, answer, shown)
            except (NoConnection, BadAnswer) as error:
                if first:
                    raise
                if not lost:
                    warn(error.message.partition("\n")[0])
                lost = True
            else:
                for one in new:
                    _print(session, one, blank=shown > 0)
                    shown = int(one["object-id"])
                sys.stdout.flush()
                tag, first, lost = answer.etag, False, False
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
