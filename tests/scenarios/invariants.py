"""What holds in every interval of every scenario, whatever it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from .outcome import Outcome, Passed

#: Why a guest is left alone, such that its shares are those that it would have without hpm.
LEFT_ALONE = ("excluded", "no-policy", "changed-by-administrator", "own-quota", "real-time")
LOWEST, HIGHEST, RATIO = 2, 10000, 500
#: CPU use may exceed a cap by this part: a quota is refilled ten times a second.
OVER_CAP = 0.05
#: Intervals after the last event in which hpm may still learn; then at most one change of a guest in so many.
LEARNING, CHANGES_APART = 6, 10
#: Seconds between two changes of a guest's shares that did not come from an event.
STORM = 1.0


def violations(outcome: Outcome) -> list[str]:
    """A sentence for each invariant that did not hold."""
    found = [f"after switching off at the end, {said}" for said in outcome.left]
    checks: tuple[Callable[[Passed], Iterator[str]], ...] = (
        _in_range, _ratio, _left_alone, _caps, _level, _no_storm, _starving_is_not_idle,
    )  # fmt: skip
    for passed in outcome.intervals:
        found += [f"interval {passed.number}: {said}" for check in checks for said in check(passed)]
    return found + list(_steady(outcome))


def _in_range(passed: Passed) -> Iterator[str]:
    """What hpm sets is within 2 to 10000; what it puts back may be anything."""
    for write in passed.writes:
        back = write.name in passed.own and write.after == passed.own[write.name].shares
        if write.control == "cpu-shares" and not back and not LOWEST <= (write.after or 0) <= HIGHEST:
            yield f"hpm set the shares of {write.name} to {write.after}, which is not within {LOWEST} to {HIGHEST}"


def _ratio(passed: Passed) -> Iterator[str]:
    """Any two managed servers of a parent are within 1 : 500, once hpm has set weights there."""
    for parent, names in passed.managed.items():
        wrote = any(w.control == "cpu-shares" and w.name in names for w in passed.writes)
        shares = {name: passed.in_force[name].shares for name in names if name not in passed.refused}
        if wrote and shares and passed.level == "on" and max(shares.values()) > RATIO * min(shares.values()):
            yield f"shares in {parent} are further apart than 1 : {RATIO}: {shares}"


def _left_alone(passed: Passed) -> Iterator[str]:
    """Servers that are not managed have the shares that they would have without hpm."""
    if passed.lost:
        return
    for name, why in passed.held.items():
        if why in LEFT_ALONE and name in passed.in_force and name not in passed.refused:
            now, own = passed.in_force[name].shares, passed.own[name].shares
            if now != own:
                yield f"{name} is left alone ({why}), and has shares of {now} instead of {own}"


def _caps(passed: Passed) -> Iterator[str]:
    """A cap is in force, and is kept to."""
    if passed.level != "on" or passed.lost:
        return
    for name, cap in passed.caps.items():
        if name not in passed.in_force or name in passed.refused or passed.held.get(name) == "own-quota":
            continue
        quota = passed.in_force[name].quota
        if quota is None or quota > cap + 0.001:
            yield f"{name} has a cap of {cap} CPUs, and a quota of {quota}"
        late = any(w.control == "cpu-quota" and w.name == name and not w.planned for w in passed.writes)
        if not late and name in passed.seen and passed.seen[name].using > cap * (1.0 + OVER_CAP):
            yield f"{name} has a cap of {cap} CPUs, and used {passed.seen[name].using:.3f}"


def _level(passed: Passed) -> Iterator[str]:
    """With management off or advising, everything is as hpm found it."""
    if passed.level == "on" or passed.lost:
        return
    for name, now in passed.in_force.items():
        if now != passed.own[name] and name not in passed.refused:
            yield f"management is {passed.level}, and {name} has {now} instead of {passed.own[name]}"


def _no_storm(passed: Passed) -> Iterator[str]:
    """Weights are not rewritten rapidly."""
    times: dict[str, list[float]] = {}
    for write in passed.writes:
        if write.control == "cpu-shares" and not write.planned:
            times.setdefault(write.name, []).append(write.at)
    for name, found in times.items():
        if any(later - earlier < STORM - 1e-6 for earlier, later in pairwise(found)):
            yield f"the shares of {name} are changed in a storm: {len(found)} times at {found} s"


def _starving_is_not_idle(passed: Passed) -> Iterator[str]:
    """A guest that wants to run all the time never passes for idle."""
    for name in passed.spinning:
        if name in passed.seen and not passed.eventful and passed.statuses.get(name) == "idle":
            yield f"{name} always wants to run, and passes for idle"


def _steady(outcome: Outcome) -> Iterator[str]:
    """On steady load a server's shares are changed at most once in ten intervals."""
    last = 0
    changed: dict[str, list[int]] = {}
    for passed in outcome.intervals:
        if passed.eventful or not passed.steady or passed.lost or passed.refused:
            last = passed.number
        if passed.number < last + LEARNING:
            continue
        for name in sorted({w.name for w in passed.writes if w.control == "cpu-shares"}):
            changed.setdefault(name, []).append(passed.number)
    for name, numbers in changed.items():
        if any(later - earlier < CHANGES_APART for earlier, later in pairwise(numbers)):
            yield f"load is steady, and the shares of {name} are changed in {numbers}"
