"""Starting and stopping virtual servers."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..wire.starts import (
    DependencyGraph,
    HookAnswer,
    ServerAction,
    StartJob,
    StartJobList,
    StartServers,
    StopServers,
)
from .answers import Answer
from .calls import Calls
from .groups import group_path

JOBS = "/start-jobs"


class StartCalls(Calls):
    """The operations on start jobs and dependencies."""

    def start_server(self, server_id: str) -> Answer[StartJob]:
        """Start a virtual server, and before it what it needs; the job goes on after the answer."""
        return self._act_on_server(server_id, StartServers())

    def stop_server(self, server_id: str, how: StopServers | Mapping[str, object] | None = None) -> Answer[StartJob]:
        """Stop a virtual server, and before it those that need it."""
        return self._act_on_server(server_id, how or StopServers())

    def start_group(self, group_id: str) -> Answer[StartJob]:
        """Start all servers of a group."""
        return self._post(f"{group_path(group_id)}/actions", StartServers(), StartJob)

    def stop_group(self, group_id: str, how: StopServers | Mapping[str, object] | None = None) -> Answer[StartJob]:
        """Stop all servers of a group."""
        return self._post(f"{group_path(group_id)}/actions", how or StopServers(), StartJob)

    def start_jobs(self) -> Answer[StartJobList]:
        """Start jobs, the newest first."""
        return self._get(JOBS, StartJobList)

    def start_job(self, number: str) -> Answer[StartJob]:
        """One start job."""
        return self._get(f"{JOBS}/{quote(number, safe='')}", StartJob)

    def cancel_start_job(self, number: str) -> Answer[StartJob]:
        """Give a start job up."""
        return self._post(f"{JOBS}/{quote(number, safe='')}/cancel", None, StartJob)

    def dependencies(self) -> Answer[DependencyGraph]:
        """Who needs whom, and who is ready."""
        return self._get("/dependencies", DependencyGraph)

    def may_start(self, server_id: str) -> Answer[HookAnswer]:
        """Whether a virtual server may start now, as libvirt's hook asks; takes up to two seconds."""
        return self._post("/hooks/qemu", {"virtual-server": server_id}, HookAnswer)

    def _act_on_server(self, server_id: str, action: ServerAction | Mapping[str, object]) -> Answer[StartJob]:
        return self._post(f"/virtual-servers/{quote(server_id, safe='')}/actions", action, StartJob)
