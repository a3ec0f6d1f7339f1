"""The route of the contract itself."""

from __future__ import annotations

from functools import cache
from typing import Any

from .openapi import document
from .route import Route


def with_openapi(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Those routes, and one that tells them all, itself too."""

    @cache
    def whole() -> dict[str, Any]:
        return document(table)

    contract = Route(
        "GET", "/openapi.json", "This document", dict[str, Any], lambda r: {**whole(), "servers": [{"url": r.base}]},
        kept=True,
    )
    table = (*routes, contract)
    return table
