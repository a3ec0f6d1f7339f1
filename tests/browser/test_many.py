"""A host with ten thousand virtual servers: the page stays quick, and small."""

from __future__ import annotations

from .conftest import Flow

HOST = {"uri": "simulated:10000x2", "interval": 10.0}


def test_ten_thousand_servers(flow: Flow) -> None:
    found = flow("many")
    print(found)
    assert found["rows"]["bytes"] < 500_000
