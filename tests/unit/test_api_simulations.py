"""Simulations over REST: every kind of load and every field of a description, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from hpm.model.simulation.process import Runner

from .api_host import FILTER, GROUPS, ApiHost, policy, service_class

FAST = {"type": "velocity", "velocity": "fastest"}

LOADS: dict[str, dict[str, Any]] = {
    "spin": {"type": "spin"},
    "idle": {"type": "idle"},
    "periodic": {"type": "periodic", "on-ms": 2, "off-ms": 8, "jitter": 0.1},
    "busy-idle": {"type": "busy-idle", "busy-s": 2, "idle-s": 1, "offset-s": 0.5},
    "wave": {"type": "wave", "low": 0.1, "high": 0.9, "period-s": 60, "phase": 0.25, "grain-ms": 20},
    "curve": {"type": "curve", "points": [[0, 0.5], [10, 1]], "repeat": True, "grain-ms": 20},
    "web": {"type": "web", "demand": 0.4, "work-ms": 4, "swing": 0.5, "period-s": 30},
    "demand": {"type": "demand", "cpus": 0.5, "vcpus": 1, "grain-ms": 20},
}


def group(name: str, *classes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "perf-policies": [policy("day", *classes, importance="high")], **more}


def described(**changes: Any) -> dict[str, Any]:
    """A host with a server for each kind of load, and one of which everything is said."""
    servers = [{"name": name, "load": load, "workload-resource-group": "Gold"} for name, load in LOADS.items()]
    servers.append({
        "name": "all", "object-id": "69efbdd8-3715-5a7c-8dcf-76fe2d380a52", "vcpus": 2, "load": [LOADS["spin"]],
        "cpu-shares": 2048, "attributes": {"os-type": "linux"}, "metadata": ["<a/>"], "status": "paused",
        "cpu-reserve": 0.5, "cpu-cap": 1.5, "excluded": True, "parent": "other", "cpu-quota": 1,
        "constraint": "real-time", "pinned": ["0", ""],
    })  # fmt: skip
    servers.append({"name": "many", "count": 2, "load": LOADS["spin"]})
    groups = [
        group("Gold", service_class("all", goal=FAST), description="said", schedule=[
            {"policy": "day", "days": ["mon"], "from": "00:00", "to": "00:00"},
        ], otherwise="day"),
        group("default", service_class()),
    ]  # fmt: skip
    return {
        "cpus": 2, "virtual-servers": servers, "description": "a little of everything", "intervals": 6,
        "workload-resource-groups": groups, "interval-seconds": 2, "host-load": 0.1, "steal": 0.05,
        "parents": {"other": 512}, "seed": 7, **changes,
    }  # fmt: skip


def test_all_that_can_be_said_of_a_host_can_be_simulated(api: ApiHost) -> None:
    other = [group("Gold", service_class("all"), **{"active-policy": "day"})]
    told = api.post("/simulations", {
        "host": described(), "workload-resource-groups": described()["workload-resource-groups"],
        "compare-with": other, "intervals": 8,
    })  # fmt: skip
    assert told["description"] == "a little of everything"
    assert [side["side"] for side in told["sides"]] == ["unmanaged", "managed", "compared"]
    managed = told["sides"][1]
    names = [server["name"] for server in managed["virtual-servers"]]
    assert {*LOADS, "all", "many1", "many2"} == set(names)
    reasons = {server["name"]: server["management-reason"] for server in managed["virtual-servers"]}
    assert reasons["all"] == "excluded"
    assert len(managed["virtual-servers"][0]["velocities"]) == told["intervals"]


def test_two_groups_of_one_name_are_refused(api: ApiHost) -> None:
    groups = [group("Gold", service_class()), group("Gold", service_class())]
    error = api.refused("POST", "/simulations", {"host": described(), "workload-resource-groups": groups})
    assert (error["http-status"], error["reason"]) == (400, 8)


def test_one_at_a_time_and_not_for_long(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Runner.run
    monkeypatch.setattr(Runner, "run", lambda self, wanted: run(self, wanted, 0.01))
    error = api.refused("POST", "/simulations", {"host": described()})
    assert (error["http-status"], error["reason"]) == (409, 2)

    def while_another(self: Runner, wanted: Any) -> bytes:
        with self._free:
            return run(self, wanted)

    monkeypatch.setattr(Runner, "run", while_another)
    error = api.refused("POST", "/simulations", {"host": described()})
    assert (error["http-status"], error["reason"]) == (409, 1)


def test_a_policy_file_that_names_something_twice_is_refused(api: ApiHost) -> None:
    group = api.group("Gold")
    twice = {"workload-resource-groups": [{"name": "A"}, {"name": "A"}]}
    db = service_class("db", classification=FILTER)
    classes = policy("p", db, db, service_class())
    for path, file in ((f"{GROUPS}/import", twice), (f"{GROUPS}/{group}/import", classes)):
        error = api.refused("POST", path, file)
        assert (error["http-status"], error["reason"]) == (400, 8)
