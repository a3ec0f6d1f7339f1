"""Fields that are seldom used: what was said with them is there, and comes back as it was said."""

from __future__ import annotations

from typing import Any

import pytest

from hpm.backend.simulated import uuid_of

from .api_host import FILTER, GROUPS, NOBODY, SERVERS, ApiHost, policy, service_class

DB1 = uuid_of("db1")


def compare(kind: str, value: str, operation: str = "string-match") -> dict[str, Any]:
    return {"type": "filter", "filter-type": kind, "operation": operation, "value": value}


RULES: dict[str, Any] = {
    "type": "or", "rules": [
        {"type": "and", "rules": [compare("os-type", "linux"), {"type": "not", "rule": compare("title", "test*")}]},
        compare("hostname", "db?.example", "string-not-match"),
    ],
}  # fmt: skip


def whole_policy(name: str) -> dict[str, Any]:
    """A policy with every field that there is."""
    return {
        "name": name, "importance": "high", "description": "by day", "service-classes": [
            {"name": "db", "goal": {"type": "velocity", "velocity": 80}, "classification": RULES,
             "importance": "highest", "description": "databases"},
            {"name": "web", "goal": {"type": "velocity", "velocity": "moderate"}, "classification": FILTER},
            {"name": "rest", "goal": {"type": "discretionary"}},
        ],
    }  # fmt: skip


SCHEDULE = [
    {"policy": "night", "days": ["mon", "tue"], "from": "22:00", "to": "06:00"},
    {"policy": "weekday", "days": ["sat"], "from": "00:00", "to": "00:00"},
]


def same_policy(given: dict[str, Any], got: dict[str, Any]) -> None:
    """What was not said has its default in the answer, or is left out."""
    assert {**got, "service-classes": None} == {"description": "", **given, "service-classes": None}
    assert got["service-classes"] == given["service-classes"]


def test_all_that_can_be_said_of_a_new_group_comes_back(api: ApiHost) -> None:
    policies = [whole_policy("weekday"), policy("night")]
    wanted = {
        "name": "Gold", "description": "orders", "perf-policies": policies, "active-policy": "night",
        "schedule": SCHEDULE, "otherwise": "weekday",
    }  # fmt: skip
    made = api.post(GROUPS, wanted)
    assert api.get(f"{GROUPS}/{made['object-id']}") == made
    for given, got in zip(policies, made["perf-policies"], strict=True):
        same_policy(given, got)
    said = {**wanted, "active-policy": made["active-policy"]}    # the schedule may want the other one by now
    assert {**made, "perf-policies": policies} == {**made, **said}
    assert made["active-policy"] in ("night", "weekday")


def test_all_that_can_be_changed_of_a_group_comes_back(api: ApiHost) -> None:
    group = api.group("Gold", policy("weekday"))
    wanted = {
        "name": "Golden", "description": "orders", "perf-policies": [whole_policy("weekday"), policy("night")],
        "active-policy": "night", "schedule": SCHEDULE, "otherwise": "weekday",
    }  # fmt: skip
    changed = api.post(f"{GROUPS}/{group}", wanted)
    said = {**wanted, "active-policy": changed["active-policy"]}    # the schedule may want the other one by now
    assert {**changed, "perf-policies": None} == {**changed, **said, "perf-policies": None}
    unscheduled = api.post(f"{GROUPS}/{group}", {"schedule": []})
    assert {"schedule", "otherwise"}.isdisjoint(unscheduled)


def test_of_several_policies_that_a_group_is_given_the_named_one_is_active(api: ApiHost) -> None:
    policies = [policy("weekday"), policy("night")]
    made = api.post(GROUPS, {"name": "Gold", "perf-policies": policies, "active-policy": "night"})
    assert made["active-policy"] == "night"
    changed = api.post(f"{GROUPS}/{made['object-id']}", {"perf-policies": policies, "active-policy": "weekday"})
    assert changed["active-policy"] == "weekday"


def test_a_policy_is_activated_by_name(api: ApiHost) -> None:
    group = api.group("Gold", policy("weekday"), policy("night"))
    act = {"action": "activate-policy", "policy": "night"}
    assert api.post(f"{GROUPS}/{group}/actions", act)["active-policy"] == "night"
    assert api.get(f"{GROUPS}/{group}/service-classes")["active-policy"] == "night"


def test_a_rule_of_all_kinds_takes_the_servers_it_should(api: ApiHost) -> None:
    rule = {"type": "and", "rules": [compare("os-type", "linux"), {"type": "not", "rule": compare("title", "test*")}]}
    db = service_class("db", goal={"type": "velocity", "velocity": "fast"}, classification=rule)
    group = api.group("Gold", policy("weekday", db, service_class()), servers=("db1", "db2"))
    taken = {c["name"]: c["virtual-servers"] for c in api.get(f"{GROUPS}/{group}/service-classes")["service-classes"]}
    assert [uri.rpartition("/")[2] for uri in taken["db"]] == [DB1]
    titled = api.post(f"{SERVERS}/{DB1}", {"attributes": {"title": "test machine"}})
    assert titled["attributes"]["title"] == "test machine"
    assert api.get(f"{SERVERS}/{DB1}")["service-class"] == "rest"


def test_reserve_and_cap_come_back_and_are_taken_back(api: ApiHost) -> None:
    said = api.post(f"{SERVERS}/{DB1}", {"cpu-reserve": 0.5, "cpu-cap": 1.5})
    assert (said["cpu-reserve"], said["cpu-cap"]) == (0.5, 1.5)
    said = api.post(f"{SERVERS}/{DB1}", {"cpu-reserve": None, "cpu-cap": None})
    assert (said["cpu-reserve"], said["cpu-cap"]) == (None, None)


def test_memory_management_is_off_and_can_be_told_so(api: ApiHost) -> None:
    assert api.post("/mgmt-levels", {"memory-mgmt": "off"}) == {"cpu-mgmt": "off", "memory-mgmt": "off"}


def test_an_adjustment_tells_why_nothing_could_be_done(api: ApiHost) -> None:
    goal = {"type": "velocity", "velocity": 99}
    api.group("Gold", policy("weekday", service_class("all", goal=goal)), servers=("db1", "db2"))
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("rest", service_class("all", goal=goal))]})
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    for _ in range(12):
        api.cycle()
    told = api.get("/dynamic-resource-adjustments?limit=1000")["dynamic-resource-adjustments"]
    assert any(adjustment["reason"] == "at-capacity" for adjustment in told)


@pytest.mark.parametrize("below", ["", "/explain"])
def test_an_id_that_is_none_names_nothing(api: ApiHost, below: str) -> None:
    error = api.refused("GET", f"{SERVERS}/db1{below}")
    assert (error["http-status"], error["reason"]) == (404, 1)
    assert "there is no virtual server with id 'db1'; ids are UUIDs" in error["message"]


def test_uuids_match_in_any_case(api: ApiHost) -> None:
    gold, silver = (api.group(name, policy("weekday")) for name in ("Gold", "Silver"))
    loud = f"{GROUPS}/{gold.upper()}"
    for below in ("", "/policies", "/policies/weekday", "/service-classes", "/export"):
        assert api.get(f"{loud}{below}") == api.get(f"{GROUPS}/{gold}{below}")
    several = api.post(f"{loud},{silver.upper()},{gold}", {"description": "x"})["workload-resource-groups"]
    assert [(group["object-id"], group["description"]) for group in several] == [(gold, "x"), (silver, "x")]
    server = f"{SERVERS}/{uuid_of('db1').upper()}"
    assert api.get(server)["object-id"] == uuid_of("db1")
    api.post(server, {"workload-resource-group": loud})
    members = api.get(f"{SERVERS}?workload-resource-group={gold.upper()}")["virtual-servers"]
    assert [member["name"] for member in members] == ["db1"]
    assert api.send("DELETE", loud).status_code == 204
    token = api.post("/tokens", {"name": "x", "role": "user"})["object-id"]
    assert api.get(f"/tokens/{token.upper()}")["object-id"] == token
    assert api.send("DELETE", f"/tokens/{token.upper()}").status_code == 204


def test_all_that_can_be_changed_of_a_policy_comes_back(api: ApiHost) -> None:
    group = api.group("Gold", policy("weekday"))
    wanted = {**whole_policy("workday"), "description": "from nine to five"}
    changed = api.post(f"{GROUPS}/{group}/policies/weekday", wanted)
    assert {**changed, **wanted} == changed
    error = api.refused("POST", f"{GROUPS}/{group}/policies", policy("workday"))
    assert (error["http-status"], error["reason"]) == (400, 8)


def test_there_is_no_65th_policy_not_by_restoring_one_either(api: ApiHost) -> None:
    group = api.group("Gold")
    policies = f"{GROUPS}/{group}/policies"
    api.post(policies, policy("first"))
    assert api.send("DELETE", f"{policies}/first").status_code == 204
    many = [policy(f"p{number}", service_class()) for number in range(64)]
    api.post(f"{GROUPS}/{group}", {"perf-policies": many})
    for path, body in ((f"{policies}/first/revisions/1/restore", None), (policies, policy("last"))):
        error = api.refused("POST", path, body)
        assert (error["http-status"], error["reason"]) == (400, 7)
        assert "has 64 policies already" in error["message"]


def test_what_somebody_else_changed_is_not_restored_or_set(api: ApiHost) -> None:
    group = api.group("Gold", policy("weekday"))
    stale = {"If-Match": '"stale"'}
    restore = f"{GROUPS}/{group}/policies/weekday/revisions/1/restore"
    assert api.refused("POST", restore, headers=stale)["http-status"] == 412
    assert api.refused("POST", "/settings", {"interval-seconds": 5}, headers=stale)["http-status"] == 412


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/settings", {"allow-guest-swap": True}), ("/mgmt-levels", {"cpu-mgmt": "advise"}),
        (f"{SERVERS}/{DB1}", {"cpu-cap": 0.5}), (f"{GROUPS}/default", {"description": "x"}),
        (f"{GROUPS}/default/policies/day", {"importance": "low"}), ("/mom/policies/one", {"text": "2"}),
    ],
)  # fmt: skip
def test_a_write_tells_what_the_next_one_replaces(api: ApiHost, path: str, body: dict[str, Any]) -> None:
    """Pages that change something twice need not read it in between."""
    api.post(f"{GROUPS}/default/policies", policy("day"))
    api.post("/mom/policies", {"name": "one", "text": "1"})
    written = api.send("POST", path, body)
    read = api.send("GET", path)
    assert (written.content, written.headers["etag"]) == (read.content, read.headers["etag"])


@pytest.mark.parametrize("path", [f"{GROUPS}/detail", f"{SERVERS}/detail"])
def test_whole_lists_come_in_pieces_too(api: ApiHost, path: str) -> None:
    api.group("Gold")
    first = api.get(f"{path}?limit=1")
    second = api.get(first["next"])
    (words,) = set(first) & {"virtual-servers", "workload-resource-groups"}
    names = [thing["name"] for thing in api.get(path)[words]]
    assert [part[words][0]["name"] for part in (first, second)] == names[:2]


@pytest.mark.parametrize("path", [SERVERS, f"{SERVERS}/detail"])
def test_servers_of_a_group_that_is_not_there_are_not_found(api: ApiHost, path: str) -> None:
    assert api.refused("GET", f"{path}?workload-resource-group={NOBODY}")["http-status"] == 404
