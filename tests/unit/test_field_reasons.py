"""Why fields of guest policies do not hold: words, and ids for whoever says it in another language."""

from __future__ import annotations

from typing import get_args

from hpm.policy.field_reasons import REASONS, Reason, ReasonId


def test_each_id_has_words() -> None:
    assert set(get_args(ReasonId)) == set(REASONS)


def test_a_reason_is_its_words() -> None:
    made = Reason("no-cpu", cpus="8-9", there="0-3")
    assert made == "this host has no CPU 8-9; it has 0-3"
    assert (made.id, made.values) == ("no-cpu", {"cpus": "8-9", "there": "0-3"})
