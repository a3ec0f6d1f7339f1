"""The API while the host is not as it should be: reads go on from the last snapshot, and say how old it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hpm.backend.simulated import uuid_of
from hpm.errors import HypervisorUnreachable

from .api_host import GROUPS, NOBODY, SERVERS, ApiHost, policy, running, service_class, whole_error

DB1 = uuid_of("db1")


@pytest.fixture
def api() -> Iterator[ApiHost]:
    with running() as host:
        yield host
        host.hypervisor.faults.unreachable_until = 0


def lost(api: ApiHost) -> None:
    """Nobody answers any more, and the loop has noticed."""
    api.hypervisor.unreachable_for(3600)
    with suppress(HypervisorUnreachable):    # what the manager's loop catches
        api.cycle()


def test_reads_still_answer_and_say_their_age(api: ApiHost) -> None:
    before = api.get(f"{SERVERS}/detail")
    lost(api)
    after = api.get(f"{SERVERS}/detail")
    assert after["virtual-servers"] == before["virtual-servers"]
    assert after["snapshot-time"] == before["snapshot-time"]
    for path in (GROUPS, f"{GROUPS}/default", f"{SERVERS}/{DB1}", f"{SERVERS}/{DB1}/explain", "/mgmt-levels",
                 "/dynamic-resource-adjustments", "/version"):  # fmt: skip
        assert api.send("GET", path).status_code == 200


def test_of_one_server_that_nobody_tells_of_it_is_said_and_of_no_other(api: ApiHost) -> None:
    assert api.get(f"{SERVERS}/{DB1}")["stale-since"] is None
    api.hypervisor.faults.stale = {DB1: 1893456000.5}
    api.cycle()
    told = api.get(f"{SERVERS}/detail")
    assert told["problem"] is None
    assert {one["name"]: one["stale-since"] for one in told["virtual-servers"] if one["stale-since"]} == {
        "db1": "2030-01-01T00:00:00.500Z"
    }
    assert "tells nothing of this server now" in api.get(f"{SERVERS}/{DB1}/explain")["sentences"][-1]
    api.hypervisor.faults.stale = {}
    api.cycle()
    assert api.get(f"{SERVERS}/{DB1}")["stale-since"] is None


def test_whether_a_server_is_there_can_not_be_known_meanwhile(api: ApiHost) -> None:
    assert api.send("GET", f"{SERVERS}/{NOBODY}").status_code == 404
    lost(api)
    put = {"action": "add-virtual-servers", "virtual-servers": [NOBODY]}
    for method, path, body in (
        ("GET", f"{SERVERS}/{NOBODY}/guest-policy", None), ("POST", f"{SERVERS}/{NOBODY}/guest-policy", {}),
        ("GET", f"{SERVERS}/{NOBODY}/effective-policy", None),
        ("POST", f"{SERVERS}/{NOBODY}/effective-policy/persist", None),
        ("GET", f"{SERVERS}/{NOBODY}/explain", None), ("POST", f"{SERVERS}/{NOBODY}", {"excluded": True}),
        ("POST", f"{GROUPS}/default/actions", put), ("POST", f"{GROUPS}/preview", {"virtual-servers": [NOBODY]}),
        ("GET", f"/dynamic-resource-adjustments?virtual-server={NOBODY}", None),
    ):  # fmt: skip
        assert api.send(method, path, body).status_code == 503
    answer = api.send("GET", f"{SERVERS}/{NOBODY}")
    error = whole_error(answer, "GET")
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
    assert error["error-details"]["snapshot-time"] == api.get(SERVERS)["snapshot-time"]
    assert error["error-details"]["snapshot-age-seconds"] == int(api.send("GET", SERVERS).headers["age"])
    assert api.get(SERVERS)["problem"]


def test_policy_can_be_changed_meanwhile(api: ApiHost) -> None:
    lost(api)
    group = api.group("Gold", policy(), servers=("db1",))
    assert api.post(f"{SERVERS}/{DB1}", {"excluded": True})["excluded"] is True
    assert api.send("DELETE", f"{GROUPS}/{group}").status_code == 204


def test_a_problem_of_the_host_is_told(api: ApiHost) -> None:
    api.hypervisor.faults.problem = "libvirt does not answer; counters are read from the kernel"
    api.cycle()
    for path in (SERVERS, f"{SERVERS}/detail", "/version"):
        assert api.get(path)["problem"] == "libvirt does not answer; counters are read from the kernel"
    assert "libvirt does not answer" in api.get(f"{SERVERS}/{DB1}/explain")["sentences"][-1]


def test_a_busy_manager_says_try_again_and_changes_nothing(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.manager.cycles.PATIENCE", 0.05)
    state = api.state()
    with api.manager._work.lock:    # as a cycle that takes long has it
        for method, path, body in (
            ("POST", GROUPS, {"name": "Gold"}), ("POST", "/mgmt-levels", {"cpu-mgmt": "on"}),
            ("POST", f"{SERVERS}/{DB1}", {"excluded": True}), ("DELETE", f"{GROUPS}/default", None),
            ("POST", f"{GROUPS}/default/preview", policy()), ("POST", f"{GROUPS}/preview", {}),
            ("POST", "/mom/evaluate", {}), ("GET", "/mom/explain", None),
            ("POST", "/mom/policies", {"name": "x", "text": "1"}),
        ):  # fmt: skip
            error = whole_error(api.send(method, path, body), method)
            assert (error["http-status"], error["reason"]) == (409, 1)
        assert api.state() == state    # and reads need no lock
    assert api.state() == state


def test_a_store_that_can_not_be_written_changes_nothing(api: ApiHost) -> None:
    api.group("Gold", policy(), servers=("db1",))
    state = api.state()
    api.database._connection.execute("PRAGMA query_only=ON")    # as a full disk does
    for method, path, body in (
        ("POST", GROUPS, {"name": "Silver"}), ("POST", f"{SERVERS}/{DB1}", {"excluded": True}),
        ("POST", "/mgmt-levels", {"cpu-mgmt": "on"}),
    ):  # fmt: skip
        error = whole_error(api.send(method, path, body), method)
        assert error["http-status"] == 500
        assert "cannot be written" in error["message"]
        assert api.state() == state
    api.database._connection.execute("PRAGMA query_only=OFF")
    assert api.send("POST", GROUPS, {"name": "Silver"}).status_code == 201


def managed(api: ApiHost) -> str:
    """db1 in a group of its own, managed; gives the group's id."""
    group = api.group("Gold", policy(), servers=("db1",))
    api.post(f"{GROUPS}/default", {"perf-policies": [policy("rest", service_class())]})
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    api.cycle()
    api.cycle()
    return group


def test_a_server_that_an_administrator_changed_is_released_once(api: ApiHost) -> None:
    managed(api)
    api.hypervisor.set_cpu_shares(DB1, api.manager.snapshot.sample.samples[DB1].start, 777)
    api.cycle()
    assert api.get(f"{SERVERS}/{DB1}")["management-reason"] == "changed-by-administrator"
    released = api.post(f"{SERVERS}/{DB1}", {"release": True})
    assert (released["management"], released["cpu-shares-original"]) == ("managed", 777)
    assert api.refused("POST", f"{SERVERS}/{DB1}", {"release": True})["reason"] == 2


def test_a_server_that_is_gone_can_still_be_taken_out_of_its_group(api: ApiHost) -> None:
    group = managed(api)
    api.hypervisor.delete(DB1)
    api.cycle()
    assert [uri.rpartition("/")[2] for uri in api.get(f"{GROUPS}/{group}")["virtual-servers"]] == [DB1]
    assert "is in a group, but this host does not have it now" in api.refused("GET", f"{SERVERS}/{DB1}")["message"]
    leave = {"action": "remove-virtual-servers", "virtual-servers": [DB1]}
    assert api.post(f"{GROUPS}/{group}/actions", leave)["virtual-servers"] == []


def test_of_several_who_create_the_same_one_succeeds(api: ApiHost) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(api.send("POST", GROUPS, {"name": "Gold"}).status_code))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [400] * 11
