"""What is missed for long, and what is to be told of that. Time is passed in.

A *lapse* is a time in which something was missed: a service class its goal, or hpm the hypervisor. It begins with the
first window in which it was missed, and is told once it was missed for `Rules.after` seconds. It ends with the first
window in which it was not. A window in which nothing can be judged (servers that are idle, paused or off) neither ends
nor extends a lapse; but after `Rules.after` seconds of such windows on end it is over, too: an idle server counts as
met, and who was told that a goal is missed shall not have to wait for the next night's work to hear the end of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

#: `begun`: missed for long enough to be told. `goes-on`: a reminder. `over`: not missed any more. `quiet`: over because
#: nothing could be judged for long. `withdrawn`: nobody asks for it any more.
What: TypeAlias = Literal["begun", "goes-on", "over", "quiet", "withdrawn"]


class Rules(msgspec.Struct, frozen=True):
    """`after`: seconds of being missed before it is told. `repeat`: seconds after which it is told again while it is
    still missed; None: never."""

    after: float
    repeat: float | None = None


class Lapse(msgspec.Struct, frozen=True):
    """One lapse: when it `began`; the seconds that it was `missed`, and was `quiet` since; when it was last `told`."""

    began: float
    missed: float = 0.0
    quiet: float = 0.0
    told: float | None = None


class Said(msgspec.Struct, frozen=True):
    """Something to be told of a lapse. `seconds` since it began."""

    key: str
    what: What
    seconds: float


class Lapses:
    """Keeps the lapses of many things, each with a key. All times are seconds of one clock that never goes back."""

    def __init__(self, lapses: Mapping[str, Lapse] | None = None) -> None:
        """`lapses` are those that were told already, by an earlier start."""
        self._lapses: dict[str, Lapse] = dict(lapses or {})
        self._last: float | None = None

    def see(self, now: float, window: float, verdicts: Mapping[str, bool | None], rules: Rules) -> list[Said]:
        """Take the verdicts on a window of so many seconds that ends now: True is missed, None nothing to judge. What
        has no verdict is not asked for any more. Gives what is to be told."""
        since = window if self._last is None else now - self._last
        step = max(0.0, min(window, since))    # windows may overlap, and time may pass between them
        self._last = now
        said: list[Said] = []
        for key, missed in verdicts.items():
            what = self._miss(key, now, step, rules) if missed else self._not(key, step, missed is None, rules)
            if what is not None:
                said.append(Said(key, what[0], max(0.0, now - what[1])))
        for key in [key for key in self._lapses if key not in verdicts]:
            gone = self._lapses.pop(key)
            if gone.told is not None:
                said.append(Said(key, "withdrawn", max(0.0, now - gone.began)))
        return said

    def _miss(self, key: str, now: float, step: float, rules: Rules) -> tuple[What, float] | None:
        """What is to be told of a lapse that goes on or begins, and when it began."""
        old = self._lapses.get(key) or Lapse(now - step)
        lapse = msgspec.structs.replace(old, missed=old.missed + step, quiet=0.0)
        what: What | None = None
        if lapse.told is None:
            what = "begun" if lapse.missed >= rules.after else None
        elif rules.repeat is not None and now - lapse.told >= rules.repeat:
            what = "goes-on"
        self._lapses[key] = lapse if what is None else msgspec.structs.replace(lapse, told=now)
        return None if what is None else (what, lapse.began)

    def _not(self, key: str, step: float, unknown: bool, rules: Rules) -> tuple[What, float] | None:
        """The same of one that was not missed, or of which nothing is known."""
        lapse = self._lapses.get(key)
        if lapse is None:
            return None
        if unknown and lapse.quiet + step < rules.after:
            self._lapses[key] = msgspec.structs.replace(lapse, quiet=lapse.quiet + step)
            return None
        del self._lapses[key]
        return None if lapse.told is None else ("quiet" if unknown else "over", lapse.began)
