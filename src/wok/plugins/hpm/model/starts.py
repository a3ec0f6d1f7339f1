"""Starting and stopping virtual servers."""

from __future__ import annotations

from ..errors import NotFound
from ..manager.manager import Manager
from ..manager.starting.world import name_of
from ..policy.start_order import find_cycle
from ..store.start_jobs import StartJob as Record
from ..wire.starts import (
    DependencyEdge,
    DependencyGraph,
    DependencyNode,
    HookAnswer,
    HookQuestion,
    JobRequest,
    ServerAction,
    StartJob,
    StartJobList,
    StartJobQuery,
    StartJobServer,
    StartServers,
)
from .references import present_server
from .views import Views


class Starts:
    """Requests on starts and stops. `base` is the base path of the request, `who` the user who asks."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def server(self, base: str, reference: str, who: str, action: ServerAction) -> StartJob:
        """Start or stop one server. Raises `NotFound`, `Conflict`, `HypervisorUnreachable`."""
        uuid = present_server(self._manager.snapshot, reference)
        return self._begin(base, [uuid], who, action, None)

    def together(self, base: str, who: str, wanted: JobRequest) -> StartJob:
        """Start or stop some servers in one job. Raises as `server` does, and `InvalidValue`."""
        snapshot = self._manager.snapshot
        uuids = dict.fromkeys(
            present_server(snapshot, reference, f"virtual-servers[{index}]")
            for index, reference in enumerate(wanted.virtual_servers)
        )
        return self._begin(base, list(uuids), who, wanted, None)

    def group(self, base: str, group_id: str, who: str, action: ServerAction) -> StartJob:
        """Start or stop all servers of a group that this host has. Raises `NotFound`, `Conflict`."""
        snapshot = self._manager.snapshot
        group = snapshot.catalog.group(group_id)
        uuids = [uuid for uuid, assignment in snapshot.assignments.items() if assignment.group == group.id]
        return self._begin(base, uuids, who, action, group.id)

    def jobs(self, base: str, query: StartJobQuery) -> StartJobList:
        """Jobs that are kept."""
        views = self._views(base)
        return StartJobList([
            start_job(views, job) for job in self._manager.starting.jobs() if query.state in (None, job.state)
        ])  # fmt: skip

    def job(self, base: str, number: str) -> StartJob:
        """One job. Raises `NotFound`."""
        return start_job(self._views(base), self._manager.starting.job(_number(number)))

    def cancel(self, base: str, number: str, who: str) -> StartJob:
        """Give a job up. Raises `NotFound`, `Conflict`."""
        return start_job(self._views(base), self._manager.starting.cancel(_number(number), who))

    def graph(self, base: str) -> DependencyGraph:
        """Who needs whom."""
        views, starting = self._views(base), self._manager.starting
        snapshot = views.snapshot
        infos, needs = snapshot.sample.infos, starting.needs(snapshot)
        uuids = sorted({*needs, *(u for needed in needs.values() for u in needed)}, key=lambda u: name_of(snapshot, u))
        nodes = []
        for uuid in uuids:
            info, why = infos.get(uuid), starting.not_ready(snapshot, uuid)
            status = None if info is None else info.status
            nodes.append(DependencyNode(
                uuid, views.server_uri(uuid), name_of(snapshot, uuid), status, why is None, why
            ))  # fmt: skip
        edges = [
            DependencyEdge(views.server_uri(uuid), views.server_uri(other), needs[uuid][other])
            for uuid in uuids if uuid in needs
            for other in sorted(needs[uuid], key=lambda u: name_of(snapshot, u))
        ]  # fmt: skip
        cycle = find_cycle(needs)
        return DependencyGraph(nodes, edges, None if cycle is None else [name_of(snapshot, uuid) for uuid in cycle])

    def hook(self, question: HookQuestion) -> HookAnswer:
        """Whether a guest may start now."""
        found = self._manager.starting.verdict(question.virtual_server.lower())
        return HookAnswer(found.start, None if found.start else found.message, found.wait_seconds)

    def _begin(self, base: str, uuids: list[str], who: str, action: ServerAction, group: str | None) -> StartJob:
        starting = self._manager.starting
        if isinstance(action, StartServers):
            job = starting.request_start(uuids, who, group)
        else:
            job = starting.request_stop(
                uuids, who, group, dependants=action.dependants, grace_seconds=action.grace_seconds, force=action.force
            )
        return start_job(self._views(base), job)

    def _views(self, base: str) -> Views:
        return Views(self._manager.snapshot, base)


def start_job(views: Views, job: Record) -> StartJob:
    """A job as the API tells it."""
    asked = set(job.asked)
    return StartJob(
        str(job.id), f"{views.base}/start-jobs/{job.id}", job.action, job.state, job.by, job.time, job.ended,
        None if job.group is None else views.group_uri(job.group),
        [
            StartJobServer(views.server_uri(s.uuid), s.name, s.uuid in asked, s.phase, s.since, s.reason)
            for s in job.servers
        ],
    )  # fmt: skip


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound(f"there is no start job {text[:40]!r}; their names are numbers")
    return int(text)
