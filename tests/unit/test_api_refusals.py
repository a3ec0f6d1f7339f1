"""What is refused: with which status and reason, in which words, and that nothing is changed by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hpm.backend.simulated import uuid_of

from .api_host import FILTER, GROUPS, NOBODY, SERVERS, ApiHost, policy, service_class

DB1, DB2 = uuid_of("db1"), uuid_of("db2")
REST = service_class()


@pytest.fixture
def api(shared: ApiHost) -> ApiHost:
    """A host with the groups Gold (a policy, db1) and Silver (empty)."""
    shared.reset()
    shared.gold = shared.group("Gold", policy(), servers=("db1",))    # type: ignore[attr-defined]
    shared.silver = shared.group("Silver")    # type: ignore[attr-defined]
    return shared


def velocity(value: object) -> dict[str, Any]:
    return service_class("db", goal={"type": "velocity", "velocity": value}, classification=FILTER)


def nested(levels: int) -> dict[str, Any]:
    rule: dict[str, Any] = FILTER
    for _ in range(levels - 1):
        rule = {"type": "not", "rule": rule}
    return rule


CLASS0 = "perf-policies[0].service-classes[0]"

#: Policies, the reason, and what the message says: the path first.
BAD_POLICIES: list[tuple[str, list[Any], int, str, str]] = [
    ("no catch-all", [policy("p", velocity(50))], 7, f"{CLASS0}.classification", "the last service class must take"),
    ("two catch-alls", [policy("p", REST, service_class("x"))], 7, f"{CLASS0}.classification", "only the last"),
    ("no classes", [{**policy(), "service-classes": []}], 7, "perf-policies[0].service-classes", "1 to 64 items"),
    ("unknown level", [policy("p", velocity("warp"), REST)], 7, f"{CLASS0}.goal.velocity", "fastest"),
    ("velocity 0", [policy("p", velocity(0), REST)], 7, f"{CLASS0}.goal.velocity", "an integer from 1 to 99"),
    ("velocity 100", [policy("p", velocity(100), REST)], 7, f"{CLASS0}.goal.velocity", "an integer from 1 to 99"),
    ("velocity 75.5", [policy("p", velocity(75.5), REST)], 7, f"{CLASS0}.goal.velocity", "an integer from 1 to 99"),
    ("huge velocity", [policy("p", velocity(10**4000), REST)], 7, f"{CLASS0}.goal.velocity", "1 to 99"),
    ("velocity true", [policy("p", velocity(True), REST)], 7, f"{CLASS0}.goal.velocity", "1 to 99"),
    ("unknown goal", [policy("p", {**REST, "goal": {"type": "response-time"}})], 7, f"{CLASS0}.goal.type",
     "velocity, discretionary"),
    ("goal without type", [policy("p", {**REST, "goal": {}})], 5, f"{CLASS0}.goal.type", "missing"),
    ("field too many in a goal", [policy("p", {**REST, "goal": {"type": "discretionary", "velocity": 5}})], 6,
     f"{CLASS0}.goal.velocity", "no field 'velocity'"),
    ("two classes of one name", [policy("p", velocity(50), service_class("db"))], 8,
     "perf-policies[0].service-classes[1].name", "'db'"),
    ("two policies of one name", [policy("p"), policy("p")], 8, "perf-policies[1].name", "'p'"),
    ("unknown importance", [policy(importance="utmost")], 7, "perf-policies[0].importance", "highest"),
    ("rule of 17 levels", [policy("p", service_class("a", classification=nested(17)), REST)], 7,
     f"{CLASS0}.classification", "at most 16"),
    ("rule of 1,000 levels", [policy("p", service_class("a", classification=nested(400)), REST)], 7,
     f"{CLASS0}.classification.rule.rule", "64 levels"),
    ("unknown filter type", [policy("p", service_class("a", classification={**FILTER, "filter-type": "color"}), REST)],
     7, f"{CLASS0}.classification.filter-type", "hostname"),
    ("empty rule list", [policy("p", service_class("a", classification={"type": "and", "rules": []}), REST)], 7,
     f"{CLASS0}.classification.rules", "1 to 64 items"),
    ("empty pattern", [policy("p", service_class("a", classification={**FILTER, "value": ""}), REST)], 7,
     f"{CLASS0}.classification.value", "1 to 255"),
    ("65 classes", [policy("p", *[service_class(f"c{n}", classification=FILTER) for n in range(64)], REST)], 7,
     "perf-policies[0].service-classes", "64"),
    ("65 policies", [policy(f"p{n}", REST) for n in range(65)], 7, "perf-policies", "64"),
    ("policies as an object", {}, 7, "perf-policies", "a list"),    # type: ignore[list-item]
    ("name with a slash", [policy("a/b")], 7, "perf-policies[0].name", "slash"),
    ("name with a newline", [policy("a\n")], 7, "perf-policies[0].name", "control"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "reason", "path", "words"), [case[1:] for case in BAD_POLICIES], ids=[c[0] for c in BAD_POLICIES]
)
def test_a_bad_policy_is_refused_with_its_place(
    api: ApiHost, policies: Any, reason: int, path: str, words: str
) -> None:
    for where in (GROUPS, f"{GROUPS}/{api.gold}"):    # type: ignore[attr-defined]
        body = {"perf-policies": policies} | ({"name": "New"} if where == GROUPS else {})
        error = api.refused("POST", where, body)
        assert (error["http-status"], error["reason"]) == (400, reason)
        assert error["message"].startswith(path), error["message"]
        assert error["error-details"]["path"].startswith(path)
        assert error["message"].startswith(error["error-details"]["path"])
        assert words in error["message"]


def test_a_rule_nested_a_thousand_deep_is_refused_as_text_too(api: ApiHost) -> None:
    text = b'{"name":"x","perf-policies":[' + b'{"rule":' * 1000 + b"1" + b"}" * 1000 + b"]}"
    error = api.refused("POST", GROUPS, content=text)
    assert (error["http-status"], error["reason"]) == (400, 7)
    assert error["message"].startswith("perf-policies[0].rule.rule")


BAD_NAMES = ["", " a", "a ", "a/b", "x" * 65, "a\x00b", "\x7f", "a\n", "\n", "a\u2028b", "\u0085", 5, None, [], {}]


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_bad_name_is_refused(api: ApiHost, name: object) -> None:
    for where in (GROUPS, f"{GROUPS}/{api.gold}"):    # type: ignore[attr-defined]
        error = api.refused("POST", where, {"name": name})
        assert (error["http-status"], error["reason"]) == (400, 7)
        assert error["message"].startswith("name: ")
        assert error["error-details"] == {"path": "name"}
        assert "1 to 64 characters" in error["message"]


BAD_TEXTS = [
    (b"", 3), (b"{", 9), (b"{}x", 9), (b"name=Gold", 9), (b'{"name": NaN}', 9), (b'{"name": "x",}', 9),
    (b'{"name": "x"} {}', 9), (b"\xff\xfe", 9), (b'{"name": "\xff"}', 9), (b'{"name": "\xed\xa0\x80"}', 9),
    (b'{"name": "\\ud800"}', 9), (b'{"name": "\\ud800\\ud800"}', 9), (b'\xef\xbb\xbf{"name": "x"}', 9),
    (b'{"name": "a\tb"}', 9), (b"Infinity", 9), (b"   ", 9), (b"[]", 7), (b"null", 7), (b"1", 7), (b'"x"', 7),
    (b"1" * 100000, 7), (b'{"name": "x", "name": "y"}', 7), (b'{"name": "\\u0000"}', 7),
    (b'{"name": "x", "description": "\\u0007"}', 7), (b'{"name": "x", "\\u0000": 1}', 6), (b"{}", 5),
    (b'{"name": "x", "colour": "red"}', 6), (b'{"' + b"n" * 100000 + b'": 1}', 6), (b"[" * 500000, 7),
    (b'{"a":' * 100000, 7), (b'"' * 99999, 9), (b'"\\', 9),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), BAD_TEXTS, ids=[repr(text[:30]) for text, _ in BAD_TEXTS])
def test_a_text_that_is_no_group_is_refused(api: ApiHost, text: bytes, reason: int) -> None:
    error = api.refused("POST", GROUPS, content=text)
    assert (error["http-status"], error["reason"]) == (400, reason), error["message"]
    assert len(error["message"]) < 5000


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason", "words"),
    [
        ("POST", "{gold}", {"name": "Silver"}, 400, 8, "name: there is a group named 'Silver'"),
        ("POST", GROUPS, {"name": "Gold"}, 400, 8, "name: there is a group named 'Gold'"),
        ("POST", GROUPS, {"name": "Default"}, 400, 8, "name: "),
        ("POST", GROUPS, {"name": "default"}, 400, 8, "name: "),
        ("POST", GROUPS, {"name": "x", "active-policy": "none"}, 400, 7, "active-policy: "),
        ("POST", f"{GROUPS}/default", {"name": "Other"}, 400, 7, "name: the group default keeps its name"),
        ("DELETE", f"{GROUPS}/default", None, 409, 2, "always exists"),
        ("DELETE", f"{GROUPS}/{NOBODY}", None, 404, 1, NOBODY),
        ("GET", f"{GROUPS}/{NOBODY}", None, 404, 1, NOBODY),
        ("GET", f"{GROUPS}/gold", None, 404, 1, "gold"),
        ("POST", "{gold}", {"active-policy": "night"}, 400, 7, "active-policy: "),
        ("POST", "{gold}", {"object-id": NOBODY}, 400, 6, "object-id: there is no field"),
        ("POST", "{both}", {"name": "One"}, 400, 7, "name: several groups"),
        ("POST", "{both}", {"active-policy": "weekday"}, 400, 7, "'Silver' has no policy named 'weekday'"),
        ("POST", "{gold}," + NOBODY, {"description": "x"}, 404, 1, NOBODY),
        ("POST", "{gold},", {"description": "x"}, 404, 1, "''"),
        ("POST", "{gold}/actions", {"action": "dance"}, 400, 7, "action: "),
        ("POST", "{gold}/actions", {}, 400, 5, "action: "),
        ("POST", "{gold}/actions", {"action": "activate-policy"}, 400, 5, "policy: "),
        ("POST", "{gold}/actions", {"action": "activate-policy", "policy": "night"}, 400, 7, "(it has: weekday)"),
        ("POST", "{gold}/actions", {"action": "add-virtual-servers", "virtual-servers": []}, 400, 7, "10000"),
        ("POST", "{gold}/actions", {"action": "add-virtual-servers", "virtual-servers": ["db2"]}, 400, 7,
         "virtual-servers[0]: "),
        ("POST", "{gold}/actions", {"action": "add-virtual-servers", "virtual-servers": [DB2, NOBODY]}, 404, 1,
         "virtual-servers[1]: there is no virtual server"),
        ("POST", "{gold}/actions", {"action": "add-virtual-servers", "virtual-servers": [f"/x/{DB2}"]}, 400, 7,
         "virtual-servers[0]: "),
        ("POST", "{silver}/actions", {"action": "add-virtual-servers", "virtual-servers": [DB2, DB1]}, 409, 2,
         "is in group 'Gold'; say move"),
        ("POST", "{silver}/actions", {"action": "remove-virtual-servers", "virtual-servers": [DB1]}, 409, 2, "not in"),
        ("POST", f"{GROUPS}/default/actions", {"action": "remove-virtual-servers", "virtual-servers": [DB2]}, 409, 2,
         "default"),
        ("GET", "{gold}/service-classes/none", None, 404, 1, "'none'"),
        ("GET", "{silver}/service-classes/db", None, 404, 1, "no active policy"),
        ("GET", f"{SERVERS}/{NOBODY}", None, 404, 1, NOBODY),
        ("GET", f"{SERVERS}/db1", None, 404, 1, "'db1'; ids are UUIDs"),
        ("POST", f"{SERVERS}/db1", {"excluded": True}, 404, 1, "'db1'; ids are UUIDs"),
        ("GET", f"{GROUPS}/Gold", None, 404, 1, "with id 'Gold'"),
        ("GET", f"{GROUPS}/DEFAULT/policies", None, 404, 1, "with id 'DEFAULT'"),
        ("POST", f"{GROUPS}/default,Gold", {"description": "x"}, 404, 1, "with id 'Gold'"),
        ("DELETE", "/tokens/mine", None, 404, 1, "no token"),
        ("POST", f"{SERVERS}/{DB1}", {"workload-resource-group": "Gold"}, 400, 7, "workload-resource-group: 'Gold' is"),
        ("GET", "/dynamic-resource-adjustments?group=Gold", None, 400, 7, "group: 'Gold' is neither"),
        ("POST", f"{SERVERS}/{NOBODY}", {"excluded": True}, 404, 1, NOBODY),
        ("POST", f"{SERVERS}/{DB1}", {"workload-resource-group": NOBODY}, 404, 1, "workload-resource-group: "),
        ("POST", f"{SERVERS}/{DB1}", {"cpu-cap": 1, "cpu-reserve": 2}, 400, 7, "cpu-reserve: "),
        ("POST", f"{SERVERS}/{DB1}", {"cpu-cap": 0}, 400, 7, "cpu-cap: "),
        ("POST", f"{SERVERS}/{DB1}", {"cpu-cap": -1}, 400, 7, "cpu-cap: "),
        ("POST", f"{SERVERS}/{DB1}", {"cpu-cap": 10**400}, 400, 7, "cpu-cap: "),
        ("POST", f"{SERVERS}/{DB1}", {"attributes": {"color": "red"}}, 400, 6, "attributes.color: there is no field"),
        ("POST", f"{SERVERS}/{DB1}", {"attributes": {"virtual-server-name": "x"}}, 400, 6, "attributes.virtual"),
        ("POST", f"{SERVERS}/{DB1}", {"excluded": True, "release": True}, 409, 2, "nothing to release"),
        ("POST", f"{SERVERS}/{DB1}", {"excluded": "yes"}, 400, 7, "excluded: "),
        ("POST", "/mgmt-levels", {"memory-mgmt": "maybe"}, 400, 7, "memory-mgmt: "),
        ("POST", "/mgmt-levels", {"cpu-mgmt": "maybe"}, 400, 7, "cpu-mgmt: "),
        ("POST", "/mgmt-levels", {"cpu-mgmt": "on", "disk-mgmt": "on"}, 400, 6, "disk-mgmt: "),
        ("GET", f"{GROUPS}/default?name=Gold", None, 400, 1, "no query parameter 'name'"),
        ("GET", f"{GROUPS}?colour=red", None, 400, 1, "known are: name, after, limit"),
        ("GET", f"{GROUPS}?after=x", None, 400, 7, "after: this is no place in a list"),
        ("GET", f"{SERVERS}?limit=0", None, 400, 7, "limit: "),
        ("GET", f"{SERVERS}?workload-resource-group={NOBODY}", None, 404, 1, "no workload resource group"),
        ("GET", f"{SERVERS}?goal-status=good", None, 400, 7, "goal-status: "),
        ("GET", "/dynamic-resource-adjustments?colour=red", None, 400, 1, "known are: from, to"),
        ("GET", "/dynamic-resource-adjustments?from_=red", None, 400, 1, "from_"),
        ("GET", "/dynamic-resource-adjustments?limit", None, 400, 14, "malformed"),
        ("GET", "/dynamic-resource-adjustments?limit=1&limit=2", None, 400, 14, "twice"),
        ("GET", "/dynamic-resource-adjustments?group=%ff", None, 400, 14, "malformed"),
        ("GET", "/dynamic-resource-adjustments?limit=0", None, 400, 7, "limit: "),
        ("GET", "/dynamic-resource-adjustments?limit=1001", None, 400, 7, "limit: "),
        ("GET", "/dynamic-resource-adjustments?cause=Two%20words", None, 400, 7, "cause: "),
        ("GET", "/dynamic-resource-adjustments?limit=x", None, 400, 7, "limit: "),
        ("GET", f"/dynamic-resource-adjustments?before={10**20}", None, 400, 7, "before: "),
        ("GET", f"/dynamic-resource-adjustments?before={'9' * 5000}", None, 400, 7, "before: "),
        ("GET", "/dynamic-resource-adjustments?from=yesterday", None, 400, 7, "from: 'yesterday' is no RFC 3339"),
        ("GET", "/dynamic-resource-adjustments?from=2026-11-21T14:00:00", None, 400, 7, "a time zone"),
        ("GET", "/dynamic-resource-adjustments?from=0001-01-01T00:00:00%2B14:00", None, 400, 7, "from: "),
        ("GET", "/dynamic-resource-adjustments?to=9999-12-31T23:59:59-14:00", None, 400, 7, "to: "),
        ("GET", "/dynamic-resource-adjustments?outcome=nothing-to-do", None, 400, 7, "outcome: "),
        ("GET", f"/dynamic-resource-adjustments?group={NOBODY}", None, 404, 1, "group: "),
        ("GET", "/dynamic-resource-adjustments?virtual-server=x", None, 400, 7, "virtual-server: "),
        ("GET", "/version?x=", None, 400, 1, "'x'"),
        ("DELETE", "{gold}?force=true", None, 400, 1, "'force'"),
        ("DELETE", "{gold}", {"force": True}, 400, 4, "not expected"),
        ("GET", "/version", {}, 400, 4, "not expected"),
        ("POST", "{gold}/actions", None, 400, 3, "a JSON body is expected"),
        ("POST", "/mgmt-levels", None, 400, 3, "a JSON body is expected"),
        ("PUT", "{gold}", {"name": "x"}, 405, 0, "GET, POST, DELETE"),
        ("PATCH", "{gold}", {"name": "x"}, 405, 0, "GET, POST, DELETE"),
        ("DELETE", GROUPS, None, 405, 0, "GET, POST"),
        ("DELETE", f"{SERVERS}/{DB1}", None, 405, 0, "GET, POST"),
        ("OPTIONS", "/version", None, 405, 0, "GET"),
        ("BREW", "/version", None, 405, 0, "GET"),
    ],
)
def test_refused(
    api: ApiHost, method: str, path: str, body: object, status: int, reason: int, words: str
) -> None:
    gold, silver = (f"{GROUPS}/{name}" for name in (api.gold, api.silver))    # type: ignore[attr-defined]
    both = f"{gold},{api.silver}"    # type: ignore[attr-defined]
    path = path.replace("{gold}", gold).replace("{silver}", silver).replace("{both}", both)
    error = api.refused(method, path, body)
    assert (error["http-status"], error["reason"]) == (status, reason), error["message"]
    assert words in error["message"]


def test_405_says_what_is_possible(api: ApiHost) -> None:
    assert api.send("PUT", f"{GROUPS}/default").headers["allow"] == "GET, POST, DELETE, HEAD"
    assert api.send("GET", f"{GROUPS}/default/actions").headers["allow"] == "POST"


def test_a_server_moves_only_when_told_to(api: ApiHost) -> None:
    silver = f"{GROUPS}/{api.silver}"    # type: ignore[attr-defined]
    add = {"action": "add-virtual-servers", "virtual-servers": [DB1]}
    assert api.refused("POST", f"{silver}/actions", add)["reason"] == 2
    moved = api.post(f"{silver}/actions", {**add, "move": True})
    assert [uri.rpartition("/")[2] for uri in moved["virtual-servers"]] == [DB1]
    back = {"workload-resource-group": api.gold}    # type: ignore[attr-defined]
    assert api.refused("POST", f"{SERVERS}/{DB1}", {**back, "excluded": True})["reason"] == 2
    assert api.post(f"{SERVERS}/{DB1}", {**back, "move": True})["workload-resource-group"].endswith(back.popitem()[1])


def test_what_is_refused_for_its_headers(api: ApiHost) -> None:
    text = json.dumps({"name": "New"}).encode()

    def refused(**headers: str) -> tuple[int, int]:
        error = api.refused("POST", GROUPS, content=text, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return error["http-status"], error["reason"]

    assert refused(Accept="text/html") == (406, 0)
    assert refused(Content_Type="text/plain") == (415, 0)
    assert refused(Content_Encoding="gzip") == (415, 0)
    assert refused(If_Match='"x"') == (400, 2)
    created = api.send("POST", GROUPS, content=text, headers={
        "Accept": "text/html;q=0.9, */*;q=0.1", "Content-Type": "Application/JSON; charset=utf-8",
    })  # fmt: skip
    assert created.status_code == 201


def test_if_match_keeps_two_administrators_from_overwriting_each_other(api: ApiHost) -> None:
    gold = f"{GROUPS}/{api.gold}"    # type: ignore[attr-defined]
    for path, body, other in (
        (gold, {"description": "mine"}, {"description": "theirs"}),
        (f"{gold}/actions", {"action": "activate-policy", "policy": None}, None),
        (f"{SERVERS}/{DB1}", {"excluded": True}, {"cpu-cap": 2}),
        ("/mgmt-levels", {"cpu-mgmt": "off"}, {"cpu-mgmt": "advise"}),
    ):
        read = path.removesuffix("/actions")
        seen = api.send("GET", read).headers["etag"]
        api.post(read, other or {"description": "again"})
        error = api.refused("POST", path, body, headers={"If-Match": seen})
        assert (error["http-status"], error["reason"]) == (412, 0)
        fresh = api.send("GET", read).headers["etag"]
        assert api.send("POST", path, body, headers={"If-Match": f'"old", {fresh}'}).status_code == 200
    stale = api.refused("DELETE", gold, headers={"If-Match": '"old"'})
    assert stale["http-status"] == 412
    assert api.send("DELETE", gold, headers={"If-Match": "*"}).status_code == 204
    several = api.refused("POST", f"{GROUPS}/default,{api.silver}", {"description": "x"},    # type: ignore[attr-defined]
                          headers={"If-Match": fresh})  # fmt: skip
    assert (several["http-status"], several["reason"]) == (400, 2)


def test_new_figures_alone_do_not_fail_an_if_match(api: ApiHost) -> None:
    before = api.send("GET", f"{SERVERS}/{DB1}")
    api.cycle(7.0)
    after = api.send("GET", f"{SERVERS}/{DB1}", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200    # the figures are others
    assert after.headers["etag"] != before.headers["etag"]
    tag = {"If-Match": before.headers["etag"]}
    assert api.send("POST", f"{SERVERS}/{DB1}", {"excluded": True}, headers=tag).status_code == 200


def test_what_a_client_has_already_is_not_sent_again(api: ApiHost) -> None:
    for path in (GROUPS, f"{GROUPS}/default", "/version", f"{SERVERS}/{DB1}"):
        tag = api.send("GET", path).headers["etag"]
        for header in (tag, f'"x", W/{tag}', "*"):
            again = api.send("GET", path, headers={"If-None-Match": header})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert api.send("GET", path, headers={"If-None-Match": '"x"'}).status_code == 200
