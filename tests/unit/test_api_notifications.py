"""Notifications through the API: setting them, with secrets that come back nowhere; what was told; tests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hpm.backend.simulated import uuid_of
from hpm.errors import HypervisorError
from tests.lab.errors import wait_until

from .access_host import ORIGIN, PASSWORDS, AccessHost, accessible, basic
from .api_host import GROUPS, ApiHost, policy, running, service_class
from .receivers import HERE, hook, mailbox, make_certificate

SECRET, PASSWORD = "tell-nobody-this", "nor-this-one"
HOOK = {"url": f"https://{HERE}:9/services/T0/very-secret-path"}
MAIL: dict[str, Any] = {"to": ["ann@example.com", "bob@example.com"], "from": "hpm@example.com", "server": HERE}
FOREVER = 30.0


@pytest.fixture
def own() -> Iterator[ApiHost]:
    """A host that no other test has."""
    with running() as started:
        yield started
        started.hypervisor.faults.unreachable_until = 0


def put(api: ApiHost, **fields: Any) -> Any:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return api.post("/settings", {"notifications": named})["notifications"]


def refusal(api: ApiHost, **fields: Any) -> str:
    """Where, and what is wrong."""
    before = api.get("/settings")
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    error = api.refused("POST", "/settings", {"notifications": named})
    assert error["http-status"] == 400
    assert api.get("/settings") == before
    message: str = error["message"]
    return message


# -- settings


def test_they_are_off_at_first_and_set_whole_or_in_part(api: ApiHost) -> None:
    assert api.get("/settings")["notifications"] is None
    assert put(api, webhook=HOOK) == {
        "missed-for-seconds": 300.0, "importance": "high", "repeat-after-seconds": None,
        "webhook": {"url": HOOK["url"], "secret-set": False}, "mail": None,
    }  # fmt: skip
    assert put(api, mail={**MAIL, "user": "hpm", "password": PASSWORD}, importance="low") == {
        "missed-for-seconds": 300.0, "importance": "low", "repeat-after-seconds": None,
        "webhook": {"url": HOOK["url"], "secret-set": False},
        "mail": {**MAIL, "port": 587, "security": "starttls", "user": "hpm", "password-set": True},
    }  # fmt: skip
    made = put(api, missed_for_seconds=60, repeat_after_seconds=3600, webhook=None)
    assert (made["missed-for-seconds"], made["repeat-after-seconds"], made["webhook"]) == (60.0, 3600.0, None)
    assert made["importance"] == "low" and made["mail"]["password-set"] is True
    assert put(api, repeat_after_seconds=None)["repeat-after-seconds"] is None
    assert api.get("/settings")["notifications"] == put(api, importance="low")
    assert api.post("/settings", {"notifications": None})["notifications"] is None
    assert put(api, webhook=HOOK)["importance"] == "high"


@pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_each_kind_of_security_has_its_usual_port(api: ApiHost, security: str, port: int) -> None:
    assert put(api, mail={**MAIL, "security": security})["mail"]["port"] == port
    assert put(api, mail={**MAIL, "security": security, "port": 2525})["mail"]["port"] == 2525
    assert put(api, mail={**MAIL, "security": security, "port": None})["mail"]["port"] == port


def test_other_settings_stay_and_all_or_nothing_is_changed(api: ApiHost) -> None:
    put(api, webhook=HOOK)
    assert api.post("/settings", {"interval-seconds": 4})["notifications"]["webhook"]["url"] == HOOK["url"]
    wrong = {"interval-seconds": 5, "notifications": {"webhook": {"url": "ftp://x"}}}
    assert api.refused("POST", "/settings", wrong)["reason"] == 7
    assert api.get("/settings")["interval-seconds"] == 4


@pytest.mark.own_server("it has a store of its own")
def test_they_outlive_a_restart(tmp_path: Path) -> None:
    with running(kind=ApiHost, directory=tmp_path) as first:
        made = put(first, webhook={**HOOK, "secret": SECRET}, mail={**MAIL, "user": "hpm", "password": PASSWORD})
    with running(kind=ApiHost, directory=tmp_path) as again:
        assert again.get("/settings")["notifications"] == made
        assert again.get("/notifications")["webhook"]["waiting"] == 0
        assert (tmp_path / "hpm.db").stat().st_mode & 0o077 == 0


# -- secrets


def test_a_secret_stays_unless_it_is_given_and_null_takes_it_away(api: ApiHost) -> None:
    def kept() -> str | None:
        wanted = api.manager.notifier.wanted
        assert wanted is not None and wanted.webhook is not None
        return wanted.webhook.secret

    assert put(api, webhook={**HOOK, "secret": SECRET})["webhook"]["secret-set"] is True
    assert put(api, webhook={"url": f"https://{HERE}/other"})["webhook"]["secret-set"] is True
    assert kept() == SECRET
    assert put(api, webhook={**HOOK, "secret": "another"})["webhook"]["secret-set"] and kept() == "another"
    assert put(api, webhook={**HOOK, "secret": None})["webhook"]["secret-set"] is False and kept() is None


def test_a_password_stays_only_where_it_was_meant_for(api: ApiHost) -> None:
    whole = {**MAIL, "user": "hpm"}
    put(api, mail={**whole, "password": PASSWORD})
    assert put(api, mail={**whole, "to": ["eve@example.com"], "security": "starttls"})["mail"]["password-set"] is True
    for other in ({"server": "127.0.0.2"}, {"port": 2525}, {"security": "tls"}, {"user": "root"}):
        assert "notifications.mail.password: the password is missing" in refusal(api, mail={**whole, **other})
    made = put(api, mail={**whole, "server": "127.0.0.2", "password": PASSWORD})
    assert made["mail"]["password-set"] is True
    made = put(api, mail=MAIL)
    assert (made["mail"]["user"], made["mail"]["password-set"]) == (None, False)
    assert "the password is missing" in refusal(api, mail=whole)


def test_secrets_are_in_no_answer_no_error_no_log_and_not_in_the_activity_log(
    own: ApiHost, caplog: pytest.LogCaptureFixture
) -> None:
    api = own
    caplog.set_level(logging.DEBUG)
    seen = [api.send("POST", "/settings", {"notifications": body}).text for body in (
        {"webhook": {**HOOK, "secret": SECRET}, "mail": {**MAIL, "user": "hpm", "password": PASSWORD}},
        {"webhook": {**HOOK, "secret": f"{SECRET}\n"}},    # these are refused
        {"webhook": {**HOOK, "secret": [SECRET]}},
        {"webhook": {**HOOK, "secret": SECRET * 100}},
        {"webhook": {**HOOK, "secret": SECRET, "more": SECRET}},
        {"webhook": {"url": f"https://hpm:{SECRET}@{HERE}/"}},
        {"mail": {**MAIL, "user": "hpm", "password": PASSWORD + "é"}},
        {"mail": {**MAIL, "password": PASSWORD}},
        {"mail": {**MAIL, "user": "hpm", "password": PASSWORD, "security": "none"}},
        {"mail": {**MAIL, "user": "hpm", "password": PASSWORD, "port": PASSWORD}},
    )]  # fmt: skip
    api.manager.activity.flush()
    seen += [api.send("GET", path).text for path in ("/settings", "/activity-log", "/notifications", "/events?wait=0")]
    seen.append(caplog.text)
    for text in seen:
        assert SECRET not in text and PASSWORD not in text, text
    noted = api.get("/activity-log")["activity-log"]
    assert noted[-1]["summary"] == "Change settings: notifications"
    assert not any("very-secret-path" in str(entry) for entry in noted)


def test_who_may_only_read_is_told_no_addresses(host: AccessHost) -> None:
    bob = basic("bob", PASSWORDS["bob"])
    whole = {"webhook": {**HOOK, "secret": SECRET}, "mail": {**MAIL, "user": "hpm", "password": PASSWORD}}
    host.post("/settings", {"notifications": whole})
    found = host.ask("GET", "/settings", headers=bob).json()["notifications"]
    assert found == {
        "missed-for-seconds": 300.0, "importance": "high", "repeat-after-seconds": None,
        "webhook": {"url": f"https://{HERE}:9/", "secret-set": True},
        "mail": {"to": [], "from": None, "server": HERE, "port": 587, "security": "starttls", "user": None,
                 "password-set": True},
    }  # fmt: skip
    assert host.ask("GET", "/notifications", headers=bob).json()["missed"] == []
    for path, body in (("/settings", {"notifications": None}), ("/notifications/test", None)):
        answer = host.ask("POST", path, body, headers=bob)
        assert (answer.status_code, answer.json()["reason"]) == (403, 1)
    entries = host.entries()
    assert {entry["outcome"] for entry in entries[:2]} == {"refused"}
    ann = host.log_in()
    assert host.ask("GET", "/settings", cookie=ann).json()["notifications"]["mail"]["to"] == MAIL["to"]
    off = host.ask("POST", "/settings", {"notifications": None}, cookie=ann, headers=ORIGIN)
    assert off.json()["notifications"] is None
    assert host.entries()[0]["summary"] == "Change settings: notifications off"


# -- what is refused


@pytest.mark.parametrize("url", [
    "ftp://example.com/", "file:///etc/passwd", "//example.com/", "example.com", "http://", "https:///x",
    "https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/", "http://exa mple.com/",
    "http://example.com/\r\nX: y", "http://example.com/é", "http://exämple.com/", "http://example.com:0/",
    "http://example.com:99999/", "http://example.com:x/", "http://example.com/#x", "http://[::1/", "http://a..b/",
    "http://example.com\\@evil.com/", "javascript:alert(1)", "http://%65xample.com/", "http://-x/",
])  # fmt: skip
def test_urls_that_are_none_to_post_to(api: ApiHost, url: str) -> None:
    message = refusal(api, webhook={"url": url})
    assert message.startswith("notifications.webhook.url: ") and "right would be such as https://" in message


@pytest.mark.parametrize("url", [
    "https://hooks.example.com/services/T0/B0/x?y=z&a=%20", "http://10.0.0.1:8080", "https://[2001:db8::1]:8443/x",
    "HTTPS://EXAMPLE.COM/", "http://localhost/",
])  # fmt: skip
def test_urls_that_are(api: ApiHost, url: str) -> None:
    assert put(api, webhook={"url": url})["webhook"]["url"] == url


@pytest.mark.parametrize("address", [
    "ann", "@example.com", "ann@", "ann@example.com\r\nBcc: eve@example.com", "Ann <ann@example.com>", "a@b@c",
    "ann@exa mple.com", "änn@example.com", "ann@exämple.com", "a,b@example.com", "ann@a..b", '"a b"@example.com',
    "ann@-x", f"{'a' * 65}@example.com",
])  # fmt: skip
def test_addresses_that_are_none(api: ApiHost, address: str) -> None:
    assert refusal(api, mail={**MAIL, "to": ["ann@example.com", address]}).startswith("notifications.mail.to[1]: ")
    assert refusal(api, mail={**MAIL, "from": address}).startswith("notifications.mail.from: ")


@pytest.mark.parametrize("server", ["x y", "a\nb", "[::1]", "mail.example.com:25", "a..b", "-x", "ä", "http://x"])
def test_servers_that_are_none(api: ApiHost, server: str) -> None:
    assert refusal(api, mail={**MAIL, "server": server}).startswith("notifications.mail.server: ")


def test_other_values_that_are_wrong(api: ApiHost) -> None:
    assert "nowhere to send" in refusal(api)
    assert "nowhere to send" in refusal(api, webhook=None, mail=None)
    for field, value in (
        ("missed-for-seconds", 0), ("missed-for-seconds", 1e9), ("importance", "urgent"), ("repeat-after-seconds", 59),
        ("missed-for-seconds", None), ("importance", None), ("more", 1), ("webhook", {}), ("mail", {}),
        ("webhook", {"url": ""}), ("webhook", {"url": "x" * 2049}), ("webhook", {**HOOK, "secret": ""}),
        ("mail", {**MAIL, "to": []}), ("mail", {**MAIL, "to": ["a@b"] * 21}), ("mail", {**MAIL, "port": 0}),
        ("mail", {**MAIL, "port": 65536}), ("mail", {**MAIL, "security": "ssl"}), ("mail", {**MAIL, "x": 1}),
        ("mail", {**MAIL, "user": "hpm\r\n", "password": "x"}), ("mail", {**MAIL, "user": "hpm", "password": None}),
    ):  # fmt: skip
        message = refusal(api, **{field.replace("-", "_"): value})
        assert message.startswith(f"notifications.{field}"), message
    assert "notifications.mail.password: there is no user" in refusal(api, mail={**MAIL, "password": "x"})
    clear = refusal(api, mail={**MAIL, "user": "hpm", "password": "x", "security": "none"})
    assert "notifications.mail.security: a password would be sent so that others can read it" in clear


# -- tests


def test_a_test_says_of_each_channel_what_became_of_it(
    api: ApiHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert[0]))
    with hook() as there, mailbox(cert, takes=("hpm", PASSWORD)) as box:
        mail = {**MAIL, "port": box.port, "user": "hpm", "password": PASSWORD}
        put(api, webhook={"url": there.url, "secret": SECRET}, mail=mail)
        assert api.send("POST", "/notifications/test").json() == {"webhook": "ok", "mail": "ok"}
        (one,) = there.posted[0].message.notifications
        assert one.event == "test" and one.reason is not None and "tries whether notifications arrive" in one.reason
        assert there.posted[0].headers["Hpm-Signature"].startswith("sha256=")
        assert box.mails[0]["Subject"].endswith(": a test of notifications") and len(box.letters[0][1]) == 2
        there.statuses = [404]
        put(api, mail=None)
        told = api.send("POST", "/notifications/test").json()
        assert told["mail"] is None and f"port {there.port}, answered 404 Not Found" in told["webhook"]
        assert api.get("/notifications")["webhook"]["last-error"] is None    # a test is no delivery


def test_a_test_ends_in_time_and_there_is_one_at_a_time(api: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.manager.notify.notifier.TEST", 3.0)
    with hook(0) as there, mailbox(hangs=True) as box:
        put(api, webhook={"url": there.url}, mail={**MAIL, "port": box.port, "security": "none"})
        said: list[Any] = []
        thread = threading.Thread(target=lambda: said.append(api.send("POST", "/notifications/test").json()))
        thread.start()
        wait_until(lambda: there.posted, FOREVER, "the first test is under way")
        error = api.refused("POST", "/notifications/test")
        assert (error["http-status"], error["reason"]) == (409, 1)
        thread.join(FOREVER)
    assert str(there.port) in said[0]["webhook"] and str(box.port) in said[0]["mail"]


def test_without_a_channel_there_is_nothing_to_test(api: ApiHost) -> None:
    error = api.refused("POST", "/notifications/test")
    assert (error["http-status"], error["reason"]) == (409, 2)
    assert "notifications are off" in error["message"]


# -- what was told


def test_what_was_told_and_how_deliveries_fare_is_shown(own: ApiHost, monkeypatch: pytest.MonkeyPatch) -> None:
    api = own
    monkeypatch.setattr("hpm.manager.notify.notifier.PAUSES", (600.0,))
    monkeypatch.setattr("hpm.manager.notify.notifier.APART", 0.0)
    gold = policy("weekday", service_class("db", goal={"type": "velocity", "velocity": 99}))
    group = api.group("Gold", gold, servers=("db1", "db2", "web1"))
    with hook(204, 500) as there, mailbox(fails=1) as box:
        mail = {**MAIL, "port": box.port, "security": "none"}
        put(api, missed_for_seconds=6, importance="low", webhook={"url": there.url}, mail=mail)
        for _ in range(4):
            api.cycle()
        (one,) = api.get("/notifications")["missed"]
        uri = f"/zhpm/wsapi/v1{GROUPS}/{group}"
        assert (one["event"], one["group-name"], one["service-class"]) == ("goal-missed", "Gold", "db")
        assert (one["object-uri"], one["workload-resource-group"]) == (f"{uri}/service-classes/db", uri)
        assert (one["importance"], one["goal-velocity"]) == ("high", 99)
        assert 0 < one["velocity"] < 94 and one["performance-index"] > 1.05 and one["since"] < one["time"]
        assert one["seconds"] == pytest.approx(6, abs=4) and one["reason"] is None
        state = api.get("/notifications")
        assert state["webhook"]["waiting"] == state["mail"]["waiting"] == 1    # the manager is not started here
        assert state["webhook"]["next-try"] is not None
        api.manager.notifier.start()

        def fared() -> bool:
            now = api.get("/notifications")
            return now["webhook"]["last-delivery"] is not None and now["mail"]["last-error"] is not None

        wait_until(fared, FOREVER, "one has arrived, and one has not")
        mailed = api.get("/notifications")["mail"]
        assert "451" in mailed["last-error"] and mailed["waiting"] == 1 and mailed["given-up"] == 0
        assert mailed["next-try"] > one["time"]
        # the second one that is not taken is given up; a corrected address is tried at once
        put(api, mail={**mail, "to": ["ann@example.com"]})
        wait_until(lambda: box.letters, FOREVER, "the mail has arrived")
        lost(api)
        wait_until(lambda: len(there.posted) > 1, FOREVER, "the loss of the hypervisor is told")
        told = api.get("/notifications")["missed"]
        assert [each["event"] for each in told] == ["goal-missed", "hypervisor-unreachable"]
        assert told[1]["reason"] and told[1]["object-uri"] is None


def lost(api: ApiHost) -> None:
    """Nobody answers for as long as is told."""
    api.hypervisor.unreachable_for(3600)
    for _ in range(4):
        with suppress(HypervisorError):
            api.cycle()


def test_who_may_only_read_is_not_told_what_servers_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.manager.notify.notifier.PAUSES", ())
    with accessible() as host:
        tell_of_a_refusal(host)


def tell_of_a_refusal(host: AccessHost) -> None:
    host.group("Gold", policy("x", service_class("db", goal={"type": "velocity", "velocity": 99})),
               servers=("db1", "db2"))    # fmt: skip
    with mailbox(refuses=["ann@", "bob@"]) as box:
        mail = {**MAIL, "port": box.port, "security": "none"}
        host.post("/settings", {"notifications": {"missed-for-seconds": 1, "mail": mail}})
        for _ in range(3):
            host.cycle()
        host.manager.notifier.start()

        def error() -> Any:
            return host.get("/notifications")["mail"]["last-error"]

        assert "ann@example.com" in wait_until(error, FOREVER, "nobody takes it")
        assert host.get("/notifications")["mail"]["given-up"] == 1
        told = host.ask("GET", "/notifications", headers=basic("bob", PASSWORDS["bob"])).json()
        assert told["mail"]["last-error"] == "the last delivery failed; administrators are told why"
        assert uuid_of("db1") not in str(told)
