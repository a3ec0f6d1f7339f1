"""hpm inside the real Wok: who gets in, what the page is, what Wok's log says, who has the host."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hpm.backend.simulated import uuid_of
from hpm.client.connection import connect
from hpm.control.routes import routes
from tests.lab.errors import wait_until
from tests.running import ROOT, ManagerProcess
from tests.unit.api_host import GROUPS, SERVERS, policy, running, service_class, whole_error

from .tree import NO_WOK, WOK_SRC

if TYPE_CHECKING:
    from .api_host import WokApiHost
    from .server import Wok

if not WOK_SRC:
    pytest.skip(NO_WOK, allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore:The SafeConfigParser class")    # Wok is of 2020

BASE = "/plugins/hpm"
JSON = {"Accept": "application/json"}
#: What Wok leaves open to anybody below a plugin, and its login.
WOKS_OWN = ("/tasks", "/logs", "/config", "/peers", "/login", "/logout", "/wok-ui.html", "/index")
TABS = ("overview", "groups", "policies", "servers", "partitions", "adjustments", "activity", "settings")
PAGES = (
    "/i18n.json", "/ui/config/tab-ext.xml", *(f"/tabs/{tab}.html" for tab in TABS), "/js/hpm.js", "/js/wok.js",
    "/js/lang/de.json", "/images/hpm.svg", "/docs/docs/start.html", "/docs/docs/theme/static/hpm.css",
)  # fmt: skip


@pytest.fixture(scope="module")
def host() -> Iterator[WokApiHost]:
    from .api_host import WokApiHost

    with running() as host:
        assert isinstance(host, WokApiHost)
        yield host


@pytest.fixture
def api(host: WokApiHost) -> WokApiHost:
    host.reset()
    return host


@pytest.fixture
def wok() -> Wok:
    from .server import running_wok

    return running_wok()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def activity(wok: Wok) -> list[dict[str, Any]]:
    """Our entries in Wok's Activity Log, as its page gets them, newest first."""
    with wok.http("admin", **JSON) as http:
        records: list[dict[str, Any]] = http.get("/logs?app=hpm").json()["records"]
    return sorted(records, key=lambda r: (r["date"], r["time"]), reverse=True)


def test_nobody_gets_anything_without_a_login(api: WokApiHost, wok: Wok) -> None:
    every = {(route.method, re.sub(r"{.*?}", "default", route.path)) for route in routes(api.manager)}
    every |= {(method, path) for path in (*WOKS_OWN, *PAGES, "", "/", "/nothing") for method in ("GET", "POST")}
    before = api.state()
    with wok.http(None) as http:
        for method, path in sorted(every):
            for accept in ("application/json", "*/*", "text/html", None):
                request = http.build_request(method, BASE + path, json={} if method == "POST" else None)
                if accept is None:
                    del request.headers["Accept"]
                else:
                    request.headers["Accept"] = accept
                response = http.send(request)
                assert response.status_code == 401, (method, path, accept)
                assert whole_error(response, method)["reason"] == 0
                assert "Basic" in response.headers["www-authenticate"]
        for path in PAGES:
            assert http.head(BASE + path).status_code == 401
            assert http.get(BASE + path, headers={"Cookie": "wok=0123456789abcdef; lastPage=x"}).status_code == 401
        ended = http.get(f"{BASE}/version", headers={"Cookie": "wok=0123456789abcdef; lastPage=x"})
        assert "sessionTimeout" in ended.text
        silent = http.get(f"{BASE}/version", headers={"X-Requested-With": "XMLHttpRequest"})
        assert silent.status_code == 401
        assert "www-authenticate" not in silent.headers    # or the browser would ask for a password by itself
    assert api.state() == before


def test_what_wok_attaches_to_a_plugin_is_not_there_at_all(api: WokApiHost) -> None:
    for path in WOKS_OWN:
        for method in ("GET", "POST"):
            if path in ("/login", "/logout"):
                continue
            assert whole_error(api.send(method, path), method)["http-status"] == 404
    assert api.get("/notifications") == {"missed": [], "webhook": None, "mail": None}    # this one is hpm's
    assert api.get("/login") == {"user": "admin", "role": "admin", "means": "wok", "expires": None}
    for path, body in (("/login", {"user": "admin", "password": "let me in: 1"}), ("/logout", None)):
        assert api.refused("POST", path, body)["http-status"] == 409    # Wok's own login does that


@pytest.mark.parametrize(("user", "password", "good"), [
    ("admin", "let me in: 1", True), ("user", "wörter", True), ("admin", "guessed", False), ("nobody", "x", False),
    ("admin", "", False), ("", "", False), ("admin", "let me in: 1\x00", False), ("ad\nmin", "let me in: 1", False),
])  # fmt: skip
def test_programs_send_user_and_password(api: WokApiHost, wok: Wok, user: str, password: str, good: bool) -> None:
    with wok.http(None, Authorization=basic(user, password)) as http:
        response = http.get(f"{BASE}/version")
        assert response.status_code == (200 if good else 401)
        if not good:
            whole_error(response, "GET")
            assert password not in response.text or not password


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic " + base64.b64encode(b"\xff:\xff").decode(), "Bearer x",
                                    "Basic " + base64.b64encode(b"admin").decode(), "x" * 5000])  # fmt: skip
def test_a_header_that_is_no_login_is_no_login(wok: Wok, header: str) -> None:
    with wok.http(None, Authorization=header) as http:
        assert http.get(f"{BASE}/version").status_code == 401


def test_the_role_user_reads_and_every_write_is_refused_and_logged(api: WokApiHost, wok: Wok) -> None:
    writes = [route for route in routes(api.manager) if route.writes and route.role == "admin"]
    before = api.state()
    with wok.http("user") as http:
        assert http.get(f"{BASE}/version").status_code == 200
        assert http.head(f"{BASE}{GROUPS}").status_code == 200
        for route in writes:
            path = BASE + re.sub(r"{.*?}", "default", route.path)
            response = http.request(route.method, path, json={})
            error = whole_error(response, route.method)
            assert (error["http-status"], error["reason"]) == (403, 1), path
            newest = [r for r in activity(wok) if r["user"] == "user"]
            found = [r for r in newest if r["req"] == route.method and path.removeprefix(BASE) in r["message"]]
            assert found, path
            assert str(found[0]["status"]) == "403"
            assert route.deed in found[0]["message"]
            assert "HPMACT0001E: refused: user may not do this" in found[0]["message"]
    assert api.state() == before


def test_what_an_administrator_does_is_in_woks_log(api: WokApiHost, wok: Wok) -> None:
    group = api.group("Näme with a ' and a %s")
    api.send("DELETE", f"{GROUPS}/{group}")
    api.send("POST", GROUPS, {"bad": 1})
    api.send("POST", f"{GROUPS}/%25(x)s%0A")
    entries = [r for r in activity(wok) if r["user"] == "admin"]
    said = [r["message"] for r in entries if str(r["status"]) in ("201", "204")]
    assert f"Performance management: Create a group: Näme with a ' and a %s ({BASE}{GROUPS})" in said
    assert any(m.endswith(f"Näme with a ' and a %s ({BASE}{GROUPS}/{group})") for m in said)
    assert any("bad: there is no field" in r["message"] for r in entries)
    assert all(r["ip"] == "127.0.0.1" and r["app"] == "hpm" for r in entries)


def test_reads_are_not_logged(api: WokApiHost, wok: Wok) -> None:
    before = len(activity(wok))
    api.get("/version")
    api.send("GET", "/nothing")
    assert len(activity(wok)) == before


def test_the_log_is_told_in_the_users_language(api: WokApiHost, wok: Wok) -> None:
    api.group("Gold")
    with wok.http("admin", **JSON, **{"Accept-Language": "de-de"}) as http:
        assert any("Leistungssteuerung: " in r["message"] for r in http.get("/logs?app=hpm").json()["records"])


@pytest.mark.parametrize(("headers", "good"), [
    ({"Origin": "http://HOST:PORT"}, True),
    ({"Origin": "", "Referer": "http://HOST:PORT/"}, True),
    ({"Origin": ""}, False),    # with a cookie alone, nobody knows whose page it is
    ({"Origin": "https://hpm.example:8001", "Host": "hpm.example"}, True),    # as Wok's proxy passes it on
    ({"Origin": "https://hpm.example:8001", "Host": "hpm.example", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "https://evil.example", "Host": "hpm.example"}, False),
    ({"Origin": "https://hpm.example.evil.example", "Host": "hpm.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://HOST:1"}, False),
    ({"Origin": "http://[", "Host": "hpm.example"}, False),
    ({"Origin": "https://hpm.example", "Host": "hpm.example"}, False),    # another port is another program's
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Origin": "https://hpm.example:9090", "Host": "hpm.example", "Sec-Fetch-Site": "same-site"}, False),
])  # fmt: skip
def test_pages_of_other_sites_change_nothing(
    api: WokApiHost, wok: Wok, headers: dict[str, str], good: bool
) -> None:
    ours = {k: v.replace("HOST", "127.0.0.1").replace("PORT", str(wok.port)) for k, v in headers.items()}
    response = api.send("POST", GROUPS, {"name": "Gold"}, headers=ours)
    assert response.status_code == (201 if good else 403), response.text
    assert api.send("GET", "/version", headers=ours).status_code == 200    # another site cannot read the answer
    assert len(api.get(GROUPS)["workload-resource-groups"]) == (2 if good else 1)
    if not good:
        assert any(str(r["status"]) == "403" and "page" in r["message"] for r in activity(wok))


def test_a_program_with_a_password_needs_no_page(api: WokApiHost, wok: Wok) -> None:
    with wok.http(None, Authorization=basic("admin", "let me in: 1")) as http:
        assert http.post(BASE + GROUPS, json={"name": "Gold"}).status_code == 201
        first = http.get(f"{BASE}/version").headers["set-cookie"].partition(";")[0]
        assert http.post(BASE + GROUPS, json={"name": "Silver"}, headers={"Cookie": first}).status_code == 201


def test_whoever_guesses_passwords_is_slowed_down(wok: Wok) -> None:
    statuses = []
    for number in range(40):    # each with a fresh cookie
        address = {"X-Real-Ip": "192.0.2.7", "X-Forwarded-For": f"198.51.100.{number}"}
        with wok.http(None, Authorization=basic("admin", f"guess {number}"), **address) as http:
            response = http.get(f"{BASE}/version")
            statuses.append(response.status_code)
            whole_error(response, "GET")
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert int(response.headers["retry-after"]) > 0
    with wok.http(None, Authorization=basic("user", "wörter"), **{"X-Real-Ip": "192.0.2.8"}) as http:
        assert http.get(f"{BASE}/version").status_code == 200    # others are not kept out
    with wok.http("admin", **{"X-Real-Ip": "192.0.2.7"}) as http:
        assert http.get(f"{BASE}/version").status_code == 200    # nor is who has a session


def test_the_tabs_appear_with_their_pages_for_both_roles(api: WokApiHost, wok: Wok) -> None:
    for user in ("admin", "user"):
        with wok.http(user) as http:
            plugins = http.get("/config/plugins", headers=JSON).json()
            assert {p["name"]: p["enabled"] for p in plugins if p["name"] == "hpm"} == {"hpm": "True"}
            tabs = http.get(f"{BASE}/ui/config/tab-ext.xml").text
            paths, titles = (re.findall(f"<{name}>(.*)</{name}>", tabs) for name in ("path", "title"))
            assert paths == [f"plugins/hpm/tabs/{tab}.html" for tab in TABS]
            for path, tab in zip(paths, TABS, strict=True):
                asked = {"Accept": "text/html, */*", "X-Requested-With": "XMLHttpRequest"}
                page = http.get(f"/{path}", headers=asked)
                assert page.status_code == 200
                assert page.headers["content-type"].startswith("text/html")
                assert f'<hpm-app base="plugins/hpm" tab="{tab}" lang="en_US" script="' in page.text
                for script in re.findall(r'"plugins/hpm/(js/[^"]+)"', page.text):
                    assert "cacheBust=" in script
                    answer = http.get(f"{BASE}/{script}")
                    assert answer.status_code == 200
                    assert "javascript" in answer.headers["content-type"]    # a module is nothing else to a browser
            assert http.head(f"{BASE}/images/hpm.svg").headers["content-type"] == "image/svg+xml"
            texts = http.get(f"{BASE}/i18n.json").json()
            assert [texts[title] for title in titles] == list(texts.values())
            assert texts[titles[0]] == "Overview"


@pytest.mark.parametrize(("language", "word", "lang"), [
    ("de-DE", "Überblick", "de_DE"), ("pt-BR", "Visão geral", "pt_BR"), ("ja-JP", "概要", "ja_JP"),
    ("fr-FR", "Vue d’ensemble", "fr_FR"), ("zh-CN", "概览", "zh_CN"), ("zh-TW", "概觀", "zh_TW"),
    ("en-US", "Overview", "en_US"), ("en-US,de-DE", "Overview", "en_US"),
    ("nl-NL", "Overview", "en_US"), ("xx", "Overview", "en_US"), ("../../x", "Overview", "en_US"),
    ('"><script>', "Overview", "en_US"),
])  # fmt: skip
def test_pages_come_in_the_users_language_or_in_english(wok: Wok, language: str, word: str, lang: str) -> None:
    with wok.http("user", **{"Accept-Language": language.lower()}) as http:
        assert http.get(f"{BASE}/i18n.json").json()["HPMTAB0001M"] == word
        assert f' lang="{lang}" ' in http.get(f"{BASE}/tabs/overview.html").text


def test_the_language_that_was_chosen_at_woks_login_is_that_of_the_tabs(wok: Wok) -> None:
    with wok.http("user", **{"Accept-Language": "de-de"}) as http:
        http.headers["Cookie"] += "; wokLang=pt_BR"
        assert ' lang="pt_BR" ' in http.get(f"{BASE}/tabs/groups.html").text


def test_a_page_that_asks_by_itself_keeps_no_session_alive_and_is_told_when_it_ends(wok: Wok) -> None:
    import time

    from wok import template

    with wok.http("user", **{"X-Requested-With": "XMLHttpRequest"}) as http:
        def left(**headers: str) -> int:
            return int(http.get(f"{BASE}/version", headers=headers).headers["session-expires-on"])

        robot = {"Wok-Robot": "wok-robot"}
        assert left() == left(**robot) == 600
        session_id = http.headers["Cookie"].partition("=")[2]
        session, _ = cherrypy_sessions()[session_id]
        session[template.REFRESH] = time.time() - 300
        assert left(**robot) == 300
        assert left() == 600    # somebody is there
        session[template.REFRESH] = time.time() - 601
        ended = http.get(f"{BASE}/version", headers=robot)
        assert ended.status_code == 401
        assert "sessionTimeout" in ended.text


def cherrypy_sessions() -> dict[str, Any]:
    """Wok's sessions: what is in each and when it ends, by id."""
    from cherrypy.lib.sessions import RamSession

    cache: dict[str, Any] = RamSession.cache
    return cache


def test_a_page_that_is_not_there_is_an_html_page_that_says_so(wok: Wok) -> None:
    with wok.http("user") as http:
        page = http.get(f"{BASE}/tabs/<b>.html", headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert "<h1>404 Not Found</h1>" in page.text
        assert "<b>" not in page.text
        assert http.get(f"{BASE}/js/../root.py").status_code == 404
        assert http.get(f"{BASE}/js/%2e%2e/%2e%2e/hpm.conf").status_code in (403, 404)


@pytest.mark.parametrize("data", [
    b"X: =?nocode?q?x?=\r\n", b"Cookie: \x00=\x00;;=\r\n", b"Range: bytes=x-y\r\nIf-Match: \xff\r\n",
    b"X-Forwarded-For: \xff\xfe\r\nX-Forwarded-Host: a b\r\n", b"Accept-Language: \xff;q=\r\nWok-Robot: wok-robot\r\n",
])  # fmt: skip
def test_no_header_makes_a_fault(wok: Wok, data: bytes) -> None:
    for path in (b"/version", b"/tabs/overview.html"):
        with wok.connect() as connection:
            connection.settimeout(10)
            connection.sendall(b"GET /plugins/hpm" + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               b"Authorization: " + basic("user", "wörter").encode() + b"\r\n" + data + b"\r\n")
            answer = b""
            while part := connection.recv(65536):
                answer += part
        assert int(answer.split()[1]) in (200, 400), answer[:300]


@pytest.mark.parametrize("user", ["admin", None])
def test_a_body_that_is_too_large_is_refused_and_not_taken_for_a_request(
    api: WokApiHost, wok: Wok, user: str | None
) -> None:
    before = api.state()
    inner = f"DELETE {BASE}{GROUPS}/default HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with wok.http(user) as http:
        for content in (inner * 20_000, iter([inner * 10_000] * 3)):
            response = http.post(BASE + GROUPS, content=content)
            assert response.status_code == (413 if user else 401)
            whole_error(response, "POST")
            assert http.get(f"{BASE}/version").status_code == (200 if user else 401)
    assert api.state() == before


class Conf:
    """The plugin's hpm.conf."""

    def __init__(self, wok: Wok) -> None:
        self.path = Path(wok.plugin.paths.conf_file)
        self.before = self.path.read_text()
        self.service = wok.plugin.service

    def say(self, text: str) -> None:
        """Have the service act on this configuration now."""
        self.path.write_text(text)
        self.service.look()


@pytest.fixture
def conf(wok: Wok) -> Iterator[Conf]:
    conf = Conf(wok)
    yield conf
    conf.say("[wok]\nenable = False\n")
    conf.say(conf.before)


def test_one_manager_has_a_host_and_the_other_one_says_who_and_serves_reads(
    wok: Wok, conf: Conf, tmp_path: Path
) -> None:
    with wok.http("admin") as http, wok.http("user") as reader, ManagerProcess(tmp_path, "simulated:3") as other:
        conf.say("[wok]\nenable = False\n")
        conf.say(f"[wok]\nenable = True\n[hpm]\nconnect = simulated:3\nstate-dir = {tmp_path}\nsocket = {tmp_path}/w\n")
        assert other.process is not None
        with other.client() as direct:
            gold = direct.create_group({"name": "Gold"}).value
        for client in (http, reader):
            groups = client.get(BASE + GROUPS)
            assert [g["name"] for g in groups.json()["workload-resource-groups"]] == ["Gold", "default"]
            again = client.get(BASE + GROUPS, headers={"If-None-Match": groups.headers["etag"]})
            assert again.status_code == 304
            assert client.get(BASE + SERVERS).json()["virtual-servers"][0]["object-uri"].startswith(BASE)
            assert whole_error(client.get(f"{BASE}/nothing?x=%20"), "GET")["reason"] == 1
            assert client.head(f"{BASE}/version").status_code == 200
        error = whole_error(http.post(BASE + GROUPS, json={"name": "Silver"}), "POST")
        assert (error["http-status"], error["reason"]) == (409, 2)
        assert f"process {other.process.pid}, state in {tmp_path}, socket {other.socket}" in error["message"]
        assert whole_error(reader.post(BASE + GROUPS, json={"name": "Silver"}), "POST")["http-status"] == 403
        assert any(str(r["status"]) == "409" and str(other.process.pid) in r["message"] for r in activity(wok))
        other.kill()
        error = whole_error(http.get(f"{BASE}/version"), "GET")
        assert (error["http-status"], error["reason"]) == (503, 0)
        conf.service.look()    # as it does every few seconds
        assert gold.name in http.get(BASE + GROUPS).text
        assert http.post(BASE + GROUPS, json={"name": "Silver"}).status_code == 201


def test_hpm_serve_is_told_that_wok_has_the_host_and_the_command_works_with_that_one(
    wok: Wok, conf: Conf, tmp_path: Path
) -> None:
    conf.say("[wok]\nenable = False\n")
    conf.say(f"[wok]\nenable = True\n[hpm]\nconnect = simulated:3\nstate-dir = {tmp_path}\nsocket = {tmp_path}/w\n")
    hpm = [Path(sys.executable).with_name("hpm")]
    serve = subprocess.run(
        [*hpm, "serve", "--connect", "simulated:3", "--state-dir", tmp_path, "--socket", tmp_path / "s"],
        capture_output=True, text=True, timeout=30, cwd=ROOT,
    )  # fmt: skip
    assert serve.returncode == 1
    assert "another manager has this host: process" in serve.stderr
    assert f"socket {tmp_path}/w" in serve.stderr
    said = subprocess.run(
        [*hpm, "--socket", tmp_path / "w", "--json", "vs-list"], capture_output=True, text=True, timeout=30, cwd=ROOT,
    )  # fmt: skip
    assert len(json.loads(said.stdout)["virtual-servers"]) == 3, said.stderr


def test_switched_off_in_wok_it_ends_and_puts_everything_back(wok: Wok, conf: Conf, tmp_path: Path) -> None:
    conf.say("[wok]\nenable = False\n")
    conf.say(f"[wok]\nenable = True\n[hpm]\nconnect = simulated\nstate-dir = {tmp_path}\nsocket = {tmp_path}/w\n"
             "interval = 1\n")
    with wok.http("admin") as http:
        def shares() -> dict[str, int]:
            found = http.get(f"{BASE}{SERVERS}/detail").json()["virtual-servers"]
            return {server["name"]: server["cpu-shares"] for server in found}

        before = shares()
        made = http.post(BASE + GROUPS, json={"name": "Gold", "perf-policies": [policy()]}).json()["object-uri"]
        add = {"action": "add-virtual-servers", "virtual-servers": [uuid_of("db1")]}
        assert http.post(f"{made}/actions", json=add).status_code == 200
        http.post(f"{BASE}{GROUPS}/default", json={"perf-policies": [policy("rest", service_class())]})
        assert http.post(f"{BASE}/mgmt-levels", json={"cpu-mgmt": "on"}).status_code == 200
        wait_until(lambda: shares() != before, 20.0, "hpm sets shares")
        hypervisor = conf.service.running.hypervisor
        conf.say("[wok]\nenable = False\n")    # as Wok writes it
        error = whole_error(http.get(f"{BASE}/version"), "GET")
        assert error["http-status"] == 503
        assert "switched off in Wok" in error["message"]
        assert whole_error(http.post(BASE + GROUPS, json={}), "POST")["http-status"] == 503
        observed = hypervisor.observe()
        names = {uuid: info.name for uuid, info in observed.infos.items()}
        after = {names[uuid]: sample.shares for uuid, sample in observed.samples.items()}
        assert after == {name: shares for name, shares in before.items() if shares is not None}
        assert not (tmp_path / "w").exists()


def test_enabled_again_while_wok_runs_there_is_still_one_manager(wok: Wok) -> None:
    import cherrypy
    from wok import utils

    service = wok.plugin.service
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        utils.load_plugin("hpm", utils.load_plugin_conf("hpm"))    # as Wok's settings page has it done
    assert cherrypy.tree.apps[BASE].root is not wok.plugin
    assert cherrypy.tree.apps[BASE].root.service is service
    with wok.http("user") as http:
        assert http.get(f"{BASE}/version").status_code == 200


def test_not_enabled_it_is_not_there(wok: Wok, conf: Conf) -> None:
    conf.path.write_text("[wok]\nenable = False\n")
    with pytest.raises(Exception, match="not enabled"):
        type(wok.plugin)(None)
    conf.path.write_text(conf.before)


def test_the_manager_in_wok_answers_at_its_socket(wok: Wok) -> None:
    client = connect(Path(wok.plugin.paths.conf_file).parents[4] / "hpm.sock")
    assert client.version().value.hypervisor == "simulated"
    client.close()


def test_nothing_of_ours_went_wrong_in_wok(wok: Wok) -> None:
    lines = wok.error_log.read_text()
    assert "hpm 0." in lines    # what the manager says goes to Wok's log
    assert "Failed to import" not in lines
    assert "Traceback" not in lines, lines[lines.index("Traceback") :][:3000]
