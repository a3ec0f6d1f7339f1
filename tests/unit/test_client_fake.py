"""A little hpm for the tests of the client and the command line: the API's words, no host behind it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec
from click.testing import CliRunner, Result

from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.wire.groups import GroupDetail, GroupList
from hpm.wire.servers import ServerDetailList

BASE = "/zhpm/wsapi/v1"
GOLD = "6b1c7f0e-6d3c-4f0c-9b76-1d2f3a4b5c01"


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def server(number: int, name: str, **fields: Any) -> dict[str, Any]:
    whole = {
        "class": "virtual-server", "object-id": uuid(number), "object-uri": f"{BASE}/virtual-servers/{uuid(number)}",
        "name": name, "status": "running", "started": "2026-02-03T10:00:00.000Z", "vcpus": 4, "memory-mib": 8192,
        "workload-resource-group": f"{BASE}/workload-resource-groups/{GOLD}", "service-class": "db",
        "importance": "high", "goal": {"type": "velocity", "velocity": "fast"}, "management": "managed",
        "management-reason": None, "cpu-shares": 2310, "cpu-shares-original": 1024, "cpu-reserve": None,
        "cpu-cap": None, "excluded": False, "cpu-using": 1.5, "cpu-delay": 0.4375, "velocity": 77.4,
        "performance-index": 0.97, "goal-status": "met", "attributes": {"os-type": "linux"},
    }  # fmt: skip
    return {**whole, **fields}


def policy(name: str = "weekday") -> dict[str, Any]:
    rule = {
        "type": "filter", "filter-type": "virtual-server-name", "operation": "string-match", "value": "db*",
    }  # fmt: skip
    return {
        "name": name, "importance": "high", "description": "",
        "service-classes": [
            {"name": "db", "goal": {"type": "velocity", "velocity": "fast"}, "classification": rule},
            {"name": "rest", "goal": {"type": "discretionary"}},
        ],
    }  # fmt: skip


def adjusted(name: str, **fields: Any) -> dict[str, Any]:
    whole = {
        "virtual-server": f"{BASE}/virtual-servers/{name}", "name": name, "service-class": "db",
        "importance": "high", "shares-before": 1024, "shares-after": 2310, "pi-before": 2.42,
        "pi-projected": 0.98, "pi-measured": None,
    }  # fmt: skip
    return {**whole, **fields}


def adjustment(number: int, **fields: Any) -> dict[str, Any]:
    whole = {
        "object-id": number, "time": "2026-02-03T13:05:10Z", "outcome": "applied", "reason": None,
        "interval-seconds": 10, "receivers": [adjusted("db1")],
        "donors": [adjusted("web1", **{"shares-before": 1024, "shares-after": 206, "pi-before": 0.7})],
        "detail": None,
    }  # fmt: skip
    return {**whole, **fields}


class Pieces(httpx.SyncByteStream):
    """A body as it comes over the net: what is wrong with it shows when it is read."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)


@dataclass
class Fake:
    """Groups and servers by id; `requests` is what was sent. `answers` are given first, by method and path."""

    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    servers: list[dict[str, Any]] = field(default_factory=list)
    adjustments: list[dict[str, Any]] = field(default_factory=list)
    levels: dict[str, str] = field(default_factory=lambda: {"cpu-mgmt": "off", "memory-mgmt": "off"})
    requests: list[httpx.Request] = field(default_factory=list)
    answers: dict[tuple[str, str], httpx.Response] = field(default_factory=dict)
    page: int = 100

    def __post_init__(self) -> None:
        if not self.groups:
            self.add_group("default", "Default")
            self.add_group(GOLD, "Gold", **{"perf-policies": [policy()], "active-policy": "weekday"})
        if not self.servers:
            self.servers = [server(1, "db1"), server(2, "db2", velocity=None, **{"goal-status": "idle"})]

    def add_group(self, group_id: str, name: str, **fields: Any) -> None:
        self.groups[group_id] = {
            "class": "workload-resource-group", "object-id": group_id,
            "object-uri": f"{BASE}/workload-resource-groups/{group_id}", "name": name, "description": "",
            "is-default": group_id == "default", "active-policy": None, "perf-policies": [], **fields,
        }  # fmt: skip

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    def sent(self, method: str = "POST") -> list[tuple[str, Any]]:
        """Path below the base and body of the requests of that method."""
        return [
            (unquote(r.url.path.removeprefix(BASE)), json.loads(r.content) if r.content else None)
            for r in self.requests if r.method == method
        ]  # fmt: skip

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        assert path.startswith(BASE + "/"), path
        path = path.removeprefix(BASE)
        canned = self.answers.get((request.method, path))
        if canned is not None:
            return canned
        parts = path.strip("/").split("/")
        if parts[0] == "workload-resource-groups":
            return self._groups(request, parts[1:])
        if parts[0] == "virtual-servers":
            return self._servers(request, parts[1:])
        if parts[0] == "mgmt-levels":
            if request.method == "POST":
                self.levels.update(json.loads(request.content))
            return httpx.Response(200, json=self.levels)
        if parts[0] == "dynamic-resource-adjustments":
            start = int(request.url.params.get("start", 0))
            size = min(self.page, int(request.url.params.get("limit", 100)))
            following = start + size < len(self.adjustments)
            uri = f"{BASE}/dynamic-resource-adjustments?start={start + size}&limit={size}"
            return httpx.Response(200, json={
                "dynamic-resource-adjustments": self.adjustments[start:start + size],
                "next": uri if following else None,
            })  # fmt: skip
        if parts[0] == "version":
            works = {"works": True, "how": "through libvirt", "why-not": ""}
            return httpx.Response(200, json={
                "hpm-version": "1.2.3", "api-version": "1.0", "hypervisor": "QEMU",
                "hypervisor-uri": "qemu:///system", "hypervisor-version": "9.2.0", "libvirt-version": "11.3.0",
                "kernel": "6.18.44", "cgroup-version": 2, "interval-seconds": 10.0, "controls": {
                    "cpu-shares": works, "cpu-quota": {"works": False, "how": "", "why-not": "not permitted"},
                }, "statistics": {"apps-list": {"works": False, "how": "", "why-not": "no agent lists them"}},
                "time-zone": "CET", "utc-offset-minutes": 60, "problem": None,
            })  # fmt: skip
        return refuse(request, 404, f"there is nothing at {path}")

    def _members(self, group_id: str) -> list[str]:
        return [s["object-uri"] for s in self.servers if s["workload-resource-group"].endswith(group_id)]

    def _whole(self, group: dict[str, Any]) -> dict[str, Any]:
        return {**group, "virtual-servers": self._members(group["object-id"])}

    def _groups(self, request: httpx.Request, parts: list[str]) -> httpx.Response:
        if not parts:
            if request.method == "POST":
                body = json.loads(request.content)
                if any(g["name"] == body["name"] for g in self.groups.values()):
                    return refuse(request, 400, f"name: there is a group named {body['name']!r} already", 8)
                self.add_group(uuid(900 + len(self.groups)), body["name"])
                return httpx.Response(201, json=self._whole(list(self.groups.values())[-1]))
            return httpx.Response(200, json={"workload-resource-groups": [
                {**{k: g[k] for k in ("class", "object-id", "object-uri", "name", "description", "is-default",
                                      "active-policy")},
                 "importance": "high" if g["active-policy"] else None,
                 "virtual-server-count": len(self._members(g["object-id"])), "performance-index": 0.974,
                 "goal-status": "met"} for g in self.groups.values()]})  # fmt: skip
        group = self.groups.get(parts[0])
        if group is None:
            return refuse(request, 404, "no such group")
        if parts[1:] == ["actions"]:
            body = json.loads(request.content)
            if body["action"] == "activate-policy":
                group["active-policy"] = body["policy"]
            return httpx.Response(200, json=self._whole(group))
        if parts[1:2] == ["service-classes"]:
            states = self._states(group)
            if len(parts) == 3:
                return httpx.Response(200, json=next(s for s in states if s["name"] == unquote(parts[2])))
            return httpx.Response(
                200, json={"active-policy": group["active-policy"], "service-classes": states}
            )
        if parts[1:2] == ["policies"]:
            return self._policies(request, group, parts[2:])
        if request.method == "DELETE":
            del self.groups[parts[0]]
            return httpx.Response(204)
        if request.method == "POST":
            group.update(copy.deepcopy(json.loads(request.content)))
        return httpx.Response(200, json=self._whole(group), headers={"ETag": '"7"'})

    def _policies(self, request: httpx.Request, group: dict[str, Any], parts: list[str]) -> httpx.Response:
        policies: list[dict[str, Any]] = group["perf-policies"]

        def whole(policy: dict[str, Any]) -> dict[str, Any]:
            active = group["active-policy"] == policy["name"]
            return {"class": "performance-policy", "object-uri": "", "workload-resource-group": group["object-uri"],
                    "description": "", **policy, "active": active, "revision": 1, "changed-time": None,
                    "changed-by": None}  # fmt: skip

        if not parts:
            if request.method == "GET":
                return httpx.Response(200, json={
                    "active-policy": group["active-policy"], "perf-policies": [whole(p) for p in policies],
                })  # fmt: skip
            policies.append(json.loads(request.content))
            if len(policies) == 1:
                group["active-policy"] = policies[0]["name"]
            return httpx.Response(201, json=whole(policies[-1]))
        found = next((p for p in policies if p["name"] == unquote(parts[0])), None)
        if found is None:
            return refuse(request, 404, f"the group {group['name']!r} has no policy named {unquote(parts[0])!r}", 1)
        active = group["active-policy"] == found["name"]
        if request.method == "DELETE":
            policies.remove(found)
            group["active-policy"] = None if active else group["active-policy"]
            return httpx.Response(204)
        if request.method == "POST":
            found.update(json.loads(request.content))
            group["active-policy"] = found["name"] if active else group["active-policy"]
        return httpx.Response(200, json=whole(found), headers={"ETag": '"9"'})

    def _states(self, group: dict[str, Any]) -> list[dict[str, Any]]:
        found = next((p for p in group["perf-policies"] if p["name"] == group["active-policy"]), None)
        return [
            {"class": "service-class", "name": c["name"], "object-uri": "", "policy": found["name"],
             "importance": found["importance"], "goal": c["goal"],
             "virtual-servers": self._members(group["object-id"]) if place == 0 else [],
             "velocity": 77.4 if place == 0 else None, "performance-index": 0.97 if place == 0 else None,
             "goal-status": "met" if place == 0 else "idle"}
            for place, c in enumerate(found["service-classes"])
        ] if found else []  # fmt: skip

    def _servers(self, request: httpx.Request, parts: list[str]) -> httpx.Response:
        if not parts or parts == ["detail"]:
            asked = request.url.params
            group, status = asked.get("workload-resource-group", ""), asked.get("goal-status")
            matching = [
                s for s in self.servers
                if s["workload-resource-group"].endswith(group) and status in (None, s["goal-status"])
            ]  # fmt: skip
            return httpx.Response(200, json={
                "virtual-servers": matching, "snapshot-time": "2026-02-03T13:05:10Z", "problem": None,
                "next": None,
            })  # fmt: skip
        found = next(s for s in self.servers if s["object-id"] == parts[0])
        if parts[1:] == ["explain"]:
            said = ["db1 is in group Gold, whose active policy is weekday.", "It meets its goal. " * 8]
            return httpx.Response(200, json={"virtual-server": found, "sentences": said})
        return httpx.Response(200, json=found, headers={"ETag": '"3"'})


def run(fake: Fake, *args: str, **kwargs: Any) -> Result:
    """The command line before it."""
    return CliRunner(env={"COLUMNS": None}).invoke(cli, args, obj=Session(transport=fake.transport), **kwargs)


def refuse(request: httpx.Request, status: int, message: str, reason: int = 0) -> httpx.Response:
    return httpx.Response(status, json={
        "http-status": status, "reason": reason, "message": message, "request-method": request.method,
        "request-uri": request.url.path, "error-details": None,
    })  # fmt: skip


def test_the_fake_speaks_the_words_of_the_api() -> None:
    for path, type_ in (
        ("/workload-resource-groups", GroupList),
        (f"/workload-resource-groups/{GOLD}", GroupDetail),
        ("/virtual-servers/detail", ServerDetailList),
    ):
        answer = Fake().handle(httpx.Request("GET", "http://localhost" + BASE + path))
        msgspec.json.decode(answer.content, type=type_)
