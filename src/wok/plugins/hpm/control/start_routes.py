"""Routes of starting and stopping, of who needs whom, and of libvirt's hook."""

from __future__ import annotations

from ..errors import Conflict, HypervisorUnreachable, NotFound
from ..manager.manager import Manager
from ..model.starts import Starts
from ..wire.starts import (
    DependencyGraph,
    HookAnswer,
    HookQuestion,
    JobRequest,
    ServerAction,
    StartJob,
    StartJobList,
    StartJobQuery,
)
from .route import Route


def start_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    starts = Starts(manager)
    return (
        Route(
            "POST", "/virtual-servers/{id}/actions", "Start or stop a virtual server, in the order of dependencies",
            StartJob, lambda r: starts.server(r.base, r.names["id"], r.caller.user, r.body), body=ServerAction,
            refuses=(Conflict, HypervisorUnreachable),
        ),
        Route(
            "GET", "/dependencies", "Who needs whom, and who is ready", DependencyGraph, lambda r: starts.graph(r.base),
        ),
        Route(
            "POST", "/start-jobs", "Start or stop some virtual servers together, in the order of dependencies",
            StartJob, lambda r: starts.together(r.base, r.caller.user, r.body), body=JobRequest,
            refuses=(NotFound, Conflict, HypervisorUnreachable),
        ),
        Route(
            "GET", "/start-jobs", "List start jobs", StartJobList, lambda r: starts.jobs(r.base, r.query),
            query=StartJobQuery,
        ),
        Route(
            "GET", "/start-jobs/{number}", "Get a start job", StartJob, lambda r: starts.job(r.base, r.names["number"]),
        ),
        Route(
            "POST", "/start-jobs/{number}/cancel", "Cancel a start job: what was begun is not undone", StartJob,
            lambda r: starts.cancel(r.base, r.names["number"], r.caller.user), refuses=(Conflict,),
        ),
        Route(
            "POST", "/hooks/qemu", "Whether a guest may start: for libvirt's hook; takes up to two seconds", HookAnswer,
            lambda r: starts.hook(r.body), body=HookQuestion, needs="admin", changes=False,
        ),
    )  # fmt: skip
