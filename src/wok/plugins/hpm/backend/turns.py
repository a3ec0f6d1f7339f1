"""Whose turn it is to be sampled, where that is done seldom: who has just started, and who was not for a while."""

from __future__ import annotations

from collections.abc import Mapping


class Turns:
    """Remembers when each server was last asked, by its run (what tells its starts apart)."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[object, int]] = {}

    def due(self, active: Mapping[str, object], now_ns: int, period: float) -> list[str]:
        """Those of `active` (run by UUID) that were not asked in half a period, or run anew; forgets all others."""
        self._asked = {uuid: asked for uuid, asked in self._asked.items() if active.get(uuid) == asked[0]}
        young = now_ns - int(period * 5e8)
        return [uuid for uuid in active if uuid not in self._asked or self._asked[uuid][1] <= young]

    def asked(self, uuid: str, run: object, now_ns: int) -> None:
        """It was its turn."""
        self._asked[uuid] = run, now_ns

    def again(self, uuid: str) -> None:
        """It is its turn again: there is something new about it."""
        self._asked.pop(uuid, None)
