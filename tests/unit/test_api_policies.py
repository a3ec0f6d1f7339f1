"""Policies one at a time: created, changed, renamed, deleted, brought back, and seen before they are in force."""

from __future__ import annotations

from uuid import UUID

import pytest

from hpm.backend.simulated import uuid_of

from .api_host import BASE, FILTER, GROUPS, ApiHost, policy, service_class

PREVIEW = f"{GROUPS}/preview"


def test_the_first_policy_of_a_group_becomes_active_and_the_second_does_not(api: ApiHost) -> None:
    one = f"{GROUPS}/{api.group()}"
    made = api.send("POST", f"{one}/policies", policy("weekday"))
    assert made.status_code == 201
    assert made.headers["location"] == made.json()["object-uri"]
    assert made.json()["active"] is True
    assert api.post(f"{one}/policies", policy("night"))["active"] is False
    assert api.get(one)["active-policy"] == "weekday"
    assert api.get(f"{one}/policies")["active-policy"] == "weekday"


def test_a_policy_is_changed_in_part_and_renamed_everywhere(api: ApiHost) -> None:
    group = api.group("Gold", policy("weekday"), policy("night"))
    one = f"{GROUPS}/{group}"
    entry = {"policy": "night", "days": ["mon"], "from": "00:00", "to": "00:00"}
    api.post(one, {"schedule": [entry], "otherwise": "weekday"})
    changed = api.post(f"{one}/policies/night", {"name": "nächtlich", "description": "batch"})
    assert changed["object-uri"].endswith("/policies/n%C3%A4chtlich")
    assert changed["importance"] == "high"
    assert api.get(changed["object-uri"]) == changed
    assert api.get(one)["schedule"][0]["policy"] == "nächtlich"
    api.post(f"{one}/policies/weekday", {"name": "day"})
    assert api.get(one)["otherwise"] == "day"
    assert [r["revision"] for r in api.get(f"{one}/policies/day/revisions")["revisions"]] == [2, 1]
    assert api.refused("POST", f"{one}/policies/day", {"name": "nächtlich"})["reason"] == 8


def test_a_policy_that_somebody_else_changed_is_not_overwritten(api: ApiHost) -> None:
    one = f"{GROUPS}/{api.group('Gold', policy())}/policies/weekday"
    tag = api.send("GET", one).headers["etag"]
    api.post(one, {"importance": "low"}, headers={"If-Match": tag})
    refused = api.refused("POST", one, {"importance": "highest"}, headers={"If-Match": tag})
    assert refused["http-status"] == 412
    assert api.refused("DELETE", one, headers={"If-Match": tag})["http-status"] == 412


def test_a_deleted_policy_leaves_the_group_unmanaged_and_can_be_brought_back(api: ApiHost) -> None:
    one = f"{GROUPS}/{api.group('Gold', policy())}"
    assert api.send("DELETE", f"{one}/policies/weekday").status_code == 204
    assert api.get(one)["active-policy"] is None
    assert api.send("GET", f"{one}/policies/weekday").status_code == 404
    deleted, first = api.get(f"{one}/policies/weekday/revisions")["revisions"]
    assert deleted["perf-policy"] is None
    assert first["perf-policy"]["service-classes"][0]["name"] == "db"
    assert first["user"] and first["time"] < deleted["time"]
    assert api.refused("POST", f"{one}/policies/weekday/revisions/2/restore")["reason"] == 2
    back = api.post(f"{one}/policies/weekday/revisions/1/restore", None)
    assert (back["revision"], back["active"], back["importance"]) == (3, False, "high")
    assert api.refused("POST", f"{one}/policies/weekday/revisions/9/restore")["http-status"] == 404


def test_a_policy_of_a_schedule_is_not_deleted(api: ApiHost) -> None:
    one = f"{GROUPS}/{api.group('Gold', policy(), policy('night'))}"
    api.post(one, {"schedule": [{"policy": "night", "days": ["sun"], "from": "01:00", "to": "02:00"}]})
    assert "schedule names" in api.refused("DELETE", f"{one}/policies/night")["message"]


def test_changes_of_a_whole_group_are_revisions_too(api: ApiHost) -> None:
    one = f"{GROUPS}/{api.group('Gold', policy(), policy('night'))}"
    api.post(one, {"perf-policies": [policy(importance="low")]})
    assert [r["revision"] for r in api.get(f"{one}/policies/weekday/revisions")["revisions"]] == [2, 1]
    assert api.get(f"{one}/policies/night/revisions")["revisions"][0]["perf-policy"] is None
    api.post(one, {"description": "nothing of the policies"})
    assert api.get(f"{one}/policies/weekday")["revision"] == 2


def test_a_preview_shows_classes_and_projected_indexes_and_changes_nothing(api: ApiHost) -> None:
    db2 = service_class("db", goal={"type": "velocity", "velocity": "fastest"}, classification=FILTER)
    wished = policy("wish", db2, service_class(), importance="highest")
    group = api.group("Gold", servers=("db1", "web1"))
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("others", service_class(), importance="low")]})
    api.cycle()
    state = api.state()
    seen = api.post(f"{GROUPS}/{group}/preview", wished)
    assert api.state() == state
    assert api.get(f"{GROUPS}/{group}/policies")["perf-policies"] == []
    classes = {c["name"]: [uri.rpartition("/")[2] for uri in c["virtual-servers"]] for c in seen["service-classes"]}
    assert classes == {"db": [uuid_of("db1")], "rest": [uuid_of("web1")]}
    db1 = next(s for s in seen["virtual-servers"] if s["name"] == "db1")
    assert db1["importance"] == "highest"
    assert db1["performance-index"] > db1["pi-projected"]    # it would get more
    assert db1["pi-projected"] <= 1.05
    assert db1["shares-projected"] > db1["cpu-shares"]
    others = {s["name"]: s for s in seen["other-virtual-servers"]}
    assert {"db2", "idle1"} <= set(others)
    assert others["db2"]["shares-projected"] < others["db2"]["cpu-shares"]
    assert others["idle1"]["performance-index"] is None


def test_a_preview_says_why_a_goal_would_be_missed(api: ApiHost) -> None:
    wish = service_class("all", goal={"type": "velocity", "velocity": 95}, classification=FILTER)
    group = api.group("Gold", servers=("db1", "db2", "web1"))
    api.cycle()
    seen = api.post(f"{GROUPS}/{group}/preview", policy("wish", wish, service_class()))
    reasons = {s["name"]: s["reason"] for s in seen["virtual-servers"]}
    assert reasons == {"db1": "at-floor", "db2": "at-floor", "web1": None}    # three vCPUs that spin, two CPUs
    wrong = policy("wish", {**wish, "classification": None}, service_class())
    assert api.refused("POST", f"{GROUPS}/{group}/preview", wrong)["reason"] == 7
    twice = policy("wish", wish, service_class("all"))
    assert api.refused("POST", f"{GROUPS}/{group}/preview", twice)["reason"] == 8


def test_a_group_that_does_not_exist_yet_is_previewed(api: ApiHost) -> None:
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("others", service_class(), importance="low")]})
    api.group("Gold", servers=("db1",))
    api.cycle()
    state = api.state()
    db = service_class("db", goal={"type": "velocity", "velocity": "fastest"}, classification=FILTER)
    wished = {
        "virtual-servers": [uuid_of("db1"), f"{BASE}/virtual-servers/{uuid_of('web1')}"],
        "perf-policy": policy("wish", db, service_class(), importance="highest"),
    }
    seen = api.post(PREVIEW, wished)
    assert api.state() == state
    assert {s["name"]: s["service-class"] for s in seen["virtual-servers"]} == {"db1": "db", "web1": "rest"}
    assert [c["name"] for c in seen["service-classes"]] == ["db", "rest"]
    others = {s["name"] for s in seen["other-virtual-servers"]}
    assert "db2" in others
    assert not others & {"db1", "web1"}
    assert api.post(PREVIEW, {})["virtual-servers"] == []


def test_a_group_is_previewed_with_other_servers_than_it_has(api: ApiHost) -> None:
    gold = api.group("Gold", policy("day", service_class(), importance="high"), servers=("db1", "db2"))
    api.cycle()
    state = api.state()

    def servers(**wished: object) -> dict[str, object]:
        seen = api.post(PREVIEW, {"workload-resource-group": gold, **wished})
        return {s["name"]: s["service-class"] for s in seen["virtual-servers"]}

    day = policy("day", service_class("all"))
    assert servers(**{"perf-policy": day}) == {"db1": "all", "db2": "all"}
    assert servers(**{"perf-policy": day, "virtual-servers": [uuid_of("web1")]}) == {"web1": "all"}
    assert servers(**{"virtual-servers": [uuid_of("db2")]}) == {"db2": None}    # unmanaged, as no policy is named
    assert servers(**{"virtual-servers": []}) == {}
    assert api.state() == state


def test_a_preview_of_a_group_says_what_is_wrong_with_it(api: ApiHost) -> None:
    def refused(status: int, **wished: object) -> str:
        error = api.refused("POST", PREVIEW, wished)
        assert error["http-status"] == status
        return str(error["message"])

    twice = policy("wish", service_class("all", classification=FILTER), service_class("all"))
    assert "perf-policy.service-classes[1].name" in refused(400, **{"perf-policy": twice})
    assert "virtual-servers[0]" in refused(400, **{"virtual-servers": ["db1"]})
    assert "virtual-servers[1]" in refused(404, **{"virtual-servers": [uuid_of("db1"), str(UUID(int=7))]})
    assert "workload-resource-group" in refused(404, **{"workload-resource-group": str(UUID(int=7))})
    assert "servers" in refused(400, servers=[])
    assert "default" in refused(409, **{"workload-resource-group": "default", "virtual-servers": []})


def test_who_activates_a_policy_changes_nothing_of_it(api: ApiHost) -> None:
    one = f"{GROUPS}/{api.group('Gold', policy(), policy('night'))}"
    tag = api.send("GET", f"{one}/policies/night").headers["etag"]
    api.post(f"{one}/actions", {"action": "activate-policy", "policy": "night"})
    assert api.send("GET", f"{one}/policies/night").headers["etag"] != tag    # it is shown as active now
    api.post(f"{one}/policies/night", {"importance": "low"}, headers={"If-Match": tag})


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_clients_take_for_a_way_up_is_none(api: ApiHost, name: str) -> None:
    one = f"{GROUPS}/{api.group('Gold')}"
    assert api.refused("POST", f"{one}/policies", policy(name))["reason"] == 7
    assert api.refused("POST", f"{one}/policies", policy("day", service_class(name)))["reason"] == 7
    assert api.refused("POST", GROUPS, {"name": name})["reason"] == 7
    api.post(f"{one}/policies", policy("..."))
