"""Every page in every state that it can be in, with no server, three, and a thousand."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.running import ROOT

from .flow import run_flow
from .host import BrowserHost

STATES = ("loading", "error", "stale", "usual")


@pytest.mark.parametrize(("uri", "words"), [
    ("simulated:0", {"states": ["usual"]}),
    ("simulated:3", {"states": STATES}),
    ("simulated:3", {"states": ["usual"], "user": "bob", "locale": "de-DE", "scheme": "dark"}),
    pytest.param("simulated:1000", {"states": ["usual"]}, marks=pytest.mark.long),
], ids=["empty", "states", "read-only-german-dark", "thousand"])  # fmt: skip
def test_pages_hold_in_every_state(
    chromium: None, uri: str, words: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    title = request.node.callspec.id
    folder = str(ROOT / "build/browser/states" / title)
    with TemporaryDirectory(prefix="hpm-browser-") as name, BrowserHost(Path(name), uri, 2.0) as host:
        run_flow("states", host, {"user": "root", "folder": folder, **words}, title)
