"""All that is wrong in a policy file, as far as it can be told at once, for people who mend one.

`notation.read` ends at the first error, as a server should. Here the parts of a file (groups, policies, service
classes, servers) are looked at one by one after that: at most one error of each, innermost first. Errors between parts,
such as a server in two groups, show once their parts are right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...errors import InvalidValue
from ..decode import convert, decode
from ..policies import PerformancePolicy, ServiceClass, check_policy
from .content import FileGroup, FileServer, GroupsFile, check, check_group_alone
from .json_notation import kind_of
from .notation import located, notation_of
from .xml_notation import fields_of

#: So many are told of one file; who mends these sees the next.
MOST = 20

#: What a part may consist of: the field, and the type of its items.
_PARTS: dict[type[Any], tuple[tuple[str, type[Any]], ...]] = {
    GroupsFile: (("workload-resource-groups", FileGroup), ("virtual-servers", FileServer)),
    FileGroup: (("perf-policies", PerformancePolicy),),
    PerformancePolicy: (("service-classes", ServiceClass),),
}

#: What the type of a part cannot say of it.
_CHECKS: dict[type[Any], Callable[[Any], None]] = {
    GroupsFile: check, FileGroup: check_group_alone, PerformancePolicy: check_policy,
}  # fmt: skip


def problems(data: bytes, first: InvalidValue) -> list[InvalidValue]:
    """Up to `MOST` errors in the order of their places: the `first` one, which `notation.read` raised of the file, and
    others."""
    notation = notation_of(data)
    try:
        fields = fields_of(data) if notation == "xml" else decode(data, dict[str, Any])
        kind = kind_of(fields)
    except InvalidValue:
        return [first]    # not well-formed, or neither kind of a file: what comes after it means nothing
    found = {first.path: first}
    for error in _of_part(fields, kind, ""):
        if error.path not in found:
            found[error.path] = located(data, notation, error)
        if len(found) == MOST:
            break
    return sorted(found.values(), key=lambda error: error.place or (0, 0))


def _of_part(value: Any, kind: type[Any], path: str) -> Iterator[InvalidValue]:
    """Errors in a value that should be of that type and stands at that path."""
    if isinstance(value, dict):
        for field, part in _PARTS.get(kind, ()):
            items = value.get(field)
            for index, item in enumerate(items if isinstance(items, list | tuple) else ()):
                yield from _of_part(item, part, f"{path}.{field}[{index}]" if path else f"{field}[{index}]")
    try:
        made = convert(value, kind)
        _CHECKS.get(kind, lambda _: None)(made)
    except InvalidValue as error:
        yield error.moved(path)
