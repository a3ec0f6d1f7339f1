"""Fixtures: a manager with both of its sockets, and a web front before one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.access_host import AccessHost, accessible
from tests.unit.api_host import ApiHost
from tests.unit.front_host import FrontHost, front_and_manager


@pytest.fixture(scope="module")
def entrance() -> Iterator[AccessHost]:
    """One manager with both sockets for all tests of a module."""
    with accessible() as host:
        yield host


@pytest.fixture
def host(entrance: AccessHost) -> AccessHost:
    """That manager, as it was at first."""
    entrance.reset()
    return entrance


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[FrontHost, ApiHost]]:
    """A real front, as a process of its own, and its manager, for all tests of a module."""
    with front_and_manager() as pair:
        yield pair
