"""Bodies of requests, as each type that a route takes: what is taken is the same after it was written again."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from hpm.control.routes import routes
from hpm.errors import InvalidValue
from hpm.manager.manager import Manager
from hpm.policy.decode import decode
from hpm.policy.policies import PerformancePolicy
from hpm.wire.policy_files import Document

from ..target import Target
from ..words import of_json

#: By name.
TYPES: Final[dict[bytes, Any]] = {
    getattr(route.body, "__name__", str(route.body)).replace("hpm.wire.", "").encode(): route.body
    for route in routes(cast(Manager, None)) if route.body not in (None, Document)
}  # fmt: skip


def run(data: bytes) -> None:
    """The first line says which type, the rest is the body."""
    name, _, body = data.partition(b"\n")
    kind = TYPES.get(name, PerformancePolicy)
    try:
        found = decode(body, kind)
    except InvalidValue as error:
        assert error.message and len(error.message) < 2000, "the message is longer than anybody reads"
        return
    again = decode(msgspec.json.encode(found), kind)
    assert msgspec.to_builtins(again) == msgspec.to_builtins(found), "it says something else"


TARGET = Target(run, (*TYPES, *of_json(*TYPES.values())))
