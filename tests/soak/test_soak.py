"""The soak in `make check-long`: two hours on real guests (others with SOAK_MINUTES), and days in virtual time."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bench.report import Circumstances
from tests.lab import Lab
from tests.soak.__main__ import HOURS, MINUTES, SERVERS, tell
from tests.soak.pretending import Kind
from tests.soak.real import soak_real
from tests.soak.simulated import soak

pytestmark = [
    pytest.mark.long,
    # Clients that break off, and a manager that ends, leave sockets that httpx does not close to the collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.mark.lab
def test_hours_on_real_guests(lab: Lab) -> None:
    minutes = float(os.environ.get("SOAK_MINUTES", MINUTES))
    judge("real", soak_real(lab, minutes), Circumstances())


@pytest.mark.parametrize("kind", ["large", "lively"])
def test_days_in_virtual_time(kind: Kind) -> None:
    judge(f"simulated-{kind}", soak(kind, SERVERS[kind], HOURS[kind]), Circumstances())


def judge(name: str, figures: dict[str, Any], circumstances: Circumstances) -> None:
    """Fails with what did not hold, and with what a run was too short to say; `build/soak/NAME.json` has all of it."""
    tell(name, figures, circumstances)
    bad = [f"{one.name}: {one.first} … {one.last}, {one.found} {one.unit}"
           for one in figures["verdicts"] if one.good is not True]  # fmt: skip
    assert not bad, "\n".join([*bad, *figures["complaints"][:20]])
