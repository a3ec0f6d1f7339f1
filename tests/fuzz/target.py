"""What a fuzzer is."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
CORPUS, FOUND = HERE / "corpus", HERE / "found"

#: By name, in the order in which they are run; those of the first line have half a minute of CPU in `make check`.
NAMES: Final = (
    "policy_json", "policy_xml", "mom_language", "domain_xml", "kernel_files", "http_query",
    "http_body", "rules", "agent_answers", "hook_xml", "mom_config", "mom_rpc", "deliveries", "described_host",
)  # fmt: skip


class Target(NamedTuple):
    """A fuzzer: `run` raises for what is a defect. `words` are pieces of what it reads, `longest` the bytes of one
    input. `seconds` of CPU are the most that one may take, as it is run while it is looked for: with coverage counted
    at each line, five times slower than in use."""

    run: Callable[[bytes], None]
    words: tuple[bytes, ...] = ()
    longest: int = 4096
    seconds: float = 1.0


class TooSlow(AssertionError):
    """An input takes longer than any may."""


def target(name: str) -> Target:
    """The fuzzer of that name."""
    found: Target = importlib.import_module(f"{__package__}.targets.{name}").TARGET
    return found


def timed(one: Target, data: bytes) -> None:
    """Run it on an input. Raises what is a defect, `TooSlow` too."""
    before = time.thread_time()
    one.run(data)
    took = time.thread_time() - before
    # another time, for the garbage collector may have been at work, or a module was loaded
    if took > one.seconds:
        before = time.thread_time()
        one.run(data)
        took = time.thread_time() - before
    if took > one.seconds:
        raise TooSlow(f"{len(data)} bytes took {took:.2f} s of CPU; {one.seconds:g} s are the most")
