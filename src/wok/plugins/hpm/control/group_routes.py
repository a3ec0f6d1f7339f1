"""Routes of workload resource groups and their policies."""

from __future__ import annotations

from ..errors import Conflict, HypervisorUnreachable, InvalidValue, NotUnique
from ..manager.manager import Manager
from ..model.groups import Groups
from ..wire.groups import (
    GroupAction,
    GroupCreate,
    GroupDetail,
    GroupDetailList,
    GroupList,
    GroupQuery,
    GroupUpdate,
    ServiceClassList,
    ServiceClassState,
)
from ..wire.starts import StartJob
from .http_errors import Changed
from .route import Request, Route


def group_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    groups = Groups(manager)
    return (
        Route(
            "GET", "/workload-resource-groups", "List groups in short", GroupList,
            lambda r: groups.list(r.base, r.query), query=GroupQuery, kept=True,
        ),
        Route(
            "POST", "/workload-resource-groups", "Create a group", GroupDetail,
            lambda r: groups.create(r.base, r.caller.user, r.body, r.check), body=GroupCreate, status=201,
            refuses=(NotUnique,),
        ),
        Route(
            "GET", "/workload-resource-groups/detail", "List groups whole", GroupDetailList,
            lambda r: groups.details(r.base, r.query), query=GroupQuery, kept=True,
        ),
        Route(
            "GET", "/workload-resource-groups/{id}", "Get a group", GroupDetail,
            lambda r: groups.get(r.base, r.names["id"]), kept=True,
        ),
        Route(
            "POST", "/workload-resource-groups/{id}", "Change a group, or several (ids with commas): all or none",
            GroupDetail | GroupDetailList, lambda r: _update(groups, r), body=GroupUpdate, refuses=(NotUnique, Changed),
            several=True,
        ),
        Route(
            "DELETE", "/workload-resource-groups/{id}", "Delete a group; its servers go to default", None,
            lambda r: groups.delete(r.base, r.names["id"], r.caller.user, r.check), status=204,
            # where its servers go, a reserve may be too much, or a dependency close a circle
            refuses=(InvalidValue, Conflict, Changed),
        ),
        Route(
            "POST", "/workload-resource-groups/{id}/actions",
            "Add or remove servers, activate a policy; start, stop", GroupDetail | StartJob,
            lambda r: groups.act(r.base, r.names["id"], r.caller.user, r.body, r.check), body=GroupAction,
            refuses=(Conflict, Changed, HypervisorUnreachable),
        ),
        Route(
            "GET", "/workload-resource-groups/{id}/service-classes", "The active policy's classes", ServiceClassList,
            lambda r: groups.service_classes(r.base, r.names["id"]), kept=True,
        ),
        Route(
            "GET", "/workload-resource-groups/{id}/service-classes/{name}", "One class of the active policy",
            ServiceClassState, lambda r: groups.service_class(r.base, r.names["id"], r.names["name"]), kept=True,
        ),
    )  # fmt: skip


def _update(groups: Groups, request: Request) -> GroupDetail | GroupDetailList:
    ids = request.names["id"].split(",")
    if len(ids) == 1:
        return groups.update(request.base, ids[0], request.caller.user, request.body, request.check)
    request.check(None)
    return groups.update_several(request.base, ids, request.caller.user, request.body)
