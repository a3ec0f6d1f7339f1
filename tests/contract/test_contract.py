"""The running API, held against its own document by schemathesis: all checks, all phases, stateful."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpm.wire.doors import BASES

from .loopback import TOKEN, api_on_loopback
from .seed import seed

pytest.importorskip("schemathesis", reason="schemathesis needs Python 3.11 or later", exc_type=ImportError)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REPORTS = ROOT / "build" / "contract"

#: Enough to notice a field that was forgotten in the document, within a minute.
FEW = 5

#: Of each operation, in `make check-long`; another number with `EXAMPLES=10000 make check-long`.
MANY = int(os.environ.get("EXAMPLES", "1000"))

#: A pattern of the paths to try; none: all.
PATHS = os.environ.get("PATHS", "")


def hold(url: str, document: Path, examples: int, phases: str, *more: str) -> str:
    """Run schemathesis in a process of its own against a host. Gives its report, which is the message of a failure."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
        "run", str(document), "--url", f"{url}{BASES[0]}", "--max-examples", str(examples), "--phases", phases,
        "--no-color", "--continue-on-failure", *more,
        *(("--include-path-regex", PATHS) if PATHS else ()),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=document.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env={
            **os.environ, "SCHEMATHESIS_HOOKS": "tests.contract.hooks", "HPM_TEST_TOKEN": TOKEN,
            "PYTHONPATH": str(ROOT),
        },
    )  # fmt: skip
    with (document.parent / "schemathesis.txt").open("a") as report:
        report.write(done.stdout)
    assert done.returncode == 0, done.stdout
    assert not re.search(r"\b0 selected", done.stdout)
    return done.stdout


@contextmanager
def host_with_document(directory: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a new host, and a file with its document: schemathesis would ask for that without a token."""
    with api_on_loopback() as (host, url):
        seed(host)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        document = directory / "openapi.json"
        document.write_bytes(host.send("GET", "/openapi.json").content)
        yield url, document


def test_few_examples_of_each_operation(tmp_path: Path) -> None:
    with host_with_document(tmp_path / "few") as (url, document):
        hold(url, document, FEW, "examples,fuzzing,stateful", "--generation-deterministic")


@pytest.mark.long
@pytest.mark.parametrize("phases", ["examples,coverage", "fuzzing"])
def test_many_examples_of_each_operation(phases: str) -> None:
    with host_with_document(REPORTS / phases.replace(",", "-")) as (url, document):
        hold(url, document, MANY, phases)


@pytest.mark.long
def test_many_sequences_of_operations() -> None:
    """schemathesis ends a series as soon as the host answers a sequence otherwise than before, which one does that
    remembers; it says neither that nor why. So there are series, with seeds of their own, until they are enough."""
    scenarios = 0
    with host_with_document(REPORTS / "stateful") as (url, document):
        for number in itertools.count(1):
            said = hold(url, document, MANY, "stateful", "--seed", str(number))
            found = re.search(r"Scenarios: +(\d+)\n +API Links: +[1-9]", said)
            assert found is not None, said
            scenarios += int(found[1])
            if scenarios >= MANY:
                break
