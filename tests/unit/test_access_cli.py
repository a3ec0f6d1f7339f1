"""The commands for tokens and the activity log, and how the command line shows who it is."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.client.connection import connect
from hpm.client.credentials import by_password, by_token
from hpm.errors import InvalidValue

from .access_host import HERE, AccessHost, accessible
from .api_host import BASE
from .test_client_fake import refuse

SECRET = "hpm_" + "s" * 43
URL = "https://host:8443"


class Fake:
    """Answers as hpm would; `requests` is what came."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.tokens = [self.token(1, "backup"), self.token(2, "deploy"), self.token(3, "deploy", user="bob")]

    def token(self, number: int, name: str, user: str = "ann") -> dict[str, Any]:
        return {
            "class": "token", "object-id": f"id-{number}", "object-uri": f"{BASE}/tokens/id-{number}", "name": name,
            "user": user, "role": "user", "created": "2026-02-03T13:00:00.000Z", "expires": None, "last-used": None,
        }  # fmt: skip

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "DELETE":
            return httpx.Response(204)
        if request.method == "POST":
            made = {**self.token(4, "new"), **json.loads(request.content), "secret": SECRET}
            return httpx.Response(201, json=made)
        return httpx.Response(200, json={"tokens": self.tokens})


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HPM_TOKEN", "HPM_TOKEN_FILE", "HPM_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def run(fake: Fake, *words: str, **more: Any) -> Result:
    session = Session(transport=httpx.MockTransport(fake))
    return CliRunner().invoke(cli, words, obj=session, **more)


# -- tokens


def test_the_secret_alone_is_on_standard_output(fake: Fake) -> None:
    result = run(fake, "token-create", "monitoring", "--expires", "never")
    assert (result.exit_code, result.stdout) == (0, SECRET + "\n")
    assert "'monitoring' of ann with the role user; it never expires" in result.stderr
    assert json.loads(fake.requests[0].content) == {"name": "monitoring", "role": "user", "expires": None}
    assert json.loads(run(fake, "token-create", "x", "--role", "admin", "--json").stdout)["secret"] == SECRET


def test_the_secret_goes_to_a_new_file_that_only_its_owner_reads(fake: Fake, tmp_path: Path) -> None:
    file = tmp_path / "token"
    before = os.umask(0)
    try:
        result = run(fake, "token-create", "x", "--output", str(file))
    finally:
        os.umask(before)
    assert (result.exit_code, result.stdout) == (0, "") and SECRET not in result.stderr
    assert file.read_text() == SECRET + "\n" and stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")
    made = len(fake.requests)
    for name in (file, tmp_path / "nothing" / "token"):
        assert run(fake, "token-create", "x", "--output", str(name)).exit_code == 1
    assert run(fake, "token-create", "x", "--output", str(tmp_path / "y"), "--json").exit_code == 2
    assert len(fake.requests) == made and file.read_text() == "mine"    # no token is made that would be lost


def test_a_token_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    session = Session(transport=httpx.MockTransport(lambda request: refuse(request, 403, "you may not", 1)))
    result = CliRunner().invoke(cli, ["token-create", "x", "--output", str(tmp_path / "token")], obj=session)
    assert result.exit_code == 1 and "you may not" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_token_for_all_of_time_is_shown_in_any_time_zone(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as east:
        east.setenv("TZ", "UTC-9")    # POSIX: nine hours east, where that time is of a year that there is not
        time.tzset()
        result = run(fake, "token-create", "x", "--expires", "9999-12-31T23:59:59Z")
        fake.tokens[0]["expires"] = "9999-12-31T23:59:59.000Z"
        listed = run(fake, "token-list")
    time.tzset()
    assert (result.exit_code, result.stdout) == (0, SECRET + "\n") and "it expires 9999-12-31" in result.stderr
    assert listed.exit_code == 0 and "9999-12-31" in listed.stdout


@pytest.mark.parametrize("words", ["90d", "12h", "4w", "30m", "2099-01-01", "2099-01-01T00:00:00Z"])
def test_a_token_expires_when_it_is_said_to(fake: Fake, words: str) -> None:
    assert run(fake, "token-create", "x", "--expires", words).exit_code == 0
    assert json.loads(fake.requests[0].content)["expires"].endswith("Z")


@pytest.mark.parametrize("words", ["90", "d", "soon", "99999999999d", "-1d"])
def test_an_expiry_that_is_none_is_wrong_usage(fake: Fake, words: str) -> None:
    result = run(fake, "token-create", "x", f"--expires={words}")
    assert result.exit_code == 2 and "right would be" in result.stderr
    assert not fake.requests


def test_tokens_are_listed_and_revoked_by_name_or_id(fake: Fake) -> None:
    text = run(fake, "token-list").stdout
    assert "backup" in text and "never" in text and "bob" in text
    assert run(fake, "token-revoke", "backup").stdout == "Revoked token 'backup' of ann.\n"
    assert fake.requests[-1].url.path == f"{BASE}/tokens/id-1"
    result = run(fake, "token-revoke", "deploy")
    assert result.exit_code == 1 and "id-2 (ann), id-3 (bob)" in result.stderr
    assert run(fake, "token-revoke", "id-3").exit_code == 0
    assert run(fake, "token-revoke", "nothing").exit_code == 1
    fake.tokens = []
    assert run(fake, "token-list").stdout == "No tokens.\n"


# -- credentials


def sent(fake: Fake) -> str | None:
    header: str | None = fake.requests[-1].headers.get("Authorization")
    return header


def test_a_token_is_taken_from_the_environment_or_a_file(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(fake, "token-list", "--host", URL)
    assert sent(fake) is None
    (tmp_path / "token").write_text(SECRET + "\n")
    monkeypatch.setenv("HPM_TOKEN_FILE", str(tmp_path / "token"))
    run(fake, "token-list", "--host", URL)
    assert sent(fake) == f"Bearer {SECRET}"
    monkeypatch.setenv("HPM_TOKEN", "hpm_other")
    run(fake, "token-list", "--host", URL)
    assert sent(fake) == "Bearer hpm_other"
    monkeypatch.delenv("HPM_TOKEN")
    monkeypatch.setenv("HPM_TOKEN_FILE", str(tmp_path / "nothing"))
    result = run(fake, "token-list", "--host", URL)
    assert result.exit_code == 2 and "HPM_TOKEN_FILE" in result.stderr


def test_a_password_is_asked_for_or_taken_from_the_environment(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPM_TOKEN", SECRET)
    result = run(fake, "token-list", "--host", URL, "--user", "ann")
    assert result.exit_code == 2 and "no terminal" in result.stderr
    assert not fake.requests
    monkeypatch.setenv("HPM_PASSWORD", "p:w")
    run(fake, "token-list", "--host", URL, "--user", "ann")
    assert sent(fake) == "Basic YW5uOnA6dw=="    # the user was named, so it is not the token
    monkeypatch.delenv("HPM_PASSWORD")

    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    monkeypatch.setattr("hpm.cli.credentials.sys", type("sys", (), {"stdin": Terminal}))
    result = run(fake, "token-list", "--host", URL, "--user", "ann", input="p:w\n")
    assert sent(fake) == "Basic YW5uOnA6dw=="
    assert "p:w" not in result.output


def test_credentials_are_for_a_url(fake: Fake, tmp_path: Path) -> None:
    for option in (("--user", "ann"), ("--cacert", str(tmp_path / "x"))):
        result = run(fake, "token-list", *option)
        assert result.exit_code == 2 and "are for --host" in result.stderr


def test_no_secret_is_sent_where_it_could_be_read(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPM_TOKEN", SECRET)
    for url in ("http://host:8010", "http://192.0.2.1", "http://127.0.0.1.evil.example"):
        result = run(fake, "token-list", "--host", url)
        assert result.exit_code == 2 and "use https" in result.stderr
    assert not fake.requests
    for url in ("http://127.0.0.1:8010", "http://localhost:8010", "http://[::1]:8010", URL):
        assert run(fake, "token-list", "--host", url).exit_code == 0


def test_a_url_has_no_password(fake: Fake) -> None:
    result = run(fake, "token-list", "--host", "https://ann:secret@host:8443")
    assert result.exit_code == 2 and "--user" in result.stderr and "secret" not in result.stderr
    assert not fake.requests


def test_a_certificate_that_is_none_is_wrong_usage(fake: Fake, tmp_path: Path) -> None:
    for text in (None, "this is no certificate"):
        if text is not None:
            (tmp_path / "cert").write_text(text)
        result = run(fake, "token-list", "--host", URL, "--cacert", str(tmp_path / "cert"))
        assert result.exit_code == 2 and "cannot be used" in result.stderr


def test_a_certificate_that_is_not_trusted_is_told_from_a_host_that_is_not_there() -> None:
    def said(reason: str) -> Result:
        def fails(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError(reason)

        session = Session(transport=httpx.MockTransport(fails))
        return CliRunner().invoke(cli, ["wrg-list", "--host", URL], obj=session)

    result = said("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:992)")
    assert result.exit_code == 3 and "is not trusted here; say --cacert FILE" in result.stderr
    assert "check the address" not in result.stderr
    for reason in ("certificate has expired", "Connection refused"):
        assert reason in said(reason).stderr and "--cacert" not in said(reason).stderr


def test_what_cannot_be_sent_is_refused() -> None:
    for token in ("", "hpm_x y", "hpm_\n", "hpm_é"):
        with pytest.raises(InvalidValue):
            by_token(token)
    with pytest.raises(InvalidValue):
        by_password("a:b", "x")
    assert SECRET not in repr(by_token(SECRET))


# -- through the real door


class ThroughFront(httpx.BaseTransport):
    """What the web front does: forwards to the manager's second socket, and says for whom."""

    def __init__(self, host: AccessHost) -> None:
        self._inner = httpx.HTTPTransport(uds=str(host.front_socket), verify=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http")    # TLS ends here
        request.headers["Hpm-Client-Address"] = HERE
        request.headers["Hpm-Client-Scheme"] = "https"
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_the_whole_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with accessible() as host:

        def hpm(*words: str) -> Result:
            transport = ThroughFront(host)
            result = CliRunner().invoke(cli, [*words, "--host", URL], obj=Session(transport=transport))
            transport.close()
            return result

        unknown = hpm("wrg-list")
        assert unknown.exit_code == 1 and "say --user NAME, or set HPM_TOKEN_FILE" in unknown.stderr
        monkeypatch.setenv("HPM_PASSWORD", "ann's own")
        token = hpm("token-create", "admin", "--role", "admin", "--user", "ann").stdout.strip()
        monkeypatch.setenv("HPM_TOKEN", token)
        assert hpm("wrg-create", "Gold").exit_code == 0
        with connect(url=URL, transport=ThroughFront(host), credentials=by_token(token)) as client:
            assert client.who_am_i().value.user == "ann"
            assert client.token(client.tokens().value.tokens[0].object_id).value.last_used is not None
            page = client.activity(user="ann", limit=1).value
            assert page.activity_log[0].summary == "Create a group: Gold"
            assert page.next is not None
            assert client.more_activity(page.next).value.activity_log[0].summary.startswith("Create a token: admin")
        assert hpm("token-revoke", "admin").exit_code == 0
        revoked = hpm("wrg-list")
        assert revoked.exit_code == 1 and "this token is unknown, revoked or expired" in revoked.stderr
        monkeypatch.delenv("HPM_TOKEN")
        text = hpm("activity-list", "--user", "ann").stdout
        assert "192.0.2.1" in text and "refused" in text and "(401)" in text
        assert "Revoke a token: admin" in " ".join(text.split())
        many = hpm("activity-list", "--user", "ann", "--limit", "1").stdout
        assert "There are older ones: say --limit 5" in many
        whole = json.loads(hpm("activity-list", "--user", "ann", "--json", "--limit", "200").stdout)
        assert len(whole["activity-log"]) > 2 and whole["next"] is None
        assert hpm("activity-list", "--user", "ann", "--by", "zoe").stdout == "No activities.\n"
