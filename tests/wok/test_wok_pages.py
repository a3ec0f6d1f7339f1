"""The pages in the real Wok's page, in a real browser: what a user of Wok does with them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.lab.errors import wait_until
from tests.running import ROOT

from .daemon import Wokd
from .tree import NO_WOK, WOK_SRC

if not WOK_SRC:
    pytest.skip(NO_WOK, allow_module_level=True)

PAGE = Path(__file__).with_name("page")
PICTURES = ROOT / "build/browser"
#: Seconds that a flow may take on the slowest machine; one takes a tenth of that.
PATIENCE = 400.0
FLOWS = re.findall(r"^  async (\w+)\(", (PAGE / "flows.mjs").read_text(), re.MULTILINE)


def browser() -> str:
    """The browser's program; skips where something is missing."""
    found = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
    for there, lacks in (
        (shutil.which("node"), "Node.js is missing"),
        (found, "chromium is missing"),
        ((ROOT / "ui/node_modules/playwright-core").is_dir(), "ui/node_modules/playwright-core is missing (make ui)"),
        ((ROOT / "src/wok/plugins/hpm/ui/js/hpm.js").exists(), "the pages have not been built (make ui)"),
        ((PAGE / "node_modules").is_dir(), "what Wok's page loads is missing (npm ci --prefix tests/wok/page)"),
    ):
        if not there:
            pytest.skip(lacks)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def wokd() -> Iterator[Wokd]:
    browser()
    with TemporaryDirectory(prefix="hpm-wok-") as name, contextlib.closing(Wokd(Path(name))) as wokd:
        wait_until(lambda: wokd.http.get("/plugins/hpm/version").status_code == 200, 20.0, "the manager runs")
        yield wokd
        wokd.stop()    # a kill would leave its web socket's process behind


@pytest.mark.parametrize("flow", FLOWS)
def test_in_woks_page(wokd: Wokd, flow: str) -> None:
    picture = PICTURES / f"wok-{flow}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    told = {"url": f"http://127.0.0.1:{wokd.port}", "browser": browser(), "picture": str(picture)}
    done = subprocess.run(
        ["node", str(PAGE / "flows.mjs"), flow], env={**os.environ, "HPM_FLOW": json.dumps(told)}, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"{done.stdout}\npicture: {picture}", pytrace=False)


def test_nothing_went_wrong_in_wok(wokd: Wokd) -> None:
    lines = wokd.log.read_text()
    assert "Traceback" not in lines, lines[lines.index("Traceback") :][:3000]
