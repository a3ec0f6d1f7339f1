"""What the planner remembers from one plan to the next. A value: it goes into a plan and comes out of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import TypeAlias

import msgspec

from ..policy.goals import Goal, Importance
from .bounds import Bound
from .demand import demand_of
from .windows import ServerWindow

#: What is wanted for one start of a server: start, goal, importance, reserve, limit, and the CPUs it may run on.
Wish: TypeAlias = "tuple[str, Goal | None, Importance, float | None, float | None, frozenset[int] | None]"

#: Weight of the past against the newest window in a server's running means.
PAST = 0.6
#: The same for how much its velocity varies, which takes longer to see; how much it usually does (3 to 8 points on
#: real guests, and less at velocities below 50), and the number of windows that this counts for.
LONG_PAST = 0.95
USUAL = 0.05
USUALLY = 4.0
#: Part by which the spread may differ from the one that plans reckon with.
MARGIN_STEP = 0.4
#: Change of the CPUs that each vCPU would use if nothing were in its way, from which on it does something else than
#: before; the same where more vCPUs work than before, or fewer; numbers of vCPUs that are nearer than the third count
#: as the same; and the CPUs that each has to use for any of that to be known.
ANOTHER_KIND = 0.3
MORE_VCPUS = 0.2
SAME_VCPUS = 0.5
TELLING = 0.05


class Learned(msgspec.Struct, frozen=True, gc=False):
    """What was seen of one server.

    `active` is the number of vCPUs it worked with when it last worked (0: never seen working), `sleep` how many seconds
    each of them slept per second of work.
    `correction` multiplies its weight: how much more than its computed share this load needs. `step` was the last
    factor by which it was changed, and `gain` (0…1) is the exponent of the next one: smaller after each turn.
    `using`, `delay`, `throttled`, `seconds` are running sums over the windows since its plan came into force, older
    ones fading; `weights` counts these windows, fading too. `squares` and `windows` are such sums over all
    plans: of the squared differences between a window's velocity and the mean before it, and how many there
    were. `planned` is the velocity
    (0…1) of the plan in force, None where there is none. `margin` is the spread that plans reckon with.
    `missed` counts windows that missed the goal, and down again those that met it; `reported` is the reason that was
    given for it, until it is 0.
    """

    start: str
    active: float = 0.0
    sleep: float = 0.0
    correction: float = 1.0
    step: float = 1.0
    gain: float = 1.0
    using: float = 0.0
    delay: float = 0.0
    throttled: float = 0.0
    seconds: float = 0.0
    weights: float = 0.0
    squares: float = 0.0
    windows: float = 0.0
    planned: float | None = None
    margin: float = 0.0
    missed: int = 0
    reported: str | None = None

    @property
    def velocity(self) -> float | None:
        """Mean velocity (0…1) since the plan came into force; None if it did not work."""
        total = self.using + self.delay
        return self.using / total if total > 0.0 else None

    @property
    def cpus(self) -> float:
        """Mean use since the plan came into force, in CPUs."""
        return self.using / self.seconds if self.seconds > 0.0 else 0.0

    def doubt(self, velocity: float) -> float:
        """Standard deviation of the mean velocity around `velocity`, as far as chance goes: of n windows with weights
        1, p, p² … the mean's deviation is that of one window × sqrt(sum of squared weights) / sum of weights."""
        if self.weights <= 1.0:
            return self.spread(velocity)
        squared = (1.0 - (1.0 - (1.0 - PAST) * self.weights) ** 2) / (1.0 - PAST**2)
        return self.spread(velocity) * math.sqrt(squared) / self.weights

    def begun(self, planned: float | None = None) -> Learned:
        """With the running sums begun anew; and with what is planned now, if that is given."""
        planned = self.planned if planned is None else planned
        return msgspec.structs.replace(
            self, using=0.0, delay=0.0, throttled=0.0, seconds=0.0, weights=0.0, planned=planned
        )

    def unplanned(self) -> Learned:
        """Without a plan in force for it."""
        return self if self.planned is None else msgspec.structs.replace(self, planned=None)

    def calmed(self) -> Learned:
        """After a window that met its goal."""
        if self.missed == 0:
            return self
        missed = self.missed - 1
        return msgspec.structs.replace(self, missed=missed, reported=self.reported if missed else None)

    def fresh(self) -> Learned:
        """With whole steps of correction again."""
        return self if self.gain == 1.0 else msgspec.structs.replace(self, gain=1.0, step=1.0)

    def reckoned(self, velocity: float) -> Learned:
        """With a `margin` that follows the spread around `velocity` in steps: plans for others depend on it."""
        spread = self.spread(velocity)
        if abs(spread - self.margin) <= MARGIN_STEP * self.margin:
            return self
        return msgspec.structs.replace(self, margin=spread)

    def spread(self, velocity: float) -> float:
        """Standard deviation of its velocity (0…1) from window to window around `velocity`; the less was seen of it,
        the more is it what loads usually have."""
        usual = USUAL * min(1.0, 2.0 * velocity)
        return math.sqrt((self.squares + USUALLY * usual**2) / (self.windows + USUALLY))


class Basis(msgspec.Struct, frozen=True):
    """What the plan in force for one parent cgroup was made for: what was wanted for each managed server, in which
    generation of the catalog, and who was `busy`, with the CPUs that each one wanted; and what held for some of them
    together."""

    generation: int
    wishes: Mapping[str, Wish]
    busy: Mapping[str, float]
    bounds: tuple[Bound, ...] = ()


class Contest(msgspec.Struct, frozen=True):
    """What was seen of one parent cgroup in the newest window: who competed, with the CPUs that each one wanted, and
    for how many CPUs (a running mean while the same ones compete)."""

    competing: Mapping[str, float]
    capacity: float


class Memory(msgspec.Struct, frozen=True):
    """All that is remembered: by server, and by parent cgroup."""

    servers: Mapping[str, Learned] = {}
    parents: Mapping[str, Basis] = {}
    contests: Mapping[str, Contest] = {}

    def without(self, refused: Set[str], before: Memory) -> Memory:
        """If the changes for some servers could not be made: what was known of them `before`, and no plan in force."""
        servers = dict(self.servers)
        for uuid in refused & servers.keys():
            servers[uuid] = before.servers.get(uuid, Learned(servers[uuid].start)).unplanned()
        return msgspec.structs.replace(self, servers=servers)


def learn(
    known: Learned | None, start: str, window: ServerWindow | None, seconds: float, *, anew: bool = False
) -> Learned:
    """Add one window to what is known of a server. A new start, or work of another kind, makes earlier
    corrections worthless. `anew`: others compete with it than before, so the running sums begin again."""
    if known is None or known.start != start:
        known = Learned(start)
    if window is None or window.activity != "busy":
        return known
    if _another_kind(known, window):
        known = Learned(start, missed=known.missed, reported=known.reported)
    squares, windows, mean = known.squares, known.windows, known.velocity
    if anew:
        known = known.begun()
    elif mean is not None and window.velocity is not None:
        squares = LONG_PAST * squares + (window.velocity / 100.0 - mean) ** 2
        windows = LONG_PAST * windows + 1.0
    known = msgspec.structs.replace(
        known,
        active=window.active,
        squares=squares,
        windows=windows,
        using=PAST * known.using + window.using * seconds,
        delay=PAST * known.delay + window.delay * seconds,
        throttled=PAST * known.throttled + window.throttled * seconds,
        seconds=PAST * known.seconds + seconds,
        weights=PAST * known.weights + 1.0,
    )
    return msgspec.structs.replace(known, sleep=demand_of(smoothed(known, window), None).sleep)


def _another_kind(known: Learned, window: ServerWindow) -> bool:
    """Whether it would use clearly more or less than before, if nothing were in its way: how many CPUs it uses now, and
    for how much of the time it waits, depends on its weight. One that got next to nothing tells nothing, nor does
    one that a quota held back."""
    if window.using < TELLING * window.active or window.throttled > 0.0:
        return False
    before, now = known.active / (1.0 + known.sleep), demand_of(window, None).most
    most = max(known.active, window.active)
    return abs(before - now) > (ANOTHER_KIND if abs(window.active - known.active) < SAME_VCPUS else MORE_VCPUS) * most


def smoothed(learned: Learned, window: ServerWindow) -> ServerWindow:
    """The window with the running means in place of its own using, delay and throttled time."""
    if learned.seconds <= 0.0:
        return window
    return msgspec.structs.replace(
        window, using=learned.using / learned.seconds, delay=learned.delay / learned.seconds,
        throttled=learned.throttled / learned.seconds,
    )  # fmt: skip
