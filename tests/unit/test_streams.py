"""Events where nobody can be told them for a moment: no open file, or no thread, is left."""

from __future__ import annotations

import errno
import os
import selectors
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.lab.errors import wait_until

from .api_host import BASE, read_all, running
from .test_api_events import read_until

pytestmark = pytest.mark.own_server("it is about the thread that tells events at hpm's own sockets")

EVENTS = f"GET {BASE}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode()
FAILURES: tuple[tuple[Any, str, Exception], ...] = (
    (os, "eventfd", OSError(errno.EMFILE, "Too many open files")),
    (selectors, "DefaultSelector", OSError(errno.ENFILE, "Too many open files in system")),
    (threading.Thread, "start", RuntimeError("can't start new thread")),
)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_events_that_nobody_can_be_told_are_told_when_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as api:    # a server that has told no events yet
        before = open_files()
        for where, name, error in FAILURES:
            with monkeypatch.context() as patch, api.connection(10.0) as reader:
                patch.setattr(where, name, Mock(side_effect=error))
                reader.sendall(EVENTS)
                told = read_all(reader)
                assert told.startswith(b"HTTP/1.1 200") and told.endswith(b"\r\n0\r\n\r\n")
            assert api.manager.events.places.taken == 0
            wait_until(lambda: open_files() <= before, 10.0, "nothing is left open", 0.01)
        with api.connection(10.0) as reader:
            reader.sendall(EVENTS)
            read_until(reader, b"event: resync")
