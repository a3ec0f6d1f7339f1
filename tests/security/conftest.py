"""Fixtures: those of the API's tests, and one front for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.api_host import ApiHost
from tests.unit.conftest import api, entrance, host, shared
from tests.unit.front_host import FrontHost, front_and_manager

__all__ = ["api", "entrance", "host", "shared"]


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[FrontHost, ApiHost]]:
    """A real front, as a process of its own, and its manager, for all tests of a module."""
    with front_and_manager() as pair:
        yield pair
