"""A policy file in either notation."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ...errors import InvalidValue
from . import json_notation, xml_notation, xml_text
from .content import PolicyFile
from .text import check_encoding

Notation: TypeAlias = Literal["json", "xml"]

#: Media types of both notations, and others that XML goes by.
MEDIA_TYPES: dict[Notation, str] = {"json": "application/json", "xml": "application/xml"}
XML_TYPES = ("application/xml", "text/xml")


def notation_of(data: bytes) -> Notation:
    """What a text seems to be: XML begins with a ``<``."""
    return "xml" if data[:4096].lstrip(b" \t\r\n").startswith(b"<") else "json"


def read(data: bytes, notation: Notation | None = None) -> PolicyFile:
    """What a file says, checked. Without `notation`, it is what it seems to be.

    Raises `InvalidValue` and its kinds (`NotJSON`, `NotXML`, `MissingField`, `UnknownField`, `RepeatedField`,
    `NotUnique`), with the path of the value and its line and column.
    """
    check_encoding(data)
    if (notation or notation_of(data)) == "xml":
        return xml_notation.read(data)
    return json_notation.read(data)


def located(data: bytes, notation: Notation, error: InvalidValue) -> InvalidValue:
    """An error that was found later in what `read` gave, with line and column of its path."""
    return xml_notation.located(data, error) if notation == "xml" else json_notation.located(data, error)


def write(content: PolicyFile, notation: Notation) -> bytes:
    """The one text of this content: equal contents have equal texts."""
    return xml_text.write(content) if notation == "xml" else json_notation.write(content)
