"""Encoded answers, kept as long as the snapshot that they were made from is the newest.

A list of a thousand servers takes tens of milliseconds to make, and all who read within one interval get the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from weakref import WeakKeyDictionary

import msgspec

from ..wire.policy_files import Document
from . import etags
from .codings import CODINGS

#: Bytes of answers that are kept, with what was asked.
SIZE = 64 * 1024 * 1024
#: Bytes of one, beside its body and what was asked (`tests/unit/test_answers.py`).
_BESIDE = 600


class Moment(Protocol):
    """A snapshot, as far as it matters here."""

    @property
    def taken(self) -> datetime:
        """When the host was observed (UTC)."""


class Source(Protocol):
    """Who has the snapshots: the manager."""

    @property
    def snapshot(self) -> Moment:
        """The newest."""

    def now(self) -> datetime:
        """The time (UTC)."""


class Encoded(msgspec.Struct, frozen=True):
    """A representation and its entity tag. An empty body: there is nothing to say."""

    body: bytes
    tag: str
    media_type: str = "application/json"
    _coded: dict[str, bytes] = {}

    def coded(self, coding: str | None) -> tuple[bytes, str]:
        """The body in a content coding, and the tag of that; made once."""
        if coding is None:
            return self.body, self.tag
        made = self._coded.get(coding)
        if made is None:
            made = self._coded[coding] = CODINGS[coding](self.body)
        return made, f'{self.tag[:-1]}-{coding}"'


def encode(value: object) -> Encoded:
    """The JSON of an object of `wire`, or a document as it is; of None, nothing."""
    if value is None:
        return Encoded(b"", "")
    if isinstance(value, Document):
        return Encoded(value.data, value.tag or etags.etag(value, value.data), value.media_type)
    body = bytes(memoryview(msgspec.json.encode(value)))    # a copy: msgspec's has half as much room behind it
    return Encoded(body, etags.etag(value, body))


class KeptAnswers:
    """The newest answers by what was asked (any texts), `SIZE` bytes of them.

    Thread-safe; who asks for what is just being made waits for it, and for nothing else.
    """

    def __init__(self) -> None:
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, ...], tuple[Source, Moment, Encoded]] = OrderedDict()
        self._newest: WeakKeyDictionary[Source, Moment] = WeakKeyDictionary()    # of which old ones were dropped
        self._lock = threading.Lock()
        self._making: dict[tuple[str, ...], threading.Lock] = {}

    def get(self, key: tuple[str, ...], source: Source, make: Callable[[], object]) -> Encoded:
        """The answer of the newest snapshot; made by `make`, which reads from it, where it is not there yet."""
        known = self._find(key, source.snapshot)
        if known is not None:
            return known
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            moment = source.snapshot
            known = self._find(key, moment)
            if known is not None:
                return known
            self._drop_old(source, moment)
            try:
                made = encode(make())
                if source.snapshot is moment:
                    self._keep(key, source, moment, made)
                return made
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def _find(self, key: tuple[str, ...], moment: Moment) -> Encoded | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[1] is not moment:
                return None
            self._kept.move_to_end(key)
            return kept[2]

    def _drop_old(self, source: Source, moment: Moment) -> None:
        """Drop what was made from other snapshots of that source: it is big, and over."""
        with self._lock:
            if self._newest.get(source) is moment:
                return    # there may be tens of thousands
            self._newest[source] = moment
            for old in [k for k, (whose, of, _) in self._kept.items() if whose is source and of is not moment]:
                self._drop(old)

    def _keep(self, key: tuple[str, ...], source: Source, moment: Moment, made: Encoded) -> None:
        with self._lock:
            if key in self._kept:
                self._drop(key)
            self._kept[key] = (source, moment, made)
            self._bytes += _size(key, made)
            while self._bytes > SIZE:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, ...]) -> None:
        self._bytes -= _size(key, self._kept.pop(key)[2])


def _size(key: tuple[str, ...], answer: Encoded) -> int:
    return len(answer.body) + sum(map(len, key)) + _BESIDE
