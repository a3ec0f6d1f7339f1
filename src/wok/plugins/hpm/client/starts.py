"""Starting and stopping virtual servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from ..wire.starts import (
    DependencyGraph,
    HookAnswer,
    ServerAction,
    StartJob,
    StartJobList,
    StartServers,
    StartTogether,
    StopServers,
    StopTogether,
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

    def start_servers(self, server_ids: Sequence[str]) -> Answer[StartJob]:
        """Start some virtual servers in one job, and before them what they need."""
        return self._post(JOBS, StartTogether(tuple(server_ids)), StartJob)

    def stop_servers(self, server_ids: Sequence[str], how: StopServers | None = None) -> Answer[StartJob]:
        """Stop some virtual servers in one job, and before them those that need them."""
        said = {} if how is None else msgspec.structs.asdict(how)
        return self._post(JOBS, StopTogether(virtual_servers=tuple(server_ids), **said), StartJob)

    def start_group(self, group_id: str) -> Answer[StartJob]:
        """Start all servers of a group."""
        return self._post(f"{group_path(group_id)}/actions", StartServers(), StartJob)

    def stop_group(self, group_id: str, how: StopServers | Mapping[str, object] | None = None) -> Answer[StartJob]:
        """Stop all servers of a group."""
        return self._post(f"{group_path(group_id)}/actions", how or StopServers(), StartJob)

    def start_jobs(self, state: str | None = None) -> Answer[StartJobList]:
        """Start jobs, the newest first; with `state`, those that stand so."""
        return self._get(JOBS, StartJobList, None if state is None else {"state": state})

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
