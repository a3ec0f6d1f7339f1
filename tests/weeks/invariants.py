"""What holds at any moment of a host's weeks, and what holds when hpm has had the time to see to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from hpm.backend.simulated import uuid_of
from hpm.manager.controls import CPU_CONTROLS, pins_text
from hpm.store.adjustments import KEPT
from hpm.store.journal import Control, JournalEntry

if TYPE_CHECKING:
    from .host import InForce
    from .play import Play

LOWEST, HIGHEST, RATIO = 2, 10000, 500
PERIOD_US = 100000
#: How often all of it was looked at, in this process; and how many of these times once a cycle had ended well.
looked: Counter[str] = Counter()


def journal(play: Play) -> Mapping[tuple[str, Control], JournalEntry]:
    """The journal as it stands in the store: what a process that starts now would know."""
    rows = play.life.database._connection.execute(
        "SELECT uuid, control, start, original, previous, intended, held FROM journal"
    ).fetchall()
    found = msgspec.convert(rows, list[tuple[str, Control, str, str, str, str, bool]], strict=False)
    return {(one[0], one[1]): JournalEntry(*one) for one in found}


def values(now: InForce, vcpus: int) -> dict[Control, str]:
    """What is in force, as the journal has it."""
    quota, period = now.quota
    return {
        "cpu-shares": str(now.shares), "cpu-quota": f"{'max' if quota is None else quota} {period}",
        "vcpu-pins": pins_text(now.pins[:vcpus]),
    }  # fmt: skip


def always(play: Play) -> Iterator[str]:
    """A sentence for each thing that does not hold, and has to at any moment."""
    looked["looks"] += 1
    looked["restful"] += not play.restless
    host, entries = play.life.host, journal(play)
    starts, in_force = host.starts(), host.in_force()
    for name, now in in_force.items():
        uuid, vcpus = uuid_of(name), _vcpus(play, name)
        own = values(play.own[name], vcpus)
        for control, value in values(now, vcpus).items():
            if value == own[control]:
                continue
            entry = entries.get((uuid, control))
            if entry is None or entry.start != starts[uuid]:
                yield f"{name} has {control} {value} instead of {own[control]}, and the journal does not know"
            elif _text(control, entry.original, vcpus) != own[control]:
                yield f"{name}: the journal would put back {control} {entry.original}, and it was {own[control]}"
            elif value not in {_text(control, one, vcpus) for one in (entry.previous, entry.intended)}:
                yield f"{name} has {control} {value}, and the journal has {entry}"
        if name in play.hand and now.shares != play.hand[name]:
            yield f"somebody gave {name} shares of {play.hand[name]}, and hpm made {now.shares} of it"
    yield from play.wants.differences(play.life.manager.snapshot.catalog)
    yield from _consistent(play)
    yield from _bounded(play)


def _vcpus(play: Play, name: str) -> int:
    return len(play.life.host._servers[uuid_of(name)].threads)


def _text(control: Control, value: str, vcpus: int) -> str:
    return pins_text(msgspec.json.decode(value, type=list[str])[:vcpus]) if control == "vcpu-pins" else value


def _consistent(play: Play) -> Iterator[str]:
    """The snapshot is one whole: its parts are about the same servers, the same wishes, the same moment."""
    snapshot = play.life.manager.snapshot
    infos = snapshot.sample.infos
    if snapshot.levels.cpu_mgmt != play.level:
        yield f"the snapshot says that management is {snapshot.levels.cpu_mgmt}, and it is {play.level}"
    if snapshot.assignments.keys() != infos.keys():
        yield "the snapshot has other servers than it says something of"
    if set(snapshot.figures.roster.uuids) != infos.keys():
        yield "the figures are of other servers than the snapshot"
    strange = (snapshot.sample.samples.keys() | snapshot.held.keys() | snapshot.originals.keys()) - infos.keys()
    if strange:
        yield f"the snapshot tells of {strange}, who are not there"
    if play.level == "off" and snapshot.forecasts:
        yield "management is off, and something is expected of it"
    for uuid in infos:
        status, index = snapshot.status(uuid), snapshot.index(uuid)
        if index is not None and not index >= 0.0:
            yield f"{infos[uuid].name} ({status}) has a performance index of {index}"
    window = snapshot.window
    if window is not None:
        used = sum(one.using for one in window.servers.values())
        if not -0.01 <= used <= snapshot.sample.cpus * 1.02:
            yield f"{used} CPUs were used of {snapshot.sample.cpus}"
        for uuid, one in window.servers.items():
            if not -0.01 <= one.using + one.delay <= one.vcpus * 1.02 + 0.01:
                yield f"{uuid}: {one.using} CPUs used and {one.delay} waited for, by {one.vcpus} vCPUs"


def _bounded(play: Play) -> Iterator[str]:
    """Nothing in the store grows for ever."""
    counted = play.life.database._connection.execute(
        "SELECT (SELECT count(*) FROM adjustments), (SELECT count(*) FROM journal), (SELECT count(*) FROM servers),"
        " (SELECT count(*) FROM adjusted WHERE adjustment NOT IN (SELECT id FROM adjustments))"
    ).fetchone()
    adjustments, entries, servers, orphans = counted
    if adjustments > KEPT or orphans or servers > 6 or entries > 6 * 12:
        yield f"the store has {adjustments} adjustments, {orphans} rows of none, {servers} servers, {entries} entries"


def settled(play: Play) -> Iterator[str]:
    """The same of what has to hold once a cycle ended well and nothing has happened since."""
    host, entries, snapshot = play.life.host, journal(play), play.life.manager.snapshot
    starts, in_force = host.starts(), host.in_force()
    for (uuid, control), entry in entries.items():
        if control in CPU_CONTROLS and starts.get(uuid) != entry.start:
            yield f"the journal still has {entry}, and that start is over"
    if play.level != "on":
        for name, now in in_force.items():
            own = values(play.own[name], _vcpus(play, name))
            if values(now, _vcpus(play, name)) != own:
                yield f"management is {play.level}, and {name} has {now} instead of {own}"
        ours = [entry for (_, control), entry in entries.items() if control in CPU_CONTROLS]
        if ours:
            yield f"management is {play.level}, and the journal has {ours}"
        return
    for name, now in in_force.items():
        uuid = uuid_of(name)
        held, said = snapshot.held.get(uuid), play.wants.said(name)
        if held in ("excluded", "no-policy", "changed-by-administrator") and now.shares != play.own[name].shares:
            yield f"{name} is left alone ({held}), and has shares of {now.shares} instead of {play.own[name].shares}"
        if name in play.hand and held not in ("changed-by-administrator", "excluded", "no-policy", "paused"):
            yield f"somebody set the shares of {name}, and hpm goes on with it ({held})"
        if held == "changed-by-administrator" and name not in play.hand and name not in play.perhaps:
            yield f"nobody touched {name}, and hpm takes it for changed by an administrator"
        quota, own = now.quota, play.own[name].quota
        cap = None if said.excluded else said.cpu_cap
        by_hand = (entry := entries.get((uuid, "cpu-quota"))) is not None and entry.held
        if cap is not None and not by_hand:
            tighter = own[0] is not None and own[0] / own[1] <= cap
            wanted = own if tighter else (max(1000, round(cap * PERIOD_US)), PERIOD_US)
            if quota != wanted:
                yield f"{name} has a cap of {cap} CPUs, and a quota of {quota} instead of {wanted}"
        elif cap is None and quota != own:
            yield f"{name} has no cap, and a quota of {quota} instead of {own}"
    changed = {name: now.shares for name, now in in_force.items() if now.shares != play.own[name].shares}
    for name, shares in changed.items():
        if not LOWEST <= shares <= HIGHEST:
            yield f"hpm set the shares of {name} to {shares}"
    # whom nobody plans for now keeps what an earlier plan gave
    changed = {name: shares for name, shares in changed.items() if uuid_of(name) not in snapshot.held}
    if changed and max(changed.values()) > RATIO * min(changed.values()):
        yield f"hpm set shares further apart than 1:{RATIO}: {changed}"


def as_found(play: Play, when: str, *, held: bool = False) -> None:
    """All is as it was found, and the journal has nothing more to put back (but what is `held`)."""
    for name, now in play.life.host.in_force().items():
        vcpus = _vcpus(play, name)
        own = values(play.own[name], vcpus)
        assert values(now, vcpus) == own, f"{when}, and {name} has {now} instead of {own}"
    if not held:
        assert not journal(play), f"{when}, and the journal has {list(journal(play).values())}"
