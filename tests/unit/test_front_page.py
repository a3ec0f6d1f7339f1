"""The first page, in a real browser before the real front and manager."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .access_host import PASSWORDS
from .api_host import ApiHost, policy
from .front_host import FrontHost

SCRIPT = Path(__file__).with_suffix(".cjs")
CORE = Path(os.environ.get("PLAYWRIGHT_CORE") or Path(__file__).parents[1] / "browser/node_modules/playwright-core")
BROWSER, NODE = shutil.which("chromium"), shutil.which("node")
LONG = "w" * 60

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(BROWSER is None, reason="chromium is not installed"),
    pytest.mark.skipif(not CORE.is_dir(), reason="playwright-core is not installed (PLAYWRIGHT_CORE says where)"),
]


def used(front: FrontHost) -> Any:
    """What somebody sees who uses the page."""
    command = [NODE or "", SCRIPT, CORE.resolve(), BROWSER or "", front.url, "root", PASSWORDS["root"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_somebody_uses_the_page_from_login_to_logout(both: tuple[FrontHost, ApiHost]) -> None:
    front, api = both
    api.group("Gold", policy(LONG))
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    seen = used(front)
    assert seen["atFirst"] == {"errors": [], "focus": "user"}
    assert seen["wrong"] == {"message": "Not logged in: user or password is wrong.", "focus": "password"}
    assert seen["loggedIn"]["focus"] == "host" and seen["loggedIn"]["message"] == ""
    for words in ("localhost" if "localhost" in front.url else "127.0.0.1", "CPU management is on; measured ", LONG):
        assert words in seen["loggedIn"]["text"]
    assert "hpm policy-create" not in seen["loggedIn"]["text"]
    columns = ["Name", "Goal status", "PI", "Servers", "Active policy", "Importance"]
    assert seen["wide"] == {"columns": columns, "cut": False}
    assert seen["narrow"] == {"columns": columns[:4], "cut": False}
    assert seen["hanging"] == {"message": "No new figures: hpm does not answer.", "kind": "stale"}
    assert not seen["again"]
    assert seen["loggedOut"] == {"focus": "user", "overview": False}
    assert all("401" in error for error in seen["errors"]) and len(seen["errors"]) == 1    # the wrong password


def test_without_policies_the_page_says_how_to_begin(both: tuple[FrontHost, ApiHost]) -> None:
    text = used(both[0])["loggedIn"]["text"]
    assert "CPU management is off: hpm only watches" in text
    assert "No group has a policy yet" in text and "hpm policy-create" in text
