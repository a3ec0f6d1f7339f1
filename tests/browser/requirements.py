"""What it takes to try the pages in a browser, and where it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.running import ROOT

UI = ROOT / "ui"
#: Debian's and Fedora's names of it.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The browser's program."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def missing() -> str | None:
    """What is missing of it, in words; None: nothing."""
    if shutil.which("node") is None:
        return "Node.js is missing (contrib/bootstrap check)"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if int(version.lstrip("v").partition(".")[0] or 0) < 18:
        return f"Node.js {version} is older than 18"
    if browser() is None:
        return "chromium is missing (contrib/bootstrap check)"
    if not (UI / "node_modules/playwright-core").is_dir():
        return "ui/node_modules/playwright-core is missing (make ui)"
    if not built().exists():
        return "the pages have not been built (make ui)"
    return None


def built() -> Path:
    """The script that `make ui` makes."""
    return ROOT / "src/wok/plugins/hpm/ui/js/hpm.js"
