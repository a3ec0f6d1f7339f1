"""Texts that Python's `configparser` reads, with the line of each setting and of what is wrong."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from typing import TypeAlias

from .errors import InvalidValue

#: Lines (from 1) of settings, by section and name.
Lines: TypeAlias = Mapping[tuple[str, str], int]

_SECTION = re.compile(r"\[(?P<name>[^\]]+)\]")
_OPTION = re.compile(r"(?P<name>[^\s:=][^:=]*?)\s*[:=]")


def read_ini(text: str, parser: configparser.ConfigParser, first: str) -> Lines:
    """Have a parser read a text; `first` is the section that is named as an example where none has begun. Raises
    `InvalidValue` with the line."""
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        raise InvalidValue(f"no section has begun; write [{first}] above it", place=(error.lineno, 1)) from None
    except configparser.ParsingError as error:
        said = "this is neither a section nor a setting; write 'name: value'"
        raise InvalidValue(said, place=(error.errors[0][0], 1)) from None
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        what = error.option if isinstance(error, configparser.DuplicateOptionError) else f"[{error.section}]"
        raise InvalidValue(f"{what} is here a second time; once is right", place=(error.lineno or 1, 1)) from None
    return _lines(text, parser)


def _lines(text: str, parser: configparser.ConfigParser) -> Lines:
    """Where each setting stands. What is indented below one goes on with its value."""
    found: dict[tuple[str, str], int] = {}
    section, indent = "", None
    for number, line in enumerate(text.splitlines(), 1):
        said = line.strip()
        if not said or said[0] in "#;":
            continue
        depth = len(line) - len(line.lstrip())
        if indent is not None and depth > indent:
            continue
        header, option = _SECTION.match(said), _OPTION.match(said)
        if header is not None:
            section, indent = header["name"], None
        elif option is not None:
            found.setdefault((section, parser.optionxform(option["name"])), number)
            indent = depth
    return found
