"""The policies of examples/mom decide what the golden files of tests/mom say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from hpm.memory.mom import Entity, Evaluation, compile_policies
from hpm.memory.mom.fields import GUEST_FIELDS, HOST_FIELDS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/mom"
GOLDEN = sorted((ROOT / "tests/mom").glob("*.yaml"))


class Expectation(msgspec.Struct, forbid_unknown_fields=True):
    """What one cycle decides."""

    host: dict[str, float] = {}
    guests: dict[str, dict[str, float]] = {}
    io_tune: dict[str, dict[str, dict[str, int | None]]] = {}
    errors: list[tuple[str, str]] = []


class Cycle(msgspec.Struct, forbid_unknown_fields=True):
    """Samples, and what is expected."""

    about: str
    host: dict[str, Any]
    expect: Expectation
    guests: dict[str, dict[str, Any]] = {}


class Golden(msgspec.Struct, forbid_unknown_fields=True):
    """One file."""

    policies: list[str]
    cycles: list[Cycle]


def history(sample: dict[str, Any]) -> list[dict[str, Any]]:
    newest = dict(sample)
    return [*newest.pop("before", []), newest]


def played(golden: Golden) -> list[Evaluation]:
    program = compile_policies({name: (EXAMPLES / f"{name}.policy").read_text() for name in golden.policies})
    kept: dict[str, dict[str, Any]] = {}
    return [
        program.evaluate(
            Entity("Host", {"interval": 10}, history(cycle.host), fields=HOST_FIELDS),
            [Entity(name, {"name": name}, history(sample), kept.setdefault(name, {}), GUEST_FIELDS)
             for name, sample in cycle.guests.items()],
        )
        for cycle in golden.cycles
    ]  # fmt: skip


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_decisions_are_as_written(file: Path) -> None:
    golden = msgspec.convert(yaml.safe_load(file.read_text()), Golden)
    for cycle, found in zip(golden.cycles, played(golden), strict=True):
        expected = cycle.expect
        assert [(error.guest, error.symbol) for error in found.errors] == expected.errors, cycle.about
        assert found.host_controls == pytest.approx(expected.host), cycle.about
        told = {name for name, controls in found.guest_controls.items() if controls}
        assert told == set(expected.guests), cycle.about
        for name, controls in expected.guests.items():
            assert found.guest_controls[name] == pytest.approx(controls), (cycle.about, name)
        assert found.io_tune == expected.io_tune, cycle.about


def test_every_policy_has_golden_decisions_and_is_told_about() -> None:
    names = {file.stem for file in EXAMPLES.glob("*.policy")}
    golden = [msgspec.convert(yaml.safe_load(file.read_text()), Golden) for file in GOLDEN]
    assert len(names) >= 5 and {name for one in golden for name in one.policies} == names
    readme = (EXAMPLES / "README.md").read_text()
    assert set(re.findall(r"\(([\w-]+)\.policy\)", readme)) == names
