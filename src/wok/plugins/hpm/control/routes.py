"""The table of all routes: what the API offers, and which types validate it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import msgspec

from ..manager.manager import Manager
from ..model.groups import Groups
from ..model.management import Management
from ..model.servers import Servers
from ..wire.groups import (
    GroupAction,
    GroupCreate,
    GroupDetail,
    GroupDetailList,
    GroupList,
    GroupUpdate,
    ServiceClassList,
    ServiceClassState,
)
from ..wire.management import AdjustmentList, AdjustmentQuery, ManagementLevels, ManagementLevelsUpdate, Version
from ..wire.servers import Explanation, ServerDetail, ServerDetailList, ServerList, ServerUpdate

Method: TypeAlias = Literal["GET", "POST", "DELETE"]


class Request(msgspec.Struct, frozen=True):
    """A request whose every part has been checked. `names` are the variable parts of the path;
    `check` compares an object with the request's `If-Match` and raises (412) if it is another; None stands
    for a request on no single object that exists, where `If-Match` makes no sense (400)."""

    base: str
    names: dict[str, str]
    query: Any
    body: Any
    check: Callable[[Any], None]


class Route(msgspec.Struct, frozen=True):
    """One operation. `path` has variable parts in braces; `body` None: none is expected."""

    method: Method
    path: str
    summary: str
    answer: Any
    call: Callable[[Request], Any]
    body: Any = None
    query: Any = None
    status: int = 200

    @property
    def writes(self) -> bool:
        """Whether the role admin is needed."""
        return self.method != "GET"

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The variable parts if `segments` are this path, else None."""
        parts = self.path.strip("/").split("/")
        if len(parts) != len(segments):
            return None
        names: dict[str, str] = {}
        for part, segment in zip(parts, segments, strict=True):
            if part.startswith("{"):
                names[part[1:-1]] = segment
            elif part != segment:
                return None
        return names


def routes(manager: Manager) -> tuple[Route, ...]:
    """All routes, on one manager. Fixed paths stand before variable ones."""
    groups, servers, management = Groups(manager), Servers(manager), Management(manager)
    return (
        Route("GET", "/workload-resource-groups", "List groups in short", GroupList, lambda r: groups.list(r.base)),
        Route(
            "POST", "/workload-resource-groups", "Create a group", GroupDetail,
            lambda r: groups.create(r.base, r.body, r.check), body=GroupCreate, status=201,
        ),
        Route(
            "GET", "/workload-resource-groups/detail", "List groups whole", GroupDetailList,
            lambda r: groups.details(r.base),
        ),
        Route(
            "GET", "/workload-resource-groups/{id}", "Get a group", GroupDetail,
            lambda r: groups.get(r.base, r.names["id"]),
        ),
        Route(
            "POST", "/workload-resource-groups/{id}", "Change a group, or several (ids with commas): all or none",
            GroupDetail | GroupDetailList, lambda r: _update(groups, r), body=GroupUpdate,
        ),
        Route(
            "DELETE", "/workload-resource-groups/{id}", "Delete a group; its servers go to default", None,
            lambda r: groups.delete(r.base, r.names["id"], r.check), status=204,
        ),
        Route(
            "POST", "/workload-resource-groups/{id}/actions", "Add or remove servers, activate a policy", GroupDetail,
            lambda r: groups.act(r.base, r.names["id"], r.body, r.check), body=GroupAction,
        ),
        Route(
            "GET", "/workload-resource-groups/{id}/service-classes", "The active policy's classes", ServiceClassList,
            lambda r: groups.service_classes(r.base, r.names["id"]),
        ),
        Route(
            "GET", "/workload-resource-groups/{id}/service-classes/{name}", "One class of the active policy",
            ServiceClassState, lambda r: groups.service_class(r.base, r.names["id"], r.names["name"]),
        ),
        Route("GET", "/virtual-servers", "List virtual servers in short", ServerList, lambda r: servers.list(r.base)),
        Route(
            "GET", "/virtual-servers/detail", "List virtual servers whole", ServerDetailList,
            lambda r: servers.details(r.base),
        ),
        Route(
            "GET", "/virtual-servers/{id}", "Get a virtual server", ServerDetail,
            lambda r: servers.get(r.base, r.names["id"]),
        ),
        Route(
            "POST", "/virtual-servers/{id}", "Change what is said of a virtual server", ServerDetail,
            lambda r: servers.update(r.base, r.names["id"], r.body, r.check), body=ServerUpdate,
        ),
        Route(
            "GET", "/virtual-servers/{id}/explain", "Why it is where it is", Explanation,
            lambda r: servers.explain(r.base, r.names["id"]),
        ),
        Route("GET", "/mgmt-levels", "Get the management levels", ManagementLevels, lambda _: management.levels()),
        Route(
            "POST", "/mgmt-levels", "Set the management levels", ManagementLevels,
            lambda r: management.set_levels(r.body, r.check), body=ManagementLevelsUpdate,
        ),
        Route(
            "GET", "/dynamic-resource-adjustments", "Adjustments, newest first", AdjustmentList,
            lambda r: management.adjustments(r.base, r.query), query=AdjustmentQuery,
        ),
        Route("GET", "/version", "Versions and abilities", Version, lambda _: management.version()),
    )  # fmt: skip


def _update(groups: Groups, request: Request) -> GroupDetail | GroupDetailList:
    ids = request.names["id"].split(",")
    if len(ids) == 1:
        return groups.update(request.base, ids[0], request.body, request.check)
    request.check(None)
    return groups.update_several(request.base, ids, request.body)
