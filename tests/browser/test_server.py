"""The page of one virtual server."""

from __future__ import annotations

from .conftest import Flow


def test_a_virtual_server(flow: Flow) -> None:
    flow("server")
