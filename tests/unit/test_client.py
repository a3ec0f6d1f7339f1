"""The REST client: what a program that uses it notices."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from hpm.client.connection import connect
from hpm.client.errors import ApiError, BadAnswer, ChangedMeanwhile, NoConnection
from hpm.client.rest import Client
from hpm.errors import HpmError, InvalidValue
from hpm.wire.groups import GroupUpdate

from .test_client_fake import BASE, GOLD, Fake, Pieces, adjustment, refuse, uuid


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def client(fake: Fake) -> Any:
    with connect(transport=fake.transport) as client:
        yield client


def test_answers_are_typed(client: Client) -> None:
    assert [g.name for g in client.groups().value.workload_resource_groups] == ["Default", "Gold"]
    group = client.group(GOLD)
    assert group.value.perf_policies[0].service_classes[0].name == "db"
    assert group.etag == '"7"'
    assert client.servers_detail().value.virtual_servers[0].velocity == 77.4
    assert client.explain(uuid(1)).value.sentences[0].startswith("db1 is in group Gold")
    assert client.version().value.controls["cpu-quota"].why_not == "not permitted"


def test_fields_of_a_newer_server_are_left_out_of_values_and_kept_in_the_json(fake: Fake, client: Client) -> None:
    policy = fake.groups[GOLD]["perf-policies"][0]
    policy["color"] = "red"
    policy["service-classes"][0]["goal"]["latency-ms"] = 3
    policy["service-classes"][0]["classification"]["ignore-case"] = True
    fake.groups[GOLD]["owner"] = "ops"
    answer = client.group(GOLD)
    assert answer.value.perf_policies[0].service_classes[0].goal == answer.value.perf_policies[0].classify(
        {"virtual-server-name": "db9"}
    ).goal
    assert answer.json["owner"] == "ops"
    assert answer.json["perf-policies"][0]["service-classes"][0]["goal"]["latency-ms"] == 3


def test_an_answer_of_another_shape_says_where(fake: Fake, client: Client) -> None:
    fake.groups[GOLD]["perf-policies"][0]["importance"] = "utmost"
    with pytest.raises(BadAnswer, match=r"utmost.*perf-policies.*newer"):
        _ = client.group(GOLD).value


@pytest.mark.parametrize("text", [b"[1,", 100_000 * b"[", b'{"hpm-version": ' + 100_000 * b"["])
def test_an_answer_that_is_cut_off_or_nested_without_end_is_no_json(fake: Fake, client: Client, text: bytes) -> None:
    fake.answers["GET", "/version"] = httpx.Response(200, content=text)
    answer = client.version()
    with pytest.raises(BadAnswer, match="not JSON"):
        _ = answer.value
    with pytest.raises(BadAnswer, match="not JSON"):
        _ = answer.json


def test_an_answer_that_is_not_in_its_coding_is_none(fake: Fake, client: Client) -> None:
    fake.answers["GET", "/version"] = httpx.Response(200, stream=Pieces(b"{}"), headers={"Content-Encoding": "gzip"})
    with pytest.raises(BadAnswer, match="coding"):
        client.version()


@pytest.mark.parametrize("text", ["<html>busy</html>", "", "[]", '{"detail": "no"}'])
def test_an_error_that_is_not_hpms_is_told_apart(fake: Fake, client: Client, text: str) -> None:
    fake.answers["GET", "/version"] = httpx.Response(502, text=text)
    with pytest.raises(BadAnswer, match=r"502 Bad Gateway.*address of hpm"):
        client.version()


def test_a_refusal_carries_status_reason_message(fake: Fake, client: Client) -> None:
    fake.answers["POST", "/mgmt-levels"] = refuse(httpx.Request("POST", "/"), 409, "memory: not yet", 2)
    with pytest.raises(ApiError) as caught:
        client.set_management_levels({"memory-mgmt": "on"})
    assert (caught.value.status, caught.value.reason, caught.value.message) == (409, 2, "memory: not yet")
    assert caught.value.id == "refused" and isinstance(caught.value, HpmError)


def test_if_match_goes_with_a_write_and_412_has_its_own_error(fake: Fake, client: Client) -> None:
    fake.answers["POST", f"/workload-resource-groups/{GOLD}"] = refuse(httpx.Request("POST", "/"), 412, "changed")
    with pytest.raises(ChangedMeanwhile):
        client.update_group(GOLD, GroupUpdate(name="Platinum"), if_match='"7"')
    assert fake.requests[-1].headers["If-Match"] == '"7"'
    assert fake.sent() == [(f"/workload-resource-groups/{GOLD}", {"name": "Platinum"})]


def test_delete_answers_nothing(fake: Fake, client: Client) -> None:
    client.delete_group(GOLD)
    assert GOLD not in fake.groups


def test_actions_are_sent_in_the_words_of_the_api(fake: Fake, client: Client) -> None:
    client.add_servers(GOLD, [uuid(1)], move=True)
    client.remove_servers(GOLD, [uuid(1)])
    client.activate_policy(GOLD, None)
    assert [body for _, body in fake.sent()] == [
        {"action": "add-virtual-servers", "virtual-servers": [uuid(1)], "move": True},
        {"action": "remove-virtual-servers", "virtual-servers": [uuid(1)]},
        {"action": "activate-policy", "policy": None},
    ]


def test_names_are_quoted_in_paths(fake: Fake, client: Client) -> None:
    fake.groups[GOLD]["perf-policies"][0]["service-classes"][0]["name"] = "a b+%ü?#"
    assert client.service_class(GOLD, "a b+%ü?#").value.name == "a b+%ü?#"


def test_adjustments_are_paged(fake: Fake, client: Client) -> None:
    fake.adjustments = [adjustment(n) for n in range(9, 0, -1)]
    fake.page = 4
    page = client.adjustments(outcome="applied").value
    found = list(page.dynamic_resource_adjustments)
    while page.next is not None:
        page = client.more_adjustments(page.next).value
        found += page.dynamic_resource_adjustments
    assert [a.object_id for a in found] == list(range(9, 0, -1))
    assert fake.requests[0].url.params["outcome"] == "applied"
    assert "from" not in fake.requests[0].url.params


def test_a_url_with_a_path_is_the_base_path() -> None:
    seen: list[httpx.URL] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={"cpu-mgmt": "on", "memory-mgmt": "off"})

    for url in ("https://wok.example:8001/plugins/hpm/", "http://host:8080"):
        connect(url=url, transport=httpx.MockTransport(handle)).management_levels()
    assert [str(u) for u in seen] == [
        "https://wok.example:8001/plugins/hpm/mgmt-levels", f"http://host:8080{BASE}/mgmt-levels",
    ]  # fmt: skip


@pytest.mark.parametrize("url", [
    "host:8443", "ftp://host", "https://", "hpm", "https://[::1", "https://host:x", f"https://{70 * 'a'}.de", "https://xn--a",
    "https://h\0st", "https://\u2100",
])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="right would be https://host:8643,"):
        connect(url=url)


class _Server:
    """Answers every request on a unix socket with one text."""

    def __init__(self, path: Path, text: bytes) -> None:
        import threading

        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.text = text
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                if peer.recv(65536):    # else somebody only looked whether we are here
                    peer.sendall(self.text)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def test_sockets_are_tried_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"cpu-mgmt": "advise", "memory-mgmt": "off"}).encode()
    text = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    live, stale = tmp_path / "live", tmp_path / "stale"
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(str(stale))
    left_behind.close()
    monkeypatch.setattr("hpm.client.connection.socket_candidates", lambda: [tmp_path / "none", stale, live])
    with pytest.raises(NoConnection) as caught:
        connect().management_levels()
    assert "none: no such socket" in caught.value.message
    assert "stale: connection refused" in caught.value.message
    assert "hpm serve" in caught.value.message
    server = _Server(live, text)
    try:
        with connect() as client:
            assert client.management_levels().value.cpu_mgmt == "advise"
            assert client.management_levels().value.cpu_mgmt == "advise"
    finally:
        server.close()


def test_a_broken_connection_is_no_connection(tmp_path: Path) -> None:
    server = _Server(tmp_path / "s", b"")
    try:
        with connect(tmp_path / "s") as client, pytest.raises(NoConnection, match="broke"):
            client.management_levels()
    finally:
        server.close()


def test_a_socket_that_may_not_be_used_says_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: object, address: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("hpm.client.connection.socket.socket.connect", forbidden, raising=False)
    with connect(tmp_path / "s") as client, pytest.raises(NoConnection, match="hpmuser"):
        client.management_levels()


def test_nobody_at_the_url_is_no_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with connect(url=f"http://127.0.0.1:{port}") as client, pytest.raises(NoConnection, match="check the address"):
            client.version()
