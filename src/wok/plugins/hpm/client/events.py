"""Events as they happen: one iterator over as many answers as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..texts import t
from ..wire.events import EVENT_STREAM, TYPES, Event, EventKind
from .answers import decode_answer
from .calls import Calls, reading
from .errors import ApiError, BadAnswer, ClientError, NoConnection
from .request import Request
from .sse import EventText, Message

if TYPE_CHECKING:
    import httpx

EVENTS = "/events"

#: Seconds between two tries to reach a hpm that is gone, at most.
LONGEST_PAUSE = 10.0

#: Statuses by which hpm, its web front, or a proxy before it, says that it may be otherwise soon.
_SOON = (429, 502, 503, 504)


@dataclass(frozen=True)
class Received:
    """One event: `data` is typed, `text` its JSON as it came. `id` is what to begin after another time."""

    id: str | None
    kind: EventKind
    data: Event
    text: bytes


class EventStream:
    """Iterates over events, for ever: it asks again whenever an answer ends or breaks off, after the last event it has.

    `lost` is told once why, when hpm is no longer there; `pause` waits some seconds. Raises `ApiError` where hpm says
    no, and `BadAnswer`. At a `resync` everything is to be read anew. Events of a kind that this version does not know
    are left out.
    """

    def __init__(
        self, ask: Callable[[str | None], httpx.Response], last_id: str | None, lost: Callable[[ClientError], None],
        pause: Callable[[float], None],
    ) -> None:  # fmt: skip
        self._ask = ask
        self._lost = lost
        self._pause = pause
        self._text = EventText(last_id, 1.0)
        self._answer: httpx.Response | None = ask(last_id)    # who cannot reach hpm at all learns it here

    @property
    def last_id(self) -> str | None:
        """The id after which to go on."""
        return self._text.last_id

    def __iter__(self) -> Iterator[Received]:
        try:
            while True:
                if self._answer is None:
                    self._answer = self._again()
                with suppress(NoConnection):    # it broke off; whether hpm is gone shows now
                    yield from self._received(self._answer)
                self.close()
                self._pause(self._text.retry)
        finally:
            self.close()

    def close(self) -> None:
        """Ask for nothing more; who goes on iterating begins a new answer."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()

    def _again(self) -> httpx.Response:
        """The next answer, however long hpm is gone. Raises `ApiError`, `BadAnswer`."""
        seconds, told = self._text.retry, False
        while True:
            try:
                return self._ask(self._text.last_id)
            except (ApiError, BadAnswer) as error:
                if error.status not in _SOON:
                    raise
                why: ClientError = error
            except NoConnection as error:
                why = error
            if not told:
                told = True
                self._lost(why)
            self._pause(seconds)
            seconds = min(LONGEST_PAUSE, 2 * seconds)

    def _received(self, answer: httpx.Response) -> Iterator[Received]:
        """Raises `NoConnection` where the answer breaks off."""
        for message in self._text.messages(_pieces(answer)):
            received = _typed(message)
            if received is not None:
                yield received


class EventCalls(Calls):
    """The operation on `/events`."""

    def events(
        self,
        last_id: str | None = None,
        kinds: Sequence[EventKind] = (),
        *,
        lost: Callable[[ClientError], None] = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> EventStream:
        """Events as they happen, from the one with `last_id` on, or from now on; of these `kinds`, or all.

        The first is a `resync` without a `last_id`, or where that is not known any more. See `EventStream`.
        """
        query = {"kinds": ",".join(kinds)} if kinds else {}
        return EventStream(lambda after: self._stream(EVENTS, query, after), last_id, lost, pause)

    def events_since(self, last_id: str | None = None, kinds: Sequence[EventKind] = ()) -> list[Received]:
        """What happened since the event with `last_id`, and no more than that: for programs that ask now and then.

        Go on after the `id` of the last one. Without a `last_id` it is a `resync` that says where to begin.
        """
        query = {"wait": "0", **({"kinds": ",".join(kinds)} if kinds else {})}
        answer = self._stream(EVENTS, query, last_id)
        try:
            found = [_typed(message) for message in EventText(last_id, 1.0).messages(_pieces(answer))]
        finally:
            answer.close()
        return [received for received in found if received is not None]

    def _stream(self, path: str, query: dict[str, str], last_id: str | None) -> httpx.Response:
        headers = {"Accept": EVENT_STREAM}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        response = self._connection.stream(Request("GET", self._connection.base_path + path, query, None, headers))
        self._checked(response)
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith(EVENT_STREAM):
            response.close()
            raise BadAnswer(t(
                "{url} answered {kind}, and not {stream}; check that this is the address of hpm",
                url=response.request.url, kind=kind or t("what has no type"), stream=EVENT_STREAM,
            ))
        return response


def _pieces(answer: httpx.Response) -> Iterator[bytes]:
    """The body as it comes. Raises `NoConnection` where it breaks off, and `BadAnswer`."""
    with reading():
        yield from answer.iter_bytes()


def _typed(message: Message) -> Received | None:
    """None: it says only how far all was told, or is of a kind that this version does not know. Raises `BadAnswer`."""
    type_ = TYPES.get(message.event)
    if type_ is None or not message.data:
        return None
    data = cast(Event, decode_answer(message.data, type_))
    return Received(message.last_id, cast(EventKind, message.event), data, message.data)
