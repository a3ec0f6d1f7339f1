"""Fixtures of the API's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .api_host import ApiHost, running


@pytest.fixture(scope="module")
def shared() -> Iterator[ApiHost]:
    """One server for all tests of a module."""
    with running() as host:
        yield host


@pytest.fixture
def api(shared: ApiHost) -> ApiHost:
    """That server, as it was at first."""
    shared.reset()
    return shared
