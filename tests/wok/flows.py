"""What users of Wok do in its page, in a real browser (page/flows.mjs)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import ROOT

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


def go_through(flow: str, url: str) -> None:
    """A flow at the Wok of this address. Fails with what it said, and leaves a picture."""
    picture = PICTURES / f"wok-{flow}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    told = {"url": url, "browser": browser(), "picture": str(picture)}
    done = subprocess.run(
        ["node", str(PAGE / "flows.mjs"), flow], env={**os.environ, "HPM_FLOW": json.dumps(told)}, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"{done.stdout}\npicture: {picture}", pytrace=False)
