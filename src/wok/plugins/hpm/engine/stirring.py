"""Noticing between two decisions that other servers work than before, from a few glances a second.

A decision is due soon when a server begins to work while servers wait for each other; all else can wait for the end
of the interval. Only columns of numbers are looked at here: it happens several times a second.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from .counters import Column, Flags, moved
from .samples import Glance
from .windows import CONTENDED

#: Part of one CPU above which a server is at work, from one glance to the next.
AT_WORK = 0.03
#: Nanoseconds without work after which it is asleep: shorter sleep is a part of many loads.
ASLEEP = 1_500_000_000


class Stirring(msgspec.Struct, frozen=True, eq=False):
    """Who was at work at the last glance. An entry a server, as in the glance's layout: `worked_ns` is when it was
    last seen working (0: never), `awake` whether that is not long ago."""

    glance: Glance
    worked_ns: Column
    awake: Flags


class Stirred(NamedTuple):
    """What is known after a glance, and whether some work that did not before, while somebody waits."""

    known: Stirring
    news: bool


def stir(known: Stirring | None, glance: Glance) -> Stirred:
    """Compare a glance with the one before. At the first one of all everybody passes for awake."""
    layout = glance.counters.layout
    if known is None:
        return Stirred(
            Stirring(
                glance,
                np.full(len(layout.servers), glance.time_ns, dtype=np.int64),
                np.ones(len(layout.servers), dtype=np.bool_),
            ),
            False,
        )
    then, elapsed = known.glance.counters, glance.time_ns - known.glance.time_ns
    rows = layout.rows_in(then.layout)
    ran = glance.counters.run_ns - moved(then.run_ns, rows, glance.counters.run_ns)
    waited = glance.counters.delay_ns - moved(then.delay_ns, rows, glance.counters.delay_ns)
    active = np.array(layout.sums(ran + waited), dtype=np.int64) > AT_WORK * elapsed
    places = None
    if rows is not None:
        places = np.array([then.layout.place.get(server.uuid, -1) for server in layout.servers], dtype=np.int64)
    worked: Column = np.where(active, glance.time_ns, moved(known.worked_ns, places))
    awake: Flags = worked > glance.time_ns - ASLEEP
    before = moved(known.awake.astype(np.int64), places) != 0
    news = bool((awake & ~before).any()) and int(waited.sum()) > CONTENDED * elapsed
    return Stirred(Stirring(glance, worked, awake), news)
