"""Policy files as XML."""

from __future__ import annotations

from hpm.policy.files.content import GroupsFile
from hpm.policy.files.xml_grammar import ROOTS, Element
from hpm.policy.policies import PerformancePolicy

from ..target import Target
from ..words import XML, of_json
from .policy_files import tried


def run(data: bytes) -> None:
    """See `policy_files`."""
    tried(data, "xml")


def _words() -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Element]] = list(ROOTS.items())
    while waiting:
        name, element = waiting.pop()
        found |= dict.fromkeys((f"<{name}".encode(), f"</{name}>".encode(), f"<{name}/>".encode()))
        if id(element) in seen:
            continue
        seen.add(id(element))
        found |= dict.fromkeys(f' {attribute}="1"'.encode() for attribute in element.attributes)
        waiting += [(child, one.element) for child, one in element.children.items()]
    return (*found, *of_json(GroupsFile, PerformancePolicy), *XML)


TARGET = Target(run, _words())
