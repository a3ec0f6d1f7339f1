"""Memory policies and statistics in files: read, shown where they are wrong, and values as JSON."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import msgspec

from ..errors import InvalidValue
from ..memory.mom import UNNAMED, Device, Entity, Items, Record
from ..memory.mom.fields import GUEST_FIELDS, HOST_FIELDS
from ..texts import t
from .file_input import located, name_of

#: Of a policy's text, in bytes; one more is read, so that the language can say that it is too long.
_LARGEST = 1 << 20
#: Of a line that is shown, on each side of the place.
_AROUND = 50


class EntityState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The host or a guest in a file of statistics; `history`: oldest sample first; `variables`: kept by `SetVar`."""

    properties: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    variables: dict[str, Any] = {}


class HostState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of statistics."""

    host: EntityState = EntityState()
    guests: dict[str, EntityState] = {}

    def entities(self) -> tuple[Entity, list[Entity]]:
        """The host and its guests, for one cycle."""
        host = self.host
        return Entity("Host", host.properties, host.history, dict(host.variables), HOST_FIELDS), [
            Entity(name, {"name": name, **one.properties}, one.history, dict(one.variables), GUEST_FIELDS)
            for name, one in self.guests.items()
        ]


def _bytes_of(file: Path, limit: int = -1) -> bytes:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(limit)
        with file.open("rb") as opened:
            return opened.read(limit)
    except OSError as error:
        raise InvalidValue(t("cannot read {file}: {error}", file=file, error=error.strerror)) from None


def read_policy(file: Path) -> tuple[str, str]:
    """A policy's name (the file's, without its suffix) and text; ``-`` is standard input. Raises `InvalidValue`."""
    data = _bytes_of(file, _LARGEST + 1)
    name = UNNAMED if str(file) == "-" else file.stem
    try:
        return name, data.decode()
    except UnicodeDecodeError as error:
        if len(data) > _LARGEST:    # cut within a sign
            return name, data[: error.start].decode() + " " * (len(data) - error.start)
        before = data[: error.start]
        place = before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        raise InvalidValue(t("this is not UTF-8; save the text as UTF-8"), place=place) from None


def read_state(file: Path) -> HostState:
    """A file of statistics. Raises `InvalidValue`."""
    try:
        return msgspec.json.decode(_bytes_of(file), type=HostState)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue(f"{name_of(file)}: {error}") from None


def shown(file: Path, text: str, error: InvalidValue) -> str:
    """``FILE:LINE:COLUMN: message``, the line itself, and a caret below the place."""
    told = located(file, InvalidValue(error.said, place=error.place))
    lines = text.split("\n")
    if error.place is None or error.place[0] > len(lines):
        return told
    line, column = lines[error.place[0] - 1], error.place[1] - 1
    begin = max(0, column - _AROUND)
    part = "".join(sign if sign.isprintable() else " " for sign in line[begin : column + _AROUND])
    return f"{told}\n    {part}\n    {' ' * (column - begin)}^"


def as_json(value: Any) -> Any:
    """A value as JSON can hold it: numbers that it has not as text, objects by their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Items):
        return [as_json(one) for one in value]
    if isinstance(value, Entity):
        return {"entity": value.name}
    if isinstance(value, Device):
        return {"disk": as_json(value.fields.get("name"))}
    if isinstance(value, Record):
        return {"object": sorted(value.fields)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {"function": str(getattr(value, "name", ""))}
