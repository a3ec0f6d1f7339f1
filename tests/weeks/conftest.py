"""Where weeks are played."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .almanac import TZ
from .machine import SHELF


@pytest.fixture(autouse=True)
def central_europe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All of it is played there, and the time zone is as before afterwards."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", TZ)
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def here() -> Iterator[Path]:
    """A directory that is written fast."""
    directory = Path(tempfile.mkdtemp(prefix="hpm-weeks-", dir=SHELF if SHELF.is_dir() else None))
    yield directory
    shutil.rmtree(directory)
