"""Attainment of goals, counted in another way: every window that was judged, with its time."""

from __future__ import annotations

import math

from hpm.engine.metrics.attainment import BINS, SPANS
from hpm.manager.snapshot import Snapshot

from .invariants import looked

#: Percent by which sums of many numbers may differ.
NEAR = 1e-6


class Sums:
    """Of groups, in this life of hpm."""

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[float, float, float]]] = {}
        self._exact = True
        self._last: tuple[float, set[str]] = (0.0, set())

    def unsure(self) -> None:
        """The clock was set, or a cycle was lost that may have been counted: only bounds are known from now on."""
        self._exact = False
        self._last = 0.0, set()    # a clock set back to when it was judged shows a time of which nothing is known

    def take(self, snapshot: Snapshot) -> list[str]:
        """A cycle that ended well. Gives what its figures say wrongly; they are those from before its own window."""
        looked["cycles"] += 1
        if snapshot.window is None:
            return []
        found = self._failures(snapshot)
        figures, now = snapshot.figures, snapshot.taken.timestamp()
        judged, met = figures.groups["goal-judged"], figures.groups["goal-met"]
        self._last = now, {group for row, group in enumerate(figures.roster.groups) if judged[row] > 0}
        for row, group in enumerate(figures.roster.groups):
            if judged[row] > 0:
                seconds = snapshot.window.seconds
                self._seen.setdefault(group, []).append((now, judged[row] * seconds, met[row] * seconds))
        return found

    def _failures(self, snapshot: Snapshot) -> list[str]:
        found: list[str] = []
        now = snapshot.taken.timestamp()
        for span in SPANS:
            told = snapshot.figures.groups[f"goal-attainment-{span}"]
            seconds, number = BINS[span]
            for row, group in enumerate(snapshot.figures.roster.groups):
                share = float(told[row])
                if not math.isnan(share) and not -NEAR <= share <= 100 + NEAR:
                    found.append(f"attainment of {group} in the last {span} is {share} %")
                ago = now - self._last[0]
                if math.isnan(share) and ago < seconds * (number - 1) and group in self._last[1]:
                    found.append(f"{group} was judged {ago} s ago, and has no attainment ({span})")
                if not self._exact:
                    continue
                first = (now // seconds - number + 1) * seconds
                these = [(j, m) for time, j, m in self._seen.get(group, ()) if time >= first]
                judged, met = sum(j for j, _ in these), sum(m for _, m in these)
                right = 100 * met / judged if judged > 0 else math.nan
                if math.isnan(share) != math.isnan(right) or abs(share - right) > NEAR:
                    found.append(f"attainment of {group} in the last {span} is {share} %, and sums say {right} %")
        return found
