"""What large requests that are refused leave behind in the manager."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.running import ManagerProcess, resident

from .api_host import BASE, GROUPS

NUMBERS = b"[" + b"1," * 6_000_000 + b"1]"
ATTRIBUTES = b"<a " + b" ".join(b'a%d="1"' % n for n in range(700_000)) + b"/>"
AT_ONCE = 6


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this libc is not glibc")
def test_large_imports_that_are_refused_leave_the_manager_small(tmp_path: Path) -> None:
    with ManagerProcess(tmp_path, "simulated") as manager:
        assert manager.process is not None

        def refused(text: bytes) -> None:
            transport = httpx.HTTPTransport(uds=str(manager.socket))
            with httpx.Client(transport=transport, base_url="http://hpm", timeout=60, trust_env=False) as client:
                for _ in range(3):
                    assert client.post(f"{BASE}{GROUPS}/import", content=text).status_code == 400

        before = resident(manager.process.pid)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for text in (NUMBERS, ATTRIBUTES):
                list(pool.map(refused, [text] * AT_ONCE))
                assert resident(manager.process.pid) - before < 10_000_000
