"""What tests of the policy language share: a host, two guests, and one evaluation."""

from __future__ import annotations

from typing import Any

from hpm.memory.mom import Entity, Evaluation, Items, compile_policies

#: Of the host: oldest sample first; `swap` was nil once, `quiet` always.
HOST = [
    {"mem_available": 16000, "mem_free": 4000, "swap": None, "quiet": None, "old": 1},
    {"mem_available": 16000, "mem_free": 2000, "swap": 10, "quiet": None, "zero": 0},
]
DISK = {"name": "vda", "path": "/disk", "guaranteed": {"total_bytes_sec": 100}, "maximum": {"total_bytes_sec": 900},
        "current": {"total_bytes_sec": 500, "read_bytes_sec": 7}}  # fmt: skip
GUESTS = {
    "db": [{"cur": 1000, "free": 100, "swap": None}, {"cur": 900, "free": 300, "swap": None, "io_tune": [DISK]}],
    "web": [{"cur": 500, "free": 50}],
}


def host(**variables: Any) -> Entity:
    return Entity("Host", {"interval": 10}, HOST, variables, frozenset(("mem_unused",)))


def guests() -> list[Entity]:
    return [Entity(name, {"name": name, "pid": 7}, history) for name, history in GUESTS.items()]


def evaluated(text: str) -> Evaluation:
    return compile_policies({"p": text}).evaluate(host(), guests())


def plain(value: Any) -> Any:
    """A value as a test writes it: entities by name, lists as lists."""
    if isinstance(value, Entity):
        return f"<{value.name}>"
    return [plain(one) for one in value] if isinstance(value, Items) else value


def values(text: str) -> list[Any]:
    """The values of the expressions; there must be no error."""
    found = evaluated(text)
    assert not found.errors, str(found.errors[0])
    return [plain(value) for value in found.values]
