"""One thing that was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

#: Names that a sentence has at most.
NAMED: Final = 5

#: `good`; `note`: worth knowing, nothing need be done; `bad`: something does not work, or will not.
Verdict: TypeAlias = Literal["good", "note", "bad"]


class Finding(msgspec.Struct, frozen=True):
    """What was found, as a sentence without a full stop; and what mends it, if that can be said. `names`: of servers
    and users that were come across, which an archive for others has numbers for."""

    verdict: Verdict
    what: str
    mend: str | None = None
    names: tuple[str, ...] = ()


def some(names: Sequence[str]) -> str:
    """Names for a sentence: the first ones, and how many more there are."""
    named = ", ".join(names[:NAMED])
    return named if len(names) <= NAMED else f"{named} and {len(names) - NAMED} more"
