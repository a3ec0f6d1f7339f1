"""Which containers of a manager grow, by name; and where in the code memory was taken that stayed.

`sizes` goes through all that a manager refers to, by attributes of hpm's own objects, and counts what its dictionaries,
lists and sets hold. What is looked through is named by class and attribute, so that the same thing has the same name
each time, however often it was made anew.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

#: So many elements of a container are looked into; further ones are like them.
LOOKED_INTO = 3
CONTAINERS = (Mapping, list, set, frozenset, tuple, deque)


def sizes(root: object) -> dict[str, int]:
    """Elements in all containers of each name."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    queue: deque[tuple[str, object]] = deque([(type(root).__name__, root)])
    while queue:
        name, value = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, CONTAINERS):
            found[name] = found.get(name, 0) + len(value)
            queue.extend((name + "[]", one) for one in _elements(value))
        elif type(value).__module__.startswith("hpm."):
            own = type(value).__name__
            queue.extend((f"{own}.{attribute}", one) for attribute, one in _attributes(value))
        elif callable(value) and getattr(value, "__closure__", None):
            queue.extend((name + "()", cell.cell_contents) for cell in value.__closure__ if _filled(cell))
        elif hasattr(value, "__self__") and type(value).__name__ == "method":
            queue.append((name, value.__self__))
    return dict(sorted(found.items()))


def objects() -> dict[str, int]:
    """Objects that Python's collector knows, by type; the commonest hundred."""
    gc.collect()
    counts: dict[str, int] = {}
    for one in gc.get_objects():
        name = f"{type(one).__module__}.{type(one).__qualname__}"
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: -pair[1])[:100])


def grown(before: Mapping[str, int], after: Mapping[str, int], least: int = 10) -> dict[str, tuple[int, int]]:
    """What has become more, and by `least` at the least; most first."""
    pairs = {name: (before.get(name, 0), size) for name, size in after.items()}
    more = {name: pair for name, pair in pairs.items() if pair[1] - pair[0] >= least}
    return dict(sorted(more.items(), key=lambda item: item[1][0] - item[1][1]))


def top(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot, number: int = 15) -> list[str]:
    """Lines of code whose memory grew most, with bytes before and after."""
    told = []
    for one in after.compare_to(before, "lineno")[:number]:
        frame = one.traceback[0]
        place = "/".join(frame.filename.split("/")[-3:])
        told.append(f"{place}:{frame.lineno}: {one.size_diff:+d} bytes of {one.size}, {one.count_diff:+d} blocks")
    return told


def _elements(value: Any) -> Iterator[object]:
    if isinstance(value, Mapping):
        for number, one in enumerate(list(value.values())):
            if number == LOOKED_INTO:
                return
            yield one
        return
    for number, one in enumerate(list(value)):
        if number == LOOKED_INTO:
            return
        yield one


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    yield from list(getattr(value, "__dict__", {}).items())
    fields = getattr(value, "__struct_fields__", ())
    slots = [slot for each in type(value).__mro__ for slot in _names(getattr(each, "__slots__", ()))]
    for name in (*fields, *slots):
        if hasattr(value, name):
            yield name, getattr(value, name)


def _names(slots: str | tuple[str, ...]) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents    # noqa: B018
    except ValueError:
        return False
    return True
