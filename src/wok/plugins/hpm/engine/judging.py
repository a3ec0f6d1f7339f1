"""Did the plan in force come true? Who lags behind it, and what is learned from that.

Velocities of real loads vary by some points from one window to the next, so what chance alone may bring about is
never a reason to change anything: a mean is compared with the standard deviation of a mean, a window with that of
a window. Velocities are 0…1.
"""

from __future__ import annotations

import math

import msgspec

from .demand import Demand
from .memory import Learned

#: Standard deviations below the plan from which on it is not chance.
DEVIATIONS = 2.3
#: Velocities this near to the plan (absolute, and relative for slow goals) are as planned.
DEAD_BAND = 0.03
DEAD_BAND_RELATIVE = 0.07
#: The same for a reserve, which is to hold to the digit.
CLOSE = 0.005
#: Limits of one step of the learned correction, and of the correction. Steps back are short: somebody who was faster
#: than planned may have been so because others slept.
STEP = 3.0
STEP_BACK = 0.8
CORRECTION = 30.0
#: The same for work that a quota holds back: what it waits for is the quota more than wake-ups, and weight does not
#: cure that.
CAPPED = 3.0
LEAST_GAIN = 1 / 16
#: Work that sleeps less than this (seconds per second of work) is always runnable: its correction is small, and half a
#: step (the root of it) is made at a time, because most of what a window shows is chance. It is smaller still among
#: equals, whose velocities follow the cores they happen to be on.
SPINS = 0.05
SPINNING = 2.0
SPINNING_EQUAL = 1.25
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


def unsteady(learned: Learned, demand: Demand, steady: float) -> bool:
    """Whether a server that sleeps and meets its goal is likely to miss it soon: its mean is clearly below the velocity
    with which it would be met steadily. Once: what the first correction does not cure, a second one seldom does, unless
    the first one was longer than a step may be."""
    mean = learned.velocity
    if mean is None or spins(demand) or learned.weights < SEEN_ENOUGH:
        return False
    if learned.correction == 1.0:
        return mean < steady - max(dead_band(steady), CLEARLY * learned.doubt(steady))
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


def spins(demand: Demand) -> bool:
    """Whether work is always runnable."""
    return demand.sleep < SPINS


def corrected(learned: Learned, demand: Demand, wanted: float, *, equal: bool) -> Learned:
    """With the correction with which a server would have had the velocity `wanted` in place of its mean.

    Work that is always runnable follows its weight in proportion, but for how its threads happen to be placed, so
    little is learned from it. Work that sleeps follows in odds, as a share of the CPU that it finds when it wakes;
    it never needs less than its computed weight, unless its `equal`s are to have as much. Where steps go to and fro
    the load follows its weight more steeply than that: they are halved, until two go the same way.
    """
    mean = learned.velocity
    if mean is None or abs(mean - wanted) <= dead_band(wanted):
        return learned
    step: float = wanted / max(mean, 0.01) if spins(demand) else _odds(wanted) / _odds(mean)
    if spins(demand):
        most = SPINNING_EQUAL if equal else SPINNING
        step, least = math.sqrt(step), 1.0 / most
    elif equal:
        step, least, most = math.sqrt(step), 1.0 / CORRECTION, CORRECTION
    else:
        least, most = 1.0, CAPPED if demand.limit < demand.active else CORRECTION
    turned = (step - 1.0) * (learned.step - 1.0) < 0.0
    gain = max(LEAST_GAIN, learned.gain / 2.0) if turned else min(1.0, learned.gain * 2.0)
    correction = max(least, min(most, learned.correction * max(STEP_BACK, min(STEP, step)) ** gain))
    if correction == learned.correction:
        return learned
    return msgspec.structs.replace(learned, correction=correction, step=correction / learned.correction, gain=gain)


def dead_band(velocity: float) -> float:
    """The difference from a planned velocity that is none."""
    return min(DEAD_BAND, DEAD_BAND_RELATIVE * velocity)


def _odds(velocity: float) -> float:
    kept = min(0.99, max(0.01, velocity))
    return kept / (1.0 - kept)
