"""Memory policies of MOM's language, and memory, through the API."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hpm.backend.hypervisor import Ability, HostSample
from hpm.backend.simulated import uuid_of

from .api_host import GROUPS, SERVERS, ApiHost, policy
from .test_api_events import Follower

POLICIES = "/mom/policies"
DB1 = uuid_of("db1")
TEXT = """(defvar part 0.75)
(Host.Control "ksm_run" 1)
(Host.Control "ksm_sleep_millisecs" 0)
(with Guests guest {
    (guest.Control "balloon_target" (* part guest.balloon_max))
    (guest.Control "vcpu_quota" (if (== (guest.Prop "name") "db1") 20000 -1))
    (with guest.io_tune disk (disk.setReadBytesSec 1000000))
    (guest.Control "no_such_control" 1)
    (if (== (guest.Prop "name") "db2") (/ 1 0) 0)
})
"""


def remembered(api: ApiHost, mib: int = 16384) -> None:
    """The host tells how much memory it has."""
    api.hypervisor.set_host_memory(mib)
    api.hypervisor.advance(25)
    api.cycle()


def created(api: ApiHost, name: str = "50_main_", text: str = TEXT) -> dict[str, Any]:
    return api.post(POLICIES, {"name": name, "text": text})


def test_policies_are_created_changed_and_deleted(api: ApiHost) -> None:
    assert api.get(POLICIES) == {"memory-policies": [], "memory-policy": "goals"}
    made = created(api)
    assert made["class"] == "memory-policy"
    assert made["text"] == TEXT
    assert made["changed-by"]
    assert api.get(f"{POLICIES}/50_main_") == made
    created(api, "10-first", "(defvar part 0.5)")
    assert [one["name"] for one in api.get(POLICIES)["memory-policies"]] == ["10-first", "50_main_"]
    changed = api.post(f"{POLICIES}/10-first", {"text": "(defvar part 0.6)"})
    assert changed["text"] == "(defvar part 0.6)"
    assert api.send("DELETE", f"{POLICIES}/10-first").status_code == 204
    assert api.send("GET", f"{POLICIES}/10-first").status_code == 404


@pytest.mark.parametrize(("text", "line", "column", "said"), [
    ('(Host.Control "ksm_run', 1, 15, '"'), ("(+ 1\n  2", 1, 1, "("), ("1 ; 2", 1, 3, ";"), ("010", 1, 1, "010"),
    ("(set a\n = 1)", 2, 2, "="),
])  # fmt: skip
def test_a_policy_that_cannot_be_read_is_refused_with_its_place(
    api: ApiHost, text: str, line: int, column: int, said: str
) -> None:
    created(api)
    for path, body in ((POLICIES, {"name": "bad", "text": text}), (f"{POLICIES}/50_main_", {"text": text}),
                       ("/mom/evaluate", {"policies": {"bad": text}})):  # fmt: skip
        answer = api.send("POST", path, body)
        assert (answer.status_code, answer.json()["reason"]) == (400, 7), answer.text
        assert (answer.json()["error-details"]["line"], answer.json()["error-details"]["column"]) == (line, column)
        assert said in answer.json()["message"]
    assert api.get(f"{POLICIES}/50_main_")["text"] == TEXT
    assert len(api.get(POLICIES)["memory-policies"]) == 1


def test_evaluating_shows_what_would_be_done_and_changes_nothing(api: ApiHost) -> None:
    remembered(api)
    found = api.post("/mom/evaluate", {"policies": {"try": TEXT}})
    assert not found["discarded"]
    assert found["host"]["controls"] == {"ksm_run": 1, "ksm_sleep_millisecs": 0}
    assert found["host"]["applied"]["sleep_millisecs"] == 10
    assert "out of range" in found["host"]["notes"][0]
    servers = {one["name"]: one for one in found["virtual-servers"]}
    assert servers["db1"]["controls"]["balloon_target"] == 768 * 1024
    assert servers["db1"]["applied"]["vcpu-quota"] == 20000
    assert servers["db1"]["applied"]["io-tune"] == {"vda": [0, 1000000, 0, 0, 0, 0]}
    assert "there is no control no_such_control" in servers["db1"]["notes"]
    assert "db2" not in servers
    assert [(one["name"], one["line"], one["policy"]) for one in found["errors"]] == [("db2", 9, "try")]
    assert found["errors"][0]["message"]
    api.cycle()
    assert not api.hypervisor.writes


def test_explaining_shows_which_expression_set_what(api: ApiHost) -> None:
    remembered(api)
    created(api)
    found = api.get("/mom/explain")
    db1 = next(one for one in found["virtual-servers"] if one["name"] == "db1")
    setting = next(one for one in db1["settings"] if one["control"] == "balloon_target")
    assert (setting["policy"], setting["line"], setting["decides"]) == ("50_main_", 5, True)
    assert ["part", 0.75] in setting["symbols"]
    assert "guest.balloon_max" in setting["expression"]
    assert found["host"]["settings"][0]["value"] == 1


def test_a_host_that_does_not_tell_its_memory_cannot_evaluate(api: ApiHost) -> None:
    api.cycle()
    for method, path in (("POST", "/mom/evaluate"), ("GET", "/mom/explain")):
        answer = api.send(method, path, {} if method == "POST" else None)
        assert (answer.status_code, answer.json()["reason"]) == (409, 2)


def test_the_choice_who_decides_is_a_setting(api: ApiHost) -> None:
    remembered(api)
    created(api, text='(with Guests guest (guest.Control "balloon_target" 700000))')
    said = api.post("/settings", {"memory-policy": "mom", "allow-guest-swap": True})
    assert (said["memory-policy"], said["allow-guest-swap"]) == ("mom", True)
    api.post("/mgmt-levels", {"memory-mgmt": "on"})
    for _ in range(4):
        api.hypervisor.advance(3)
        api.cycle()
    server = api.get(f"{SERVERS}/{DB1}")
    assert server["memory-current-mib"] == round(700000 / 1024)
    found = api.get("/dynamic-resource-adjustments?resource=memory")["dynamic-resource-adjustments"]
    adjusted = next(one for one in found if one["cause"] == "memory-policy")
    assert adjusted["resource"] == "memory"
    donor = next(one for one in adjusted["donors"] if one["name"] == "db1")
    assert (donor["memory-before-mib"], donor["memory-after-mib"]) == (1024, 684)
    assert donor["memory-measured-mib"] is not None
    assert donor["memory-used-mib"] is not None
    assert api.post("/mgmt-levels", {"memory-mgmt": "off"})["memory-mgmt"] == "off"


def test_whether_ksm_is_managed_is_a_setting(api: ApiHost) -> None:
    remembered(api)
    created(api)
    assert api.get("/settings")["manage-ksm"]
    assert api.get("/mom/explain")["host"]["applied"]["run"] == 1
    assert api.post("/settings", {"manage-ksm": False})["manage-ksm"] is False
    assert api.post("/settings", {"interval-seconds": 3})["manage-ksm"] is False
    for found in (api.get("/mom/explain"), api.post("/mom/evaluate", {"policies": {"try": TEXT}})):
        assert found["host"]["controls"]["ksm_run"] == 1
        assert found["host"]["applied"] == {}
        assert found["host"]["notes"] == ["left alone: KSM is not managed by hpm"]
    assert api.post("/settings", {"manage-ksm": True})["manage-ksm"]
    told = [entry["summary"] for entry in api.get("/activity-log")["activity-log"]]
    assert told[0] == "Change settings: manage-ksm true" and "Change settings: manage-ksm false" in told
    assert api.send("POST", "/settings", {"manage-ksm": "no"}).status_code == 400


def test_pages_of_the_kernels_advisor_are_not_among_what_is_applied(api: ApiHost) -> None:
    api.hypervisor.set_ksm_pages(700, advised=True)
    remembered(api)
    found = api.post("/mom/evaluate", {"policies": {"try": '(Host.Control "ksm_run" 1)'}})
    assert found["host"]["applied"] == {"run": 1, "sleep_millisecs": 20, "merge_across_nodes": 1}
    assert found["host"]["notes"] == []


def test_memory_of_a_server_in_a_group(api: ApiHost) -> None:
    remembered(api, 4096)
    api.group("Gold", policy(), servers=("db1",))
    assert api.post(f"{SERVERS}/{DB1}", {"memory-minimum-mib": 300})["memory-minimum-mib"] == 300
    api.post("/mgmt-levels", {"memory-mgmt": "on"})
    for _ in range(10):
        api.hypervisor.advance(3)
        api.cycle()
    server = api.get(f"{SERVERS}/{DB1}")
    assert server["memory-management"] == "managed"
    assert server["memory-original-mib"] in (None, 1024)
    other = api.get(f"{SERVERS}/{uuid_of('db2')}")
    assert (other["memory-management"], other["memory-management-reason"]) == ("unmanaged", "no-policy")
    assert other["memory-used-mib"] is not None
    assert api.get(f"{GROUPS}/default")["name"] == "default"
    assert isinstance(api.hypervisor.observe(), HostSample)


def test_what_a_server_had_is_told_where_a_policy_moved_its_balloon(api: ApiHost) -> None:
    remembered(api)
    created(api, text='(with Guests guest (guest.Control "balloon_target" (* 0.9 guest.balloon_max)))')
    api.post("/settings", {"memory-policy": "mom"})
    before = api.get(f"{SERVERS}/{DB1}")
    assert before["memory-original-mib"] is None
    api.post("/mgmt-levels", {"memory-mgmt": "on"})
    for _ in range(4):
        api.hypervisor.advance(3)
        api.cycle()
    server = api.get(f"{SERVERS}/{DB1}")
    assert server["memory-management-reason"] == "by-policy"
    assert server["memory-current-mib"] < before["memory-current-mib"] == server["memory-original-mib"]
    api.post("/mgmt-levels", {"memory-mgmt": "off"})
    api.hypervisor.advance(3)
    api.cycle()
    server = api.get(f"{SERVERS}/{DB1}")
    assert (server["memory-current-mib"], server["memory-original-mib"]) == (before["memory-current-mib"], None)


def test_what_is_not_as_it_was_or_not_there_is_refused(api: ApiHost) -> None:
    created(api)
    assert api.refused("POST", POLICIES, {"name": "50_main_", "text": "1"})["reason"] == 8
    for method, body in (("POST", {"text": "1"}), ("DELETE", None)):
        assert api.send(method, f"{POLICIES}/nothing", body).status_code == 404
        stale = api.send(method, f"{POLICIES}/50_main_", body, headers={"If-Match": '"x"'})
        assert stale.status_code == 412
    assert api.get(f"{POLICIES}/50_main_")["text"] == TEXT


def test_an_adjustment_of_memory_is_an_event(api: ApiHost) -> None:
    remembered(api)
    follower = Follower(api)
    created(api, text='(with Guests guest (guest.Control "balloon_target" 700000))')
    api.post("/settings", {"memory-policy": "mom"})
    api.post("/mgmt-levels", {"memory-mgmt": "on"})
    api.hypervisor.advance(3)
    api.cycle()
    told = follower.wait_for("dynamic-resource-adjustment", resource="memory")
    assert told["cause"] == "memory-policy"


def test_a_control_that_does_not_work_is_not_switched_on(api: ApiHost) -> None:
    known = api.manager.description
    broken = {**known.controls, "balloon": Ability(False, why_not="nobody knows")}
    api.manager.description = msgspec.structs.replace(known, controls=broken)
    try:
        error = api.refused("POST", "/mgmt-levels", {"memory-mgmt": "on"})
        assert (error["http-status"], error["reason"]) == (409, 2)
        assert "nobody knows" in error["message"]
        assert api.post("/mgmt-levels", {"memory-mgmt": "advise"})["memory-mgmt"] == "advise"
    finally:
        api.manager.description = known
