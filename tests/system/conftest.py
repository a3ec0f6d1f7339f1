"""Fixtures for tests on real guests."""

from collections.abc import Iterator

import pytest

from tests.host.requirements import missing
from tests.system.machines import Machines


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """The machine with systemd that the tests of a module share; booted for the first of them."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    running = Machines()
    try:
        yield running
    finally:
        running.stop()
