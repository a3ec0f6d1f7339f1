"""Fixtures: a host with simulated servers for each module, and what runs a flow before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from hpm.errors import HpmError
from hpm.host import rights

from .flow import FlowFailed, run_flow
from .host import BrowserHost
from .requirements import missing

Flow = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def chromium() -> None:
    """A browser, and what drives it."""
    lacks = missing()
    if lacks is not None:
        pytest.skip(lacks)
    try:
        rights.web_user()
    except HpmError as error:
        pytest.skip(error.message)


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest, chromium: None) -> Iterator[BrowserHost]:
    """One for all flows of a module, which says by `HOST` what `BrowserHost` is made with."""
    with (
        TemporaryDirectory(prefix="hpm-browser-") as name,
        BrowserHost(Path(name), **getattr(request.module, "HOST", {})) as running,
    ):
        yield running


@pytest.fixture
def flow(host: BrowserHost) -> Flow:
    """Runs ``NAME.mjs`` (see `run_flow`)."""
    return partial(_run, host)


def _run(host: BrowserHost, name: str, **others: Any) -> dict[str, Any]:
    try:
        return run_flow(name, host, **others)
    except FlowFailed as error:
        failed = str(error)
    pytest.fail(failed, pytrace=False)    # out here, so that it is told once
