"""The commands that start and stop servers, before a real manager of a simulated host, with its threads."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.backend.simulated import Scenario, ServerSpec, SimulatedHypervisor, uuid_of
from hpm.manager.manager import Manager
from hpm.policy.guest_policies import GuestPolicy
from hpm.policy.start_policies import PortAnswers, StartPolicy
from hpm.store.database import Database

from .cli_host import run_at, serving
from .start_house import needs

POLICIES = {"db": StartPolicy(ready=PortAnswers(5432)), "app": needs("db"), "web": needs("app", when_it_stops="stop")}


@dataclass
class Running:
    """hpm with its threads, and the command line to it at this socket."""

    host: SimulatedHypervisor
    manager: Manager
    socket: Path

    def hpm(self, *words: str, code: int = 0) -> str:
        done = run_at(self.socket, *words)
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture
def hpm(tmp_path: Path) -> Iterator[Running]:
    specs = [ServerSpec(name=name, status="shut-off") for name in POLICIES]
    host = SimulatedHypervisor(Scenario(cores=2, servers=tuple(specs)), time.monotonic_ns)
    database = Database(tmp_path / "hpm.db")
    manager = Manager(host, database, 3.0, time.monotonic_ns, lambda: datetime.now(timezone.utc))
    with manager.change() as change:
        for name, policy in POLICIES.items():
            said = change.catalog.settings(uuid_of(name)).with_policy(GuestPolicy(start=policy))
            change.catalog = change.catalog.with_settings(uuid_of(name), said)
    with serving(manager, database, tmp_path) as socket:
        yield Running(host, manager, socket)


def test_servers_start_and_stop_with_progress(hpm: Running) -> None:
    lines = hpm.hpm("vs-start", "web").splitlines()
    assert [line for line in lines if line.endswith(": ready")] == ["db: ready", "app: ready", "web: ready"]
    assert any(line.startswith("web: waits for app (") for line in lines) and lines[-1] == "Job 1 is done."
    assert "db runs already" in hpm.hpm("vs-start", "db", code=1)
    assert "app needs what is to stop" in hpm.hpm("vs-stop", "db", code=1)
    assert "exclude each other" in hpm.hpm("vs-stop", "db", "--with-dependants", "--leave-dependants", code=2)
    lines = hpm.hpm("vs-stop", "db", "--with-dependants").splitlines()
    stopped = [line.partition(":")[0] for line in lines if line.endswith(": stopped")]
    assert stopped == ["web", "app", "db"]
    text = hpm.hpm("dependencies")
    assert "app" in text and "no: it does not run" in text and "stop" in text


def test_several_servers_are_one_job(hpm: Running) -> None:
    lines = hpm.hpm("vs-start", "web", "db", "web").splitlines()
    assert sorted(line for line in lines if line.endswith(": ready")) == ["app: ready", "db: ready", "web: ready"]
    assert lines[-1] == "Job 1 is done."
    assert "app, web run already" in hpm.hpm("vs-start", "--vs-name", "app", "--vs-name", "web", code=1)
    assert "app needs what is to stop" in hpm.hpm("vs-stop", "db", "web", code=1)
    lines = hpm.hpm("vs-stop", "db", "app", "--grace", "30").splitlines()
    stopped = [line.partition(":")[0] for line in lines if line.endswith(": stopped")]
    assert stopped == ["web", "app", "db"] and lines[-1] == "Job 2 is done."
    assert "no virtual server" in hpm.hpm("vs-start", "web", "nobody", code=1)


def test_a_host_that_does_not_answer_is_asked_again(hpm: Running) -> None:
    hpm.host.unreachable_for(1.5)
    assert "web: ready" in hpm.hpm("vs-start", "web")


def test_of_whom_nothing_is_known_that_is_said(hpm: Running) -> None:
    hpm.host.faults.stale = {uuid_of("db"): time.time()}
    hpm.manager.look()
    for words in (["vs-list"], ["vs-show", "db"]):
        text = hpm.hpm(*words)
        assert "shut-off?" in text and "libvirt answers, but not for db (" in text
    hpm.host.faults.stale = {}
    hpm.manager.look()
    assert "?" not in hpm.hpm("vs-list")


def test_what_hpm_noticed_by_itself_is_told_as_its_own(hpm: Running) -> None:
    assert not hpm.manager.starting.verdict(uuid_of("web")).start
    (line,) = [line for line in hpm.hpm("activity-list").splitlines() if "Kept libvirt from starting" in line]
    assert " hpm  " in line and "(0)" not in line and "claimed" not in line and "nobody" not in line


def test_a_job_that_fails_says_why_and_one_can_be_left_alone(hpm: Running) -> None:
    hpm.host.faults.broken[uuid_of("db")] = "no memory for it"
    assert "job 1 failed: " in (failed := hpm.hpm("vs-start", "app", code=1)) and "db (no memory for it)" in failed
    hpm.host.faults.broken.clear()
    hpm.host.faults.unready[uuid_of("db")] = "its port 5432 does not answer"
    assert hpm.hpm("group-start", "default", "--no-wait").startswith("Job 2 begins: ")
    assert "running" in hpm.hpm("job-show", "2") and "failed" in hpm.hpm("job-list")
    assert hpm.hpm("job-cancel", "2") == "Cancelled job 2.\n"
    assert "running" not in hpm.hpm("job-list", "--state", "failed")
    assert json.loads(hpm.hpm("job-show", "2", "--json"))["state"] == "cancelled"
    assert json.loads(hpm.hpm("group-stop", "default", "--grace", "0", "--force", "--json"))["state"] == "done"
    assert "there is no start job 9" in hpm.hpm("job-show", "9", code=1)
