"""`hpm notifications` against a real manager, and a real `hpm serve` that tells of a goal it cannot hold."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hpm.cli.main import cli
from hpm.cli.session import Session
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

from .api_host import ApiHost, policy, running, service_class
from .receivers import HERE, hook, mailbox

SECRET = "tell-nobody-this"
MAIL = ("--mail-to", "ann@example.com", "--mail-from", "hpm@example.com")
LONG = 30.0


@pytest.fixture(scope="module")
def host() -> Iterator[ApiHost]:
    with running(kind=ApiHost) as started:
        yield started


@pytest.fixture
def api(host: ApiHost) -> ApiHost:
    host.reset()
    return host


def run(api: ApiHost, *args: str, stdin: str | None = None) -> Result:
    session = Session(socket=api.socket)
    result = CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["notifications", *args], obj=session, input=stdin)
    if "client" in vars(session):
        session.client.close()
    return result


def done(api: ApiHost, *args: str, stdin: str | None = None) -> str:
    result = run(api, *args, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.output


def settings(api: ApiHost) -> Any:
    return api.get("/settings")["notifications"]


def secret(api: ApiHost) -> str | None:
    wanted = api.manager.notifier.wanted
    assert wanted is not None and wanted.webhook is not None
    return wanted.webhook.secret


def test_off_and_what_to_do(api: ApiHost) -> None:
    text = done(api)
    assert "Notifications are off." in text and "--mail-to" in text and "--webhook URL" in text


def test_a_webhook_is_set_shown_changed_and_taken_away(api: ApiHost, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    text = done(api, "--webhook", f"http://{HERE}:9/x", "--webhook-secret", str(file), "--importance", "low")
    assert f"http://{HERE}:9/x (signed)" in text and SECRET not in text and "low" in text
    assert secret(api) == SECRET
    text = done(api, "--webhook", f"http://{HERE}:9/y")
    assert f"http://{HERE}:9/y (signed)" in text and secret(api) == SECRET
    assert "(not signed)" in done(api, "--no-webhook-secret") and secret(api) is None
    done(api, "--webhook-secret", "-", stdin="another\n")
    assert secret(api) == "another"
    done(api, *MAIL, "--smtp", HERE, "--no-webhook")
    assert settings(api)["webhook"] is None and settings(api)["mail"]["to"] == ["ann@example.com"]
    refused = run(api, "--no-mail")
    assert refused.exit_code == 1 and "nowhere to send" in refused.stderr
    assert "Notifications are off." in done(api, "--off")
    assert settings(api) is None


def test_mail_is_set_and_changed_in_part(api: ApiHost, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("x y z\n")
    text = done(api, *MAIL, "--mail-to", "bob@example.com", "--smtp", "mail.example.com", "--smtp-user", "hpm",
                "--smtp-password", str(file))    # fmt: skip
    assert "mail.example.com, port 587, security starttls, as hpm" in text
    assert "ann@example.com, bob@example.com" in text and "x y z" not in text
    done(api, "--mail-to", "eve@example.com")
    mail = settings(api)["mail"]
    assert mail["to"] == ["eve@example.com"] and mail["password-set"] is True
    refused = run(api, "--smtp-security", "tls")    # another port
    assert refused.exit_code == 1 and "the password is missing" in refused.stderr
    done(api, "--smtp-security", "tls", "--smtp-password", str(file))
    assert (settings(api)["mail"]["port"], settings(api)["mail"]["security"]) == (465, "tls")
    done(api, "--smtp", "[2001:db8::25]:2525", "--no-smtp-user", "--mail-from", "x@example.com")
    mail = settings(api)["mail"]
    assert (mail["server"], mail["port"], mail["user"], mail["from"]) == ("2001:db8::25", 2525, None, "x@example.com")


def test_times_are_said_as_spans(api: ApiHost) -> None:
    done(api, "--webhook", f"http://{HERE}:9/", "--missed-for", "10m", "--repeat-after", "4h")
    assert (settings(api)["missed-for-seconds"], settings(api)["repeat-after-seconds"]) == (600, 14400)
    assert "never" in done(api, "--repeat-after", "never")
    assert settings(api)["repeat-after-seconds"] is None
    assert run(api, "--missed-for", "soon").exit_code == 2
    done(api, "--repeat-after", "4h")
    for text in ("nan", "inf", "-inf"):    # which are numbers, and no JSON: hpm would be told null, which is never
        assert run(api, "--repeat-after", text).exit_code == 2
    assert settings(api)["repeat-after-seconds"] == 14400


@pytest.mark.parametrize(("args", "said"), [
    (["--off", "--importance", "low"], "--off forgets"),
    (["--off", "--test"], "--off forgets"),
    (["--webhook-secret", "/etc/hostname"], "there is no webhook yet"),
    (["--mail-to", "ann@example.com"], "give --mail-from, --smtp, too"),
    (["--no-webhook", "--webhook", "http://x/"], "--no-webhook"),
    (["--no-mail", *MAIL], "--no-mail"),
    (["--webhook", "http://x/", "--webhook-secret", "-", "--no-webhook-secret"], "exclude each other"),
    ([*MAIL, "--smtp", "x", "--no-smtp-user", "--smtp-user", "x"], "--no-smtp-user"),
    ([*MAIL, "--smtp", "x:y"], "is not HOST or HOST:PORT"),
    ([*MAIL, "--smtp", "x:0"], "is not HOST or HOST:PORT"),
    ([*MAIL, "--smtp", "[::1"], "is not HOST or HOST:PORT"),
    ([*MAIL, "--smtp", "[::1]25"], "is not HOST or HOST:PORT"),
    ([*MAIL, "--smtp", "2001:db8::1"], "is not HOST or HOST:PORT"),
])  # fmt: skip
def test_what_makes_no_sense_is_a_question_of_usage(api: ApiHost, args: list[str], said: str) -> None:
    result = run(api, *args)
    assert result.exit_code == 2 and said in result.stderr, result.stderr
    assert settings(api) is None


@pytest.mark.parametrize("text", ["", "\n", "two\nlines", "ünicode", "x" * 1025, "a\x00b"])
def test_a_file_that_has_no_secret_is_refused_without_telling_it(api: ApiHost, text: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    result = run(api, "--webhook", f"http://{HERE}:9/", "--webhook-secret", str(file))
    assert result.exit_code == 1 and "a secret is one line" in result.stderr
    assert not text.strip() or text not in result.output
    assert run(api, "--webhook", "http://x/", "--webhook-secret", str(tmp_path / "none")).exit_code in (1, 2)


def test_a_test_says_what_became_of_it(api: ApiHost) -> None:
    with hook(204, 500) as there, mailbox() as box:
        smtp = (*MAIL, "--smtp", f"{HERE}:{box.port}", "--smtp-security", "none")
        assert done(api, "--webhook", there.url, *smtp, "--test") == "Test by webhook: ok\nTest by mail: ok\n"
        assert len(there.posted) == len(box.letters) == 1
        result = run(api, "--test")
        assert result.exit_code == 1 and "answered 500" in result.stdout and "did not arrive" in result.stderr
        told = json.loads(run(api, "--test", "--json").stdout)
        assert told["mail"] == "ok" and "answered 500" in told["webhook"]
    done(api, "--off")
    result = run(api, "--test")
    assert result.exit_code == 1 and "notifications are off" in result.stderr


def test_json_has_what_is_set_and_how_it_fares(api: ApiHost) -> None:
    told = json.loads(done(api, "--webhook", f"http://{HERE}:9/", "--json"))
    assert told["notifications"] == settings(api)
    assert told["state"] == api.get("/notifications")


def test_a_real_manager_tells_of_a_goal_that_it_cannot_hold(tmp_path: Path) -> None:
    """From the command line to a webhook and a mailbox, over a restart, with what docs/notifications.md says."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    with hook() as there, mailbox() as box, ManagerProcess(tmp_path, "simulated", 1.0) as manager:
        with manager.client() as client:
            fastest = policy("all", service_class("all", goal={"type": "velocity", "velocity": 99}))
            client.update_group("default", {"perf-policies": [fastest]})
        set_ = manager.hpm("notifications", "--webhook", there.url, "--webhook-secret", str(file), *MAIL, "--smtp",
                           f"{HERE}:{box.port}", "--smtp-security", "none", "--missed-for", "2s")    # fmt: skip
        assert set_.returncode == 0, set_.stderr
        wait_until(lambda: there.posted and box.letters, LONG, "it is told")
        assert there.events == [("goal-missed", "all")]
        body = there.posted[0].body
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert there.posted[0].headers["Hpm-Signature"] == f"sha256={signature}"
        assert "missed its goal" in box.mails[0]["Subject"]
        shown = manager.hpm("notifications").stdout
        assert "/all (importance high) misses its goal since" in shown and "last delivery" in shown
        manager.kill()
        manager.start()
        wait_until(lambda: "misses its goal" in manager.hpm("notifications").stdout, LONG, "it is known still")
        with manager.client() as client:
            slow = policy("all", service_class("all", goal={"type": "velocity", "velocity": 1}))
            client.update_group("default", {"perf-policies": [slow]})
        wait_until(lambda: len(there.events) > 1, LONG, "its end is told")
        assert there.events == [("goal-missed", "all"), ("goal-met", "all")]
        assert SECRET not in manager.text() and "key=" not in manager.text()
