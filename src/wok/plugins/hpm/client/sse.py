"""Server-sent events as they come in pieces (HTML, "Parsing an event stream")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..texts import t
from .errors import BadAnswer

#: Bytes of one event. The longest one is an adjustment with thousands of servers.
MAX_EVENT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Message:
    """One event: `event` is its kind, `data` its text, `last_id` the id after which to go on. Without `data` it only
    says that."""

    event: str
    data: bytes
    last_id: str | None


class EventText:
    """Takes a stream apart. `last_id` and `retry` (seconds) are what it said last."""

    def __init__(self, last_id: str | None, retry: float) -> None:
        self.last_id = last_id
        self.retry = retry

    def messages(self, pieces: Iterable[bytes]) -> Iterator[Message]:
        """The messages in one answer; what has no end is left out. Raises `BadAnswer` for one without an end."""
        event, data, named = "", list[bytes](), self.last_id
        size = 0
        for line in _lines(pieces):
            if not line:
                changed, self.last_id = named != self.last_id, named    # one that breaks off is not had
                if data or changed:
                    yield Message(event or "message", b"\n".join(data), named)
                event, data, size = "", [], 0
                continue
            size += len(line)
            if size > MAX_EVENT:
                raise BadAnswer(t("the answer is no stream of events: an event in it does not end"))
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"event":
                event = value.decode(errors="replace")
            elif field == b"data":
                data.append(value)
            elif field == b"id" and b"\0" not in value:
                named = value.decode(errors="replace")
            elif field == b"retry" and value.isdigit():
                self.retry = int(value[:9]) / 1000


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""Whole lines without their ends, which are ``\n`` or ``\r\n``; those of hpm never are a bare ``\r``."""
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        *ended, rest = piece.split(b"\n")
        for line in ended:
            yield b"".join([*kept, line]).removesuffix(b"\r")
            kept, size = [], 0
        if rest:
            kept.append(rest)
            size += len(rest)
        if size > MAX_EVENT:
            raise BadAnswer(t("the answer is no stream of events: a line in it does not end"))
