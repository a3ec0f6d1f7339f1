"""Writes that a page of another site makes a browser send: refused, whatever cookie comes with them."""

from __future__ import annotations

import pytest

from hpm.control.caller import CrossSite
from hpm.control.origin import check_origin

from .access_host import HOST, ORIGIN, PASSWORDS, AccessHost, basic, bearer
from .api_host import GROUPS, whole_error

NEW = {"name": "New"}


OTHERS = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://hpm.example"},    # the same host, and another port: another program's page
    {"Origin": "https://hpm.example:8443.evil.example"},
    {"Origin": "https://evil.example:8443"},
    {"Origin": f"http://{HOST}"},
    {"Origin": "null"},
    {"Origin": f"https://{HOST}@evil.example"},
    {"Origin": f"ftp://{HOST}"},
    {"Origin": "https://["},
    {"Origin": "https://hpm.example:99999"},
    {"Origin": f"https://{HOST}, https://evil.example"},
    {"Origin": f"https://evil.example@{HOST}"},
    {"Origin": f"https://evil.example\\@{HOST}"},
    {"Origin": f"https:\\\\{HOST}"},
    {"Origin": f"https://{HOST}\tx"},
    {"Origin": "https://h\tpm.example:8443"},
    {"Referer": "https://evil.example/hpm.example:8443"},
    {"Origin": "https://evil.example", "Referer": f"https://{HOST}/ui/"},
    {"Sec-Fetch-Site": "cross-site", **ORIGIN},
    {"Sec-Fetch-Site": "same-site", **ORIGIN},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site, same-origin", **ORIGIN},
    {"Sec-Fetch-Site": "same-origin, same-origin", **ORIGIN},
    {},
]


@pytest.mark.parametrize("headers", OTHERS, ids=str)
def test_a_cross_site_write_with_a_valid_cookie_is_refused(host: AccessHost, headers: dict[str, str]) -> None:
    secret = host.log_in()
    before = host.state()
    requests = [
        ("POST", GROUPS, NEW), ("POST", "/mgmt-levels", {"cpu-mgmt": "on"}), ("DELETE", f"{GROUPS}/default", None),
        ("POST", "/tokens", {"name": "t"}), ("POST", "/logout", None),
    ]  # fmt: skip
    for method, path, body in requests:
        error = whole_error(host.ask(method, path, body, cookie=secret, headers=headers), method)
        assert (error["http-status"], error["reason"]) == (403, 2)
    assert host.state() == before
    assert host.ask("GET", "/login", cookie=secret).status_code == 200
    newest = host.entries()[0]
    assert (newest["user"], newest["outcome"], newest["reason"]) == ("ann", "refused", 2)


@pytest.mark.parametrize("headers", [
    ORIGIN, {"Origin": f"HTTPS://{HOST.upper()}"}, {"Referer": f"https://{HOST}/ui/groups?x=1"},
    {"Sec-Fetch-Site": "same-origin", **ORIGIN},
], ids=str)  # fmt: skip
def test_a_write_from_our_own_page_is_done(host: AccessHost, headers: dict[str, str]) -> None:
    assert host.ask("POST", GROUPS, NEW, cookie=host.log_in(), headers=headers).status_code == 201


def test_reading_in_a_session_takes_no_origin(host: AccessHost) -> None:
    assert host.ask("GET", GROUPS, cookie=host.log_in()).status_code == 200


def test_programs_need_no_origin_and_browsers_send_one(host: AccessHost) -> None:
    password, token = basic("ann", PASSWORDS["ann"]), bearer(host.token("ann", role="admin")["secret"])
    evil = {"Origin": "https://evil.example"}
    assert host.ask("POST", GROUPS, {"name": "A"}, headers=password).status_code == 201
    assert host.ask("POST", GROUPS, {"name": "B"}, headers=token).status_code == 201
    # a browser sends a password that it was given by itself, and never a token
    assert host.ask("POST", GROUPS, {"name": "C"}, headers={**password, **evil}).status_code == 403
    assert host.ask("POST", GROUPS, {"name": "C"}, headers={**token, **evil}).status_code == 201


def test_nobody_is_logged_in_by_another_sites_page(host: AccessHost) -> None:
    """Login CSRF: the victim would work in the attacker's session."""
    for headers in OTHERS[:-1]:
        answer = host.try_login("bob", PASSWORDS["bob"], headers=headers)
        assert answer.status_code == 403, headers
        assert "set-cookie" not in answer.headers
    assert not host.checker.asked
    assert host.try_login("bob", PASSWORDS["bob"], headers=ORIGIN).status_code == 200
    assert host.try_login("bob", PASSWORDS["bob"]).status_code == 200    # a program


@pytest.mark.parametrize(("origin", "host_header", "scheme", "good"), [
    ("https://a", "a", "https", True), ("https://a:443", "a", "https", True), ("https://a", "a:443", "https", True),
    ("http://a", "a:80", None, True), ("http://a", "a", "https", False), ("https://a", "a:80", None, False),
    ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443", "https", True), ("https://a.", "a", "https", True),
    ("https://a:8443", "a:8444", "https", False), ("https://a", "", "https", False), ("https://a", "b", None, False),
])  # fmt: skip
def test_origins_and_hosts(origin: str, host_header: str, scheme: str | None, good: bool) -> None:
    headers = {"Origin": origin, "Host": host_header}
    if good:
        check_origin(headers, scheme=scheme)
        check_origin({"Origin": origin, "Host": "inner:1"}, scheme=scheme, host=host_header)
    else:
        with pytest.raises(CrossSite):
            check_origin(headers, scheme=scheme)
