"""The list of virtual servers."""

from __future__ import annotations

from .conftest import Flow


def test_virtual_servers(flow: Flow) -> None:
    flow("servers")
