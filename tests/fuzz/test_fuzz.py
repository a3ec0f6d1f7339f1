"""Each fuzzer runs for a while, and finds nothing.

A minute each of those that stand first, some seconds of the others; an hour each in `make check-long`
(`FUZZ=600 make check-long`: ten minutes). Where atheris is not there, they do not run, and say so.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .fuzzing import BUILD, fuzz
from .target import LONG, NAMES

pytest.importorskip("atheris", reason="atheris has wheels for CPython 3.10 to 3.14 on Linux, x86-64, alone")

#: Seconds in `make check`, and in `make check-long`.
A_WHILE, SOME = 30, 4
LONGER = int(os.environ.get("FUZZ", "3600"))


def looked_for(name: str, seconds: int, place: Path, *arguments: str) -> None:
    """Fail with what a fuzzer finds in so many seconds."""
    report = fuzz(name, seconds, *arguments, place=place)
    print(f"{name}: {report}")
    for file in report.found:
        kept = BUILD / name / "found"    # after `place` is gone
        kept.mkdir(parents=True, exist_ok=True)
        print(f"in {shutil.copy(file, kept)}, to be kept in tests/fuzz/found/{name}: {file.read_bytes()[:2000]!r}")
    assert not report.found, report.said[-4000:]
    assert report.inputs > seconds, f"hardly anything was tried: {report}"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_while(name: str, tmp_path: Path) -> None:
    looked_for(name, A_WHILE if name in LONG else SOME, tmp_path, "-seed=1")    # the same chances in each run


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_for_long(name: str, tmp_path: Path) -> None:
    looked_for(name, LONGER, tmp_path)
