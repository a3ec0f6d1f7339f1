"""Whether what people wrote under `expect` came true."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from .form import Bounds, Claim, Names, Scenario
from .outcome import Outcome, Passed, Seen
from .words import span, within

#: PIs of one level agree if the largest is at most this times the smallest (product contract, promise 2).
EQUAL = 1.15
#: So many intervals are told in which a claim does not hold; that is enough to see what happens.
FEW = 6

#: Statuses that a claim can name, and those of the guest that fulfil it.
STATUSES = {
    "met": ("met",), "missed": ("missed",), "not_missed": ("met", "idle"), "idle": ("idle",),
    "discretionary": ("discretionary",), "unmanaged": ("unmanaged",), "paused": ("paused",),
}  # fmt: skip


def failures(outcome: Outcome) -> list[str]:
    """A sentence for each claim that did not come true. Raises `ValueError` for bounds that cannot be read."""
    found: list[str] = []
    for claim in outcome.scenario.expect:
        passed = outcome.within(span(claim.intervals, outcome.scenario.intervals))
        checks = (_statuses, _reasons, _measures, _values, _counts)
        found += [
            f"intervals {claim.intervals}: {said}" for check in checks for said in check(claim, passed, outcome)
        ]
    return found


def _everyone(names: Names, scenario: Scenario) -> list[str]:
    return scenario.names() if names == "all" else list(names)


def _statuses(claim: Claim, passed: Sequence[Passed], outcome: Outcome) -> Iterator[str]:
    for field, wanted in STATUSES.items():
        for name in _everyone(getattr(claim, field), outcome.scenario):
            wrong = [p for p in passed if p.statuses.get(name) not in wanted]
            if wrong:
                word = field.replace("_", "-")
                yield f"{name} is to be {word}, and is not in {_each(wrong, lambda p, n=name: _status(p, n))}"


def _status(passed: Passed, name: str) -> str:
    index = passed.index(name)
    return f"{passed.statuses.get(name)}" + ("" if index is None else f" {index:.2f}")


def _each(passed: Sequence[Passed], value: Callable[[Passed], str]) -> str:
    """Numbers of intervals, each with what was there; of many only the first ones."""
    more = f" and {len(passed) - FEW} more" if len(passed) > FEW else ""
    return ", ".join(f"{p.number} ({value(p)})" for p in passed[:FEW]) + more


def _reasons(claim: Claim, passed: Sequence[Passed], outcome: Outcome) -> Iterator[str]:
    del outcome
    for name, why in claim.reasons.items():
        wrong = [p for p in passed if p.reasons.get(name) != why]
        if wrong:
            yield f"the reason of {name} is to be {why}, and is not in " + _each(
                wrong, lambda p, n=name: str(p.reasons.get(n))
            )
    for name, reason in claim.held.items():
        wrong = [p for p in passed if p.held.get(name) != reason]
        if wrong:
            yield f"{name} is to be held for {reason}, and is not in " + _each(
                wrong, lambda p, n=name: str(p.held.get(n))
            )
    for name, why in claim.told.items():
        told = [
            r for p in passed for r in p.records
            if r.outcome == "failed" and (r.reason == why or f"{name}: {why}" in (r.detail or ""))
            and name in {s.name for s in r.receivers}
        ]  # fmt: skip
        if not told:
            yield f"an adjustment is to tell {why} of {name}, and none does"
    lost = [p for p in passed if p.lost]
    if claim.lost is not None and (len(lost) == len(passed)) is not claim.lost:
        yield f"lost is to be {claim.lost}, and {len(lost)} of {len(passed)} intervals are lost"


def _measures(claim: Claim, passed: Sequence[Passed], outcome: Outcome) -> Iterator[str]:
    for name, bounds in claim.velocity.items():
        yield from _bounded(f"velocity of {name}", _mean(passed, name).velocity, bounds)
    for name, bounds in claim.cpus.items():
        yield from _bounded(f"CPUs of {name}", _mean(passed, name).using, bounds)
    for name, bounds in claim.velocity_always.items():
        yield from _always(f"velocity of {name}", passed, lambda p, n=name: _mean([p], n).velocity, bounds)
    for name, bounds in claim.cpus_always.items():
        yield from _always(f"CPUs of {name}", passed, lambda p, n=name: _mean([p], n).using, bounds)
    for name, bounds in claim.pi.items():
        yield from _bounded(f"PI of {name}", _index(passed, name), bounds)
    if claim.equal_pi:
        indexes = {name: _index(passed, name) for name in claim.equal_pi}
        if max(indexes.values()) > EQUAL * min(indexes.values()):
            said = ", ".join(f"{name} {index:.2f}" for name, index in indexes.items())
            yield f"PIs are to be equal within 15 %, and are {said}"
    if claim.total_velocity is not None:
        every = [_mean(passed, name) for name in outcome.scenario.names()]
        total = Seen(sum(s.using for s in every), sum(s.delay for s in every))
        yield from _bounded("velocity of all", total.velocity, claim.total_velocity)
    if claim.total_cpus is not None:
        names = outcome.scenario.names()
        yield from _bounded("CPUs of all", sum(_mean(passed, name).using for name in names), claim.total_cpus)


def _mean(passed: Sequence[Passed], name: str) -> Seen:
    seen = [p.seen.get(name, Seen(0.0, 0.0)) for p in passed]
    return Seen(sum(s.using for s in seen) / len(seen), sum(s.delay for s in seen) / len(seen))


def _index(passed: Sequence[Passed], name: str) -> float:
    """PI over the range: of the mean velocity, with the newest goal; 0 without one."""
    percent = getattr(passed[-1].goals.get(name), "percent", 0)
    return float(percent) / max(0.1, _mean(passed, name).velocity)


def _bounded(what: str, value: float, bounds: Bounds) -> Iterator[str]:
    if not within(value, bounds):
        yield f"{what} is to be {bounds}, and is {value:.4g}"


def _always(
    what: str, passed: Sequence[Passed], value: Callable[[Passed], float], bounds: Bounds
) -> Iterator[str]:  # fmt: skip
    wrong = [p for p in passed if not within(value(p), bounds)]
    if wrong:
        yield f"{what} is to be {bounds}, and is not in {_each(wrong, lambda p: f'{value(p):.4g}')}"


def _values(claim: Claim, passed: Sequence[Passed], outcome: Outcome) -> Iterator[str]:
    for name, bounds in claim.shares.items():
        yield from _always(f"shares of {name}", passed, lambda p, n=name: _shares(p, n), bounds)
    for pair, bounds in claim.ratio.items():
        one, other = pair.split("/")
        yield from _always(
            f"ratio {pair}", passed, lambda p, a=one, b=other: _shares(p, a) / max(1, _shares(p, b)), bounds
        )
    for name, pins in claim.pinned.items():
        wrong = [p for p in passed if p.in_force[name].pins != pins]
        if wrong:
            there = _each(wrong, lambda p, n=name: p.in_force[n].pins)
            yield f"{name} is to be pinned to {pins}, and is not in {there}"
    if claim.moves is not None:
        moves = [s for p in passed for r in p.records for s in r.receivers if s.pins_after is not None]
        yield from _bounded("the number of moves", float(len(moves)), claim.moves)
    for name, quota in claim.quota.items():
        wrong = [p for p in passed if p.in_force[name].quota != quota]
        if wrong:
            yield f"the quota of {name} is to be {quota}, and is not in " + _each(
                wrong, lambda p, n=name: str(p.in_force[n].quota)
            )
    for name in _everyone(claim.restored, outcome.scenario):
        wrong = [p for p in passed if p.in_force.get(name) != p.own.get(name)]
        if wrong:
            yield f"{name} is to have what it had before hpm came, and has not in " + _each(
                wrong, lambda p, n=name: str(p.in_force.get(n))
            )


def _shares(passed: Passed, name: str) -> int:
    return passed.in_force[name].shares if name in passed.in_force else 0


def _counts(claim: Claim, passed: Sequence[Passed], outcome: Outcome) -> Iterator[str]:
    changes = _changes(passed)
    for name in _everyone(claim.unchanged, outcome.scenario):
        if changes.get(name):
            yield f"the shares of {name} are not to be changed, and are in {changes[name]}"
    if claim.changes is not None:
        for name, numbers in changes.items():
            yield from _bounded(f"number of changes of {name} (in {numbers})", len(numbers), claim.changes)
    if claim.writes is not None:
        yield from _bounded("number of writes", sum(len(p.writes) for p in passed), claim.writes)
    for result in ("applied", "advised", "failed"):
        bounds: Bounds | None = getattr(claim, result)
        if bounds is not None:
            number = sum(r.outcome == result for p in passed for r in p.records)
            yield from _bounded(f"number of adjustments {result}", number, bounds)


def _changes(passed: Sequence[Passed]) -> Mapping[str, list[int]]:
    """Intervals in which hpm changed shares, by guest."""
    found: dict[str, list[int]] = {}
    for p in passed:
        for write in p.writes:
            if write.control == "cpu-shares":
                found.setdefault(write.name, []).append(p.number)
    return found
