"""The running API, held against its own document by schemathesis: all checks, all phases, stateful."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpm.host.server import BASES

from .loopback import TOKEN, api_on_loopback
from .seed import seed

pytest.importorskip("schemathesis", reason="schemathesis needs Python 3.11 or later", exc_type=ImportError)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: Enough to notice a field that was forgotten in the document, within a minute.
FEW = 5

#: Of each operation, in `make check-long`; another number with `EXAMPLES=10000 make check-long`.
MANY = int(os.environ.get("EXAMPLES", "1000"))


def hold(examples: int, phases: str, report: Path, *more: str) -> None:
    """Run schemathesis in a process of its own against a new host. Its report is the message of a failure."""
    with api_on_loopback() as (host, url):
        seed(host)
        report.mkdir(parents=True, exist_ok=True)
        document = report / "openapi.json"    # schemathesis would ask for it without a token
        document.write_bytes(host.send("GET", "/openapi.json").content)
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
            "run", str(document), "--url", f"{url}{BASES[0]}", "--max-examples", str(examples), "--phases", phases,
            "--no-color", "--continue-on-failure", *more,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=report, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={
            **os.environ, "SCHEMATHESIS_HOOKS": "tests.contract.hooks", "HPM_TEST_TOKEN": TOKEN,
            "PYTHONPATH": str(ROOT),
        })  # fmt: skip
        (report / "schemathesis.txt").write_text(done.stdout)
        assert done.returncode == 0, done.stdout
        assert "0 selected" not in done.stdout


def test_few_examples_of_each_operation(tmp_path: Path) -> None:
    hold(FEW, "examples,fuzzing,stateful", tmp_path, "--generation-deterministic")


@pytest.mark.long
@pytest.mark.parametrize("phases", ["examples,coverage", "fuzzing", "stateful"])
def test_many_examples_of_each_operation(phases: str) -> None:
    hold(MANY, phases, ROOT / "build" / "contract" / phases.replace(",", "-"))
