"""Wrong passwords: how often anybody may be wrong, and whom it hurts."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator

import pytest

from hpm.control.caller import Throttled
from hpm.host.access import throttle as rules
from hpm.host.access.throttle import Throttle, network

from .access_host import HERE, ORIGIN, PASSWORDS, THERE, AccessHost, accessible, basic, bearer
from .api_host import whole_error

HOUR = 3600.0


@pytest.fixture
def host() -> Iterator[AccessHost]:
    with accessible() as running:
        yield running


def test_a_thousand_wrong_passwords_with_fresh_cookies_from_one_address(host: AccessHost) -> None:
    answers = []
    for number in range(1000):
        answers.append(host.try_login(f"user{number % 7}", "x", cookie=secrets.token_urlsafe(32)))
        host.now += 0.01
    assert [a.status_code for a in answers] == [401] * rules.FREE + [429] * (1000 - rules.FREE)
    assert len(host.checker.asked) == rules.FREE    # nobody was asked any more
    assert 0 < int(answers[-1].headers["retry-after"]) <= rules.FIRST_BLOCK
    assert whole_error(answers[-1], "POST")["http-status"] == 429
    # the right one is refused as well, and another address is not
    assert host.try_login("ann", PASSWORDS["ann"]).status_code == 429
    assert host.try_login("ann", PASSWORDS["ann"], address=THERE).status_code == 200
    host.now += int(answers[-1].headers["retry-after"])
    assert host.try_login("ann", PASSWORDS["ann"]).status_code == 200


def test_a_block_grows_and_being_right_does_not_clear_it(host: AccessHost) -> None:
    for _ in range(rules.FREE):
        host.try_login("ann", "x")
    blocks = []
    for _ in range(8):
        blocks.append(int(host.try_login("ann", "x").headers["retry-after"]))
        host.now += blocks[-1]
        assert host.try_login("bob", PASSWORDS["bob"]).status_code == 200    # an attacker's own account
        assert host.try_login("ann", "x").status_code == 401
    assert blocks[:4] == sorted(blocks[:4]) and blocks[0] < blocks[3] <= rules.LONGEST_BLOCK


def test_in_the_long_run_an_address_has_one_try_in_ten_minutes() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    tries = 0
    while now < 48 * HOUR:
        try:
            throttle.check(HERE)
        except Throttled as error:
            now += error.seconds
        else:
            throttle.wrong(HERE)
            tries += 1
    assert tries <= 2 * rules.FREE + 48 * HOUR / rules.FORGIVEN


def test_wrong_passwords_in_basic_and_wrong_tokens_count_too(host: AccessHost) -> None:
    statuses = []
    for number in range(20):
        headers = bearer(f"hpm_{number:043}") if number % 2 else basic("ann", f"wrong {number}")
        statuses.append(host.ask("GET", "/virtual-servers", headers=headers).status_code)
    assert statuses == [401] * rules.FREE + [429] * (20 - rules.FREE)
    assert host.try_login("ann", PASSWORDS["ann"]).status_code == 429


def test_a_right_password_that_is_remembered_does_not_pass_a_block(host: AccessHost) -> None:
    """Or a blocked attacker could try on, and would see which one is right."""
    right = basic("ann", PASSWORDS["ann"])
    assert host.ask("GET", "/virtual-servers", headers=right).status_code == 200
    for _ in range(rules.FREE):
        host.try_login("bob", "x")
    assert host.ask("GET", "/virtual-servers", headers=right).status_code == 429


def test_sessions_and_right_tokens_pass_a_block(host: AccessHost) -> None:
    session, token = host.log_in(), host.token()["secret"]
    for _ in range(rules.FREE):
        host.try_login("ann", "x")
    assert host.try_login("ann", PASSWORDS["ann"]).status_code == 429
    assert host.ask("GET", "/virtual-servers", cookie=session).status_code == 200
    assert host.ask("GET", "/virtual-servers", headers=bearer(token)).status_code == 200
    assert host.ask("POST", "/logout", cookie=session, headers=ORIGIN).status_code == 204


def test_a_user_under_attack_from_everywhere_is_slowed_and_not_shut_out(host: AccessHost) -> None:
    assert host.try_login("ann", PASSWORDS["ann"], address=THERE).status_code == 200    # ann's desk
    statuses = [host.try_login("Ann", "x", address=f"10.0.{n // 200}.{n % 200}").status_code for n in range(500)]
    assert statuses == [401] * rules.FREE + [429] * (500 - rules.FREE)
    assert host.try_login("ann", PASSWORDS["ann"], address=THERE).status_code == 200    # as ever
    assert host.try_login("bob", PASSWORDS["bob"], address="10.1.1.1").status_code == 200    # another user
    stranger = host.try_login("ann", PASSWORDS["ann"], address="10.1.1.2")
    assert stranger.status_code == 429
    assert int(stranger.headers["retry-after"]) <= rules.LONGEST_DELAY
    # however long it lasts, half a minute after its end she gets in from anywhere
    for n in range(500):
        host.now += rules.LONGEST_DELAY
        host.try_login("ann", "x", address=f"10.2.{n // 200}.{n % 200}")
    host.now += rules.LONGEST_DELAY
    assert host.try_login("ann", PASSWORDS["ann"], address="10.1.1.2").status_code == 200


def test_where_the_directory_fails_tries_count_as_well(host: AccessHost) -> None:
    host.checker.unavailable = True
    statuses = [host.try_login("ann", f"x{n}").status_code for n in range(12)]
    assert statuses == [503] * rules.FREE + [429] * 2


def test_an_address_of_ipv6_is_its_network() -> None:
    assert network("2001:db8:1:2::3") == network("2001:db8:1:2:ffff::4") != network("2001:db8:1:3::3")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") != network("192.0.2.2")
    assert network("fe80::1%eth0") == network("fe80::2%eth1")


def test_all_loopback_addresses_are_one() -> None:
    ones = ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "::ffff:127.0.0.9"]
    assert len({network(address) for address in ones}) == 1
    assert network("::1") != network("::2") and network("127.0.0.1") != network("128.0.0.1")


def test_who_has_all_addresses_of_loopback_has_no_more_tries(host: AccessHost) -> None:
    addresses = ["::1", *(f"127.0.{n}.1" for n in range(30))]
    statuses = [host.try_login(f"user{n}", "x", address=address).status_code for n, address in enumerate(addresses)]
    assert statuses == [401] * rules.FREE + [429] * (31 - rules.FREE)
    assert host.try_login("ann", PASSWORDS["ann"]).status_code == 200


def test_what_is_remembered_is_bounded() -> None:
    throttle = Throttle(lambda: 0.0)
    for _ in range(rules.FREE):
        throttle.wrong(HERE, "ann")
    for n in range(3 * rules.REMEMBERED):
        address = f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"
        throttle.wrong(address, f"user{n}")
        throttle.right(address, f"user{n}")
        if n % 1000 == 0:
            throttle.wrong(HERE, "ann")    # who goes on is not forgotten
    assert len(throttle._addresses) == len(throttle._users) == len(throttle._at_home) == rules.REMEMBERED
    with pytest.raises(Throttled):
        throttle.check(HERE)


def test_a_password_that_the_front_cannot_see_is_none(host: AccessHost) -> None:
    """Encoded as in mails, it would take the turns of those who are logged in."""
    word = basic("ann", PASSWORDS["ann"])["Authorization"].replace(" ", "_").replace("=", "=3D")
    assert host.ask("GET", "/login", headers={"Authorization": f"=?utf-8?q?{word}?="}).status_code == 401
    assert host.checker.asked == []


def test_counts_never_overflow() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    for _ in range(100_000):
        throttle.wrong(HERE, "ann")
    with pytest.raises(Throttled) as caught:
        throttle.check(HERE)
    assert caught.value.seconds == math.ceil(rules.LONGEST_BLOCK)
