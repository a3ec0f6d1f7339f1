"""The pages in the real Wok's page, in a real browser: what a user of Wok does with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.lab.errors import wait_until

from .daemon import Wokd
from .flows import FLOWS, browser, go_through
from .tree import NO_WOK, WOK_SRC

if not WOK_SRC:
    pytest.skip(NO_WOK, allow_module_level=True)


@pytest.fixture(scope="module")
def wokd() -> Iterator[Wokd]:
    browser()
    with TemporaryDirectory(prefix="hpm-wok-") as name, contextlib.closing(Wokd(Path(name))) as wokd:
        wait_until(lambda: wokd.http.get("/plugins/hpm/version").status_code == 200, 20.0, "the manager runs")
        yield wokd
        wokd.stop()    # a kill would leave its web socket's process behind


@pytest.mark.parametrize("flow", FLOWS)
def test_in_woks_page(wokd: Wokd, flow: str) -> None:
    go_through(flow, f"http://127.0.0.1:{wokd.port}")


def test_nothing_went_wrong_in_wok(wokd: Wokd) -> None:
    lines = wokd.log.read_text()
    assert "Traceback" not in lines, lines[lines.index("Traceback") :][:3000]
