"""The catalog: changes are whole or not at all, and leave the old one as it was."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from hpm.errors import Conflict, InvalidValue, NotFound, NotUnique
from hpm.policy.catalog import NO_SETTINGS, Catalog, ServerSettings, empty_catalog
from hpm.policy.classification import MAX_DEPTH, Filter, Not, Rule
from hpm.policy.goals import DiscretionaryGoal
from hpm.policy.groups import WorkloadResourceGroup, check_group
from hpm.policy.policies import PerformancePolicy, ServiceClass, check_policy

ANY: Rule = Filter("title", "string-match", "*")
REST = ServiceClass("rest", DiscretionaryGoal())


def group(group_id: str, name: str | None = None, *policies: PerformancePolicy) -> WorkloadResourceGroup:
    active = policies[0].name if policies else None
    return WorkloadResourceGroup(group_id, name or group_id.upper(), "", policies, active)


def policy(name: str = "p", *classes: ServiceClass) -> PerformancePolicy:
    return PerformancePolicy(name, "high", classes or (REST,))


@pytest.fixture
def catalog() -> Catalog:
    """Groups a (u1, u2) and b (u3)."""
    made = empty_catalog().with_group(group("a")).with_group(group("b"))
    return made.with_members("a", ["u1", "u2"], move=False).with_members("b", ["u3"], move=False)


def frozen(catalog: Catalog) -> bytes:
    return msgspec.json.encode(catalog)


def test_every_change_is_a_new_generation_and_leaves_the_old_catalog_as_it_was(catalog: Catalog) -> None:
    before = frozen(catalog)
    for changed in (
        catalog.with_group(group("c")), catalog.with_group(group("a", "renamed")), catalog.without_group("a"),
        catalog.with_members("a", ["u9"], move=False), catalog.without_members("a", ["u1"]),
        catalog.with_settings("u1", ServerSettings("a", excluded=True)),
    ):  # fmt: skip
        assert changed.generation == catalog.generation + 1
        assert frozen(changed) != before
        assert frozen(catalog) == before


@pytest.mark.parametrize(("change", "error"), [
    (lambda c: c.with_group(group("c", "A")), NotUnique),
    (lambda c: c.with_group(group("c", "DEFAULT")), NotUnique),
    (lambda c: c.with_group(group("c", "x", policy(), policy())), NotUnique),
    (lambda c: c.without_group("default"), Conflict),
    (lambda c: c.without_group("none"), NotFound),
    (lambda c: c.with_members("none", ["u1"], move=True), NotFound),
    (lambda c: c.with_members("a", ["u9", "u3"], move=False), Conflict),
    (lambda c: c.without_members("a", ["u1", "u3"]), Conflict),
    (lambda c: c.without_members("default", ["u9"]), Conflict),
    (lambda c: c.with_settings("u1", ServerSettings("none")), NotFound),
    (lambda c: c.with_settings("u1", ServerSettings("a", cpu_reserve=2.0, cpu_cap=1.0)), InvalidValue),
])  # fmt: skip
def test_what_is_refused_is_refused_whole(
    catalog: Catalog, change: Callable[[Catalog], Catalog], error: type[Exception]
) -> None:
    before = frozen(catalog)
    with pytest.raises(error):
        change(catalog)
    assert frozen(catalog) == before


def test_members_move_when_told_to_and_go_home_with_their_settings(catalog: Catalog) -> None:
    said = catalog.with_settings("u3", msgspec.structs.replace(catalog.settings("u3"), excluded=True))
    moved = said.with_members("a", ["u3"], move=True)
    assert (moved.members("a"), moved.members("b")) == (["u1", "u2", "u3"], [])
    home = moved.without_group("a")
    assert home.settings("u3") == ServerSettings(excluded=True)
    assert "u1" not in home.servers    # nothing is left to say of it
    assert home.settings("u1") == NO_SETTINGS
    assert home.with_members("default", ["u3"], move=False).settings("u3") == home.settings("u3")


def test_a_catalog_cannot_be_written_to(catalog: Catalog) -> None:
    with pytest.raises(AttributeError):
        catalog.generation = 5    # type: ignore[misc]
    with pytest.raises(AttributeError):
        catalog.groups["a"].name = "x"    # type: ignore[misc]


def nested(levels: int) -> Rule:
    rule = ANY
    for _ in range(levels - 1):
        rule = Not(rule)
    return rule


@pytest.mark.parametrize(("classes", "path"), [
    ((ServiceClass("a", DiscretionaryGoal(), ANY),), "service-classes[0].classification"),
    ((REST, ServiceClass("b", DiscretionaryGoal())), "service-classes[0].classification"),
    ((ServiceClass("rest", DiscretionaryGoal(), ANY), REST), "service-classes[1].name"),
    ((ServiceClass("a", DiscretionaryGoal(), nested(MAX_DEPTH + 1)), REST), "service-classes[0].classification"),
])  # fmt: skip
def test_a_policy_is_checked_with_the_place_of_what_is_wrong(classes: tuple[ServiceClass, ...], path: str) -> None:
    with pytest.raises(InvalidValue) as alone:
        check_policy(policy("p", *classes))
    assert alone.value.path == path
    assert str(alone.value).startswith(f"{path}: ")
    with pytest.raises(InvalidValue) as inside:
        check_group(group("a", "A", policy("ok"), policy("p", *classes)))
    assert inside.value.path == f"perf-policies[1].{path}"


def test_a_rule_of_just_the_depth_is_good() -> None:
    check_policy(policy("p", ServiceClass("a", DiscretionaryGoal(), nested(MAX_DEPTH)), REST))


def test_the_active_policy_must_be_there() -> None:
    with pytest.raises(InvalidValue, match=r"active-policy: the group 'A' has no policy named 'q' \(it has: p\)"):
        check_group(WorkloadResourceGroup("a", "A", "", (policy(),), "q"))
    unmanaged = WorkloadResourceGroup("a", "A", "", (policy(),), None)
    check_group(unmanaged)
    assert unmanaged.policy is None
