"""Every route, on both bases: what it answers when all is well."""

from __future__ import annotations

from typing import Any

import pytest

from hpm.backend.simulated import uuid_of
from hpm.control.api import Api
from hpm.control.route import Route
from hpm.control.routes import routes
from tests.wok.tree import WOK_SRC

from .api_host import BASES, GROUPS, SERVERS, ApiHost, policy, service_class
from .receivers import hook

DB1 = uuid_of("db1")


@pytest.mark.parametrize("base", BASES)
def test_every_route_answers_and_its_uris_stand_below_the_base_asked_for(
    api: ApiHost, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if base not in api.bases:
        pytest.skip("Wok has hpm below /plugins/hpm only")
    hits: list[tuple[str, str]] = []
    find = Api._find

    def noting(self: Api, path: str) -> tuple[Route, dict[str, str]]:
        route, names = find(self, path)
        hits.append((route.method, route.path))
        return route, names

    monkeypatch.setattr(Api, "_find", noting)

    def send(method: str, path: str, body: object = None, status: int = 200) -> Any:
        response = api.send(method, base + path, body)
        assert response.status_code == status, response.text
        other = BASES[1 - BASES.index(base)]
        assert other not in response.text or path.startswith("/activity-log")
        return response.json() if response.content else None

    gold = send("POST", GROUPS, {"name": "Gold", "perf-policies": [policy()]}, 201)
    assert gold["object-uri"] == f"{base}{GROUPS}/{gold['object-id']}"
    one = f"{GROUPS}/{gold['object-id']}"
    act = {"action": "add-virtual-servers", "virtual-servers": [DB1, f"{base}{SERVERS}/{uuid_of('db2')}"]}
    assert send("POST", f"{one}/actions", act)["virtual-servers"] == [
        f"{base}{SERVERS}/{uuid_of(name)}" for name in ("db1", "db2")
    ]
    assert send("GET", one)["name"] == "Gold"
    assert [g["name"] for g in send("GET", GROUPS)["workload-resource-groups"]] == ["Gold", "default"]
    assert [g["name"] for g in send("GET", f"{GROUPS}/detail")["workload-resource-groups"]] == ["Gold", "default"]
    assert send("POST", one, {"description": "databases"})["description"] == "databases"
    assert send("POST", f"{one}/policies", policy("night"), 201)["object-uri"] == f"{base}{one}/policies/night"
    assert [p["name"] for p in send("GET", f"{one}/policies")["perf-policies"]] == ["weekday", "night"]
    assert send("POST", f"{one}/policies/night", {"importance": "low"})["importance"] == "low"
    assert send("GET", f"{one}/policies/night")["revision"] == 2
    assert len(send("GET", f"{one}/policies/night/revisions")["revisions"]) == 2
    assert send("POST", f"{one}/policies/night/revisions/1/restore")["importance"] == "high"
    assert send("POST", f"{one}/preview", policy("other"))["service-classes"][0]["name"] == "db"
    assert send("POST", f"{GROUPS}/preview", {"perf-policy": policy("other")})["virtual-servers"] == []
    send("DELETE", f"{one}/policies/night", status=204)
    history = {"minutes-days": 2.0, "ten-minutes-days": 14.0, "hours-days": 400.0, "size-mib": 1907}
    settings = {
        "interval-seconds": 3.0, "devices-interval-seconds": 300.0, "history": history, "notifications": None,
        "memory-policy": "goals", "allow-guest-swap": False, "manage-ksm": True,
        "placement-interval-seconds": 60.0, "admission": "running",
    }  # fmt: skip
    assert send("GET", "/settings") == settings
    assert send("POST", "/settings", {"admission": "all"}) == {**settings, "admission": "all"}
    assert send("POST", "/settings", {"interval-seconds": 3, "admission": "running"}) == settings
    assert send("GET", "/notifications") == {"missed": [], "webhook": None, "mail": None}
    with hook() as there:
        send("POST", "/settings", {"notifications": {"webhook": {"url": there.url}}})
        assert send("POST", "/notifications/test") == {"webhook": "ok", "mail": None}
    assert send("POST", "/settings", {"notifications": None}) == settings
    send("POST", f"{GROUPS}/default", {"perf-policies": [policy("rest", service_class())]})
    send("POST", "/mgmt-levels", {"cpu-mgmt": "on"})
    api.cycle()
    api.cycle()
    assert [s["name"] for s in send("GET", "/simulations/recorded-host")["virtual-servers"]][:2] == ["db1", "db2"]
    assert [s["side"] for s in send("POST", "/simulations", {"intervals": 1})["sides"]] == ["unmanaged", "managed"]
    assert api.send("GET", f"{base}/events?wait=0").headers["content-type"].startswith("text/event-stream")
    assert "libvirt_up 1.0" in api.send("GET", f"{base}/metrics/prometheus").text
    assert send("GET", "/metrics/history")["lost"] == 0
    monkeypatch.setattr("hpm.engine.suggesting.LEAST_HOURS", 0.0)    # nobody waits half an hour here
    monkeypatch.setattr("hpm.engine.suggesting.LEAST_INTERVALS", 1)
    told = send("GET", f"{one}/suggestion")
    assert told["workload-resource-group"] == f"{base}{one}"
    assert {effect["workload-resource-group"] for effect in told["effects"]} == {f"{base}{GROUPS}/default"}
    told = send("GET", "/virtual-servers/sync")
    assert told["resync"] and told["changed"]["configuration"][0]["configuration"]["group"].startswith(base)
    assert send("GET", f"/virtual-servers/sync?since={told['token']}", status=204) is None
    for kind in ("raw", "calculated"):
        assert send("GET", f"/metrics/{kind}/hypervisor")["metrics"]
        assert send("GET", f"/metrics/{kind}{GROUPS}")["workload-resource-groups"][0]["name"] == "Gold"
        assert send("GET", f"/metrics/{kind}{one}")["workload-resource-group"] == f"{base}{one}"
        assert send("GET", f"/metrics/{kind}{SERVERS}")["virtual-servers"][0]["name"] == "db1"
        assert send("GET", f"/metrics/{kind}{SERVERS}/{DB1}")["virtual-server"] == f"{base}{SERVERS}/{DB1}"
    classes = send("GET", f"{one}/service-classes")
    assert [c["name"] for c in classes["service-classes"]] == ["db", "rest"]
    db = send("GET", f"{one}/service-classes/db")
    assert db["object-uri"] == f"{base}{one}/service-classes/db"
    assert db["goal-status"] in ("met", "missed")
    assert db["velocity"] > 0
    names = [s["name"] for s in send("GET", SERVERS)["virtual-servers"]]
    assert names == ["db1", "db2", "idle1", "off1", "web1"]
    assert [s["name"] for s in send("GET", f"{SERVERS}/detail")["virtual-servers"]] == names
    for section in ("status", "configuration", "devices", "guest-details"):
        assert [s["name"] for s in send("GET", f"{SERVERS}/{section}")["virtual-servers"]] == names
    server = send("GET", f"{SERVERS}/{DB1}")
    assert server["workload-resource-group"] == f"{base}{one}"
    assert server["service-class"] == "db"
    assert send("POST", f"{SERVERS}/{DB1}", {"cpu-cap": 1.5})["cpu-cap"] == 1.5
    assert send("POST", f"{SERVERS}/{DB1}/guest-policy", {"cpu-weight": 200}) == {"cpu-cap": 1.5, "cpu-weight": 200}
    assert send("GET", f"{SERVERS}/{DB1}/guest-policy")["cpu-weight"] == 200
    assert send("GET", f"{SERVERS}/{DB1}/effective-policy")["virtual-server"] == f"{base}{SERVERS}/{DB1}"
    assert send("POST", f"{SERVERS}/{DB1}/effective-policy/persist")["written"]
    explained = send("GET", f"{SERVERS}/{DB1}/explain")
    assert "puts it in the service class db" in explained["sentences"][0]
    job = send("POST", f"{SERVERS}/{DB1}/actions", {"action": "stop", "grace-seconds": 0, "force": True})
    assert job["object-uri"] == f"{base}/start-jobs/{job['object-id']}"
    assert job["virtual-servers"][0]["virtual-server"] == f"{base}{SERVERS}/{DB1}"
    assert send("POST", f"/start-jobs/{job['object-id']}/cancel")["state"] == "cancelled"
    assert send("GET", f"/start-jobs/{job['object-id']}")["user"] == job["user"] != ""
    assert job["object-id"] in [one["object-id"] for one in send("GET", "/start-jobs")["start-jobs"]]
    these = [f"{base}{SERVERS}/{uuid_of(name)}" for name in ("db1", "web1")]
    both = send("POST", "/start-jobs", {"action": "stop", "virtual-servers": [DB1, these[1]]})
    assert [s["virtual-server"] for s in both["virtual-servers"]] == these
    assert send("POST", f"{both['object-uri'].removeprefix(base)}/cancel")["state"] == "cancelled"
    assert send("GET", "/dependencies") == {"virtual-servers": [], "dependencies": [], "cycle": None}
    assert send("POST", "/hooks/qemu", {"virtual-server": DB1})["start"] is True
    assert send("GET", "/mgmt-levels") == {"cpu-mgmt": "on", "memory-mgmt": "off"}
    adjustments = send("GET", "/dynamic-resource-adjustments?limit=1&outcome=applied")
    assert adjustments["dynamic-resource-adjustments"][0]["outcome"] == "applied"
    without = send("GET", "/dynamic-resource-adjustments?cause=none")["dynamic-resource-adjustments"]
    assert without and all(one["cause"] is None for one in without)
    assert send("GET", "/dynamic-resource-adjustments?cause=placement")["dynamic-resource-adjustments"] == []
    assert send("GET", "/version")["hypervisor"] == "simulated"
    assert send("POST", f"{GROUPS}/import", send("GET", f"{GROUPS}/export"))["changed"] is False
    assert send("POST", f"{one}/import?dry-run=true", send("GET", f"{one}/export"))["changed"] is False
    send("DELETE", one, status=204)
    first = send("POST", "/partitions", {"path": "/machine/routes", "create": True}, 201)
    partition = f"/partitions/{first['object-id']}"
    assert first["object-uri"] == f"{base}{partition}"
    assert [p["path"] for p in send("GET", "/partitions")["partitions"]] == ["/machine", "/machine/routes"]
    assert send("POST", partition, {"description": "x"})["description"] == "x"
    assert send("GET", partition)["parent"].startswith(f"{base}/partitions/")
    for parameters, wish in (("cpu", {"shares": 9}), ("blkio", {"weight": 99}), ("memory", {"hard-limit-mib": 9}),
                             ("numa", {"cpus": "1"})):  # fmt: skip
        there = f"{partition}/parameters/{parameters}"
        assert send("POST", there, wish)["config"] == send("GET", there)["config"] == wish
    for action in ("destroy", "undefine"):
        send("POST", f"{partition}/actions", {"action": action})
    main = send("POST", "/mom/policies", {"name": "main", "text": "1"}, 201)
    assert main["object-uri"] == f"{base}/mom/policies/main"
    assert send("GET", "/mom/policies")["memory-policies"] == [main]
    assert send("POST", "/mom/policies/main", {"text": "2"})["text"] == "2"
    assert send("GET", "/mom/policies/main")["text"] == "2"
    api.hypervisor.set_host_memory(65536)
    api.cycle()
    assert not send("GET", "/mom/explain")["discarded"]
    assert send("POST", "/mom/evaluate", {"policies": {"x": "(/ 1 0)"}})["discarded"]
    send("DELETE", "/mom/policies/main", status=204)
    assert send("POST", "/mom/import", {"policies": {}})["memory-policies"] == []
    assert send("GET", "/mom/rivals")["stopped"] == []
    assert send("POST", "/mom/takeover")["stopped"] == []    # there is nobody to take over from
    send("POST", "/mom/give-back", status=409)
    assert send("GET", "/login")["means"] == ("wok" if WOK_SRC else "socket")
    send("POST", "/login", {"user": "ann", "password": "x"}, 409)
    send("POST", "/logout", status=409)
    token = send("POST", "/tokens", {"name": "backup"}, 201)
    assert token["object-uri"] == f"{base}/tokens/{token['object-id']}"
    assert token["object-id"] in [t["object-id"] for t in send("GET", "/tokens")["tokens"]]
    assert "secret" not in send("GET", f"/tokens/{token['object-id']}")
    send("DELETE", f"/tokens/{token['object-id']}", status=204)
    entry = send("GET", "/activity-log?limit=1")["activity-log"][0]
    assert (entry["request-method"], entry["http-status"]) == ("DELETE", 204)
    elsewhere = ("GET", "/openapi.json")    # it tells of both bases: test_openapi
    assert {(r.method, r.path) for r in routes(api.manager)} == {*hits, elsewhere}


def test_a_group_has_the_fields_of_the_contract(api: ApiHost) -> None:
    made = policy()
    created = api.send("POST", GROUPS, {"name": "Gold", "perf-policies": [made], "description": "x"})
    group = created.json()
    assert created.headers["location"] == group["object-uri"]
    assert api.send("GET", group["object-uri"]).content == created.content
    assert created.headers["etag"] == api.send("GET", group["object-uri"]).headers["etag"]
    assert group == {
        "class": "workload-resource-group", "object-id": group["object-id"], "object-uri": group["object-uri"],
        "name": "Gold", "description": "x", "is-default": False, "virtual-servers": [], "active-policy": "weekday",
        "perf-policies": [{**made, "description": ""}],
    }  # fmt: skip


def test_a_server_has_the_fields_of_the_contract(api: ApiHost) -> None:
    server = api.get(f"{SERVERS}/{DB1}")
    assert {
        "class", "object-id", "object-uri", "name", "status", "started", "vcpus", "memory-mib",
        "workload-resource-group", "service-class", "importance", "goal", "management", "management-reason",
        "cpu-shares", "cpu-reserve", "cpu-cap", "velocity", "performance-index", "goal-status", "attributes",
    } <= set(server)  # fmt: skip
    assert (server["management"], server["management-reason"]) == ("unmanaged", "no-policy")
    assert server["attributes"] == {"os-type": "linux"}


def test_adjustments_are_paged_newest_first_without_gap_or_repetition(api: ApiHost) -> None:
    group = api.group("Gold", policy(), servers=("db1",))
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("rest", service_class())]})
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    for goal in (20, 90, 20, 90):
        db = {**policy()["service-classes"][0], "goal": {"type": "velocity", "velocity": goal}}
        api.post(f"{GROUPS}/{group}", {"perf-policies": [policy("weekday", db, policy()["service-classes"][1])]})
        api.cycle()
    whole = [a["object-id"] for a in api.get("/dynamic-resource-adjustments")["dynamic-resource-adjustments"]]
    assert len(whole) >= 3
    assert whole == sorted(whole, reverse=True)
    following, paged = "/dynamic-resource-adjustments?limit=1", []
    while following:
        page = api.get(following)
        paged += [a["object-id"] for a in page["dynamic-resource-adjustments"]]
        following = page["next"]
    assert paged == whole
    group_only = api.get(f"/dynamic-resource-adjustments?group={group}&virtual-server={DB1}")
    assert group_only["dynamic-resource-adjustments"]
    assert api.get("/dynamic-resource-adjustments?from=2999-01-01T00:00:00Z") == {
        "dynamic-resource-adjustments": [], "next": None,
    }  # fmt: skip
    assert not api.get("/dynamic-resource-adjustments?to=1999-01-01T00:00:00%2B02:00")["dynamic-resource-adjustments"]


def test_ids_are_taken_in_any_case(api: ApiHost) -> None:
    gold = api.group("Gold", policy())
    token = api.post("/tokens", {"name": "t"})["object-id"]
    for path, last in ((f"{GROUPS}/{gold}", ""), (f"{GROUPS}/{gold}", "/policies/weekday"), (f"{SERVERS}/{DB1}", ""),
                       (f"{SERVERS}/{DB1}", "/explain"), (f"/tokens/{token}", "")):  # fmt: skip
        head, _, name = path.rpartition("/")
        assert api.get(f"{head}/{name.upper()}{last}") == api.get(path + last)
    many = api.post(f"{GROUPS}/{gold.upper()},default", {"description": "x"})["workload-resource-groups"]
    assert [group["object-id"] for group in many] == [gold, "default"]
    for path in (f"{GROUPS}/gold", f"{SERVERS}/db1", "/tokens/t"):
        assert api.refused("GET", path)["reason"] == 1


@pytest.mark.parametrize("name", [
    "a b", "ü", "x.y", "default", "index", "a%2Fb", "...", "_cp_config", "100%", "a?b#c", "a,b", "😀",
])  # fmt: skip
def test_a_class_of_any_name_is_found_at_its_uri(api: ApiHost, name: str) -> None:
    first = {**policy()["service-classes"][0], "name": name}
    group = api.group("Gold", policy("p", first, policy()["service-classes"][1]))
    listed = api.get(f"{GROUPS}/{group}/service-classes")["service-classes"][0]
    assert listed["name"] == name
    assert api.get(listed["object-uri"])["name"] == name


def test_reads_and_writes_of_several_groups_are_one_change(api: ApiHost) -> None:
    ids = [api.group(name) for name in ("Gold", "Silver")]
    answer = api.post(f"{GROUPS}/{','.join(ids)}", {"perf-policies": [policy()], "description": "both"})
    found = answer["workload-resource-groups"]
    assert [g["object-id"] for g in found] == ids
    assert {(g["description"], g["active-policy"]) for g in found} == {("both", "weekday")}


def test_head_answers_as_get_does_without_a_body(api: ApiHost) -> None:
    for path in (f"{GROUPS}/default", "/version", "/nothing"):
        head, get = api.send("HEAD", path), api.send("GET", path)
        assert head.status_code == get.status_code
        assert head.content == b""
        if get.status_code == 200:
            assert head.headers["etag"] == get.headers["etag"]
            assert head.headers["content-length"] == get.headers["content-length"]
