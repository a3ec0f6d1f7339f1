"""What memory policies may take and tell on a host is bounded, whoever tries them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpm.errors import InvalidValue
from hpm.manager.mom import MOST_TEXT
from hpm.memory.mom.machine import BASE_NOTES, NOTES_PER_GUEST
from hpm.model.mom import MomPoliciesModel
from hpm.store.settings import MomPolicy
from hpm.wire.mom import MomEvaluate, MomPolicyCreate

from .memory_house import guest, house_of


def test_what_a_policy_may_have_told_is_bounded(tmp_path: Path) -> None:
    house = house_of(tmp_path, *(guest(f"g{number}") for number in range(3)), memory=64 * 1024)
    model = MomPoliciesModel(house.manager)
    lists = '(defvar t (* "x" 4000)) (defvar l (with Guests g t))' + "(set l (+ l l))" * 8
    text = lists + '(with Guests g (g.Control "balloon_target" l))'
    assert len(msgspec.json.encode(model.evaluate("/b", MomEvaluate({"p": text})))) < 10_000
    notes = '(defvar l (with Guests g 1))' + "(set l (+ l l))" * 8 + '(with Guests g (with l x (g.Control "a" x)))'
    decided = house.manager.memory.evaluate({"p": notes})
    assert len(decided.evaluation.decisions) == BASE_NOTES + 3 * NOTES_PER_GUEST
    assert decided.evaluation.decisions[-1].held


def test_so_many_policies_and_so_much_text_are_refused(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold"), memory=64 * 1024)
    with pytest.raises(InvalidValue, match="more than 64"):
        house.manager.memory.evaluate({f"p{number}": "1" for number in range(65)})
    long = "#" * (MOST_TEXT // 2 + 1)
    with house.manager.memory.policies() as kept, pytest.raises(InvalidValue, match="characters together"):
        kept.replace({name: MomPolicy(name, long, "2030-01-01T00:00:00.000Z", "ann") for name in ("a", "b")})
    assert not house.manager.memory.kept_policies


def test_a_name_has_no_line_break() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "a\n", "text": "1"}, MomPolicyCreate)


def test_a_limit_that_libvirt_would_refuse_is_cut(tmp_path: Path) -> None:
    house = house_of(tmp_path, guest("gold"), memory=64 * 1024)
    decided = house.manager.memory.evaluate({"p": "(with Guests g (with g.io_tune d (d.setTotalBytesSec 1e300)))"})
    (wanted,) = decided.guests.values()
    assert wanted.io is not None
    assert wanted.io.value["vda"][0] == 10**15
