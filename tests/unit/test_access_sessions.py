"""Logging in through the web front: what a session is worth, to whom, and for how long."""

from __future__ import annotations

import time

import pytest

from hpm.control.caller import SessionExpired
from hpm.host.access import sessions as rules
from hpm.host.access.door import FrontDoor

from .access_host import HERE, ORIGIN, PASSWORDS, AccessHost, basic, secret_of
from .api_host import GROUPS, whole_error

NEW = {"name": "New"}


def test_who_logs_in_may_what_its_groups_say(host: AccessHost) -> None:
    answer = host.try_login("ann", PASSWORDS["ann"])
    told = answer.json()
    assert (answer.status_code, told["user"], told["role"], told["means"]) == (200, "ann", "admin", "session")
    assert told["expires"].endswith("Z")
    ann, bob = secret_of(answer), host.log_in("bob")
    assert host.ask("GET", "/login", cookie=ann).json()["user"] == "ann"
    assert host.ask("GET", GROUPS, cookie=bob).status_code == 200
    assert host.ask("POST", GROUPS, NEW, cookie=bob, headers=ORIGIN).status_code == 403
    assert host.ask("POST", GROUPS, NEW, cookie=ann, headers=ORIGIN).status_code == 201


def test_the_cookie_is_for_this_site_and_no_script(host: AccessHost) -> None:
    answer = host.try_login("ann", PASSWORDS["ann"])
    first, *attributes = [part.strip() for part in answer.headers["set-cookie"].split(";")]
    assert first.startswith("__Host-hpm-session=")
    assert len(first) >= len("__Host-hpm-session=") + 43    # 256 bits in base64
    assert set(attributes) == {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"}


def test_a_cookie_from_before_the_login_is_never_taken(host: AccessHost) -> None:
    """Session fixation: an attacker's cookie, valid or made up, must not become the victim's session."""
    made_up = "A" * 43
    fresh = secret_of(host.try_login("ann", PASSWORDS["ann"], cookie=made_up))
    assert fresh != made_up
    assert host.ask("GET", "/login", cookie=made_up).status_code == 401
    attackers = host.log_in("bob")
    victims = secret_of(host.try_login("ann", PASSWORDS["ann"], cookie=attackers))
    assert victims != attackers
    assert host.ask("GET", "/login", cookie=attackers).status_code == 401    # and it has ended
    assert host.ask("GET", "/login", cookie=victims).json()["user"] == "ann"


def test_every_login_has_a_session_of_its_own(host: AccessHost) -> None:
    one, two = host.log_in(), host.log_in()
    assert one != two
    assert host.ask("POST", "/logout", cookie=one, headers=ORIGIN).status_code == 204
    assert host.ask("GET", "/login", cookie=two).status_code == 200


def test_logging_out_ends_the_session_and_clears_the_cookie(host: AccessHost) -> None:
    secret = host.log_in()
    answer = host.ask("POST", "/logout", cookie=secret, headers=ORIGIN)
    assert answer.status_code == 204
    assert "__Host-hpm-session=;" in answer.headers["set-cookie"] and "Max-Age=0" in answer.headers["set-cookie"]
    assert host.ask("GET", "/login", cookie=secret).status_code == 401
    assert host.ask("POST", "/logout", headers=basic("ann", PASSWORDS["ann"])).status_code == 409


def test_a_session_ends_when_nobody_uses_it(host: AccessHost) -> None:
    secret = host.log_in()
    for _ in range(3):
        host.now += rules.IDLE - 1
        assert host.ask("GET", GROUPS, cookie=secret).status_code == 200
    host.now += rules.IDLE
    answer = host.ask("GET", GROUPS, cookie=secret)
    error = whole_error(answer, "GET")
    assert (error["http-status"], error["reason"]) == (403, 5)
    assert "log in again" in error["message"]
    answer = host.try_login("ann", PASSWORDS["ann"], cookie=secret)    # which it is in nobody's way of
    assert answer.status_code == 200
    assert host.ask("GET", "/version", cookie=secret).status_code == 200


def test_a_session_ends_whatever_is_done_in_it(host: AccessHost) -> None:
    secret = host.log_in()
    began = host.now
    while host.now + 600 < began + rules.LONGEST:
        host.now += 600
        assert host.ask("GET", GROUPS, cookie=secret).status_code == 200
    host.now = began + rules.LONGEST
    assert whole_error(host.ask("GET", GROUPS, cookie=secret), "GET")["reason"] == 5
    host.now = began + rules.REMEMBERED
    host.log_in("bob")    # forgotten by now: it is as if it had never been
    assert host.ask("GET", GROUPS, cookie=secret).status_code == 401


def test_one_user_has_a_bounded_number_of_sessions(host: AccessHost) -> None:
    bobs = host.log_in("bob")
    first = host.log_in()
    others = [host.log_in() for _ in range(rules.SESSIONS_PER_USER)]
    assert host.ask("GET", "/login", cookie=first).status_code == 401
    assert host.ask("GET", "/login", cookie=others[0]).status_code == 200
    assert host.ask("GET", "/login", cookie=bobs).status_code == 200


def test_a_session_is_over_after_a_night_that_the_host_slept(host: AccessHost, monkeypatch: pytest.MonkeyPatch) -> None:
    door, real, slept = FrontDoor(host.checker, host.manager.tokens), time.clock_gettime, 0.0

    def clock(which: int) -> float:
        return real(which) + (slept if which == time.CLOCK_BOOTTIME else 0.0)    # the others stand still meanwhile

    monkeypatch.setattr(time, "clock_gettime", clock)
    secret = door._sessions.begin("ann", 5000)
    assert door._sessions.find(secret) is not None
    slept = rules.IDLE
    with pytest.raises(SessionExpired):
        door._sessions.find(secret)


def test_who_is_taken_out_of_a_group_has_lost_the_role_at_once(host: AccessHost) -> None:
    secret, token = host.log_in(), host.token("ann", role="admin")["secret"]
    ways = [{"cookie": secret, "headers": ORIGIN}, {"headers": basic("ann", PASSWORDS["ann"])},
            {"headers": {"Authorization": f"Bearer {token}"}}]  # fmt: skip
    for number, way in enumerate(ways):
        assert host.ask("POST", GROUPS, {"name": f"G{number}"}, **way).status_code == 201    # type: ignore[arg-type]
    host.roles["ann"] = "user"
    for way in ways:
        assert host.ask("POST", GROUPS, NEW, **way).status_code == 403    # type: ignore[arg-type]
        assert host.ask("GET", GROUPS, **way).status_code == 200    # type: ignore[arg-type]
    del host.roles["ann"]
    for way in ways:
        assert whole_error(host.ask("GET", GROUPS, **way), "GET")["reason"] == 1    # type: ignore[arg-type]
    assert host.ask("POST", "/logout", cookie=secret, headers=ORIGIN).status_code == 204


def test_who_is_in_no_group_does_not_get_in(host: AccessHost) -> None:
    answer = host.try_login("eve", PASSWORDS["eve"])
    assert whole_error(answer, "POST")["reason"] == 1
    assert "hpmuser or hpmadm" in answer.text
    assert "set-cookie" not in answer.headers


def test_an_account_that_is_closed_does_not_get_in(host: AccessHost) -> None:
    answer = host.try_login("old", PASSWORDS["old"])
    assert answer.status_code == 401
    assert "expired" in answer.json()["message"]


def test_a_wrong_password_and_an_unknown_user_are_told_apart_by_nothing(host: AccessHost) -> None:
    answers = [host.try_login("ann", "x"), host.try_login("nobody-of-that-name", "x")]
    assert [a.status_code for a in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    assert dict(answers[0].headers) | {"date": ""} == dict(answers[1].headers) | {"date": ""}
    assert host.slept == [0.5, 0.5]    # which PAM does not take for either
    assert host.try_login("ann", PASSWORDS["ann"]).status_code == 200
    assert len(host.slept) == 2    # nobody waits with the right one


@pytest.mark.parametrize("body", [
    {}, {"user": "ann"}, {"password": "x"}, {"user": "", "password": "x"}, {"user": "ann", "password": ""},
    {"user": "ann", "password": 5}, {"user": ["ann"], "password": "x"}, {"user": "ann", "password": "x", "more": 1},
    {"user": "a" * 257, "password": "x"}, {"user": "ann", "password": "x" * 1025}, [], None,
])  # fmt: skip
def test_a_login_that_is_none_is_refused_unasked(host: AccessHost, body: object) -> None:
    answer = host.ask("POST", "/login", body)
    assert answer.status_code == 400
    assert not host.checker.asked


@pytest.mark.parametrize(("user", "password"), [("ann", "ann's own\0x"), ("ann\0", "ann's own"), ("ann\0x", "x")])
def test_a_text_that_ends_early_in_c_is_never_right(host: AccessHost, user: str, password: str) -> None:
    assert host.try_login(user, password).status_code == 401
    assert not host.checker.asked


def test_where_passwords_cannot_be_checked_it_is_said(host: AccessHost) -> None:
    host.checker.unavailable = True
    answer = host.try_login("ann", PASSWORDS["ann"])
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


def test_anybody_may_only_log_in_and_ask_for_the_version(host: AccessHost) -> None:
    from hpm.control.routes import routes

    open_to_all = set()
    for route in routes(host.manager):
        path = route.path.replace("{id}", "default").replace("{name}", "x")
        answer = host.ask(route.method, path)
        if answer.status_code != 401:
            open_to_all.add((route.method, route.path))
        else:
            assert whole_error(answer, route.method)["reason"] == 0
    assert open_to_all == {("GET", "/version"), ("POST", "/login")}


def test_the_challenge_opens_no_dialog_in_a_browser(host: AccessHost) -> None:
    assert host.ask("GET", GROUPS).headers["www-authenticate"] == \
        'Bearer realm="hpm", Basic realm="hpm", charset="UTF-8"'  # fmt: skip
    for mark in ({"Sec-Fetch-Mode": "cors"}, {"X-Requested-With": "XMLHttpRequest"}):
        assert host.ask("GET", GROUPS, headers=mark).headers["www-authenticate"] == 'Bearer realm="hpm"'


def test_cookies_of_other_programs_are_in_nobodys_way(host: AccessHost) -> None:
    secret = host.log_in()
    for around in ("a@b=1; {}", "{}; [x]=\"", "wok=1; {}; =; ;;", "xhpm-session=no; {}"):
        header = {"Cookie": around.format(f"__Host-hpm-session={secret}")}
        assert host.ask("GET", "/login", headers=header).status_code == 200, around


def test_the_headers_of_the_front_mean_nothing_on_the_managers_own_socket(host: AccessHost) -> None:
    headers = {"Hpm-Client-Address": "203.0.113.5", "Hpm-Client-Scheme": "https", **basic("bob", "x")}
    assert host.send("GET", "/login", headers=headers).json()["means"] == "socket"
    host.send("POST", GROUPS, NEW, headers=headers)
    assert host.entries()[0]["address"] is None


def test_who_is_not_the_front_is_not_asked_in(host: AccessHost) -> None:
    for address in ("", "nowhere", "192.0.2.1, 198.51.100.7", "192.0.2.1:80"):
        answer = host.ask("GET", "/version", address=address)
        assert answer.status_code == 400
    assert host.ask("GET", "/version", address="2001:db8::1").status_code == 200


def test_a_session_is_kept_by_a_hash_alone(host: AccessHost) -> None:
    secret = host.log_in(address=HERE)
    kept = repr(host.door._sessions._sessions)
    assert "user='ann'" in kept and secret not in kept
    assert secret.encode() not in host.stored()
