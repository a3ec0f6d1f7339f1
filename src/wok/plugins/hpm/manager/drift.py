"""How often hpm sets again what somebody else changes of guest policies, before it gives in.

It is in the store: who gave in before a restart of hpm has given in after it, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..store.settings import Correction, Key

#: So often a value is set again that somebody else changes, before hpm gives in: two who both insist would go on for
#: ever. Before that it counts anew where the value held for so many seconds.
MOST, CALM = 3, 600.0

#: Why adjustments of guest policies were made: something was advised; or somebody changed it, and it was set again, was
#: left because the policy says so, or was left because hpm gave in.
Cause: TypeAlias = Literal["guest-policy", "drift-corrected", "drift-reported", "drift-given-up"]

Verdict: TypeAlias = Literal["again", "later", "given-up"]

#: What the store calls it.
_NAME: Final = "drift"


class Corrections:
    """Times are those of samples (monotonic ns), which a restart of hpm does not change; a boot of the host ends all
    starts. `made` counts those of this start of hpm."""

    def __init__(self, database: Database) -> None:
        self.made = 0
        self._database = database
        saved = load_setting(database, _NAME)
        found = msgspec.json.decode(saved, type=list[Correction]) if saved else []
        self._corrected = {one.key: one for one in found}

    def decide(self, key: Key, time_ns: int, interval: float) -> Verdict:
        """What becomes of a value that somebody else has set, once in an `interval` (seconds). ``again`` is counted.
        Raises `StoreError`."""
        known = self._corrected.get(key, Correction(key))
        times, last = known.times, known.last
        if times >= MOST:    # until it is released
            return "given-up"
        if last and time_ns - last > CALM * 1e9:
            times = 0
        if times and time_ns - last < 0.9 * interval * 1e9:
            return "later"
        self._keep({**self._corrected, key: Correction(key, times + 1, time_ns)})
        self.made += 1
        return "again"

    def is_told(self, key: Key, words: str) -> bool:
        """Whether that was told of giving in last."""
        return key in self._corrected and self._corrected[key].told == words

    def tell(self, key: Key, words: str) -> None:
        """This was told of giving in. Raises `StoreError`."""
        self._keep({**self._corrected, key: msgspec.structs.replace(self._corrected[key], told=words)})

    def keep(self, wanted: Callable[[Key], bool]) -> None:
        """Forget the others. Raises `StoreError`."""
        kept = {key: one for key, one in self._corrected.items() if wanted(key)}
        if len(kept) != len(self._corrected):
            self._keep(kept)

    def _keep(self, corrected: dict[Key, Correction]) -> None:
        save_setting(self._database, _NAME, msgspec.json.encode(list(corrected.values())).decode())
        self._corrected = corrected
