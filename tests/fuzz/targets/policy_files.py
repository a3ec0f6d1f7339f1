"""What fuzzers of policy files share: a file that is taken comes out again as it went in, in either notation."""

from __future__ import annotations

from itertools import count
from typing import Final

from hpm.errors import InvalidValue
from hpm.policy.catalog import empty_catalog
from hpm.policy.files.applying import with_groups
from hpm.policy.files.content import GroupsFile, of_host
from hpm.policy.files.notation import Notation, read, write
from hpm.policy.files.problems import MOST, problems

OTHER: Final[dict[Notation, Notation]] = {"json": "xml", "xml": "json"}


def tried(data: bytes, notation: Notation) -> None:
    """Read it, as `hpm import` does, and write what was read."""
    try:
        content = read(data, notation)
    except InvalidValue as error:
        _check_place(data, error)
        if data.lstrip(b" \t\r\n").startswith(b"<") == (notation == "xml"):
            found = problems(data, error)
            assert 0 < len(found) <= MOST, "not one problem, or too many"
            for one in found:
                _check_place(data, one)
        return
    text = write(content, notation)
    assert read(text, notation) == content, "what is written says something else"
    assert write(read(text, notation), notation) == text, "what is written is not the one text of its content"
    other = OTHER[notation]
    assert read(write(content, other), other) == content, f"{other} says something else"
    if isinstance(content, GroupsFile):
        _apply(content, notation)


def _apply(content: GroupsFile, notation: Notation) -> None:
    numbers = count(1)
    try:
        catalog = with_groups(empty_catalog(), content, lambda: f"00000000-0000-4000-8000-{next(numbers):012}")
    except InvalidValue as error:
        assert error.path, "what cannot be applied is not told where"
        return
    whole = of_host(catalog)
    again = read(write(whole, notation), notation)
    assert again == whole, "an export says something else than the host"
    assert isinstance(again, GroupsFile)
    assert with_groups(catalog, again, lambda: "none") is catalog, "importing one's own export changes something"


def _check_place(data: bytes, error: InvalidValue) -> None:
    assert error.message and error.id
    assert len(error.message) < 2000, "the message is longer than anybody reads"
    if error.place is not None:
        line, column = error.place
        lines = data.split(b"\n")
        assert 1 <= line <= len(lines) and 1 <= column <= len(lines[line - 1]) + 1, f"no such place: {error.place}"
