"""What the planner remembers from one plan to the next. A value: it goes into a plan and comes out of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from .windows import ServerWindow

#: Weight of the past against the newest window in a server's running means.
PAST = 0.6
#: The same for how much its velocity varies, which takes longer to see; and windows until it is believed.
LONG_PAST = 0.95
ENOUGH = 4.0
#: Change of the part of time that a vCPU wants to run, from which on it does something else than before.
ANOTHER_KIND = 0.3


class Learned(msgspec.Struct, frozen=True, gc=False):
    """What was seen of one server.

    `active` is the number of vCPUs it worked with when it last worked (0: never seen working).
    `correction` multiplies its weight: how much more than its computed share this load needs.
    `using`, `delay`, `seconds` are running sums over the windows since its plan came into force, older
    ones fading. `squares` and `windows` are such sums too, over all plans: of the squared differences
    between a window's velocity and the mean before it, and how many there were. `planned` is the velocity
    (0…1) of the plan in force, None where there is none.
    `missed` counts windows in a row that missed the goal without help; `reported` is the reason that was
    given for it, until the goal is met again for as long.
    """

    start: str
    active: int = 0
    correction: float = 1.0
    using: float = 0.0
    delay: float = 0.0
    seconds: float = 0.0
    squares: float = 0.0
    windows: float = 0.0
    planned: float | None = None
    missed: int = 0
    reported: str | None = None

    @property
    def velocity(self) -> float | None:
        """Mean velocity (0…1) since the plan came into force; None if it did not work."""
        total = self.using + self.delay
        return self.using / total if total > 0.0 else None

    @property
    def spread(self) -> float:
        """Standard deviation of its velocity (0…1) from window to window; 0 as long as too little was seen."""
        return math.sqrt(self.squares / self.windows) if self.windows >= ENOUGH else 0.0


class Basis(msgspec.Struct, frozen=True):
    """What the plan in force for one parent cgroup was made for; and who `competed` in the newest window."""

    generation: int
    managed: frozenset[str]
    busy: frozenset[str]
    competed: frozenset[str]


class Memory(msgspec.Struct, frozen=True):
    """All that is remembered: by server, and by parent cgroup."""

    servers: Mapping[str, Learned] = {}
    parents: Mapping[str, Basis] = {}


def learn(
    known: Learned | None, start: str, window: ServerWindow | None, seconds: float, *, anew: bool = False
) -> Learned:
    """Add one window to what is known of a server. A new start, or work of another kind, makes earlier
    corrections worthless. `anew`: others compete with it than before, so the running sums begin again."""
    if known is None or known.start != start:
        known = Learned(start)
    if window is None or window.activity != "busy":
        return known
    if window.active != known.active or _another_kind(known, window):
        known = Learned(
            start, active=window.active, planned=known.planned, missed=known.missed, reported=known.reported
        )
    squares, windows, mean = known.squares, known.windows, known.velocity
    if anew:
        known = msgspec.structs.replace(known, using=0.0, delay=0.0, seconds=0.0)
    elif mean is not None and window.velocity is not None:
        squares = LONG_PAST * squares + (window.velocity / 100.0 - mean) ** 2
        windows = LONG_PAST * windows + 1.0
    return msgspec.structs.replace(
        known,
        squares=squares,
        windows=windows,
        using=PAST * known.using + window.using * seconds,
        delay=PAST * known.delay + window.delay * seconds,
        seconds=PAST * known.seconds + seconds,
    )


def _another_kind(known: Learned, window: ServerWindow) -> bool:
    """Whether it is awake for a clearly different part of the time than before."""
    if known.seconds <= 0.0:
        return False
    before = min(1.0, (known.using + known.delay) / known.seconds / window.active)
    return abs(before - min(1.0, (window.using + window.delay) / window.active)) > ANOTHER_KIND


def smoothed(learned: Learned, window: ServerWindow) -> ServerWindow:
    """The window with the running means in place of its own using and delay."""
    if learned.seconds <= 0.0:
        return window
    return msgspec.structs.replace(
        window, using=learned.using / learned.seconds, delay=learned.delay / learned.seconds
    )
