"""Wok's server as a process: it begins with hpm, and ends with everything put back."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xmlrpc.client import ServerProxy

import pytest

from hpm.backend.simulated import uuid_of
from tests.lab.errors import wait_until
from tests.running import ROOT
from tests.unit.api_host import GROUPS, SERVERS, policy, service_class
from tests.unit.test_mom_rpc import UnixTransport

from .daemon import Wokd
from .tree import KIMCHI_SRC, NO_WOK, WOK_SRC

if not WOK_SRC:
    pytest.skip(NO_WOK, allow_module_level=True)

BASE = "/plugins/hpm"


@pytest.fixture
def wokd(tmp_path: Path) -> Iterator[Wokd]:
    with contextlib.closing(Wokd(tmp_path)) as wokd:
        yield wokd


def test_wok_ends_at_a_signal_and_puts_back_what_hpm_changed(wokd: Wokd) -> None:
    http = wokd.http
    wait_until(lambda: http.get(f"{BASE}/version").status_code == 200, 20.0, "the manager runs")
    made = http.post(BASE + GROUPS, json={"name": "Gold", "perf-policies": [policy()]}).json()["object-uri"]
    add = {"action": "add-virtual-servers", "virtual-servers": [uuid_of("db1")]}
    assert http.post(f"{made}/actions", json=add).status_code == 200
    http.post(f"{BASE}{GROUPS}/default", json={"perf-policies": [policy("rest", service_class())]})
    assert http.post(f"{BASE}/mgmt-levels", json={"cpu-mgmt": "on"}).status_code == 200

    def shares() -> set[int]:
        servers = http.get(f"{BASE}{SERVERS}/detail").json()["virtual-servers"]
        return {s["cpu-shares"] for s in servers if s["cpu-shares"] is not None}

    wait_until(lambda: len(shares()) > 1, 30.0, "hpm sets shares")
    wokd.stop()
    log = wokd.log.read_text()
    assert "stopping, and putting everything back: Wok is ending" in log
    assert "restored db1: cpu-shares" in log, log
    assert "Traceback" not in log
    assert not (wokd.directory / "hpm.sock").exists()
    assert (wokd.directory / "state/lock").read_text() == ""
    assert wokd.process.returncode == 0


def test_wok_runs_without_it_where_it_is_not_enabled(tmp_path: Path) -> None:
    with contextlib.closing(Wokd(tmp_path, enable=False)) as wokd:
        assert wokd.http.get(f"{BASE}/version").status_code == 404
        assert "hpm is not enabled" in wokd.log.read_text()
        assert not (tmp_path / "hpm.sock").exists()
        wokd.stop()


def test_the_command_works_where_the_real_wok_is_on_the_path() -> None:
    assert WOK_SRC
    environment = {**os.environ, "PYTHONPATH": str(Path(WOK_SRC) / "src"), "PYTHONWARNINGS": "ignore"}
    code = "import wok.server, wok.plugins; from hpm.cli.main import main; main(['--version'])"
    for command in ([sys.executable, "-c", code], [Path(sys.executable).with_name("hpm"), "--version"]):
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.stdout.startswith("hpm "), done.stderr


def test_programs_of_mom_find_it_inside_wok(tmp_path: Path) -> None:
    path, plots = tmp_path / "mom.sock", tmp_path / "plots"
    text = '(with Guests guest (guest.Control "balloon_target" (* 0.5 guest.balloon_max)))'
    with contextlib.closing(Wokd(tmp_path, options=f"mom-rpc = {path}\nplot-dir = {plots}")) as wokd:
        http = wokd.http
        wait_until(path.exists, 20.0, "the manager runs")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with ServerProxy("http://localhost/RPC2", UnixTransport(path), allow_none=True) as mom:
            assert mom.ping() is True
            assert mom.setNamedPolicy("30-half", text) is True
            assert "db1" in mom.getActiveGuests()
        (kept,) = http.get(f"{BASE}/mom/policies").json()["memory-policies"]
        assert (kept["name"], kept["text"]) == ("30-half", text)
        http.post(f"{BASE}/settings", json={"memory-policy": "mom"})
        assert http.post(f"{BASE}/mgmt-levels", json={"memory-mgmt": "on"}).status_code == 200

        def ballooned() -> set[str]:
            servers = http.get(f"{BASE}{SERVERS}/detail").json()["virtual-servers"]
            return {s["name"] for s in servers if s["memory-current-mib"] < s["memory-mib"]}

        wait_until(lambda: "db1" in ballooned(), 30.0, "the policy is in force")
        wait_until(lambda: (plots / "momplot-000/db1.dat").exists(), 20.0, "plots are written")
        wokd.stop()
        log = wokd.log.read_text()
        assert "restored db1: balloon" in log, log
        assert "Traceback" not in log, log
        assert not path.exists()


@pytest.mark.skipif(not KIMCHI_SRC, reason="KIMCHI_SRC names no built Kimchi tree: see docs/wok.md")
def test_kimchi_and_hpm_live_side_by_side(tmp_path: Path) -> None:
    with contextlib.closing(Wokd(tmp_path, kimchi=KIMCHI_SRC)) as wokd:
        http = wokd.http
        wait_until(lambda: http.get(f"{BASE}/version").status_code == 200, 20.0, "the manager runs")
        assert {p["name"] for p in http.get("/config/plugins").json()} >= {"hpm", "kimchi"}
        assert http.get("/plugins/kimchi/config/capabilities").status_code == 200
        assert "plugins/kimchi/tabs" in http.get("/plugins/kimchi/ui/config/tab-ext.xml").text
        assert "plugins/hpm/tabs" in http.get(f"{BASE}/ui/config/tab-ext.xml").text
        assert "Failed to import plugin" not in wokd.log.read_text()
        wokd.stop()
        assert "Wok is ending" in wokd.log.read_text()
