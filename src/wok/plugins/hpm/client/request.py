"""One request of the API, and what carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Request:
    """One request; `path` is absolute and quoted."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Connection(Protocol):
    """What carries requests to hpm (see `connection`)."""

    base_path: str

    def send(self, request: Request) -> httpx.Response:
        """Send a request. Raises `NoConnection`."""

    def stream(self, request: Request) -> httpx.Response:
        """Send a request whose answer goes on: its body is read as it comes, and closed. Raises `NoConnection`."""

    def close(self) -> None:
        """Give the connection up."""
