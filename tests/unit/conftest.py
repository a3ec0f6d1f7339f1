"""Fixtures of the API's tests.

They run through hpm's own socket; where `WOK_SRC` names a Wok, through that instead (see `api_host.running`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wok.tree import WOK_SRC

from .access_host import AccessHost, accessible
from .api_host import ApiHost, running
from .front_host import FrontHost, front_and_manager

#: It judges what the others did.
LAST = "test_nothing_of_the_api_is_left_out"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the test last that judges what the others did."""
    items.sort(key=lambda item: item.name == LAST)


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


@pytest.fixture(scope="module")
def entrance() -> Iterator[AccessHost]:
    """One server with a socket for the web front, for all tests of a module."""
    with accessible() as host:
        yield host


@pytest.fixture
def host(entrance: AccessHost) -> AccessHost:
    """That server, as it was at first."""
    entrance.reset()
    return entrance


@pytest.fixture
def both() -> Iterator[tuple[FrontHost, ApiHost]]:
    """A web front and its manager, who knows passwords of its own."""
    with front_and_manager() as pair:
        yield pair


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests of our own server say so, with the mark `own_server` and why."""
    mark = item.get_closest_marker("own_server")
    if mark is not None and WOK_SRC:
        pytest.skip(mark.args[0])
