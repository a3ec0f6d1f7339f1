"""Lists: what is asked for is given, in pieces without gap or repetition, and made once for all who read."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from hpm.model.views import Views

from .api_host import GROUPS, SERVERS, ApiHost, policy, running


def names(api: ApiHost, query: str, path: str = SERVERS) -> list[str]:
    answer = api.get(f"{path}?{query}")
    return [s["name"] for s in answer.get("virtual-servers", answer.get("workload-resource-groups"))]


@pytest.mark.parametrize("path", [SERVERS, f"{SERVERS}/detail"])
def test_servers_by_what_they_are(api: ApiHost, path: str) -> None:
    group = api.group("Gold", policy(), servers=("db1", "web1"))
    api.cycle()
    assert names(api, "name=db*", path) == ["db1", "db2"]
    assert names(api, "name=d?2", path) == ["db2"]
    assert names(api, f"workload-resource-group={group}", path) == ["db1", "web1"]
    assert names(api, f"workload-resource-group={GROUPS}/default&status=running", path) == ["db2", "idle1"]
    assert names(api, "service-class=db", path) == ["db1"]
    assert names(api, "management=managed", path) == ["db1", "web1"]
    assert names(api, "status=shut-off", path) == ["off1"]
    assert names(api, "goal-status=discretionary", path) == ["web1"]
    assert names(api, "name=nobody", path) == []


def test_pieces_of_a_list_have_neither_gap_nor_repetition(api: ApiHost) -> None:
    whole = names(api, "")
    seen: list[str] = []
    following: str | None = f"{SERVERS}?limit=2"
    while following is not None:
        answer: dict[str, Any] = api.get(following)
        seen += [s["name"] for s in answer["virtual-servers"]]
        following = answer["next"]
    assert seen == whole


def test_the_rest_of_a_list_is_found_also_where_its_place_is_gone(api: ApiHost) -> None:
    ids = {name: api.group(name) for name in ("a", "b", "c", "d")}
    answer = api.get(f"{GROUPS}?limit=2&name=?")
    assert [g["name"] for g in answer["workload-resource-groups"]] == ["a", "b"]
    api.send("DELETE", f"{GROUPS}/{ids['b']}")
    rest = api.get(answer["next"])
    assert [g["name"] for g in rest["workload-resource-groups"]] == ["c", "d"]
    assert rest["next"] is None
    assert names(api, "limit=3", GROUPS) == ["a", "c", "d"]
    assert names(api, "limit=4", GROUPS)[-1] == "default"


def test_a_list_is_made_once_for_all_who_read_and_anew_when_something_changes(
    api: ApiHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    detail = Views.server_detail

    def counting(self: Views, uuid: str) -> Any:
        made.append(uuid)
        return detail(self, uuid)

    monkeypatch.setattr(Views, "server_detail", counting)
    answers: list[bytes] = []
    readers = [
        threading.Thread(target=lambda: answers.append(api.send("GET", f"{SERVERS}/detail").content)) for _ in range(8)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(set(answers)) == 1 and len(made) == 5
    if len(api.bases) == 2:    # another base has URIs of its own
        other = api.send("GET", f"/plugins/hpm{SERVERS}/detail").text
        assert "/zhpm/wsapi" not in other and len(made) == 10
    api.group("Gold", policy(), servers=("db1",))
    assert api.get(f"{SERVERS}/detail")["virtual-servers"][0]["service-class"] == "db"
    made.clear()
    api.cycle()
    assert api.send("GET", f"{SERVERS}/detail").content not in answers
    assert len(made) == 5


def test_a_list_says_how_old_it_is() -> None:
    now = [datetime(2026, 11, 23, tzinfo=timezone.utc)]
    with running(wall=lambda: now[0]) as api:
        assert api.send("GET", SERVERS).headers["age"] == "0"
        now[0] += timedelta(seconds=34.5)
        for path in (SERVERS, f"{SERVERS}/detail", GROUPS):
            assert api.send("GET", path).headers["age"] == "34"
        api.post(f"{GROUPS}/default", {"description": "figures do not get younger by that"})
        answer = api.send("GET", SERVERS)
        assert (answer.headers["age"], answer.json()["snapshot-time"]) == ("34", "2026-11-23T00:00:00.000Z")
