"""Guest policies through the API: what is said comes back, and what is in force is told with where it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from hpm.backend.simulated import uuid_of

from .api_host import FILTER, GROUPS, NOBODY, SERVERS, ApiHost, policy, service_class

DB1, WEB1, OFF1 = (f"{SERVERS}/{uuid_of(name)}" for name in ("db1", "web1", "off1"))

START: dict[str, Any] = {
    "ready": {"type": "tcp-port", "port": 5432, "address": "127.0.0.1"},
    "depends-on": [
        {"virtual-server": uuid_of("web1"), "when-it-stops": "stop"}, {"workload-resource-group": "default"},
    ],
    "not-ready": "wait", "timeout-seconds": 60, "autostart": True, "outside": "suspend",
    "windows": [{"days": ["mon", "tue"], "from": "08:00", "to": "18:00"}],
}  # fmt: skip

#: Every field that there is.
WHOLE: dict[str, Any] = {
    "placement": {"type": "vcpus", "cpus": ["0", "0-1"], "exclusive": False},
    "emulator-cpus": "1", "cpu-weight": 300, "cpu-reserve": 0.5, "cpu-cap": 1.5, "blkio-weight": 400,
    "disk-limits": {"vda": {"read-bytes-sec": 1, "write-bytes-sec": 2, "total-iops-sec": 3},
                    "*": {"total-bytes-sec": 4, "read-iops-sec": 5, "write-iops-sec": 6}},
    "memory-minimum-mib": 256, "memory-swap-limit-mib": 4096, "huge-pages": "hugetlbfs", "page-sharing": False,
    "drift": "report", "start": START,
}  # fmt: skip

PLACEMENTS: list[dict[str, Any]] = [
    {"type": "cpus", "cpus": "0-1", "exclusive": False}, {"type": "cpus", "cpus": "0", "exclusive": True},
    {"type": "vcpus", "cpus": ["1"], "exclusive": True}, {"type": "node", "node": 0, "exclusive": False},
    {"type": "node", "node": 0, "exclusive": True},
    {"type": "spread", "exclusive": True}, {"type": "pack", "exclusive": True}, {"type": "anywhere"},
]  # fmt: skip


def fields(api: ApiHost, server: str) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in api.get(f"{server}/effective-policy")["fields"]}


def test_all_that_can_be_said_comes_back_and_is_taken_back(api: ApiHost) -> None:
    assert api.get(f"{DB1}/guest-policy") == {}
    assert api.post(f"{DB1}/guest-policy", WHOLE) == WHOLE
    assert api.get(f"{DB1}/guest-policy") == WHOLE
    server = api.get(DB1)
    assert (server["cpu-reserve"], server["cpu-cap"], server["memory-minimum-mib"]) == (0.5, 1.5, 256)
    less = api.post(f"{DB1}/guest-policy", {"start": None, "cpu-cap": None, "cpu-weight": 5})
    assert less == {**{k: v for k, v in WHOLE.items() if k not in ("start", "cpu-cap")}, "cpu-weight": 5}
    assert api.post(f"{DB1}/guest-policy", dict.fromkeys(WHOLE)) == {}


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_placement_comes_back(api: ApiHost, placement: dict[str, Any]) -> None:
    assert api.post(f"{DB1}/guest-policy", {"placement": placement}) == {"placement": placement}


@pytest.mark.parametrize("ready", [
    {"type": "running", "seconds": 5}, {"type": "guest-agent"},
    {"type": "heartbeat-file", "path": "/run/alive", "max-age-seconds": 30},
])  # fmt: skip
def test_every_readiness_comes_back(api: ApiHost, ready: dict[str, Any]) -> None:
    assert api.post(f"{DB1}/guest-policy", {"start": {"ready": ready}}) == {"start": {"ready": ready}}


def test_all_of_it_can_be_said_of_groups_and_classes_too(api: ApiHost) -> None:
    whole = policy("day", service_class(**{"guest-policy": WHOLE}))
    made = api.post(GROUPS, {"name": "Gold", "perf-policies": [whole], "guest-policy": WHOLE})
    assert made["guest-policy"] == WHOLE
    assert made["perf-policies"][0]["service-classes"][0]["guest-policy"] == WHOLE
    changed = api.post(f"{GROUPS}/{made['object-id']}", {"guest-policy": {}})
    assert "guest-policy" not in changed


def test_the_strongest_level_that_says_something_is_in_force(api: ApiHost) -> None:
    db = service_class("db", classification=FILTER, **{"guest-policy": {"cpu-cap": 1.0, "blkio-weight": 200}})
    body = {"name": "Gold", "perf-policies": [policy("day", db, service_class())],
            "guest-policy": {"cpu-cap": 2.0, "blkio-weight": 100, "drift": "report"}}    # fmt: skip
    gold = api.post(GROUPS, body)
    assert gold["guest-policy"] == body["guest-policy"]
    assert gold["perf-policies"][0]["service-classes"][0]["guest-policy"] == {"cpu-cap": 1.0, "blkio-weight": 200}
    act = {"action": "add-virtual-servers", "virtual-servers": [uuid_of("db1")]}
    api.post(f"{GROUPS}/{gold['object-id']}/actions", act)
    api.post(f"{DB1}/guest-policy", {"cpu-cap": 0.5, "cpu-reserve": 0.25})
    told = fields(api, DB1)
    origins = {name: (field["value"], field["origin"], field["of"]) for name, field in told.items() if field["value"]}
    assert origins == {
        "cpu-cap": ("0.5", "virtual-server", None), "cpu-reserve": ("0.25", "virtual-server", None),
        "blkio-weight": ("200", "service-class", "db"), "drift": ("report", "workload-resource-group", "Gold"),
    }  # fmt: skip
    assert told["placement"] == {
        "name": "placement", "value": None, "origin": "host", "of": None, "in-force": "anywhere", "state": "unsaid",
        "reason": None, "reason-id": None, "reason-values": {},
    }  # fmt: skip
    assert api.get(f"{DB1}/effective-policy")["guest-policy"] == {
        "cpu-cap": 0.5, "cpu-reserve": 0.25, "blkio-weight": 200, "drift": "report",
    }  # fmt: skip
    off = told["cpu-cap"]
    assert (off["state"], off["reason"]) == ("not-managed", "CPU management is off")
    assert (off["reason-id"], off["reason-values"]) == ("no-management-of-cpu", {})
    changed = api.post(f"{GROUPS}/{gold['object-id']}", {"guest-policy": {"drift": "correct"}})
    assert changed["guest-policy"] == {"drift": "correct"}
    assert fields(api, DB1)["drift"]["value"] == "correct"


def test_adjustments_say_what_became_of_a_value_that_somebody_changed(api: ApiHost) -> None:
    def found(cause: str) -> list[dict[str, Any]]:
        listed = api.get(f"/dynamic-resource-adjustments?cause={cause}&virtual-server={DB1.rpartition('/')[2]}")
        return list(listed["dynamic-resource-adjustments"])

    api.post(f"{DB1}/guest-policy", {"blkio-weight": 300})
    api.post("/mgmt-levels", {"cpu-mgmt": "advise"})
    api.cycle()
    (advised,) = found("guest-policy")
    assert (advised["outcome"], advised["cause"]) == ("advised", "guest-policy")
    assert advised["detail"] == "guest policy, blkio-weight of db1: usual would become 300"
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    api.cycle()
    api.hypervisor.tune_by_hand(uuid_of("db1"), blkio_weight=900)
    api.cycle()
    (corrected,) = found("drift-corrected")
    assert (corrected["outcome"], corrected["resource"]) == ("applied", "cpu")
    assert corrected["detail"].endswith("somebody set 900; set to 300 again")
    api.post(f"{DB1}/guest-policy", {"drift": "report"})
    api.hypervisor.tune_by_hand(uuid_of("db1"), blkio_weight=900)
    api.cycle()
    (reported,) = found("drift-reported")
    assert (reported["outcome"], reported["reason"]) == ("failed", "changed-by-administrator")
    assert found("nobody-knows") == found("placement") == []


def test_of_a_server_that_does_not_run_nothing_is_in_force(api: ApiHost) -> None:
    api.hypervisor.set_host_memory(65536)
    api.post("/mgmt-levels", {"cpu-mgmt": "on", "memory-mgmt": "on"})
    api.post(f"{OFF1}/guest-policy", {"cpu-weight": 300, "huge-pages": "hugetlbfs"})
    told = fields(api, OFF1)
    assert (told["cpu-weight"]["in-force"], told["cpu-weight"]["state"]) == (None, "waits")
    assert told["huge-pages"]["state"] == "next-start"
    assert (told["huge-pages"]["reason-id"], told["cpu-weight"]["reason-id"]) == ("start-of-hpm", "not-running")
    assert api.get(f"{OFF1}/effective-policy")["in-force"] is None


def test_what_is_in_force_and_why_is_told_for_programs_too(api: ApiHost) -> None:
    api.hypervisor.set_host_memory(65536)
    api.post("/mgmt-levels", {"cpu-mgmt": "on", "memory-mgmt": "on"})
    api.post(f"{DB1}/guest-policy", {
        "memory-swap-limit-mib": 65536, "cpu-cap": 0.5, "blkio-weight": 300, "placement": {"type": "cpus", "cpus": "1"},
        "disk-limits": {"nowhere": {"total-iops-sec": 5}},
    })  # fmt: skip
    api.cycle()
    api.cycle()
    told, now = fields(api, DB1), api.get(f"{DB1}/effective-policy")["in-force"]
    assert (now["cpu-cap"], now["blkio-weight"], set(now["vcpu-cpus"])) == (0.5, 300, {"1"})
    assert now["emulator-cpus"] == "" and now["memory-swap-limit-mib"] == 65536 and now["huge-pages"] is False
    assert now["cpu-weight"] == int(told["cpu-weight"]["in-force"])
    why = told["disk-limits"]
    assert (why["state"], why["reason-id"]) == ("impossible", "no-disk")
    assert why["reason-values"] == {"disks": "nowhere"} and why["reason"] == "it has no disk nowhere"
    everywhere = api.post(f"{WEB1}/guest-policy", {"placement": {"type": "cpus", "cpus": "0-1", "exclusive": True}})
    assert everywhere["placement"]["exclusive"]
    api.cycle()
    alone = fields(api, WEB1)["placement"]
    assert alone["reason-id"] == "alone-leaves-none"
    assert alone["reason-values"] == {"wanted": "2", "count": "2", "free": "0-1"}


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"placement": {"type": "cpus", "cpus": "0-7"}}, "placement.cpus", "this host has no CPU 2-7"),
    ({"placement": {"type": "vcpus", "cpus": ["0", "9"]}}, "placement.cpus[1]", "this host has no CPU 9"),
    ({"placement": {"type": "cpus", "cpus": "3-1"}}, "placement.cpus", "no list of CPUs"),
    ({"placement": {"type": "cpus", "cpus": "all"}}, "placement.cpus", "CPUs of the host such as 0-3,8"),
    ({"placement": {"type": "node", "node": 7}}, "placement.node", "no NUMA node 7"),
    ({"emulator-cpus": "5"}, "emulator-cpus", "this host has no CPU 5"),
    ({"cpu-reserve": 1.5, "cpu-cap": 1.0}, "cpu-reserve", "above the cap"),
    ({"cpu-reserve": 3.0}, "cpu-reserve", "more than this host has: 2"),
    ({"cpu-weight": 1}, "cpu-weight", "2 to 10000"),
    ({"blkio-weight": 9}, "blkio-weight", "10 to 1000"),
    ({"disk-limits": {"vda": {"total-iops-sec": 1, "read-iops-sec": 1}}}, "disk-limits.vda.total-iops-sec", "beside"),
    ({"disk-limits": {}}, "disk-limits", "at least one disk"),
    ({"start": {"depends-on": [{}]}}, "start.depends-on[0]", "one of both"),
]


@pytest.mark.parametrize(("wanted", "path", "words"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_what_cannot_be_is_refused_and_leaves_no_trace(
    api: ApiHost, wanted: dict[str, Any], path: str, words: str
) -> None:
    api.post(f"{DB1}/guest-policy", {"cpu-weight": 100})
    error = api.refused("POST", f"{DB1}/guest-policy", {"drift": "report", **wanted})
    assert (error["http-status"], error["reason"]) == (400, 7)
    assert error["message"].startswith(f"{path}: ") and words in error["message"]
    assert api.get(f"{DB1}/guest-policy") == {"cpu-weight": 100}


def test_groups_and_classes_are_held_to_what_the_host_has_too(api: ApiHost) -> None:
    bad = {"placement": {"type": "cpus", "cpus": "5"}}
    classes = [service_class("all", **{"guest-policy": bad})]
    gold = api.group("Gold", policy())
    refused = [
        ("POST", GROUPS, {"name": "Bad", "guest-policy": bad}, "guest-policy.placement.cpus"),
        ("POST", f"{GROUPS}/{gold}", {"guest-policy": bad}, "guest-policy.placement.cpus"),
        ("POST", f"{GROUPS}/{gold}", {"perf-policies": [policy("x", *classes)]},
         "perf-policies[0].service-classes[0].guest-policy.placement.cpus"),
        ("POST", f"{GROUPS}/{gold}/policies", policy("x", *classes), "service-classes[0].guest-policy.placement.cpus"),
        ("POST", f"{GROUPS}/{gold}/policies/weekday", {"service-classes": classes},
         "service-classes[0].guest-policy.placement.cpus"),
        ("POST", f"{GROUPS}/import", {"workload-resource-groups": [{"name": "Gold", "guest-policy": bad}]},
         "workload-resource-groups[0].guest-policy.placement.cpus"),
        ("POST", f"{GROUPS}/import", {"virtual-servers": [{"uuid": NOBODY, "guest-policy": bad}]},
         "virtual-servers[0].guest-policy.placement.cpus"),
    ]  # fmt: skip
    for method, path, body, where in refused:
        error = api.refused(method, path, body, headers={"Content-Type": "application/json"})
        assert error["http-status"] == 400 and where in error["message"], error


def test_what_somebody_else_changed_is_not_overwritten(api: ApiHost) -> None:
    tag = api.send("GET", f"{DB1}/guest-policy").headers["etag"]
    api.post(f"{DB1}/guest-policy", {"cpu-weight": 100}, headers={"If-Match": tag})
    assert api.refused("POST", f"{DB1}/guest-policy", {}, headers={"If-Match": tag})["http-status"] == 412


@pytest.mark.parametrize("below", ["guest-policy", "effective-policy"])
def test_of_nobody_there_is_no_policy(api: ApiHost, below: str) -> None:
    assert api.refused("GET", f"{SERVERS}/{NOBODY}/{below}")["http-status"] == 404


def test_what_is_in_force_is_written_into_the_definition(api: ApiHost) -> None:
    assert "nothing to write" in api.refused("POST", f"{OFF1}/effective-policy/persist")["message"]
    api.post(f"{OFF1}/guest-policy", {"drift": "report"})
    error = api.refused("POST", f"{OFF1}/effective-policy/persist")
    assert error["http-status"] == 409 and "drift: it is hpm's own" in error["message"]
    wanted = {"placement": {"type": "cpus", "cpus": "1"}, "cpu-weight": 77, "page-sharing": False, "cpu-reserve": 0.1}
    api.post(f"{OFF1}/guest-policy", wanted)
    done = api.send("POST", f"{OFF1}/effective-policy/persist").json()
    assert done["written"] == ["placement", "cpu-weight", "page-sharing"]
    assert set(done["left-out"]) == {"cpu-reserve", "drift"}
    api.hypervisor.start(uuid_of("off1"))
    try:
        api.cycle()
        api.post("/mgmt-levels", {"memory-mgmt": "advise"})
        told = fields(api, OFF1)
        assert (told["placement"]["in-force"], told["cpu-weight"]["in-force"]) == ("CPUs 1", "77")
        assert told["page-sharing"]["state"] == "holds"
    finally:
        api.hypervisor.stop(uuid_of("off1"))
        api.cycle()


def test_a_limit_that_would_kill_a_guest_is_not_written(api: ApiHost) -> None:
    api.post(f"{OFF1}/guest-policy", {"memory-swap-limit-mib": 64, "cpu-weight": 77})
    done = api.send("POST", f"{OFF1}/effective-policy/persist").json()
    assert done["written"] == ["cpu-weight"]
    assert "the kernel would kill it" in done["left-out"]["memory-swap-limit-mib"]
