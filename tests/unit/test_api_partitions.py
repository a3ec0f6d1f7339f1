"""Partitions by REST: their life, their parameters, and what is refused with nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hpm.backend.simulated import ServerSpec, Spin, uuid_of
from hpm.policy.partitions import partition_id
from hpm.store.database import Database

from .api_host import GROUPS, SERVERS, ApiHost, policy

PARTITIONS = "/partitions"
GOLD = "/machine/gold"
DB = "/machine/gold/db"


def uri(path: str) -> str:
    return f"{PARTITIONS}/{partition_id(path)}"


def clean(api: ApiHost) -> None:
    """Leave neither definitions nor partitions behind."""
    hypervisor = api.hypervisor
    for uuid, info in dict(hypervisor.observe().infos).items():
        if info.name.startswith("part-"):
            hypervisor.delete(uuid)
    hypervisor.partitions.lacking = {}
    with api.manager.partitions.change("test") as changing:
        for path in sorted(changing.states, reverse=True):
            if path != "/machine":
                changing.destroy(path)
    api.cycle()


@pytest.fixture(autouse=True)
def cleaned(api: ApiHost) -> Iterator[None]:
    yield
    api.reset()
    clean(api)


def member(api: ApiHost, name: str, path: str | None, **more: Any) -> str:
    """The UUID of a server that spins in a partition."""
    parent = "machine" if path is None else "/".join(
        [step if step == "machine" else f"{step}.partition" for step in path[1:].split("/")]
    )
    uuid = api.hypervisor.add_server(ServerSpec(name=f"part-{name}", load=Spin(), parent=parent, **more))
    api.cycle()
    return uuid


def define(api: ApiHost, path: str, **more: Any) -> Any:
    return api.post(PARTITIONS, {"path": path, **more})


def act(api: ApiHost, path: str, action: str) -> Any:
    return api.post(f"{uri(path)}/actions", {"action": action})


def test_the_life_of_a_partition(api: ApiHost) -> None:
    made = define(api, GOLD, description="Orders", parameters={"cpu": {"shares": 3000}})
    assert (made["state"], made["persistent"], made["autostart"], made["live"]) == ("inactive", True, True, None)
    assert made["config"]["cpu"] == {"shares": 3000}
    assert made["parent"].endswith(uri("/machine"))
    active = act(api, GOLD, "create")
    assert active["state"] == "active"
    assert active["live"]["cpu"] == {"shares": 3000, "period-us": 100000}
    assert api.refused("POST", f"{uri(GOLD)}/actions", {"action": "create"})["http-status"] == 409
    transient = act(api, GOLD, "undefine")
    assert (transient["state"], transient["persistent"], transient["config"]) == ("active", False, None)
    assert act(api, GOLD, "destroy")["state"] == "gone"
    assert api.refused("GET", uri(GOLD))["http-status"] == 404
    again = define(api, GOLD, create=True, autostart=False)
    assert (again["state"], again["autostart"]) == ("active", False)
    assert act(api, GOLD, "destroy")["state"] == "inactive"
    assert act(api, GOLD, "undefine")["state"] == "gone"
    listed = api.get(PARTITIONS)
    assert [one["path"] for one in listed["partitions"]] == ["/machine"]
    assert (listed["how"], listed["lacking"]) == ("simulated", {})


def test_a_transient_partition(api: ApiHost) -> None:
    made = define(api, GOLD, persistent=False, parameters={"cpu": {"quota-us": 50000}})
    assert (made["state"], made["persistent"], made["effective"]["cpu-cap"]) == ("active", False, 0.5)
    for more in ({"reserve": 0.5}, {"description": "x"}, {"autostart": False}):
        error = api.refused("POST", PARTITIONS, {"path": "/machine/other", "persistent": False, **more})
        assert "is defined" in error["message"]
    assert api.refused("POST", PARTITIONS, {"path": GOLD, "persistent": False})["reason"] == 8
    assert "not active" in api.refused("POST", PARTITIONS, {"path": "/machine/x/y", "persistent": False})["message"]
    # defining one that is there makes it a lasting one, as with a transient domain
    assert define(api, GOLD, parameters={"cpu": {"shares": 50}})["drift"] == ["cpu.shares"]


def test_parameters_live_and_configured(api: ApiHost) -> None:
    define(api, GOLD, create=True)
    changes: dict[str, dict[str, Any]] = {
        "cpu": {"shares": 2000, "quota-us": 25000, "period-us": 50000},
        "blkio": {"weight": 500, "devices": [
            {"device": "/dev/vda", "read-bytes-sec": 1, "write-bytes-sec": 2, "read-iops-sec": 3, "write-iops-sec": 4},
        ]},
        "memory": {"hard-limit-mib": 512, "soft-limit-mib": 256, "swap-limit-mib": 1024},
        "numa": {"cpus": "1", "mems": "0"},
    }  # fmt: skip
    for group, wanted in changes.items():
        path = f"{uri(GOLD)}/parameters/{group}"
        assert api.post(path, wanted) == {"live": wanted, "config": wanted}
        assert api.get(f"{path}?affect=live") == {"live": wanted, "config": None}
        assert api.get(f"{path}?affect=config") == {"live": None, "config": wanted}
        assert api.get(f"{path}?affect=both") == api.get(path) == {"live": wanted, "config": wanted}
    whole = api.get(uri(GOLD))
    assert whole["live"] == whole["config"] == changes
    other = define(api, "/machine/other", create=True, parameters=changes)
    assert other["live"] == other["config"] == changes
    assert whole["drift"] == []
    cpu = f"{uri(GOLD)}/parameters/cpu"
    assert api.post(f"{cpu}?affect=live", {"shares": 100})["live"]["shares"] == 100
    assert api.get(uri(GOLD))["drift"] == ["cpu.shares"]
    assert api.post(f"{cpu}?affect=config", {"quota-us": None})["config"] == {"shares": 2000, "period-us": 50000}
    assert api.get(uri(GOLD))["live"]["cpu"]["quota-us"] == 25000
    back = api.post(f"{cpu}?affect=both", {"shares": None, "quota-us": None, "period-us": None})
    assert back == {"live": {"shares": 1024, "period-us": 100000}, "config": {}}
    for group, null in (("blkio", {"weight": None, "devices": []}),
                        ("memory", dict.fromkeys(changes["memory"])), ("numa", {"cpus": None, "mems": None})):
        assert api.post(f"{uri(GOLD)}/parameters/{group}", null)["config"] == {}


def test_what_is_not_there_has_no_parameters(api: ApiHost) -> None:
    define(api, GOLD)
    define(api, "/machine/short", persistent=False)
    for group, body in (("cpu", {"shares": 2}), ("blkio", {"weight": 10}), ("memory", {"hard-limit-mib": 9}),
                        ("numa", {"cpus": "0"})):
        for path, affect in ((GOLD, "live"), (GOLD, "both"), ("/machine/short", "config"), ("/machine/short", "both")):
            where = f"{uri(path)}/parameters/{group}?affect={affect}"
            for method, sent in (("GET", None), ("POST", body)):
                error = api.refused(method, where, sent)
                assert (error["http-status"], error["reason"]) == (409, 2)
    assert api.get(f"{uri('/machine')}/parameters/cpu")["live"]["shares"] == 1024
    for group in ("cpu", "blkio", "memory", "numa"):
        assert api.refused("POST", f"{uri('/machine')}/parameters/{group}", {})["http-status"] == 409


def test_shares_members_use_and_effective_limits(api: ApiHost) -> None:
    define(api, GOLD, create=True, parameters={"cpu": {"shares": 1024, "quota-us": 150000}, "memory": {
        "hard-limit-mib": 300,
    }})  # fmt: skip
    define(api, DB, create=True, parameters={"cpu": {"quota-us": 100000, "shares": 500}, "numa": {"cpus": "0"}})
    define(api, "/machine/gold/web", create=True, parameters={"cpu": {"quota-us": 200000, "shares": 1500}})
    one, other = member(api, "a", DB), member(api, "b", GOLD, shares=2000)
    api.cycle()
    gold, db, web = (api.get(uri(path)) for path in (GOLD, DB, "/machine/gold/web"))
    assert [child.rpartition("/")[2] for child in gold["children"]] == [
        partition_id(DB), partition_id("/machine/gold/web")
    ]
    assert gold["virtual-servers"] == [f"{api.bases[0]}{SERVERS}/{other}"]
    assert db["virtual-servers"] == [f"{api.bases[0]}{SERVERS}/{one}"]
    # 500, 1500 and the server's own 2000 stand beside each other
    assert (db["shares-percent"], web["shares-percent"]) == (12.5, 37.5)
    assert db["effective"] == {
        "cpu-cap": 1.0, "cpu-cap-from": DB, "memory-limit-mib": 300, "memory-limit-from": GOLD, "cpus": "0",
        "mems": "0",
    }  # fmt: skip
    assert (web["effective"]["cpu-cap"], web["effective"]["cpu-cap-from"]) == (1.5, GOLD)
    assert gold["cpu-using"] > db["cpu-using"] > 0
    assert gold["memory-used-mib"] == 1024
    assert api.get(f"{SERVERS}/{one}")["partition"] == DB
    assert api.get(f"{SERVERS}/{one}/explain")["sentences"][1] == (
        f"It stands in the partition {DB}, and shares with the others there what the partition gets as a whole: at most"
        " 1 CPUs."
    )
    assert api.get(uri("/machine"))["shares-percent"] is None


def test_what_libvirt_cannot_tell_is_said(api: ApiHost) -> None:
    api.hypervisor.faults.problem = "libvirt is gone"
    try:
        api.cycle()
        assert api.get(PARTITIONS)["problem"] == "libvirt is gone"
        # the kernel answers all the same
        assert define(api, GOLD, create=True)["state"] == "active"
    finally:
        api.hypervisor.faults.problem = None


def test_partitions_are_told_to_prometheus(api: ApiHost) -> None:
    define(api, GOLD, create=True, parameters={"cpu": {"quota-us": 150000, "shares": 77}})
    member(api, "a", GOLD)
    api.cycle()
    text = api.send("GET", "/metrics/prometheus").text
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("hpm_partition_"))
    assert told['hpm_partition_cpu_shares{partition="/machine/gold"}'] == "77"
    assert told['hpm_partition_cpu_cap_cpus{partition="/machine/gold"}'] == "1.5"
    assert 'hpm_partition_cpu_cap_cpus{partition="/machine"}' not in told    # it has none
    assert float(told['hpm_partition_memory_used_bytes{partition="/machine/gold"}']) == 1 << 30
    used = float(told['hpm_partition_cpu_using_cpus{partition="/machine/gold"}'])
    assert 0.1 < used < float(told['hpm_partition_cpu_using_cpus{partition="/machine"}'])


def test_what_is_not_empty_is_not_destroyed(api: ApiHost) -> None:
    define(api, GOLD, create=True)
    define(api, DB, create=True)
    assert DB in api.refused("POST", f"{uri(GOLD)}/actions", {"action": "destroy"})["message"]
    member(api, "db1", DB)
    error = api.refused("POST", f"{uri(DB)}/actions", {"action": "destroy"})
    assert (error["http-status"], error["reason"]) == (409, 2)
    assert "part-db1" in error["message"]
    assert DB in api.refused("POST", f"{uri(GOLD)}/actions", {"action": "undefine"})["message"]
    assert api.get(uri(DB))["state"] == "active"
    for action in ("create", "destroy", "undefine"):
        assert api.refused("POST", f"{uri('/machine')}/actions", {"action": action})["http-status"] == 409
    define(api, "/machine/x")
    assert "not active" in api.refused("POST", f"{uri('/machine/x')}/actions", {"action": "destroy"})["message"]


@pytest.mark.parametrize(("path", "why"), [
    ("/machine/../etc", "dot"), ("/machine/a.service", "dot"), ("/machine/a.partition", "dot"),
    ("/machine/a-b", "levels"), ("/machine/a\\x2d", "backslash"), ("/machine//a", "slash too many"),
    ("/machine/", "slash too many"),
    ("/system/a", "/machine"), ("machine/a", "/machine"), ("/machine/cpu", "controller"),
    ("/machine/_a", "libvirt keeps"),
    ("/machine/ä", "other characters"), ("/machine/" + "a" * 33, "33 characters"), ("/machine/a\n", "other characters"),
    ("/machine" + "/a" * 200, "201 levels"), ("/machine/a/b/c/d/e/f", "7 levels"),
])  # fmt: skip
def test_names_that_leave_the_tree_are_refused_with_why(api: ApiHost, path: str, why: str) -> None:
    error = api.refused("POST", PARTITIONS, {"path": path, "create": True})
    assert error["http-status"] == 400
    assert why in error["message"]
    assert error["error-details"] == {"path": "path"}
    assert [one["path"] for one in api.get(PARTITIONS)["partitions"]] == ["/machine"]


@pytest.mark.parametrize(("body", "where"), [
    ({"parameters": {"numa": {"cpus": "0-9"}}}, "parameters.numa.cpus"),
    ({"parameters": {"numa": {"mems": "3"}}}, "parameters.numa.mems"),
    ({"parameters": {"numa": {"cpus": "3-1"}}}, "parameters.numa.cpus"),
    ({"parameters": {"cpu": {"quota-us": 999}}}, "parameters.cpu.quota-us"),
    ({"parameters": {"cpu": {"shares": 1}}}, "parameters.cpu.shares"),
    ({"parameters": {"memory": {"hard-limit-mib": 10, "soft-limit-mib": 11}}}, "parameters.memory.soft-limit-mib"),
    ({"parameters": {"memory": {"swap-limit-mib": 11}}}, "parameters.memory.swap-limit-mib"),
    ({"parameters": {"blkio": {"devices": [{"device": "/etc/passwd"}]}}}, "parameters.blkio.devices[0].device"),
    ({"parameters": {"blkio": {"devices": [{"device": "/dev/../etc"}]}}}, "parameters.blkio.devices[0].device"),
    ({"parameters": {"blkio": {"devices": [{"device": "/dev/vda"}] * 2}}}, "parameters.blkio.devices[1].device"),
    ({"parameters": {"blkio": {"devices": [{"device": "/dev/nothing"}]}}}, "blkio.devices"),
    ({"reserve": 64}, "reserve"),
    ({"reserve": 1, "parameters": {"cpu": {"quota-us": 50000}}}, "reserve"),
])  # fmt: skip
def test_bad_values_are_refused_and_leave_nothing(api: ApiHost, body: dict[str, Any], where: str) -> None:
    error = api.refused("POST", PARTITIONS, {"path": GOLD, "create": True, **body})
    assert (error["http-status"], error["error-details"]["path"]) == (400, where)
    assert [one["path"] for one in api.get(PARTITIONS)["partitions"]] == ["/machine"]


def test_reserves_fit_into_those_above(api: ApiHost) -> None:
    define(api, GOLD, reserve=1.0)
    define(api, DB, reserve=0.75)
    error = api.refused("POST", PARTITIONS, {"path": "/machine/gold/web", "reserve": 0.5})
    assert "1.25" in error["message"]
    # nor may the one above become too small for those below, or take more than the host has beside others
    assert DB in api.refused("POST", uri(GOLD), {"reserve": 0.5})["message"]
    define(api, "/machine/silver", reserve=0.5)
    assert "this host has 2" in api.refused("POST", uri("/machine/silver"), {"reserve": 1.5})["message"]
    assert api.post(uri("/machine/silver"), {"reserve": 1, "description": "s", "autostart": False})["reserve"] == 1
    assert api.post(uri("/machine/silver"), {"reserve": None})["reserve"] is None
    capped = api.refused("POST", f"{uri(GOLD)}/parameters/cpu", {"quota-us": 50000})
    assert "below the reserve" in capped["message"]
    assert api.refused("POST", uri("/machine"), {"reserve": 1})["http-status"] == 409
    # what servers in it are entitled to is told beside it
    db1 = member(api, "db1", DB)
    api.post(f"{SERVERS}/{db1}", {"cpu-reserve": 0.25})
    assert (api.get(uri(DB))["reserved"], api.get(uri(GOLD))["reserved"]) == (0.25, 0.75)


def test_a_host_that_lacks_a_controller_says_so(api: ApiHost) -> None:
    api.hypervisor.partitions.lacking = {
        "blkio.weight": "no bfq here", "memory": "not mounted", "numa": "no", "cpu": "no",
    }  # fmt: skip
    define(api, GOLD, create=True)
    for group, body, why in (("blkio", {"weight": 20}, "no bfq"), ("memory", {"hard-limit-mib": 20}, "not mounted"),
                             ("numa", {"cpus": "0"}, "no"), ("cpu", {"quota-us": 2000}, "no")):
        error = api.refused("POST", f"{uri(GOLD)}/parameters/{group}", body)
        assert (error["http-status"], error["reason"]) == (409, 2)
        assert why in error["message"]
    assert api.get(PARTITIONS)["lacking"]["memory"] == "not mounted"
    # neither half is done: what cannot be in force is not defined either
    assert api.get(uri(GOLD))["config"] == {}


@pytest.mark.own_server("Wok's log would tell of the error, and is to be free of such")
def test_what_fails_in_the_middle_is_undone(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    define(api, GOLD, create=True, parameters={"cpu": {"shares": 500}})

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "transaction", full)
        assert api.send("POST", f"{uri(GOLD)}/parameters/cpu", {"shares": 900}).status_code == 500
        assert api.send("POST", PARTITIONS, {"path": "/machine/silver", "create": True}).status_code == 500
    assert api.get(f"{uri(GOLD)}/parameters/cpu") == {
        "live": {"shares": 500, "period-us": 100000}, "config": {"shares": 500},
    }  # fmt: skip
    assert [one["path"] for one in api.get(PARTITIONS)["partitions"]] == ["/machine", GOLD]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(api: ApiHost) -> None:
    made = define(api, GOLD, create=True)
    tag = api.send("GET", uri(GOLD)).headers["etag"]
    api.cycle()
    assert api.send("POST", uri(GOLD), {"description": "x"}, headers={"If-Match": tag}).status_code == 200
    assert api.send("POST", uri(GOLD), {"description": "y"}, headers={"If-Match": tag}).status_code == 412
    assert api.send("POST", f"{uri(GOLD)}/actions", {"action": "destroy"}, headers={"If-Match": tag}).status_code == 412
    for group in ("cpu", "blkio", "memory", "numa"):
        path = f"{uri(GOLD)}/parameters/{group}"
        assert api.send("POST", path, {}, headers={"If-Match": '"old"'}).status_code == 412
    assert made["object-id"] == partition_id(GOLD)
    twice = {"devices": [{"device": "/dev/vda"}] * 2}
    assert api.refused("POST", f"{uri(GOLD)}/parameters/blkio", twice)["reason"] == 8


def test_partitions_of_a_policy_file_are_checked_against_the_host(api: ApiHost) -> None:
    define(api, GOLD, reserve=1.0)
    define(api, DB, reserve=0.75)
    exported = api.get(f"{GROUPS}/export")
    assert exported["partitions"] == [{"path": GOLD, "reserve": 1.0}, {"path": DB, "reserve": 0.75}]
    assert api.post(f"{GROUPS}/import", exported)["changed"] is False
    far = {"path": "/machine/far", "parameters": {"numa": {"cpus": "9"}}}
    error = api.refused("POST", f"{GROUPS}/import", {"partitions": [{"path": "/machine/near"}, far]})
    assert "this host has no CPU 9" in error["message"]
    assert error["error-details"]["path"] == "partitions[1].parameters.numa.cpus"
    error = api.refused("POST", f"{GROUPS}/import", {"partitions": [{"path": GOLD, "reserve": 0.5}]})
    assert f"the partition {DB} would break" in error["message"]
    told = api.post(f"{GROUPS}/import", {"partitions": [{"path": "/machine/near", "description": "n"}]})
    assert told["partitions"] == [{"path": "/machine/near", "change": "created", "fields": [
        {"field": "description", "before": None, "after": "n"},
    ]}]  # fmt: skip
    assert api.get(uri("/machine/near"))["state"] == "inactive"    # a file defines; what is there is another question
    told = api.post(f"{GROUPS}/import?replace=true", {"partitions": [{"path": "/machine/near"}]})
    assert {one["path"]: one["change"] for one in told["partitions"]} == {
        GOLD: "deleted", DB: "deleted", "/machine/near": "changed",
    }  # fmt: skip


def test_a_group_backed_by_a_partition(api: ApiHost) -> None:
    define(api, GOLD, create=True)
    inside, away = member(api, "in", GOLD), member(api, "out", None)
    group = api.post(GROUPS, {"name": "Gold", "perf-policies": [policy()], "partition": GOLD})
    one = f"{GROUPS}/{group['object-id']}"
    assert (group["partition"], group["virtual-servers-elsewhere"]) == (GOLD, [])
    whole = api.post(f"{one}/actions", {"action": "add-virtual-servers", "virtual-servers": [inside, away]})
    assert whole["virtual-servers-elsewhere"] == [f"{api.bases[0]}{SERVERS}/{away}"]
    told = api.get(f"{SERVERS}/{away}")
    assert (told["partition-at-start"], told["partition-at-start-origin"]) == (GOLD, "workload-resource-group")
    assert api.get(uri(GOLD))["workload-resource-groups"] == [f"{api.bases[0]}{one}"]
    assert "'Gold'" in api.refused("POST", f"{uri(GOLD)}/actions", {"action": "undefine"})["message"]
    assert "no partition /machine/none" in api.refused("POST", one, {"partition": "/machine/none"})["message"]
    assert "partition" not in api.post(one, {"partition": None})
    assert api.post(one, {"partition": GOLD})["partition"] == GOLD


def test_a_server_is_put_into_a_partition_at_its_next_start(api: ApiHost) -> None:
    define(api, GOLD, create=True)
    db1 = uuid_of("db1")
    told = api.post(f"{SERVERS}/{db1}", {"partition": GOLD})
    assert (told["partition"], told["partition-at-start"]) == ("/machine", GOLD)
    assert told["partition-at-start-origin"] == "virtual-server"
    sentences = api.get(f"{SERVERS}/{db1}/explain")["sentences"]
    assert sentences[1] == f"From its next start on, when hpm starts it, it stands in the partition {GOLD}."
    assert db1 in api.refused("POST", f"{uri(GOLD)}/actions", {"action": "undefine"})["message"]
    api.post(f"{SERVERS}/{db1}", {"partition": None})
    off1 = uuid_of("off1")
    assert api.post(f"{SERVERS}/{off1}", {"partition": GOLD, "persist": True})["partition"] == GOLD
    assert api.refused("POST", f"{SERVERS}/{off1}", {"persist": True})["error-details"] == {"path": "persist"}
    api.post(f"{SERVERS}/{off1}", {"partition": None})
    api.cycle()
    assert api.get(f"{SERVERS}/{off1}")["partition"] == GOLD    # its definition says so by now
    api.hypervisor.set_partition(off1, None)
    assert "no partition" in api.refused("POST", f"{SERVERS}/{db1}", {"partition": "/machine/none"})["message"]
    assert "dot" in api.refused("POST", f"{SERVERS}/{db1}", {"partition": "/machine/../x"})["message"]


@pytest.mark.parametrize("wanted", [{}, {"release": True}])
def test_what_was_written_into_a_definition_is_put_back_where_the_rest_fails(
    api: ApiHost, wanted: dict[str, Any]
) -> None:
    define(api, GOLD)
    off1 = uuid_of("off1")

    def defined() -> str | None:
        return api.hypervisor.observe().infos[off1].partition

    before = defined()
    if not wanted:    # the store is what fails; else there is nothing to release
        api.manager.database.rows("PRAGMA query_only=ON")
    try:
        error = api.refused("POST", f"{SERVERS}/{off1}", {"partition": GOLD, "persist": True, **wanted})
    finally:
        api.manager.database.rows("PRAGMA query_only=OFF")
    assert error["http-status"] == (409 if wanted else 500) and defined() == before != GOLD
    assert api.get(f"{SERVERS}/{off1}")["partition"] != GOLD


def test_what_was_done_is_in_the_activity_log_with_its_path(api: ApiHost) -> None:
    define(api, GOLD, create=True)
    api.post(f"{uri(GOLD)}/parameters/cpu?affect=live", {"shares": 77})
    entries = api.get("/activity-log?limit=2")["activity-log"]
    assert entries[0]["summary"] == f"Change the CPU parameters of a partition: {GOLD}: shares 77"
    assert entries[0]["request-uri"].endswith("?affect=live")
    assert entries[1]["summary"] == f"Define a partition, or create a transient one: path {GOLD} create true"


def test_partitions_are_not_touched_by_the_management_level(api: ApiHost) -> None:
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    define(api, GOLD, create=True, parameters={"cpu": {"shares": 77}})
    api.post("/mgmt-levels", {"cpu-mgmt": "off"})
    assert api.get(uri(GOLD))["live"]["cpu"]["shares"] == 77
