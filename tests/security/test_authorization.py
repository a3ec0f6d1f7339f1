"""Every route, every way in, every role. The routes come from the table that serves them, so none can be forgotten."""

from __future__ import annotations

import os
import pwd

import pytest

from tests.unit.access_host import HERE, AccessHost
from tests.unit.api_host import BASES
from tests.unit.exercised import ROUTES

from .asking import ENOUGH, UNKNOWN, WAYS, as_another, is_root, path_of

EVERY = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("way", WAYS)
def test_every_route_asks_everybody_who_he_is(host: AccessHost, way: str, base: str) -> None:
    make, worth = WAYS[way]
    headers = dict(make(host))
    before = host.state()
    for number, route in enumerate(ROUTES):
        # each from an address of its own: who is blocked is told nothing, and that is another test
        address = f"203.0.{number // 200}.{number % 200 + 1}"
        answer = host.ask(route.method, base + path_of(route) + UNKNOWN, headers=headers, address=address)
        told = (answer.status_code, answer.json()["reason"])
        what = f"{route.method} {route.path} with {way}: {answer.text}"
        if worth in ENOUGH[route.role]:
            assert told == (400, 1), what    # let in, and told that the query is none
        elif worth is None:    # who guesses is slowed in the end, and learns nothing by that either
            assert told == (401, 0) or (told == (429, 0) and "password" in way), what
        else:
            assert told == (403, 1), what
    assert host.state() == before


def test_every_other_method_of_a_path_is_refused(host: AccessHost) -> None:
    known = {(route.method, route.path) for route in ROUTES}
    before = host.state()
    for path in {route.path: route for route in ROUTES}.values():
        for method in EVERY:
            if (method, path.path) in known or (method == "HEAD" and ("GET", path.path) in known):
                continue
            answer = host.ask(method, path_of(path))
            # a fixed word of one route may be the variable part of another one
            assert answer.status_code in (401, 405), f"{method} {path.path}: {answer.status_code}"
    assert host.state() == before


def test_what_is_open_to_visitors_is_two_routes() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.role == "anybody"} == {
        ("POST", "/login"), ("GET", "/version"),
    }  # fmt: skip
    assert {(route.method, route.path) for route in ROUTES if route.role == "known"} == {
        ("GET", "/login"), ("POST", "/logout"),
    }  # fmt: skip


def test_every_change_takes_the_role_admin_but_those_of_ones_own() -> None:
    """What the role user may POST or DELETE, in full: a route that is new must be looked at here."""
    assert {(route.method, route.path) for route in ROUTES if route.method != "GET" and route.role != "admin"} == {
        ("POST", "/login"), ("POST", "/logout"), ("POST", "/tokens"), ("DELETE", "/tokens/{id}"),
        ("POST", "/workload-resource-groups/preview"), ("POST", "/workload-resource-groups/{id}/preview"),
        ("POST", "/simulations"), ("POST", "/mom/evaluate"),
    }  # fmt: skip


@pytest.mark.skipif(not is_root(), reason="only root can ask as another user")
def test_a_stranger_on_this_host_is_let_in_nowhere(host: AccessHost) -> None:
    host.socket.parent.chmod(0o755)
    nobody = pwd.getpwnam("nobody")
    for base in BASES:
        requests = [
            f"{route.method} {base}{path_of(route)}{UNKNOWN} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            for route in ROUTES
        ]
        told = as_another(host.socket, nobody.pw_uid, nobody.pw_gid, requests)
        assert len(told) == len(requests)
        for route, line in zip(ROUTES, told, strict=True):
            assert line.split()[1] == (b"400" if route.role == "known" else b"403"), f"{route.method} {route.path}"


def test_roles_are_asked_of_the_host_each_time(host: AccessHost) -> None:
    """Nothing that a client keeps says what it may: not its token, its session, nor a header."""
    secret = host.log_in("ann")
    assert host.ask("GET", "/login", cookie=secret).json()["role"] == "admin"
    host.roles["ann"] = "user"
    assert host.ask("GET", "/login", cookie=secret).json()["role"] == "user"
    del host.roles["ann"]
    assert host.ask("GET", "/login", cookie=secret).json()["role"] is None
    host.roles["ann"] = "admin"
    assert host.ask("GET", "/login", cookie=secret, address=HERE).json()["role"] == "admin"


@pytest.mark.parametrize("way", WAYS)
def test_the_sockets_own_door_has_no_login(host: AccessHost, way: str) -> None:
    """On the local socket the kernel says who asks: a password, token or cookie is worth nothing there, nor less."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    told = host.send("GET", "/login", headers=dict(WAYS[way][0](host))).json()
    assert (told["user"], told["role"], told["means"]) == (me, "admin", "socket")
    assert host.send("POST", "/login", {"user": "ann", "password": "ann's own"}).status_code == 409
