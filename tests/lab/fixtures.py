"""The pytest fixture `lab`: one lab for the whole run. For a conftest: `from tests.lab.fixtures import lab`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .lab import Lab
from .requirements import missing

_running: Lab | None = None


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The running lab; tests destroy the guests they start. Skips, saying why, where no lab can run."""
    global _running
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    if _running is not None:
        # pytest takes a fixture imported into two modules for two fixtures; the machine has one lab.
        yield _running
        return
    with Lab() as started:
        _running = started
        yield started
        _running = None
