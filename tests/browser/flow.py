"""Runs a flow: a script for Node.js that drives the browser, and asserts by itself."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.running import ROOT

from .host import BrowserHost
from .requirements import browser

HERE = Path(__file__).parent
#: Where a flow that fails leaves a picture of what there was to see.
PICTURES = ROOT / "build/browser"
#: Seconds that a flow may take on the slowest machine; one takes a tenth of that.
PATIENCE = 180.0


class FlowFailed(Exception):
    """The text says at which step, what the browser's console said, and where a picture is."""


def run_flow(
    name: str, host: BrowserHost, words: Mapping[str, Any] | None = None, title: str = "",
    does: Mapping[str, Callable[[], object]] | None = None, folder: Path = HERE, patience: float = PATIENCE,
) -> dict[str, Any]:  # fmt: skip
    """Run ``NAME.mjs`` before a host; gives what it found. Raises `FlowFailed`.

    `words`: what it is told. `title`: of this run, where a script is run in several ways. `does`: what it may ask for
    while it runs (`ask` in tools.mjs).
    """
    picture = PICTURES / f"{'-'.join(filter(None, (name, title)))}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.unlink(missing_ok=True)
    told = {"url": host.url, "socket": str(host.socket), "browser": browser(), "picture": str(picture), **(words or {})}
    process = subprocess.Popen(
        ["node", str(folder / f"{name}.mjs")], env={**os.environ, "HPM_FLOW": json.dumps(told)}, cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    watch = threading.Timer(patience, process.kill)
    watch.start()
    said: list[str] = []
    found: dict[str, Any] = {}
    try:
        for line in process.stdout:
            kind, _, text = line.rstrip("\n").partition("\t")
            if kind == "ask":
                (does or {})[text]()
                process.stdin.write("done\n")
                process.stdin.flush()
            elif kind == "found":
                found |= json.loads(text)
            else:
                said.append(line)
        status = process.wait()
    finally:
        watch.cancel()
        process.kill()    # where an assertion of `does` ended this
        process.wait()
        process.stdin.close()
        process.stdout.close()
    if status != 0:
        late = f"it was ended after {patience:g} s\n" if status == -9 else ""
        seen = f"picture: {picture}\n" if picture.exists() else ""
        raise FlowFailed(f"{name} {title}\n{''.join(said)}{late}{seen}--- hpm said\n{host.text()[-2000:]}")
    return found
