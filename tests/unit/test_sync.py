"""The sync protocol: a poller who applies the answers one after another always has what the host has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpm.backend.simulated import ServerSpec, uuid_of
from hpm.client.connection import connect
from hpm.client.errors import BadAnswer
from hpm.client.mirror import Mirror
from hpm.manager.sync.reported import COLUMNS, Told, rounded
from hpm.wire.sync import Sync

from .api_host import GROUPS, SERVERS, ApiHost, policy, running

SYNC = "/virtual-servers/sync"
SECTIONS = ("status", "configuration", "devices", "guest-details")


class Poller:
    """Keeps what it was told, and nothing else."""

    def __init__(self, api: ApiHost) -> None:
        self.api = api
        self.token: str | None = None
        self.numbers: dict[int, str] = {}
        self.runtime: dict[str, dict[str, Any]] = {}
        self.sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        self.stale: dict[str, str] = {}

    def poll(self) -> dict[str, Any] | None:
        """One answer, taken over; None: nothing changed."""
        path = SYNC if self.token is None else f"{SYNC}?since={self.token}"
        response = self.api.send("GET", path)
        if response.status_code == 204:
            assert not response.content
            return None
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        msgspec.json.decode(response.content, type=Sync)
        if answer["resync"]:
            self.numbers, self.runtime = {}, {}
            self.sections = {name: {} for name in SECTIONS}
        self.token = answer["token"]
        self.stale = {one["object-id"]: one["since"] for one in answer["stale"]}
        for uuid in answer["removed"]:
            for kept in (self.runtime, *self.sections.values()):
                kept.pop(uuid, None)
        for name, entries in answer["changed"].items():
            for entry in entries:
                self.sections[name][entry["object-id"]] = entry[name]
                if name == "configuration":
                    self.numbers[entry["number"]] = entry["object-id"]
        columns = answer["runtime"]
        for row, number in enumerate(columns["server"]):
            self.runtime[self.numbers[number]] = {name: column[row] for name, column in columns.items()}
        return answer

    def agrees(self) -> None:
        """It has what the other resources tell."""
        servers = {one["object-id"]: one for one in self.api.get(f"{SERVERS}/detail")["virtual-servers"]}
        assert set(self.runtime) == set(servers) == set(self.sections["configuration"])
        for name in SECTIONS:
            told = {one["object-id"]: one[name] for one in self.api.get(f"{SERVERS}/{name}")["virtual-servers"]}
            assert self.sections[name] == told
        assert self.stale == {uuid: one["stale-since"] for uuid, one in servers.items() if one["stale-since"]}
        for uuid, server in servers.items():
            mine = self.runtime[uuid]
            assert mine["state"] == server["status"] and mine["shares"] == server["cpu-shares"]
            assert mine["memory"] == server["memory-current-mib"]
            if server["memory-used-mib"] is None:
                assert mine["memory-used"] is None
            else:
                assert mine["memory-used"] == pytest.approx(server["memory-used-mib"], abs=2, rel=0.002)
            for column, field, step in (("velocity", "velocity", 0.2), ("using", "cpu-using", 0.02)):
                if server[field] is None:
                    assert mine[column] is None
                else:
                    assert mine[column] == pytest.approx(server[field], abs=step, rel=0.01)


@pytest.fixture
def poller(api: ApiHost) -> Iterator[Poller]:
    api.cycle()
    yield Poller(api)


def test_the_first_answer_is_everything_and_the_next_says_what_changed(api: ApiHost, poller: Poller) -> None:
    first = poller.poll()
    assert first is not None and first["resync"] and len(first["runtime"]["server"]) == 5
    poller.agrees()
    assert poller.poll() is None
    api.cycle()
    second = poller.poll()
    assert second is not None and not second["resync"] and second["token"] != first["token"]
    names = {api.get(f"{SERVERS}/{poller.numbers[n]}")["name"] for n in second["runtime"]["server"]}
    assert "db1" in names and "off1" not in names    # what does not run does not move
    assert second["changed"]["configuration"] == [] and second["removed"] == []
    assert set(second["changed"]) == set(SECTIONS)
    poller.agrees()


def test_a_section_is_told_when_it_changed_and_only_to_whom_it_is_new(api: ApiHost, poller: Poller) -> None:
    poller.poll()
    other = Poller(api)
    other.poll()
    group = api.group("Gold", policy(), servers=("db1",))
    answer = poller.poll()
    assert answer is not None
    (told,) = answer["changed"]["configuration"]
    assert (told["object-id"], told["name"], told["configuration"]["class"]) == (uuid_of("db1"), "db1", "db")
    assert told["configuration"]["group"].endswith(f"{GROUPS}/{group}")
    row = answer["runtime"]["server"].index(told["number"])
    assert answer["runtime"]["marker"][row] > 0
    assert poller.poll() is None
    api.cycle()
    api.cycle()
    late = other.poll()    # who slept sees it too
    assert late is not None and [e["object-id"] for e in late["changed"]["configuration"]] == [uuid_of("db1")]
    other.agrees()


def test_servers_come_and_go(api: ApiHost, poller: Poller) -> None:
    poller.poll()
    numbers = dict(poller.numbers)
    api.hypervisor.delete(uuid_of("off1"))
    api.cycle()
    answer = poller.poll()
    assert answer is not None and answer["removed"] == [uuid_of("off1")]
    poller.agrees()
    api.hypervisor.add_server(ServerSpec("off1", status="shut-off"))
    api.cycle()
    back = poller.poll()
    assert back is not None and back["removed"] == []
    poller.agrees()
    (number,) = [n for n, uuid in poller.numbers.items() if uuid == uuid_of("off1") and n not in numbers]
    assert number > max(numbers)    # a number is never given again


def test_who_begins_while_a_server_goes_is_not_told_figures_of_one_that_he_does_not_know(
    api: ApiHost, poller: Poller
) -> None:
    poller.poll()
    api.hypervisor.delete(uuid_of("off1"))
    api.group("Meanwhile")    # is shown at once, before the host is looked at again
    begins = Poller(api)
    begins.poll()
    assert uuid_of("off1") not in begins.runtime
    api.hypervisor.add_server(ServerSpec("off1", status="shut-off"))    # and it is back before anybody has looked
    api.cycle()
    for one in (poller, begins):
        one.poll()
        one.agrees()


def test_servers_of_which_the_host_tells_nothing_now_are_named_until_it_does(api: ApiHost, poller: Poller) -> None:
    poller.poll()
    api.hypervisor.faults.stale = {uuid_of("off1"): 1893456000.5}    # of which nothing else is told anew
    api.cycle()
    poller.poll()
    assert list(poller.stale) == [uuid_of("off1")]
    poller.agrees()
    with connect(api.socket) as client:
        mirror = Mirror(client)
        mirror.poll()
        assert mirror.servers[uuid_of("off1")].stale_since == "2030-01-01T00:00:00.500Z"
        api.hypervisor.faults.stale = {}
        api.cycle()
        assert uuid_of("off1") in mirror.poll() and mirror.servers[uuid_of("off1")].stale_since is None
    poller.poll()
    assert poller.stale == {}
    poller.agrees()
    assert poller.poll() is None


@pytest.mark.parametrize("token", [
    "x", "", "00000000-1", "ffffffff-99999999999999999999", "../../etc", "a" * 1000, "%00", "%F0%9F%98%80", "-1",
])  # fmt: skip
def test_a_foreign_token_begins_anew(api: ApiHost, poller: Poller, token: str) -> None:
    poller.poll()
    poller.token = token
    answer = poller.poll()
    assert answer is not None and answer["resync"]
    poller.agrees()


def test_a_token_of_the_future_begins_anew(poller: Poller) -> None:
    poller.poll()
    assert poller.token is not None
    instance, _, generation = poller.token.partition("-")
    poller.token = f"{instance}-{int(generation) + 1}"
    answer = poller.poll()
    assert answer is not None and answer["resync"]


def test_shares_are_told_to_the_last_one(api: ApiHost, poller: Poller) -> None:
    first = poller.poll()
    assert first is not None
    db1 = uuid_of("db1")
    for shares in (1024, 1025, 1026, 9999, 9998):
        api.hypervisor.set_shares_by_hand(db1, shares)
        api.cycle()
        poller.poll()
        assert poller.runtime[db1]["shares"] == shares
    assert poller.runtime[uuid_of("off1")]["shares"] is None    # it does not run


def test_only_the_sections_that_are_wanted_are_told(api: ApiHost, poller: Poller) -> None:
    whole, some = api.get(SYNC), api.get(f"{SYNC}?sections=configuration,status")
    assert some == {**whole, "changed": {**whole["changed"], "devices": [], "guest-details": []}}
    assert all(len(whole["changed"][name]) == 5 for name in SECTIONS)
    assert api.refused("GET", f"{SYNC}?sections=configuration,figures")["reason"] == 7
    poller.poll()
    api.group("Gold", policy(), servers=("db1",))
    none = api.get(f"{SYNC}?since={poller.token}&sections=status")
    assert none["changed"] == {name: [] for name in SECTIONS} and len(none["runtime"]["server"]) == 1


def test_too_long_a_token_is_refused(api: ApiHost) -> None:
    assert api.refused("GET", f"{SYNC}?since={'a' * 1025}")["reason"] == 7


@pytest.mark.own_server("Wok keeps its own manager")
def test_after_a_restart_only_what_changed_is_told(tmp_path: Path) -> None:
    with running(directory=tmp_path) as api:
        api.cycle()
        poller = Poller(api)
        poller.poll()
    with running(directory=tmp_path) as api:    # another simulated host of the same servers
        group = api.group("Gold", policy(), servers=("db2",))
        api.cycle()
        poller.api = api
        numbers = dict(poller.numbers)
        answer = poller.poll()
        assert answer is not None and not answer["resync"] and group
        assert [e["object-id"] for e in answer["changed"]["configuration"]] == [uuid_of("db2")]
        assert answer["changed"]["guest-details"] == [] and answer["removed"] == []
        assert poller.numbers == numbers and len(answer["runtime"]["server"]) == 5
        poller.agrees()


@pytest.mark.own_server("Wok keeps its own manager")
def test_a_crash_before_the_state_is_kept_loses_no_change(tmp_path: Path) -> None:
    with running(directory=tmp_path) as api:
        api.cycle()
        poller = Poller(api)
        poller.poll()
        api.manager.recorder.ledger.save()
        api.group("Gold", policy(), servers=("db1",))
        poller.poll()    # told, and not kept
        api.manager.recorder.ledger._dirty = False    # as if it had died now
    with running(directory=tmp_path) as api:
        api.post(f"{SERVERS}/{uuid_of('db2')}", {"workload-resource-group": _gold(api)})
        api.cycle()
        poller.api = api
        answer = poller.poll()
        assert answer is not None
        assert {uuid_of("db1"), uuid_of("db2")} == {e["object-id"] for e in answer["changed"]["configuration"]}
        poller.agrees()


def _gold(api: ApiHost) -> str:
    found: str = next(g["object-id"] for g in api.get(GROUPS)["workload-resource-groups"] if g["name"] == "Gold")
    return found


def test_all_who_ask_alike_get_the_same_answer_made_once(api: ApiHost, poller: Poller) -> None:
    poller.poll()
    api.cycle()
    path = f"{SYNC}?since={poller.token}"
    first, second = api.send("GET", path), api.send("GET", path)
    assert first.content == second.content and first.headers["etag"] == second.headers["etag"]


@pytest.mark.parametrize(("accept", "coding"), [
    ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("zstd;q=0, gzip;q=0.5", "gzip"),
    ("*", "zstd"), ("*, zstd;q=0", "gzip"), ("br", None), ("identity", None), ("", None), ("gzip;q=0", None),
])  # fmt: skip
def test_it_is_compressed_for_who_takes_that(api: ApiHost, accept: str, coding: str | None) -> None:
    plain = api.send("GET", SYNC, headers={"Accept-Encoding": "identity"})
    response = api.send("GET", SYNC, headers={"Accept-Encoding": accept})    # httpx undoes it
    assert response.headers.get("content-encoding") == coding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.content == plain.content
    sent = int(response.headers["content-length"])
    assert sent < len(plain.content) / 2 if coding else sent == len(plain.content)
    assert (response.headers["etag"] == plain.headers["etag"]) == (coding is None)
    known = {"Accept-Encoding": accept, "If-None-Match": response.headers["etag"]}
    assert api.send("GET", SYNC, headers=known).status_code == 304


def test_an_etag_of_a_compressed_answer_is_good_for_writing(api: ApiHost) -> None:
    made = api.group("G" * 60, *(policy(f"p{n}") for n in range(9)))
    path = f"{GROUPS}/{made}"
    response = api.send("GET", path, headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    tag = response.headers["etag"]
    assert api.send("POST", path, {"description": "x"}, headers={"If-Match": tag}).status_code == 200
    assert api.send("POST", path, {"description": "y"}, headers={"If-Match": tag}).status_code == 412


def test_small_answers_are_not_compressed(api: ApiHost) -> None:
    response = api.send("GET", "/mgmt-levels", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in response.headers and json.loads(response.content)


def test_a_poller_sees_a_problem_of_the_host(api: ApiHost, poller: Poller) -> None:
    poller.poll()
    api.hypervisor.faults.problem = "libvirt is away"
    api.cycle()
    answer = poller.poll()
    assert answer is not None and answer["problem"] == "libvirt is away"


@pytest.mark.own_server("the client is at hpm's own socket")
def test_the_clients_mirror_keeps_what_the_host_has(api: ApiHost) -> None:
    with connect(api.socket) as client:
        mirror = Mirror(client)
        api.cycle()
        assert len(mirror.poll()) == len(mirror.servers) == 5 and mirror.poll() == set()
        api.group("Gold", policy(), servers=("db1",))
        api.hypervisor.delete(uuid_of("off1"))
        api.hypervisor.add_server(ServerSpec("new"))
        api.cycle()
        assert {uuid_of("db1"), uuid_of("off1"), uuid_of("new")} <= mirror.poll()
        told = {one.object_id: one for one in client.servers_detail().value.virtual_servers}
        assert set(mirror.servers) == set(told)
        for uuid, server in mirror.servers.items():
            assert (server.name, server.state) == (told[uuid].name, told[uuid].status)
            assert server.configuration is not None and server.configuration.class_ == told[uuid].service_class
            assert server.configuration.started == told[uuid].started
            assert server.status is not None and server.devices is not None and server.guest_details is not None
        db1 = mirror.servers[uuid_of("db1")]
        assert db1.velocity == pytest.approx(told[uuid_of("db1")].velocity, abs=0.2)
        assert db1.shares == told[uuid_of("db1")].cpu_shares
        api.manager.recorder.ledger.instance = "00000000"    # as of another host at the same address
        assert mirror.poll() == set(told) and set(mirror.servers) == set(told)


@given(value=st.floats(0, 1000), name=st.sampled_from(sorted(COLUMNS)))
def test_figures_have_three_digits_at_most(value: float, name: str) -> None:
    told = COLUMNS[name]
    (shown,) = rounded(np.array([value]), told).tolist()
    assert shown == pytest.approx(value, rel=0.006, abs=max(0.6 * 10**-told.digits, told.nothing))
    digits = f"{shown:.12f}".rstrip("0").replace(".", "").lstrip("0")
    assert value >= 1000 or len(digits) <= 3 or shown >= 100


def test_what_only_trembles_is_not_told_again(api: ApiHost, poller: Poller) -> None:
    assert rounded(np.array([0.0099]), Told("x", 3, 0.01)).tolist() == [0.0]
    poller.poll()
    names = []
    for _ in range(5):
        api.cycle()
        answer = poller.poll()
        assert answer is not None
        names += [poller.numbers[n] for n in answer["runtime"]["server"]]
    assert uuid_of("off1") not in names


def test_a_mirror_forgets_who_went_and_begins_anew_where_an_answer_does_not_fit(api: ApiHost) -> None:
    whole = api.get(SYNC)
    uuids = [one["object-id"] for one in whole["changed"]["configuration"]]
    nothing = {name: [] for name in SECTIONS}
    still = {name: [] for name in whole["runtime"]}
    gone = {**whole, "resync": False, "removed": uuids, "changed": nothing, "runtime": still}
    back = {**gone, "removed": [], "changed": {**nothing, "configuration": [
        {**one, "number": one["number"] + 100} for one in whole["changed"]["configuration"]
    ]}}  # fmt: skip
    unknown = {**whole, "changed": nothing}
    uneven = {**whole, "runtime": {**whole["runtime"], "delay": []}}
    answers, asked = iter([whole, back, gone, unknown, whole, uneven, whole]), []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append("since" in request.url.params)
        return httpx.Response(200, json=next(answers))

    with connect(transport=httpx.MockTransport(handle)) as client:
        mirror = Mirror(client)
        assert mirror.poll() == set(uuids) == mirror.poll()
        assert len(mirror._numbers) == len(mirror.servers) == len(uuids)
        assert mirror.poll() == set(uuids)
        assert not mirror.servers and not mirror._numbers
        for _ in range(2):
            with pytest.raises(BadAnswer, match="does not name"):
                mirror.poll()
            mirror.poll()
            assert set(mirror.servers) == set(uuids)
    assert asked == [False, True, True, True, False, True, False]
