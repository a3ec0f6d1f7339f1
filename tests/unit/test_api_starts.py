"""Starting and stopping through the API: jobs, what depends on what, and what libvirt's hook is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hpm.backend.simulated import ServerSpec, uuid_of
from hpm.policy.guest_policies import GuestPolicy
from hpm.policy.start_policies import Dependency, PortAnswers

from .api_host import FILTER, GROUPS, NOBODY, SERVERS, ApiHost, policy, service_class
from .start_house import StartPolicy, needs

OFF, WEB, DB = "off1", "web1", "db1"


@pytest.fixture
def host(api: ApiHost) -> Iterator[ApiHost]:
    """`off1` does not run and needs a database that does not run either."""
    hypervisor = api.hypervisor
    hypervisor.add_server(ServerSpec(name="store", status="shut-off"))
    say(api, "store", StartPolicy(ready=PortAnswers(5432)))
    say(api, OFF, needs("store"))
    hypervisor.faults.unready[uuid_of("store")] = "its port 5432 does not answer"
    yield api
    for job in api.manager.starting.jobs():
        if job.state == "running":
            api.manager.starting.cancel(job.id, "test")
    api.reset()
    hypervisor.faults.unready.clear()
    hypervisor.faults.deaf.clear()
    hypervisor.delete(uuid_of("store"))
    running = {info.name for info in hypervisor.observe().infos.values() if info.status == "running"}
    for name in {DB, WEB, "db2", "idle1"} - running:
        hypervisor.start(uuid_of(name))
    if OFF in running:
        hypervisor.stop(uuid_of(OFF))
    api.cycle()


def say(api: ApiHost, name: str, policy: StartPolicy) -> None:
    api.manager.look()
    with api.manager.change() as change:
        settings = change.catalog.settings(uuid_of(name)).with_policy(GuestPolicy(start=policy))
        change.catalog = change.catalog.with_settings(uuid_of(name), settings)


def settle(api: ApiHost) -> None:
    """Let what was asked for happen."""
    for _ in range(5):
        api.cycle(1.0)


def act(api: ApiHost, name: str, **action: object) -> dict[str, object]:
    made: dict[str, object] = api.post(f"{SERVERS}/{uuid_of(name)}/actions", action)
    return made


def test_a_start_is_a_job_that_can_be_watched_and_cancelled(host: ApiHost) -> None:
    job = act(host, OFF, action="start")
    assert (job["class"], job["action"], job["state"], job["workload-resource-group"]) == (
        "start-job", "start", "running", None
    )  # fmt: skip
    settle(host)
    seen = host.get(f"/start-jobs/{job['object-id']}")
    told = {s["name"]: (s["asked"], s["phase"], s["reason"]) for s in seen["virtual-servers"]}
    assert told == {
        OFF: (True, "waiting", "waits for store (its port 5432 does not answer)"),
        "store": (False, "started", "its port 5432 does not answer"),
    }
    assert host.get("/start-jobs")["start-jobs"][0]["object-id"] == job["object-id"]
    stop = host.refused("POST", f"{SERVERS}/{uuid_of('store')}/actions", {"action": "stop", "dependants": "leave"})
    assert (stop["http-status"], stop["reason"]) == (409, 2) and "is to start store" in stop["message"]
    assert [one["object-id"] for one in host.get("/start-jobs?state=running")["start-jobs"]] == [job["object-id"]]
    assert host.refused("GET", "/start-jobs?state=walking")["http-status"] == 400
    ended = host.send("POST", f"/start-jobs/{job['object-id']}/cancel")
    assert ended.status_code == 200 and ended.json()["state"] == "cancelled" and ended.json()["ended"]
    assert host.get("/start-jobs?state=running")["start-jobs"] == []
    again = host.refused("POST", f"/start-jobs/{job['object-id']}/cancel")
    assert (again["http-status"], again["reason"]) == (409, 2)
    for path in ("/start-jobs/999999", "/start-jobs/x"):
        assert host.refused("GET", path)["http-status"] == 404
        assert host.refused("POST", f"{path}/cancel")["http-status"] == 404


def test_a_group_starts_and_stops(host: ApiHost) -> None:
    group = host.group("Tier", servers=(OFF, "store"))
    host.hypervisor.faults.unready.clear()
    job = host.post(f"{GROUPS}/{group}/actions", {"action": "start"})
    assert job["workload-resource-group"].endswith(f"{GROUPS}/{group}")
    settle(host)
    assert host.get(f"/start-jobs/{job['object-id']}")["state"] == "done"
    nothing = host.refused("POST", f"{GROUPS}/{group}/actions", {"action": "start"})
    assert (nothing["http-status"], nothing["reason"]) == (409, 2) and "off1, store run already" in nothing["message"]
    job = host.post(f"{GROUPS}/{group}/actions", {"action": "stop", "grace-seconds": 0, "force": True})
    settle(host)
    assert host.get(f"/start-jobs/{job['object-id']}")["state"] == "done"
    assert host.refused("POST", f"{GROUPS}/{NOBODY}/actions", {"action": "stop"})["http-status"] == 404


def test_some_servers_start_and_stop_in_one_job_in_the_order_of_their_dependencies(host: ApiHost) -> None:
    host.hypervisor.faults.unready.clear()
    base, off, store, db = host.bases[0], uuid_of(OFF), uuid_of("store"), uuid_of(DB)
    before = len(host.get("/start-jobs")["start-jobs"])
    job = host.post("/start-jobs", {"action": "start", "virtual-servers": [off, f"{base}{SERVERS}/{db}", off]})
    assert (job["class"], job["action"], job["workload-resource-group"]) == ("start-job", "start", None)
    asked = {s["name"]: s["asked"] for s in job["virtual-servers"]}
    assert asked == {OFF: True, "store": False}    # db1 runs already
    settle(host)
    assert host.get(f"/start-jobs/{job['object-id']}")["state"] == "done"
    nothing = host.refused("POST", "/start-jobs", {"action": "start", "virtual-servers": [off, store]})
    assert (nothing["http-status"], nothing["reason"]) == (409, 2) and "off1, store run already" in nothing["message"]
    say(host, WEB, needs(DB))
    stop = {"action": "stop", "virtual-servers": [store, off, db], "grace-seconds": 0, "force": True}
    refused = host.refused("POST", "/start-jobs", stop)
    assert refused["http-status"] == 409 and "web1 needs what is to stop" in refused["message"]
    job = host.post("/start-jobs", {**stop, "dependants": "leave"})
    settle(host)
    done = host.get(f"/start-jobs/{job['object-id']}")
    assert done["state"] == "done" and {s["phase"] for s in done["virtual-servers"]} == {"stopped"}
    since = {s["name"]: s["since"] for s in done["virtual-servers"]}
    assert since[OFF] < since["store"]    # who needs is first
    assert len(host.get("/start-jobs")["start-jobs"]) == before + 2


def test_a_job_of_some_servers_is_checked_whole(host: ApiHost) -> None:
    def refused(wish: dict[str, object]) -> dict[str, object]:
        error: dict[str, object] = host.refused("POST", "/start-jobs", wish)
        return error

    before = host.get("/start-jobs")
    gone = refused({"action": "start", "virtual-servers": [uuid_of(OFF), NOBODY]})
    assert gone["http-status"] == 404 and str(gone["message"]).startswith("virtual-servers[1]: ")
    odd = refused({"action": "start", "virtual-servers": ["off1"]})
    assert (odd["http-status"], odd["reason"]) == (400, 7)
    assert (refused({"action": "stop", "virtual-servers": []})["reason"]) == 7
    assert (refused({"action": "stop"})["reason"]) == 5
    assert (refused({"action": "start", "virtual-servers": [uuid_of(OFF)], "force": True})["reason"]) == 6
    assert host.get("/start-jobs") == before


def test_what_needs_a_server_is_asked_about(host: ApiHost) -> None:
    say(host, WEB, needs(DB))
    refused = host.refused("POST", f"{SERVERS}/{uuid_of(DB)}/actions", {"action": "stop"})
    assert (refused["http-status"], refused["reason"]) == (409, 2)
    assert "web1 needs what is to stop" in refused["message"]
    act(host, DB, action="stop", dependants="stop")
    settle(host)
    assert host.get(f"{SERVERS}/{uuid_of(WEB)}")["status"] == "shut-off"
    assert host.refused("POST", f"{SERVERS}/{NOBODY}/actions", {"action": "stop"})["http-status"] == 404
    host.hypervisor.unreachable_for(1)
    host.hypervisor.faults.problem = "nobody answers"
    host.cycle()
    assert host.refused("POST", f"{SERVERS}/{NOBODY}/actions", {"action": "stop"})["http-status"] == 503
    assert host.refused("POST", "/start-jobs", {"action": "stop", "virtual-servers": [NOBODY]})["http-status"] == 503


def test_a_guest_policy_that_makes_a_circle_is_refused_with_its_path(host: ApiHost) -> None:
    def refused(name: str, on: dict[str, str]) -> dict[str, object]:
        body = {"start": {"depends-on": [on]}}
        error: dict[str, object] = host.refused("POST", f"{SERVERS}/{uuid_of(name)}/guest-policy", body)
        return error

    before = host.get("/dependencies")
    error = refused("store", {"virtual-server": uuid_of(OFF)})
    assert (error["http-status"], error["reason"]) == (400, 7) and " → " in str(error["message"])
    assert str(error["message"]).startswith("start.depends-on: these servers would wait for each other for ever: ")
    assert "cannot wait for itself" in str(refused(DB, {"virtual-server": uuid_of(DB)})["message"])
    assert "start.depends-on[0]" in str(refused(DB, {"virtual-server": NOBODY})["message"])
    assert "no workload resource group" in str(refused(DB, {"workload-resource-group": NOBODY})["message"])
    assert host.get("/dependencies") == before
    group = host.group("Tier", servers=("db2",))
    say(host, WEB, StartPolicy(depends_on=(Dependency(workload_resource_group=group),)))
    kept = host.refused("DELETE", f"{GROUPS}/{group}")
    assert (kept["http-status"], kept["reason"]) == (409, 2) and "what others wait for" in str(kept["message"])


def test_the_graph_says_who_is_ready_and_who_waits_in_a_circle(host: ApiHost) -> None:
    graph = host.get("/dependencies")
    assert [(n["name"], n["status"], n["ready"], n["reason"]) for n in graph["virtual-servers"]] == [
        (OFF, "shut-off", False, "it does not run"), ("store", "shut-off", False, "it does not run"),
    ]  # fmt: skip
    (edge,) = graph["dependencies"]
    assert edge["virtual-server"].endswith(uuid_of(OFF)) and edge["needs"].endswith(uuid_of("store"))
    assert edge["when-it-stops"] == "warn" and graph["cycle"] is None


def test_a_circle_that_a_server_makes_by_itself_is_shown(host: ApiHost) -> None:
    waits = {"start": {"depends-on": [{"virtual-server": uuid_of(WEB)}]}}
    rule = {**FILTER, "value": "loop*"}
    loop = service_class("loop", classification=rule, **{"guest-policy": waits})
    host.group("Loop", policy("day", loop, service_class()), servers=("db2",))
    say(host, WEB, needs("db2"))
    assert host.get("/dependencies")["cycle"] is None
    begin = host.send("GET", "/events?wait=0").text.rpartition("id: ")[2].strip().partition("\n")[0]
    host.hypervisor.rename(uuid_of("db2"), "loop1")    # now it is in the class that waits for web1
    try:
        host.cycle()
        assert set(host.get("/dependencies")["cycle"]) == {WEB, "loop1"}
        host.hypervisor.stop(uuid_of(WEB))
        host.cycle()
        assert host.post("/hooks/qemu", {"virtual-server": uuid_of(WEB)})["start"]    # what it needs is ready
        host.hypervisor.stop(uuid_of("db2"))
        host.cycle()
        refused = host.refused("POST", f"{SERVERS}/{uuid_of(WEB)}/actions", {"action": "start"})
        assert refused["http-status"] == 409 and "wait for each other for ever" in refused["message"]
        host.post(f"{SERVERS}/{uuid_of(DB)}", {"cpu-cap": 1})    # it hinders no other change
        # nor a plain start: none of both could ever be the first
        answer = host.post("/hooks/qemu", {"virtual-server": uuid_of(WEB)})
        assert answer == {"start": True, "message": None, "wait-seconds": 0.0}
        kept = host.get("/activity-log?user=hpm")["activity-log"]
        assert "starts without what it needs" in kept[0]["message"] and "web1 → loop1 → web1" in kept[0]["message"]
        assert any("wait for each other for ever: " in one["message"] for one in kept[1:4])
        said = host.get(f"{SERVERS}/{uuid_of(WEB)}/explain")["sentences"]
        assert any("It waits for itself, by way of others: web1 → loop1 → web1." in one for one in said)
        assert any("what else it needs, and its reserve, do" in one for one in said)
        # what it needs besides is waited for
        say(host, WEB, needs("db2", "store"))
        refused = host.post("/hooks/qemu", {"virtual-server": uuid_of(WEB)})
        assert not refused["start"] and "it waits for store (" in refused["message"]
        assert "loop1" not in refused["message"]
    finally:
        host.hypervisor.rename(uuid_of("db2"), "db2")
        host.cycle()
    asked = {"Last-Event-ID": begin}
    text = host.send("GET", "/events?wait=0&kinds=dependency-cycle", headers=asked).text
    told = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert [len(event["names"]) for event in told] == [3, 0]
    assert told[0]["names"][0] == told[0]["names"][2] and told[0]["cycle"][0].endswith(told[0]["cycle"][2][-36:])


def test_the_hook_is_told_whether_a_guest_may_start(host: ApiHost) -> None:
    def asked(name: str) -> dict[str, object]:
        answer: dict[str, object] = host.post("/hooks/qemu", {"virtual-server": uuid_of(name).upper()})
        return answer

    refused = asked(OFF)
    assert (refused["start"], refused["wait-seconds"]) == (False, 0.0)
    assert refused["message"] == (
        "hpm does not let off1 start: it waits for store (it does not run). To start them in order: hpm vs-start off1"
    )
    assert asked("store") == {"start": True, "message": None, "wait-seconds": 0.0}
    assert host.post("/hooks/qemu", {"virtual-server": NOBODY})["start"]    # nobody said anything of it
    say(host, OFF, needs("store", not_ready="wait", timeout_seconds=5))
    assert asked(OFF)["wait-seconds"] == 5.0
    host.hypervisor.start(uuid_of("store"))
    host.cycle()
    assert "its port 5432 does not answer" in str(asked(OFF)["message"])
    host.hypervisor.faults.unready.clear()
    host.cycle()
    assert asked(OFF)["start"] is True
    kept = host.get("/activity-log?user=hpm")["activity-log"]
    assert kept[0]["outcome"] == "refused" and "waits for store" in kept[0]["message"]


def test_events_tell_of_jobs_and_of_dependencies_that_stop(host: ApiHost) -> None:
    begin = host.send("GET", "/events?wait=0").text.rpartition("id: ")[2].strip().partition("\n")[0]
    say(host, WEB, needs(DB))
    say(host, "db2", needs(DB, when_it_stops="stop"))
    host.hypervisor.faults.deaf.add(uuid_of("db2"))
    host.hypervisor.stop(uuid_of(DB))
    settle(host)
    host.hypervisor.faults.unready.clear()
    group = host.group("Events", servers=("store",))
    host.post(f"{GROUPS}/{group}/actions", {"action": "start"})
    settle(host)
    text = host.send("GET", "/events?wait=0&kinds=start-job,dependency-stopped", headers={"Last-Event-ID": begin}).text
    assert "event: dependency-stopped" in text and "event: start-job" in text
    last = json.loads(text.rpartition("data: ")[2].partition("\n")[0])
    assert last["state"] == "done" and last["ended"] and last["workload-resource-group"].endswith(group)
