"""Tokens and passwords of programs: what they are worth, for how long, and what is kept of them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from hpm.errors import Conflict
from hpm.host.access.passwords import REMEMBERED_SECONDS
from hpm.manager.tokens import TOKENS_PER_USER, Tokens
from hpm.store.database import Database
from hpm.store.tokens import load_tokens
from hpm.wire.times import moment_of, rfc3339
from tests.lab.errors import wait_until

from .access_host import ORIGIN, PASSWORDS, AccessHost, basic, bearer
from .api_host import GROUPS, whole_error


def status(host: AccessHost, secret: str, method: str = "GET", body: object = None) -> int:
    return host.ask(method, GROUPS, body, headers=bearer(secret)).status_code


def soon(seconds: float) -> str:
    return rfc3339(datetime.now(timezone.utc) + timedelta(seconds=seconds))


def test_the_life_of_a_token(host: AccessHost) -> None:
    made = host.token("ann", name="backup", role="admin", expires=soon(3600))
    secret = made["secret"]
    assert secret.startswith("hpm_") and len(secret) >= 4 + 43
    assert (made["user"], made["role"], made["last-used"]) == ("ann", "admin", None)
    assert status(host, secret) == 200
    assert status(host, secret, "POST", {"name": "New"}) == 201
    who = host.ask("GET", "/login", headers=bearer(secret)).json()
    assert (who["user"], who["role"], who["means"], who["expires"]) == ("ann", "admin", "token", made["expires"])
    shown = host.get(f"/tokens/{made['object-id']}")
    assert set(made) - set(shown) == {"secret"}
    assert shown["last-used"] is not None
    other = {**bearer(secret), "If-Match": '"another"'}
    assert host.ask("DELETE", f"/tokens/{made['object-id']}", headers=other).status_code == 412
    assert host.ask("DELETE", f"/tokens/{made['object-id']}", headers=bearer(secret)).status_code == 204
    assert status(host, secret) == 401
    assert host.send("GET", f"/tokens/{made['object-id']}").status_code == 404


def test_who_gets_the_name_of_a_deleted_user_later_gets_neither_its_tokens_nor_its_sessions(host: AccessHost) -> None:
    token, session = host.token("ann", role="admin")["secret"], host.log_in("ann")
    assert status(host, token) == host.ask("GET", GROUPS, cookie=session).status_code == 200
    host.first_uid += 100
    assert status(host, token) == host.ask("GET", GROUPS, cookie=session).status_code == 401
    assert host.ask("GET", GROUPS, cookie=host.log_in("ann")).status_code == 200


def test_a_token_of_the_role_user_reads_and_no_more(host: AccessHost) -> None:
    secret = host.token("ann")["secret"]
    assert status(host, secret) == 200
    assert status(host, secret, "POST", {"name": "New"}) == 403
    assert host.ask("POST", "/mgmt-levels", {"cpu-mgmt": "on"}, headers=bearer(secret)).status_code == 403


def test_a_token_of_the_role_user_revokes_no_token(host: AccessHost) -> None:
    reads, writes = host.token("ann", name="monitoring"), host.token("ann", name="backup", role="admin")
    refused = host.ask("DELETE", f"/tokens/{writes['object-id']}", headers=bearer(reads["secret"]))
    assert (refused.status_code, refused.json()["reason"]) == (403, 1)
    assert status(host, writes["secret"]) == 200


def test_a_token_ends_after_90_days_unless_it_is_said_otherwise(host: AccessHost) -> None:
    made = host.post("/tokens", {"name": "usual"})
    lasts = moment_of(made["expires"]) - datetime.now(timezone.utc)
    assert timedelta(days=89, hours=23) < lasts <= timedelta(days=90)
    assert host.post("/tokens", {"name": "for ever", "expires": None})["expires"] is None
    who = host.ask("GET", "/login", headers=bearer(made["secret"])).json()
    assert who["expires"] == made["expires"]


def test_nobody_makes_a_token_that_may_more_than_he(host: AccessHost) -> None:
    answer = host.ask("POST", "/tokens", {"name": "t", "role": "admin"}, headers=basic("bob", PASSWORDS["bob"]))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("role: ")
    assert host.token("bob")["role"] == "user"
    assert not [t for t in host.get("/tokens")["tokens"] if t["role"] == "admin"]


def test_a_token_makes_no_tokens(host: AccessHost) -> None:
    secret = host.token("ann", role="admin")["secret"]
    assert host.ask("POST", "/tokens", {"name": "more"}, headers=bearer(secret)).status_code == 403


def test_users_see_and_revoke_their_own_and_admins_all(host: AccessHost) -> None:
    anns, bobs = host.token("ann")["object-id"], host.token("bob")["object-id"]
    bob, ann = basic("bob", PASSWORDS["bob"]), basic("ann", PASSWORDS["ann"])
    assert [t["object-id"] for t in host.ask("GET", "/tokens", headers=bob).json()["tokens"]] == [bobs]
    assert [t["object-id"] for t in host.ask("GET", "/tokens", headers=ann).json()["tokens"]] == [anns, bobs]
    assert host.ask("GET", f"/tokens/{anns}", headers=bob).status_code == 404
    assert host.ask("DELETE", f"/tokens/{anns}", headers=bob).status_code == 404
    assert host.ask("DELETE", f"/tokens/{bobs}", headers=bob).status_code == 204
    another = host.token("bob")["object-id"]
    assert host.ask("DELETE", f"/tokens/{another}", headers=ann).status_code == 204
    assert host.ask("POST", "/tokens", {"name": "s"}, cookie=host.log_in("bob"), headers=ORIGIN).status_code == 201


@pytest.mark.parametrize(("body", "where"), [
    ({"name": ""}, "name"), ({}, "name"), ({"name": "a\nb"}, "name"), ({"name": "t", "role": "root"}, "role"),
    ({"name": "t", "expires": "tomorrow"}, "expires"), ({"name": "t", "expires": "2020-01-01T00:00:00Z"}, "expires"),
    ({"name": "t", "expires": "2999-01-01T00:00:00"}, "expires"), ({"name": "t", "secret": "hpm_mine"}, "secret"),
])  # fmt: skip
def test_what_is_no_token_is_refused(host: AccessHost, body: dict[str, Any], where: str) -> None:
    error = whole_error(host.send("POST", "/tokens", body), "POST")
    assert error["http-status"] == 400 and error["message"].startswith(f"{where}: ")
    assert not host.get("/tokens")["tokens"]


@pytest.mark.parametrize("value", [
    "Bearer", "Bearer hpm_", "Bearer x", "Bearer hpm_" + "A" * 43, "Basic", "Basic !", "Basic YW5u",
    "Basic " + "A" * 5000, "Digest x", "", "hpm_x", "Bearer hpm_\xe9",
])  # fmt: skip
def test_what_is_no_credential_is_refused(host: AccessHost, value: str) -> None:
    headers: Any = {"Authorization": value.encode("latin-1")}
    assert whole_error(host.ask("GET", GROUPS, headers=headers), "GET")["http-status"] == 401


def test_only_a_hash_is_stored(host: AccessHost) -> None:
    secret = host.token("ann", name="secretive")["secret"]
    assert status(host, secret) == 200
    stored = host.stored()
    assert b"secretive" in stored
    assert secret.encode() not in stored and secret[4:].encode() not in stored
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in stored


def tokens(path: Path, now: datetime) -> Tokens:
    return Tokens(Database(path / "hpm.db"), lambda: now)


def test_tokens_survive_a_restart_and_end_when_they_expire(tmp_path: Path) -> None:
    now = datetime(2026, 2, 3, tzinfo=timezone.utc)
    first = tokens(tmp_path, now)
    _, secret = first.create("t", "ann", "admin", rfc3339(now + timedelta(days=1)))
    _, eternal = first.create("e", "ann", "user", None)
    assert first.find(secret) is not None
    again = tokens(tmp_path, now + timedelta(days=1, seconds=-1))
    found = again.find(secret)
    assert found is not None and (found.name, found.user, found.role) == ("t", "ann", "admin")
    much_later = tokens(tmp_path, now + timedelta(days=1))
    assert much_later.find(secret) is None
    last = much_later.find(eternal)
    assert last is not None and last.last_used == rfc3339(now + timedelta(days=1))


def test_the_last_use_is_kept_also_after_a_clock_that_was_ahead_is_set_right(tmp_path: Path) -> None:
    database, clock = Database(tmp_path / "hpm.db"), [datetime(2026, 2, 3, tzinfo=timezone.utc)]
    kept = Tokens(database, lambda: clock[0])
    _, secret = kept.create("t", "ann", "user", None)

    def is_kept() -> bool:
        return [one.last_used for one in load_tokens(database)] == [rfc3339(clock[0])]

    for step in (timedelta(days=3650), timedelta(days=-3650)):
        clock[0] += step
        assert kept.find(secret) is not None
        wait_until(is_kept, 5.0, "the use is kept")


def test_who_has_as_many_tokens_as_may_be_is_told_to_revoke_one(
    host: AccessHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpm.manager.tokens.TOKENS_PER_USER", 0)
    refused = host.send("POST", "/tokens", {"name": "one more"})
    assert (refused.status_code, refused.json()["reason"]) == (409, 2)


def test_one_user_has_a_bounded_number_of_tokens(tmp_path: Path) -> None:
    kept = tokens(tmp_path, datetime(2026, 2, 3, tzinfo=timezone.utc))
    made = [kept.create("t", "ann", "user", None)[0] for _ in range(TOKENS_PER_USER)]
    with pytest.raises(Conflict, match="revoke one"):
        kept.create("t", "ann", "user", None)
    kept.create("t", "bob", "user", None)
    kept.revoke(made[0].id)
    kept.create("t", "ann", "user", None)


# -- Basic


def test_a_program_may_send_user_and_password(host: AccessHost) -> None:
    right = basic("ann", PASSWORDS["ann"])
    assert [host.ask("GET", GROUPS, headers=right).status_code for _ in range(5)] == [200] * 5
    assert len(host.checker.asked) == 1    # nobody asks PAM with every request
    assert host.ask("GET", "/login", headers=right).json()["means"] == "password"
    assert host.ask("GET", GROUPS, headers=basic("ann", "wrong")).status_code == 401
    assert host.ask("GET", GROUPS, headers=basic("bob", PASSWORDS["ann"])).status_code == 401


def test_a_password_that_was_changed_is_worth_nothing_soon(host: AccessHost) -> None:
    right = basic("ann", PASSWORDS["ann"])
    assert host.ask("GET", GROUPS, headers=right).status_code == 200
    host.checker.passwords["ann"] = "another"
    assert host.try_login("ann", PASSWORDS["ann"]).status_code == 401    # a login always asks
    host.now += REMEMBERED_SECONDS
    assert host.ask("GET", GROUPS, headers=right).status_code == 401
    assert host.ask("GET", GROUPS, headers=basic("ann", "another")).status_code == 200


def test_names_and_passwords_may_be_in_any_script(host: AccessHost) -> None:
    host.checker.passwords["зоя"] = "пароль: 密码"
    host.roles["зоя"] = "user"
    assert host.ask("GET", "/login", headers=basic("зоя", "пароль: 密码")).json()["user"] == "зоя"


def test_credentials_go_before_a_cookie(host: AccessHost) -> None:
    secret = host.log_in("ann")
    assert host.ask("GET", "/login", cookie=secret, headers=basic("bob", PASSWORDS["bob"])).json()["user"] == "bob"
    assert host.ask("GET", "/login", cookie=secret, headers=basic("bob", "x")).status_code == 401
