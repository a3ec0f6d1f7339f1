"""Policy files that a user names: read, and with the place of what is wrong in them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from ..client.errors import ApiError
from ..errors import InvalidValue
from ..policy.files.content import MAX_SIZE
from ..policy.files.notation import read
from ..policy.policies import PerformancePolicy
from ..texts import t


def read_bytes(file: Path) -> bytes:
    """A file whole, or standard input for ``-``; of one that is too large, as much as shows that. Raises
    `InvalidValue`."""
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(MAX_SIZE + 1)
        with file.open("rb") as opened:
            return opened.read(MAX_SIZE + 1)
    except OSError as error:
        raise InvalidValue(t("cannot read {file}: {error}", file=file, error=error.strerror)) from None


def from_xml(data: bytes) -> dict[str, Any]:
    """The one policy of an XML file, in the shape of the API. Raises `InvalidValue`."""
    content = read(data, "xml")
    if not isinstance(content, PerformancePolicy):
        raise InvalidValue(t("the file holds groups, not one policy; 'hpm policy-import' reads it"), place=(1, 1))
    policy: dict[str, Any] = msgspec.to_builtins(content)
    return policy


def name_of(file: Path) -> str:
    """The file as messages name it."""
    return t("standard input") if str(file) == "-" else str(file)


def located(file: Path, error: InvalidValue) -> str:
    """``FILE:LINE:COLUMN: message``, as compilers and editors have it."""
    place = "" if error.place is None else ":{}:{}".format(*error.place)
    where = f"{error.path}: " if error.path else ""
    return f"{name_of(file)}{place}: {where}{error.said}"


def refused(file: Path, error: ApiError) -> str:
    """The same for what hpm says of a file that was sent to it."""
    line, column = error.details.get("line"), error.details.get("column")
    if line is None or column is None:
        return error.message
    return f"{name_of(file)}:{line}:{column}: {error.message.removeprefix(f'line {line}, column {column}: ')}"
