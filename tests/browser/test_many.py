"""A host with ten thousand virtual servers: the page stays quick, and small."""

from __future__ import annotations

import pytest

from .conftest import Flow

pytestmark = pytest.mark.long    # it holds times to bars

HOST = {"uri": "simulated:10000x2", "interval": 10.0}


def test_ten_thousand_servers(flow: Flow) -> None:
    found = flow("many")
    assert found["rows"]["bytes"] < 500_000
