"""A real Prometheus reads hpm through the web front, with a token, and what we ship for it works there."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import yaml

from hpm.errors import HpmError
from hpm.host import rights
from hpm.paths import web_dir
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

SHIPPED = Path(__file__).resolve().parents[2] / "contrib/prometheus"
ALERTS = SHIPPED / "alerts.yml"
EXAMPLE = SHIPPED.parents[1] / "examples/gold-silver-bronze.xml"
DASHBOARD = json.loads((SHIPPED / "grafana-dashboard.json").read_text())

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")


class Prometheus:
    """One that scrapes hpm every second."""

    def __init__(self, directory: Path, target: str, certificate: Path, token: str) -> None:
        settings = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
        job = settings["scrape_configs"][0]
        (directory / "token").write_text(token)
        job["authorization"]["credentials_file"] = str(directory / "token")
        job["tls_config"]["ca_file"] = str(certificate)
        job["static_configs"][0]["targets"] = [target]
        job["scrape_interval"] = "1s"
        settings["rule_files"] = [str(ALERTS)]
        settings["global"] = {"evaluation_interval": "1s"}
        (directory / "prometheus.yml").write_text(yaml.safe_dump(settings))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([
                "prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ], stdout=log, stderr=log)  # fmt: skip
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False)

    def close(self) -> None:
        """End it."""
        self.http.close()
        self.process.terminate()
        self.process.wait(20)

    def get(self, path: str, **query: str) -> Any:
        """What it answers."""
        answer = self.http.get(path, params=query).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression, now."""
        found: list[dict[str, Any]] = self.get("/query", query=expression)["result"]
        return found

    def scraped(self) -> bool:
        """Whether it has read hpm."""
        with suppress(httpx.TransportError, ValueError):    # until it is ready, it answers no JSON
            return bool(self.ask('up{job="hpm"} == 1'))
        return False


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[ManagerProcess, Prometheus]]:
    """hpm with its web front on a simulated host, and a Prometheus that has scraped it twice."""
    try:
        rights.web_user()
    except HpmError as error:
        pytest.skip(error.message)
    with TemporaryDirectory(prefix="hpm-prometheus-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        state = directory / "state"
        state.mkdir(mode=0o750)
        manager = ManagerProcess(state, "simulated", 1.0, ("--listen", "127.0.0.1:0"))
        manager.socket = directory / "s"
        with manager:
            wait_until(lambda: " at https://" in manager.text(), 20, "the web front is there")
            url = re.search(r"at https://(\S+),", manager.text())
            assert url is not None
            manager.hpm("policy-import", str(EXAMPLE), "--yes")
            manager.hpm("wrg-add-vs", "Gold", "db1")
            made = manager.hpm("token-create", "prometheus", "--role", "user", "--json")
            token = json.loads(made.stdout)["secret"]
            port = url[1].rpartition(":")[2]
            prometheus = Prometheus(directory, f"localhost:{port}", web_dir(state) / "cert.pem", token)
            try:
                wait_until(prometheus.scraped, 30, "Prometheus has read hpm", 0.2)
                wait_until(lambda: bool(prometheus.ask("rate(hpm_cycles_total[1m]) > 0")), 30, "hpm's loop runs", 0.2)
                yield manager, prometheus
            except BaseException:
                print(prometheus.log.read_text()[-3000:])
                raise
            finally:
                prometheus.close()


def test_it_reads_what_hpm_says(both: tuple[ManagerProcess, Prometheus]) -> None:
    manager, prometheus = both
    servers = json.loads(manager.hpm("vs-list", "--json").stdout)["virtual-servers"]
    info = {one["metric"]["domain"]: one["metric"] for one in prometheus.ask("hpm_virtual_server_info")}
    assert {name: one["uuid"] for name, one in info.items()} == {s["name"]: s["object-id"] for s in servers}
    told = prometheus.ask("hpm_virtual_server_cpu_shares")
    shares = {one["metric"]["domain"]: float(one["value"][1]) for one in told}
    assert shares == {s["name"]: s["cpu-shares"] for s in servers if s["cpu-shares"] is not None}
    described = prometheus.get("/metadata", metric="hpm_virtual_server_velocity_percent")
    assert described["hpm_virtual_server_velocity_percent"][0]["help"].startswith("100 × time run")


def test_nothing_was_dropped(both: tuple[ManagerProcess, Prometheus]) -> None:
    _, prometheus = both
    (scraped,), (kept,) = (prometheus.ask(f"scrape_samples_{what}") for what in ("scraped", "post_metric_relabeling"))
    assert scraped["value"][1] == kept["value"][1] and int(kept["value"][1]) > 200
    (target,) = prometheus.get("/targets")["activeTargets"]
    assert target["health"] == "up" and not target["lastError"]


def expressions() -> list[str]:
    """What the dashboard asks for, with its variables at their usual values."""
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return [re.sub(r"\$(instance|group|domain)\b", ".*", one) for one in found]


@pytest.mark.parametrize("expression", expressions())
def test_the_dashboard_finds_what_it_asks_for(both: tuple[ManagerProcess, Prometheus], expression: str) -> None:
    _, prometheus = both
    names = set(re.findall(r"\b(?:hpm|libvirt)_\w+", expression))
    assert names
    known = set(prometheus.get("/label/__name__/values"))
    described = {name.removesuffix("_total") for name in prometheus.get("/metadata")} | set(prometheus.get("/metadata"))
    for name in names:    # a simulated host has no memory of its own to tell of, but describes it
        assert name in known or name in described or name.removesuffix("_total") in described, name
    prometheus.ask(expression)
    if names <= known:
        assert prometheus.ask(expression), expression


def test_counters_of_disks_go_by_their_device(both: tuple[ManagerProcess, Prometheus]) -> None:
    _, prometheus = both
    for name in ("block_stats_read_bytes", "block_stats_write_requests", "interface_stats_receive_bytes"):
        found = prometheus.ask(f'libvirt_domain_{name}_total{{domain="db1"}}')
        assert len(found) == 1 and found[0]["metric"]["target_device"], name


def test_the_dashboards_variables_have_values(both: tuple[ManagerProcess, Prometheus]) -> None:
    _, prometheus = both
    for variable in DASHBOARD["templating"]["list"][1:]:
        found = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["query"]["query"])
        assert found is not None, variable
        values = prometheus.get(f"/label/{found[2]}/values", **{"match[]": found[1]})
        assert values, variable["name"]


def test_the_dashboard_is_whole() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["type"] == "row" or panel["description"]
    spots = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(spots)) == len(spots)


def test_alerts_are_loaded_and_quiet(both: tuple[ManagerProcess, Prometheus]) -> None:
    _, prometheus = both
    (group,) = prometheus.get("/rules")["groups"]
    assert {rule["name"] for rule in group["rules"]} == {
        "HpmGoalMissed", "HpmLoopOverrun", "HpmSnapshotStale", "HpmHostUnreachable", "HpmDown",
    }  # fmt: skip
    wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.get("/rules")["groups"][0]["rules"]), 20,
               "all rules were judged", 0.2)  # fmt: skip
    assert not [a for a in prometheus.get("/alerts")["alerts"] if a["state"] == "firing"]


def promtool(*words: object) -> None:
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


SERIES = """
rule_files: [{rules}]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - series: 'hpm_service_class_goal_judged{{instance="a", group="Gold", service_class="db"}}'
        values: '1x80'
      - series: 'hpm_service_class_goal_met{{instance="a", group="Gold", service_class="db"}}'
        values: '{met}'
      - series: 'hpm_service_class_info{{instance="a", group="Gold", service_class="db", importance="{importance}"}}'
        values: '1x80'
      - series: 'hpm_loop_overruns_total{{instance="a"}}'
        values: '{overruns}'
      - series: 'hpm_snapshot_timestamp_seconds{{instance="a"}}'
        values: '{taken}'
      - series: 'hpm_interval_in_force_seconds{{instance="a"}}'
        values: '10x80'
    alert_rule_test:
      - eval_time: 10m
        alertname: {alert}
        exp_alerts: {expected}
"""
GOOD = {"met": "1x80", "importance": "high", "overruns": "0x80", "taken": "0+15x80"}


@pytest.mark.parametrize(("alert", "changes", "fires"), [
    ("HpmGoalMissed", {}, False),
    ("HpmGoalMissed", {"met": "0x80"}, True),
    ("HpmGoalMissed", {"met": "0x80", "importance": "highest"}, True),
    ("HpmGoalMissed", {"met": "0x80", "importance": "medium"}, False),
    ("HpmGoalMissed", {"met": "0x30 1 0x40"}, False),    # met once meanwhile
    ("HpmLoopOverrun", {}, False),
    ("HpmLoopOverrun", {"overruns": "0x20 1x60"}, True),
    ("HpmSnapshotStale", {}, False),
    ("HpmSnapshotStale", {"taken": "0x80"}, True),
])  # fmt: skip
def test_alerts_fire_when_they_should(tmp_path: Path, alert: str, changes: dict[str, str], fires: bool) -> None:
    labels = {"HpmGoalMissed": 'instance="a", group="Gold", service_class="db"'}.get(alert, 'instance="a"')
    rules = yaml.safe_load(ALERTS.read_text())
    rule = next(one for one in rules["groups"][0]["rules"] if one["alert"] == alert)
    del rule["annotations"]    # their figures are not what is tried
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    wanted = {**dict(re.findall(r'(\w+)="(\w+)"', labels)), **rule["labels"]}
    expected = [{"exp_labels": wanted}] if fires else []
    series = {"rules": tmp_path / "rules.yml", "alert": alert, "expected": json.dumps(expected), **GOOD, **changes}
    (tmp_path / "test.yml").write_text(SERIES.format(**series))
    promtool("test", "rules", tmp_path / "test.yml")


def test_the_shipped_files_are_what_prometheus_takes() -> None:
    promtool("check", "rules", ALERTS)
    promtool("check", "config", "--syntax-only", SHIPPED / "prometheus.yml")
