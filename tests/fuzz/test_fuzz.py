"""Each fuzzer runs for a while, and finds nothing.

Half a minute each of those that stand first, some seconds of the others, and always the same inputs: a change is not to
fail for what it did not touch. An hour each in `make check-long` (`FUZZ=600 make check-long`: ten minutes), with others
each time. Where atheris is not there, they do not run, and say so.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .fuzzing import BUILD, fuzz
from .target import NAMES

pytest.importorskip("atheris", reason="atheris has wheels for CPython 3.10 to 3.14 on Linux, x86-64, alone")

#: Seconds in `make check` at most, on a machine that has much else to do; all inputs must be tried in them.
AT_MOST = 400
#: Inputs in `make check`: what is tried in half a minute, and in 10 to 30 seconds, beside the other tests.
INPUTS = {
    "policy_json": 35_000, "policy_xml": 60_000, "mom_language": 12_000, "domain_xml": 40_000, "kernel_files": 12_000,
    "http_query": 8_000, "http_body": 5_000, "rules": 25_000, "agent_answers": 80_000, "hook_xml": 50_000,
    "mom_config": 7_000, "mom_rpc": 5_000, "deliveries": 20_000, "described_host": 3_000,
}  # fmt: skip
#: Seconds in `make check-long`.
LONGER = int(os.environ.get("FUZZ", "3600"))


def looked_for(name: str, seconds: int, place: Path, inputs: int | None = None) -> None:
    """Fail with what a fuzzer finds in so many seconds, or with so many inputs, which are the same ones each time."""
    same = () if inputs is None else ("-seed=1", f"-runs={inputs}")
    report = fuzz(name, seconds, *same, place=place)
    print(f"{name}: {report}")
    for file in report.found:
        kept = BUILD / name / "found"    # after `place` is gone
        kept.mkdir(parents=True, exist_ok=True)
        print(f"in {shutil.copy(file, kept)}, to be kept in tests/fuzz/found/{name}: {file.read_bytes()[:2000]!r}")
    assert not report.found, report.said[-4000:]
    assert report.inputs >= (inputs or seconds), f"less was tried than it takes: {report}"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_while(name: str, tmp_path: Path) -> None:
    looked_for(name, AT_MOST, tmp_path, INPUTS[name])


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_for_long(name: str, tmp_path: Path) -> None:
    looked_for(name, LONGER, tmp_path)
