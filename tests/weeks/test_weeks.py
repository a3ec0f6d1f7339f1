"""Whole systems through weeks: what has to hold does, whatever happens."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import Weeks

#: Other runs with `WEEKS=7 make check-long`; the same ones each time without.
SEED = os.environ.get("WEEKS")
RUNS, LONG, STEPS = 150, 10_000, 40


@pytest.mark.parametrize("runs", [RUNS, pytest.param(LONG, marks=pytest.mark.long)])
def test_what_has_to_hold_does_whatever_happens(runs: int) -> None:
    machine = type("Weeks", (Weeks,), {})    # the seed is kept with the class
    if SEED is not None:
        machine = seed(int(SEED))(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs, stateful_step_count=STEPS, derandomize=SEED is None, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink], print_blob=True,
        ),
    )  # fmt: skip
