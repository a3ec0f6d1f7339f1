"""The plugin for Wok, as far as it can be tried without one."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cherrypy
import httpx
import pytest
from cherrypy import _cptree

from hpm.control.activity import Deed, ManagerRecorder
from hpm.control.api import Api
from hpm.control.caller import Caller, Role
from hpm.control.request import ApiRequest
from hpm.errors import InvalidValue
from hpm.host.connections import Server
from hpm.host.server import quiet_cherrypy
from hpm.host.wok.elsewhere import Down, Elsewhere
from hpm.host.wok.messages import MESSAGES
from hpm.host.wok.service import Service
from hpm.host.wok.settings import Settings, read_settings
from hpm.manager.lock import HostLock

from .api_host import whole_error

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "src/wok/plugins/hpm"
UI = PLUGIN / "ui"
LANGUAGES = (ROOT / "po/LINGUAS").read_text().split()


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT,
        env={**os.environ, **environment},
    )  # fmt: skip


# -- loading


def test_without_wok_the_package_is_there_and_only_the_plugin_is_not() -> None:
    done = python("import hpm, hpm.cli.main\ntry: hpm.Hpm\nexcept ModuleNotFoundError as error: print(error.name)")
    assert done.stdout == "wok\n", done.stderr
    done = python("import hpm\nhpm.Hpn")
    assert "has no attribute 'Hpn'" in done.stderr


def test_the_command_works_where_a_regular_package_wok_is_on_the_path(tmp_path: Path) -> None:
    for folder in ("wok", "wok/plugins"):    # a regular package, as Wok is one
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    done = python("import wok, wok.plugins, hpm.cli.main as m; m.main(['--version'])", PYTHONPATH=str(tmp_path))
    assert done.stdout.startswith("hpm"), done.stderr


# -- its configuration


def test_the_file_that_comes_with_it_enables_it_with_what_hpm_serve_has() -> None:
    assert read_settings(PLUGIN / "hpm.conf") == Settings(enabled=True)


@pytest.mark.parametrize(("word", "enabled"), [
    ("True", True), ("true", True), ("1", True), ("yes", True), ("False", False), ("false", False), ("0", False),
])  # fmt: skip
def test_enable_is_a_word_and_means_what_it_says(tmp_path: Path, word: str, enabled: bool) -> None:
    conf = tmp_path / "hpm.conf"
    conf.write_text(f"[wok]\nenable = {word}\n")
    assert read_settings(conf).enabled is enabled


@pytest.mark.parametrize(("text", "words"), [
    ("[wok]\nenable = maybe\n", "neither True nor False"), ("[wok]\nenable =\n", "neither True nor False"),
    ("enable = True\n", "cannot be read"), ("[wok]\nenable = True\n[hpm]\ninterval = often\n", "[hpm] interval"),
    ("[wok]\nenable = True\n[hpm]\ninterval = 0\n", "from 1 to 3600"),
    ("[wok]\nenable = True\n[hpm]\nintervall = 5\n", "no such option; known are connect"), (None, "cannot be read"),
])  # fmt: skip
def test_a_configuration_that_cannot_be_meant_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    conf = tmp_path / "hpm.conf"
    if text is not None:
        conf.write_text(text)
    with pytest.raises(InvalidValue) as caught:
        read_settings(conf)
    assert words in str(caught.value)
    assert str(conf) in str(caught.value)


def test_what_moms_users_need_can_be_said(tmp_path: Path) -> None:
    conf = tmp_path / "hpm.conf"
    conf.write_text("[wok]\nenable = True\n[hpm]\nmom-rpc = /run/hpm/mom.sock\nplot-dir = /p\n")
    assert read_settings(conf) == Settings(True, mom_rpc=Path("/run/hpm/mom.sock"), plots=Path("/p"))


def test_without_a_section_it_is_not_enabled(tmp_path: Path) -> None:
    conf = tmp_path / "hpm.conf"
    conf.write_text("")
    assert not read_settings(conf).enabled


# -- the one manager of a host


class FixedDoor:
    """A door where one caller stands."""

    role: Role | None = "admin"

    def caller(self) -> Caller:
        """The caller."""
        return Caller("somebody", self.role)


#: Writes that no manager got.
TOLD: list[Deed] = []


@pytest.fixture
def settings(tmp_path: Path) -> SimpleNamespace:
    return SimpleNamespace(now=Settings(True, "simulated:3", tmp_path / "state", tmp_path / "s", 3.0))


@pytest.fixture
def service(settings: SimpleNamespace) -> Iterator[Service]:
    service = Service(lambda: settings.now, FixedDoor(), ManagerRecorder, TOLD.append)
    yield service
    service.stop()


def test_it_waits_while_another_manager_has_the_host_and_then_takes_over(
    service: Service, settings: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    lock = HostLock(settings.now.state / "lock", "state in x, socket /y/z")
    for _ in range(3):
        service.look()
    assert isinstance(service.answerer, Elsewhere)
    assert caplog.text.count("another manager has this host: process") == 1
    lock.release()
    service.look()
    assert isinstance(service.answerer, Api)
    assert settings.now.socket.is_socket()
    assert (settings.now.state / "hpm.db").stat().st_mode & 0o007 == 0


def test_what_stops_it_from_starting_is_told_and_tried_again(
    service: Service, settings: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    good = settings.now
    settings.now = Settings(True, "vbox:///", good.state, good.socket)
    for _ in range(3):
        service.look()
    assert isinstance(service.answerer, Down)
    assert caplog.text.count("'vbox:///' cannot be managed") == 1
    assert not (good.state / "lock").exists() or HostLock(good.state / "lock", "a test").release() is None
    settings.now = good
    service.look()
    assert isinstance(service.answerer, Api)


def test_a_fault_is_logged_and_does_not_get_out(
    service: Service, settings: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    settings.now = None    # what no code expects
    service.look()
    assert isinstance(service.answerer, Down)
    assert any(record.exc_info for record in caplog.records)


def test_a_manager_that_runs_goes_on_when_its_configuration_becomes_unreadable(
    service: Service, tmp_path: Path
) -> None:
    service.look()

    def broken() -> Settings:
        raise InvalidValue("cannot be read", "hpm.conf")

    service._settings = broken
    service.look()
    assert isinstance(service.answerer, Api)


def test_it_starts_in_a_thread_and_ends_whole(
    service: Service, settings: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = set(threading.enumerate())
    for _ in range(2):    # Wok's server can be stopped and started
        service.start()
        service.start()
        deadline = threading.Event()
        for _ in range(500):
            if isinstance(service.answerer, Api):
                break
            deadline.wait(0.02)
        assert isinstance(service.answerer, Api)
        service.stop()
        service.stop()
        assert isinstance(service.answerer, Down)
        assert not settings.now.socket.exists()
        assert {t for t in threading.enumerate() if t.name.startswith("hpm")} <= before
    HostLock(settings.now.state / "lock", "a test").release()


def test_children_of_the_process_do_not_keep_the_lock(tmp_path: Path) -> None:
    lock = HostLock(tmp_path / "lock", "a test")
    there, ending = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:    # as Wok forks for each login
        os.write(there[1], b"x")
        os.read(ending[0], 1)
        os._exit(0)
    os.read(there[0], 1)
    os.close(lock._fd)    # as a kill does it
    HostLock(tmp_path / "lock", "another one").release()
    os.write(ending[1], b"x")
    os.waitpid(child, 0)
    for end in (*there, *ending):
        os.close(end)


class Serving:
    """An answerer at a socket."""

    def __init__(self, answerer: Any, path: Path) -> None:
        quiet_cherrypy()
        tree = _cptree.Tree()
        application = tree.mount(answerer, "/plugins/hpm")
        application.request_class = ApiRequest
        application.log.access_log.disabled = True
        self.server = Server(str(path), tree)
        self.server.prepare()
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()
        transport = httpx.HTTPTransport(uds=str(path), verify=False)
        self.http = httpx.Client(transport=transport, base_url="http://hpm/plugins/hpm", trust_env=False)

    def __enter__(self) -> httpx.Client:
        return self.http

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.server.stop()
        self.thread.join()


def test_reads_are_passed_on_and_writes_refused_with_who_has_the_host(service: Service, tmp_path: Path) -> None:
    service.look()
    door = FixedDoor()
    TOLD.clear()
    who = f"another manager has this host: process 7, state in x, socket {tmp_path}/s"
    with Serving(Elsewhere(door, TOLD.append, who), tmp_path / "proxy") as http:
        for role in ("admin", "user"):
            door.role = role    # type: ignore[assignment]
            listed = http.get("/virtual-servers")
            assert len(listed.json()["virtual-servers"]) == 3
            assert listed.json()["virtual-servers"][0]["object-uri"].startswith("/plugins/hpm/virtual-servers/")
            assert http.get("/virtual-servers?x=%20y").json()["reason"] == 1
            tag = http.get("/mgmt-levels").headers["etag"]
            known = http.get("/mgmt-levels", headers={"If-None-Match": tag})
            assert (known.status_code, known.content) == (304, b"")
            assert http.get("/version", headers={"Accept": "text/html"}).status_code == 406
        door.role = "user"
        assert whole_error(http.post("/mgmt-levels", json={"cpu-mgmt": "on"}), "POST")["http-status"] == 403
        door.role = None
        assert http.get("/version").status_code == 403
        door.role = "admin"
        error = whole_error(http.post("/mgmt-levels", json={"cpu-mgmt": "on"}), "POST")
        assert (error["http-status"], error["reason"]) == (409, 2)
        assert who in error["message"]
        assert [(d.caller and d.caller.user, d.method, d.status, d.reason) for d in TOLD] == [
            ("somebody", "POST", 403, 1), ("somebody", "POST", 409, 2),
        ]  # fmt: skip
        service.stop()
        gone = http.get("/version")
        assert whole_error(gone, "GET")["http-status"] == 503
        assert gone.headers["retry-after"] == "5"
    restoring = Elsewhere(door, TOLD.append, "another manager has this host: process 7, hpm restore")
    with Serving(restoring, tmp_path / "two") as http:
        assert http.get("/version").status_code == 503
    with Serving(Down(door, TOLD.append, "libvirt is not there"), tmp_path / "three") as http:
        error = whole_error(http.get("/version"), "GET")
        assert (error["http-status"], error["message"]) == (503, "libvirt is not there")


def test_wok_keeps_its_own_settings_of_cherrypy(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cherrypy.config, "environment", "production")
    service.look()
    assert cherrypy.config["environment"] == "production"


# -- the page


def texts() -> set[str]:
    """What is marked for translation."""
    sources = [PLUGIN / "host/wok/messages.py", *UI.glob("pages/**/*.tmpl")]
    return {text for file in sources for text in re.findall(r'(?<!\w)_\("((?:[^"\\]|\\.)*)"\)', file.read_text())}


def catalogue(path: Path) -> dict[str, str]:
    """The texts of a po file, which has each on a line of its own."""
    return dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_keeps_its_parameters(language: str) -> None:
    translated = catalogue(ROOT / f"po/{language}.po")
    assert set(translated) == texts() == set(catalogue(ROOT / "po/hpm.pot"))
    for text, translation in translated.items():
        assert translation
        assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", translation))


def titles() -> dict[str, str]:
    """The texts that Wok's page gets of us, in English, by id."""
    text = (UI / "pages/i18n.json.tmpl").read_text()
    return dict(re.findall(r'^    "(\w+)": \$json\.dumps\(\$_\("(.+)"\)\),?$', text, re.MULTILINE))


def pages() -> list[tuple[str, str, str]]:
    """Name, label and tab of the pages that the components are, in their order."""
    source = (ROOT / "ui/src/base/pages.ts").read_text()
    return re.findall(r'\{ name: "([\w-]+)", label: later\("([^"]+)"\), tab: "(\w+)"', source)


def tabs() -> list[ET.Element]:
    """The tabs that Wok shows."""
    return ET.parse(UI / "config/tab-ext.xml").getroot().findall("tab")


def test_ids_of_messages_end_as_wok_wants_it() -> None:
    for id_ in MESSAGES:
        assert re.fullmatch(r"HPM[A-Z]+\d{4}[ELWI]", id_)
    assert all(re.fullmatch(r"HPM[A-Z]+\d{4}[EM]", id_) for id_ in titles())
    assert [tab.findtext("title") for tab in tabs()] == list(titles())


def test_each_tab_is_for_both_roles_and_has_its_page() -> None:
    assert ET.parse(UI / "config/tab-ext.xml").getroot().findtext("functionality") == "Performance"
    for tab in tabs():
        assert {a.get("role"): a.get("mode") for a in tab.findall("access")} == {"admin": "admin", "user": "read-only"}
    orders = [int(tab.findtext("order") or "") for tab in tabs()]
    assert orders == sorted(set(orders))
    names = [re.fullmatch(r"plugins/hpm/tabs/(\w+)\.html", tab.findtext("path") or "") for tab in tabs()]
    shown = [(name and name[1], titles()[tab.findtext("title") or ""]) for name, tab in zip(names, tabs(), strict=True)]
    assert shown == [(name, label) for name, label, tab in pages() if name == tab]
    assert {tab for *_, tab in pages()} == {name for name, _ in shown}    # other pages stand in one of these
    assert {file.name for file in UI.glob("pages/tabs/*")} == {f"{name}.html.tmpl" for name, _ in shown}


def test_a_tab_is_a_frame_around_the_component_and_nothing_else() -> None:
    for name in (tab.findtext("path") or "" for tab in tabs()):
        text = (UI / "pages" / f"{name.removeprefix('plugins/hpm/')}.tmpl").read_text()
        frame = "".join(line for line in text.splitlines() if not line.startswith("#"))
        tags = re.findall(r"<(/?[\w-]+)", frame)
        assert tags == ["hpm-app", "/hpm-app", "script", "/script"], name
        told = dict(re.findall(r'(\w+)="([^"]*)"', frame.partition("</hpm-app>")[0]))
        assert told == {
            "base": "plugins/hpm", "tab": name.rpartition("/")[2].removesuffix(".html"), "lang": "$lang.lang[0]",
            "script": "plugins/hpm/$href('js/hpm.js', 'hpm')",
        }  # fmt: skip


def test_pages_have_no_script_and_no_style_of_their_own_and_load_nothing_from_elsewhere() -> None:
    build = (ROOT / "ui/build.mjs").read_text()
    for page in UI.glob("pages/**/*.html.tmpl"):
        text = page.read_text()
        assert not re.search(r"<style|\bon\w+=|\bstyle=|javascript:|https?://", text), page
        assert not re.search(r"<script[^>]*>\s*\S[^<]*</script>", text), page
        for folder, file in re.findall(r"\$href\('(\w+)/(\w+)\.\w+', 'hpm'\)", text):
            assert (folder, bool(re.search(rf"\b{file}: \"src/", build))) == ("js", True), page    # it will be built
        if "$_(" in text:
            assert "fallback=True" in text


def test_wok_has_a_catalogue_of_hpms_for_each_language_that_the_components_speak() -> None:
    source = (ROOT / "ui/src/base/texts.ts").read_text()
    spoken = re.findall(r'\b(\w+): "', source.partition("LANGUAGES")[2].partition("}")[0])
    assert {language.partition("_")[0] for language in LANGUAGES} == {language.partition("_")[0] for language in spoken}


def test_wok_link_puts_the_plugin_into_a_tree_and_takes_it_out_again(tmp_path: Path) -> None:
    (tmp_path / "src/wok/plugins").mkdir(parents=True)
    link = [str(ROOT / "contrib/wok-link")]
    for _ in range(2):
        subprocess.run([*link, str(tmp_path)], check=True, timeout=30)
        plugin = tmp_path / "src/wok/plugins/hpm"
        assert (plugin / "ui/config/tab-ext.xml").is_file()
        assert not (plugin / "hpm.conf").is_symlink()
        (plugin / "hpm.conf").write_text("[wok]\nenable = False\n")    # Wok writes in it
    assert "False" in (plugin / "hpm.conf").read_text()
    assert "False" not in (PLUGIN / "hpm.conf").read_text().split("enable = ")[1][:6]
    done = python("import wok.plugins.hpm as p; print(p.__name__)", PYTHONPATH=str(tmp_path / "src"))
    assert done.stdout == "wok.plugins.hpm\n", done.stderr
    subprocess.run([*link, "--remove", str(tmp_path)], check=True, timeout=30)
    assert not plugin.exists()
    assert subprocess.run([*link, str(tmp_path / "nothing")], capture_output=True, timeout=30).returncode == 2
