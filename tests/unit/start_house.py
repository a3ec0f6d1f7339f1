"""A house whose servers need each other: policies of when they start, in as few words as they can be said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from hpm.backend.simulated import Idle, uuid_of
from hpm.manager.upkeep import OWN
from hpm.policy.guest_policies import GuestPolicy
from hpm.policy.start_policies import Dependency, PortAnswers, StartPolicy, WhenItStops
from hpm.store.start_jobs import StartJob

from .builders import House, guest

PORT = PortAnswers(5432)


def needs(*names: str, when_it_stops: WhenItStops = "warn", **fields: Any) -> StartPolicy:
    """A policy that needs the servers of these names."""
    depends_on = tuple(Dependency(virtual_server=uuid_of(name), when_it_stops=when_it_stops) for name in names)
    return StartPolicy(depends_on=depends_on, **fields)


class StartHouse(House):
    """Servers by name, with whether they run; policies by name."""

    def __init__(self, directory: Path, servers: Mapping[str, bool], **policies: StartPolicy) -> None:
        specs = [guest(name, load=Idle(), status="running" if runs else "shut-off") for name, runs in servers.items()]
        super().__init__(directory, specs)
        for name, policy in policies.items():
            self.say_start(name, policy)
        self.host.advance(1)
        self.look()

    def say_start(self, name: str, policy: StartPolicy) -> None:
        """Say when a server starts."""
        self.say(name, guest_policy=GuestPolicy(start=policy))

    def look(self) -> None:
        """The manager looks at the host, and does what is due."""
        self.manager.look()

    def wait(self, seconds: float = 1.0) -> None:
        """Let time pass, with a look each half a second."""
        for _ in range(round(2 * seconds)):
            self.host.advance(0.5)
            self.look()
            self.manager.starting.turn()

    def begin(self, *names: str) -> StartJob:
        """Ask for a start."""
        return self.manager.starting.request_start([uuid_of(name) for name in names], "ann")

    def end(self, *names: str, **how: Any) -> StartJob:
        """Ask for a stop."""
        return self.manager.starting.request_stop([uuid_of(name) for name in names], "ann", **how)

    def phases(self, job: StartJob) -> dict[str, str]:
        """The phases of a job's servers now, by name."""
        return {server.name: server.phase for server in self.job(job).servers}

    def reason(self, job: StartJob, name: str) -> str:
        """What is said of a server of a job now."""
        server = self.job(job).server(uuid_of(name))
        assert server is not None
        return server.reason or ""

    def job(self, job: StartJob) -> StartJob:
        """The job as it is now."""
        return self.manager.starting.job(job.id)

    def job_metrics(self) -> dict[str, float]:
        """What hpm's own metrics tell of jobs."""
        found = {metric.name: metric.of(self.manager) for metric in OWN}
        return {name: found[f"start-jobs-{name}"] for name in ("running", "done", "failed")}

    def running(self) -> set[str]:
        """Names of the servers that run."""
        return {info.name for info in self.host.observe().infos.values() if info.status == "running"}

    def paused(self) -> set[str]:
        """Names of the servers that are paused."""
        return {info.name for info in self.host.observe().infos.values() if info.status == "paused"}

    def started(self) -> list[str]:
        """Names of the servers that hpm started, in order."""
        return [name for name, _ in self.host.started]

    def with_policy(self, name: str) -> GuestPolicy:
        """What is said of a server."""
        return self.manager.snapshot.catalog.settings(uuid_of(name)).guest_policy


def off(*names: str) -> dict[str, bool]:
    """Servers that do not run."""
    return dict.fromkeys(names, False)


def changed(policy: StartPolicy, **fields: Any) -> StartPolicy:
    """The policy with other fields."""
    return msgspec.structs.replace(policy, **fields)
