"""Classification rules: which virtual servers a service class takes.

A rule is a filter, or `and` / `or` / `not` over rules. A filter compares one attribute of a virtual
server with a pattern in which ``*`` stands for any characters, ``?`` for one, and ``\\`` takes the
meaning from the character after it. Comparison is of the whole value and minds case.
An attribute that the server does not have matches no `string-match` and every `string-not-match`.
`metadata` is a list of texts (one per metadata element of the domain): one of them must match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

import msgspec

FilterType: TypeAlias = Literal[
    "virtual-server-name", "virtual-server-uuid", "title", "hostname",
    "os-type", "os-name", "os-level", "metadata",
]  # fmt: skip
Operation: TypeAlias = Literal["string-match", "string-not-match"]

#: Values of a virtual server by filter type; what is unknown is absent.
Facts: TypeAlias = Mapping[str, str | tuple[str, ...]]

#: Rules may be nested this deep; people cannot read more, and recursion stays harmless.
MAX_DEPTH = 16


#: Of text that XML can carry too: no control characters but tab and newline.
PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]*$"

#: A pattern of a filter, or an attribute's value.
Value = Annotated[str, msgspec.Meta(
    min_length=1, max_length=255, pattern=PRINTABLE,
    description="1 to 255 characters, none of them a control character",
)]  # fmt: skip


class Filter(msgspec.Struct, frozen=True, tag="filter", tag_field="type", rename="kebab",
             forbid_unknown_fields=True):  # fmt: skip
    """Compare one attribute with a pattern.

    filter-type: Which attribute of the virtual server.
    operation: Whether the pattern must match it as a whole, or must not.
    value: The pattern, 1 to 255 characters: `*` stands for any characters, `?` for one, a backslash takes the meaning
        from the character after it.
    """

    filter_type: FilterType
    operation: Operation
    value: Value


class And(msgspec.Struct, frozen=True, tag="and", tag_field="type", forbid_unknown_fields=True):
    """All of the rules match.

    rules: 1 to 64 rules.
    """

    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1, max_length=64)]


class Or(msgspec.Struct, frozen=True, tag="or", tag_field="type", forbid_unknown_fields=True):
    """At least one of the rules matches.

    rules: 1 to 64 rules.
    """

    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1, max_length=64)]


class Not(msgspec.Struct, frozen=True, tag="not", tag_field="type", forbid_unknown_fields=True):
    """The rule does not match.

    rule: That rule. Rules may be nested 16 levels deep.
    """

    rule: Rule


Rule: TypeAlias = Filter | And | Or | Not


def matches(rule: Rule, facts: Facts) -> bool:
    """Tell whether `rule` takes a virtual server with these facts."""
    if isinstance(rule, Filter):
        return _filter_matches(rule, facts)
    if isinstance(rule, And):
        return all(matches(part, facts) for part in rule.rules)
    if isinstance(rule, Or):
        return any(matches(part, facts) for part in rule.rules)
    return not matches(rule.rule, facts)


def depth(rule: Rule) -> int:
    """Levels of nesting: 1 for a filter."""
    if isinstance(rule, Filter):
        return 1
    if isinstance(rule, Not):
        return 1 + depth(rule.rule)
    return 1 + max(depth(part) for part in rule.rules)


def describe(rule: Rule) -> str:
    """The rule in words, for tables and explanations: ``name = db*``."""
    if isinstance(rule, Filter):
        name = rule.filter_type.removeprefix("virtual-server-")
        return f"{name} {'=' if rule.operation == 'string-match' else '≠'} {rule.value}"
    if isinstance(rule, Not):
        return f"not ({describe(rule.rule)})"
    word = " and " if isinstance(rule, And) else " or "
    return word.join(describe(p) if isinstance(p, Filter) else f"({describe(p)})" for p in rule.rules)


def _filter_matches(rule: Filter, facts: Facts) -> bool:
    value = facts.get(rule.filter_type)
    texts = () if value is None else (value,) if isinstance(value, str) else value
    pattern = compile_pattern(rule.value)
    found = any(pattern.fullmatch(text) is not None for text in texts)
    return found if rule.operation == "string-match" else not found


@lru_cache(maxsize=4096)
def compile_pattern(value: str) -> re.Pattern[str]:
    """Translate wildcards into a regular expression; a ``\\`` at the end stands for itself.

    Between two ``*`` the first place that fits will do, so each such piece is matched once and never tried
    again: ``(?=(?P<n>.*?piece))(?P=n)`` is an atomic group, which Python has only since 3.11. A pattern of
    many ``*`` would otherwise take longer than the universe has.
    """
    pieces = [""]
    characters = iter(value)
    for char in characters:
        if char == "*":
            pieces.append("")
        elif char == "?":
            pieces[-1] += "."
        else:
            pieces[-1] += re.escape(next(characters, "\\") if char == "\\" else char)
    first, *others = pieces
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    found = "".join(
        f"(?=(?P<p{number}>.*?{piece}))(?P=p{number})" for number, piece in enumerate(middle) if piece
    )
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)
