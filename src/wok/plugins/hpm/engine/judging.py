"""Did the plan in force come true? Who lags behind it.

Velocities of real loads vary by some points from one window to the next, so what chance alone may bring about is
never a reason to change anything: a mean is compared with the standard deviation of a mean, a window with that of
a window. Velocities are 0…1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .allocation import ROUNDING
from .bounds import Bound
from .demand import Demand
from .learned import Learned
from .plan import Candidate

#: Standard deviations below the plan from which on it is not chance.
DEVIATIONS = 2.3
#: Velocities this near to the plan (absolute, and relative for slow goals) are as planned.
DEAD_BAND = 0.03
DEAD_BAND_RELATIVE = 0.07
#: The same for a reserve, which is to hold to the digit.
CLOSE = 0.005
#: A reserve that cannot be had whole counts as held from this part of what can be had of it.
RESERVE_CUT = 0.85
#: Part of a reserve from which on it is held, in the mean and in a single window.
RESERVE_HELD = 0.99
RESERVE_CHANCE = 0.95
#: The longest step of a correction.
STEP = 3.0
#: Windows (older ones fading) after which a mean tells whether a goal that is met will be met steadily, and deviations
#: of the mean from which on it says so.
SEEN_ENOUGH = 1.9
CLEARLY = 2.0
#: Part of what is planned for a level that cannot be satisfied, below which it lags as a whole.
FAR_BEHIND = 0.8
#: Relative difference of velocities up to which members of such a level pass for equal.
EQUAL_BAND = 0.05


def lags(learned: Learned, now: float, wanted: float, *, reserve: bool) -> bool:
    """Whether a server that misses its goal (or lacks a part of its `reserve`) would be clearly better off at the
    velocity `wanted`: by more than chance explains; or it missed it before, too; or the plan in force aims lower."""
    mean = now if learned.velocity is None else learned.velocity
    band = CLOSE if reserve else dead_band(wanted)
    return (
        mean < wanted - max(band, DEVIATIONS * learned.doubt(wanted))
        or now < wanted - max(band, DEVIATIONS * learned.spread(wanted))
        or (learned.missed > 0 and min(now, mean) < wanted - band)
        or (learned.planned is not None and learned.planned < wanted - DEAD_BAND / 2)
    )


def lacks_reserve(c: Candidate, learned: Learned, using: float, cpus: float) -> bool:
    """Whether a server lacks a part of its reserve, in the mean or now that it is `using` so many CPUs; `cpus` were
    allocated to it."""
    due = c.assignment.cpu_reserve or 0.0
    ends = c.limit is not None and due >= RESERVE_HELD * c.limit
    if ends or due > cpus + ROUNDING:    # there is not so much, or it does not want, or may have, so much
        due = (RESERVE_CHANCE if ends else RESERVE_CUT) * cpus
    return learned.cpus < RESERVE_HELD * due or using < RESERVE_CHANCE * due


def lacking_together(
    bounds: Iterable[Bound], busy: Sequence[Candidate], learned: Mapping[str, Learned], cpus: Mapping[str, float]
) -> set[str]:
    """Those who lack a part of the floor that they have in common, in the mean and now. `cpus` were allocated."""
    found: set[str] = set()
    for bound in bounds:
        inside = [c for c in busy if c.uuid in bound.members]
        due = min(bound.least, sum(cpus[c.uuid] for c in inside))
        mean = sum(learned[c.uuid].cpus for c in inside)
        now = sum(c.window.using for c in inside if c.window is not None)
        if mean < RESERVE_HELD * due and now < RESERVE_CHANCE * due:
            found.update(c.uuid for c in inside)
    return found


def unsteady(learned: Learned, steady: float) -> bool:
    """Whether a server that does not run all the time and meets its goal is likely to miss it soon: its mean is clearly
    below the velocity with which it would be met steadily. Once: what the first correction does not cure, a second one
    seldom does, unless the first one was longer than a step may be."""
    mean = learned.velocity
    if mean is None or learned.weights < SEEN_ENOUGH:
        return False
    if learned.correction == 1.0:
        return mean < steady - max(2.0 * dead_band(steady), CLEARLY * learned.doubt(steady))
    cut_short = abs(learned.correction - STEP) < 0.01 * STEP
    return cut_short and mean < steady - learned.spread(steady)


def lags_behind_equals(learned: Learned, now: float, wanted: float, part: float) -> bool:
    """The same for a member of a level that cannot be satisfied, and has `part` of what is planned for it: what
    counts is that its members are equal, unless all of them have much less than they could. One window is not enough
    to tell, unless it is far behind."""
    mean = now if learned.velocity is None else learned.velocity
    fair = wanted * max(part, FAR_BEHIND)
    if learned.weights <= 1.0:
        return mean < FAR_BEHIND * fair
    return mean < fair - max(EQUAL_BAND * fair, DEVIATIONS * learned.doubt(fair))


def came_true(planned: Mapping[str, float], learned: Mapping[str, Learned], demands: Mapping[str, Demand]) -> float:
    """The part of their `planned` velocities that some servers had, each counting as much as the CPUs that it was to
    use; 1 if there are none."""
    promised = had = 0.0
    for uuid, velocity in planned.items():
        mean = learned[uuid].velocity
        if velocity > 0.0 and mean is not None:
            cpus = demands[uuid].need(velocity)
            promised += cpus
            had += cpus * mean / velocity
    return had / promised if promised > 0.0 else 1.0


def dead_band(velocity: float) -> float:
    """The difference from a planned velocity that is none."""
    return min(DEAD_BAND, DEAD_BAND_RELATIVE * velocity)
