"""Logging in from end to end: a client, the web front with its TLS, and the manager's socket for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .access_host import basic
from .api_host import BASE, GROUPS, ApiHost
from .front_host import FrontHost

ROOT = {"user": "root", "password": "root's own"}


def test_a_session_from_login_to_logout(both: tuple[FrontHost, ApiHost]) -> None:
    front, api = both
    ours, theirs = {"Origin": front.url}, {"Origin": "https://elsewhere.example"}
    http = front.http
    assert http.get(f"{BASE}/version").status_code == 200
    assert http.get(BASE + GROUPS).status_code == 401
    assert http.post(f"{BASE}/login", json={**ROOT, "password": "wrong"}, headers=ours).status_code == 401
    assert http.post(f"{BASE}/login", json=ROOT, headers=theirs).status_code == 403
    logged_in = http.post(f"{BASE}/login", json=ROOT, headers=ours)
    assert logged_in.status_code == 200
    for word in ("HttpOnly", "Secure", "SameSite=Strict"):
        assert word in logged_in.headers["set-cookie"]
    assert http.get(BASE + GROUPS).status_code == 200
    assert http.post(BASE + GROUPS, json={"name": "Theirs"}, headers=theirs).status_code == 403
    assert http.post(BASE + GROUPS, json={"name": "Ours"}, headers=ours).status_code == 201
    noted = api.get("/activity-log")["activity-log"]
    assert len(noted) == 5
    assert {entry["address"] for entry in noted} == {"127.0.0.1"}
    assert http.post(f"{BASE}/logout", headers=ours).status_code == 204
    assert http.get(BASE + GROUPS).status_code == 401


def test_who_guesses_is_throttled_by_address_and_cannot_say_another(both: tuple[FrontHost, ApiHost]) -> None:
    front, _ = both
    statuses = [
        front.http.get(BASE + GROUPS, headers={**basic("root", f"guess {n}"), "Hpm-Client-Address": f"192.0.2.{n}"})
        .status_code for n in range(12)
    ]  # fmt: skip
    assert statuses[0] == 401 and statuses[-1] == 429


MEGABYTE = b"x" * 1_000_000
FIFTEEN = 15 * MEGABYTE


@pytest.mark.parametrize("path", [GROUPS, f"{GROUPS}/import", f"{GROUPS}/default/import", "/nothing"])
def test_who_may_not_write_is_told_so_however_large_the_body_is(both: tuple[FrontHost, ApiHost], path: str) -> None:
    """The manager answers before it has read the body, and the front is still sending then."""
    front, api = both
    _, secret = api.manager.tokens.create("reads", "root", "user", None)
    reader, anonymous = {"Authorization": f"Bearer {secret}"}, {"Authorization": "Bearer hpm_none"}
    wanted = (404, 404, 404) if path == "/nothing" else (403, 401, 401)
    for headers, status in zip((reader, anonymous, {}), wanted, strict=True):
        for _ in range(2):
            answer = front.http.post(BASE + path, content=FIFTEEN if "import" in path else MEGABYTE, headers=headers)
            assert (answer.status_code, answer.json()["http-status"]) == (status, status), answer.text


def test_what_the_manager_refuses_for_its_headers_is_told_too(both: tuple[FrontHost, ApiHost]) -> None:
    front, _ = both
    answer = front.http.post(BASE + GROUPS, content=MEGABYTE, headers={"x_y": "1"})
    assert answer.status_code == 400 and "header" in answer.json()["message"]


def test_the_command_line_with_a_token(both: tuple[FrontHost, ApiHost]) -> None:
    front, _ = both
    made = front.http.post(f"{BASE}/tokens", json={"name": "backup"}, headers=basic(*ROOT.values()))
    assert made.status_code == 201
    environment = {**os.environ, "HPM_TOKEN": made.json()["secret"]}
    command = [sys.executable, "-m", "hpm.cli.main", "--host", front.url, "--cacert", str(front.cert)]
    for words, code in ((["vs-list"], 0), (["wrg-create", "Gold"], 1)):
        done = subprocess.run([*command, *words], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == code, done.stderr
