"""The API's methods, one each; paths and shapes are those of the product's REST description.

Methods raise `NoConnection`, `ApiError` (`ChangedMeanwhile` for 412) and, when the answer is looked at,
`BadAnswer`. Ids are UUIDs, or ``default`` for the group that always exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from ..wire.errors import ErrorBody
from ..wire.groups import (
    ActivatePolicy,
    AddServers,
    GroupAction,
    GroupCreate,
    GroupDetail,
    GroupDetailList,
    GroupList,
    GroupUpdate,
    RemoveServers,
    ServiceClassList,
    ServiceClassState,
)
from ..wire.management import AdjustmentList, ManagementLevels, ManagementLevelsUpdate, Version
from ..wire.servers import Explanation, ServerDetail, ServerDetailList, ServerList, ServerUpdate
from .answers import Answer, decode_answer
from .errors import ApiError, BadAnswer, ChangedMeanwhile
from .request import Connection, Request

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

GROUPS = "/workload-resource-groups"
SERVERS = "/virtual-servers"
ADJUSTMENTS = "/dynamic-resource-adjustments"


class Client:
    """hpm's API over one connection (see `connection.connect`); a context manager that closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    # -- workload resource groups

    def groups(self) -> Answer[GroupList]:
        """All groups, in short."""
        return self._get(GROUPS, GroupList)

    def groups_detail(self) -> Answer[GroupDetailList]:
        """All groups, whole."""
        return self._get(f"{GROUPS}/detail", GroupDetailList)

    def group(self, group_id: str) -> Answer[GroupDetail]:
        """One group; the answer's `etag` is for `update_group` and `delete_group`."""
        return self._get(_group(group_id), GroupDetail)

    def create_group(self, group: GroupCreate | Mapping[str, object]) -> Answer[GroupDetail]:
        """Create a group; the answer is the new one."""
        return self._post(GROUPS, group, GroupDetail)

    def update_group(
        self, group_id: str, changes: GroupUpdate | Mapping[str, object], if_match: str | None = None
    ) -> Answer[GroupDetail]:
        """Change a group. A mapping is sent as it is, also with fields that this version does not know.

        With `if_match` (an ETag), raises `ChangedMeanwhile` where the group is no longer the one read.
        """
        return self._post(_group(group_id), changes, GroupDetail, if_match)

    def delete_group(self, group_id: str, if_match: str | None = None) -> None:
        """Delete a group; its servers go to `default`."""
        self._request("DELETE", _group(group_id), if_match=if_match)

    def add_servers(self, group_id: str, servers: Sequence[str], move: bool = False) -> Answer[GroupDetail]:
        """Put servers (ids or URIs) in a group; with `move`, also those of another group."""
        return self._act(group_id, AddServers(virtual_servers=tuple(servers), move=move))

    def remove_servers(self, group_id: str, servers: Sequence[str]) -> Answer[GroupDetail]:
        """Take servers (ids or URIs) out of a group; they go to `default`."""
        return self._act(group_id, RemoveServers(virtual_servers=tuple(servers)))

    def activate_policy(self, group_id: str, policy: str | None) -> Answer[GroupDetail]:
        """Make a policy of the group the active one; None leaves the group unmanaged."""
        return self._act(group_id, ActivatePolicy(policy=policy))

    def service_classes(self, group_id: str) -> Answer[ServiceClassList]:
        """The active policy's classes, and how their members fare."""
        return self._get(f"{_group(group_id)}/service-classes", ServiceClassList)

    def service_class(self, group_id: str, name: str) -> Answer[ServiceClassState]:
        """One class of the active policy."""
        return self._get(f"{_group(group_id)}/service-classes/{quote(name, safe='')}", ServiceClassState)

    # -- virtual servers

    def servers(self) -> Answer[ServerList]:
        """All virtual servers, in short."""
        return self._get(SERVERS, ServerList)

    def servers_detail(self) -> Answer[ServerDetailList]:
        """All virtual servers, whole."""
        return self._get(f"{SERVERS}/detail", ServerDetailList)

    def server(self, server_id: str) -> Answer[ServerDetail]:
        """One virtual server."""
        return self._get(_server(server_id), ServerDetail)

    def update_server(
        self, server_id: str, changes: ServerUpdate | Mapping[str, object], if_match: str | None = None
    ) -> Answer[ServerDetail]:
        """Change what is said of a virtual server; what is left out stays."""
        return self._post(_server(server_id), changes, ServerDetail, if_match)

    def explain(self, server_id: str) -> Answer[Explanation]:
        """Why a virtual server is where it is, in sentences."""
        return self._get(f"{_server(server_id)}/explain", Explanation)

    # -- what hpm may do, did, and is

    def management_levels(self) -> Answer[ManagementLevels]:
        """What hpm may do with CPU and memory."""
        return self._get("/mgmt-levels", ManagementLevels)

    def set_management_levels(
        self, levels: ManagementLevelsUpdate | Mapping[str, object]
    ) -> Answer[ManagementLevels]:
        """Set one or both levels."""
        return self._post("/mgmt-levels", levels, ManagementLevels)

    def adjustments(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        group: str | None = None,
        server: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> Answer[AdjustmentList]:
        """Adjustments, newest first. `since` and `until` are RFC 3339 times, `group` and `server` ids.

        If the answer's `next` is not null, `more_adjustments(next)` gives the older ones.
        """
        query = {
            "from": since, "to": until, "group": group, "virtual-server": server, "outcome": outcome,
            "limit": None if limit is None else str(limit),
        }  # fmt: skip
        return self._get(ADJUSTMENTS, AdjustmentList, {k: v for k, v in query.items() if v is not None})

    def more_adjustments(self, following: str) -> Answer[AdjustmentList]:
        """The page after one whose `next` is `following`."""
        # Only the query is taken: the path is ours, also where a proxy made it another.
        query = dict(parse_qsl(urlsplit(following).query, keep_blank_values=True))
        return self._get(ADJUSTMENTS, AdjustmentList, query)

    def version(self) -> Answer[Version]:
        """Versions and abilities of hpm and of the host."""
        return self._get("/version", Version)

    # -- one request

    def _act(self, group_id: str, action: GroupAction) -> Answer[GroupDetail]:
        return self._post(f"{_group(group_id)}/actions", action, GroupDetail)

    def _get(self, path: str, type_: type[T], query: Mapping[str, str] | None = None) -> Answer[T]:
        return _answer(self._request("GET", path, query=query), type_)

    def _post(self, path: str, body: object, type_: type[T], if_match: str | None = None) -> Answer[T]:
        return _answer(self._request("POST", path, body=body, if_match=if_match), type_)

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        if_match: str | None = None,
    ) -> httpx.Response:
        headers = {"If-Match": if_match} if if_match is not None else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        text = None if body is None else msgspec.json.encode(body)
        request = Request(method, self._connection.base_path + path, query or {}, text, headers)
        response = self._connection.send(request)
        if not response.is_success:
            raise _refusal(response)
        return response


def _group(group_id: str) -> str:
    return f"{GROUPS}/{quote(group_id, safe='')}"


def _server(server_id: str) -> str:
    return f"{SERVERS}/{quote(server_id, safe='')}"


def _answer(response: httpx.Response, type_: type[T]) -> Answer[T]:
    return Answer(response.content, type_, response.headers.get("ETag"), response.status_code)


def _refusal(response: httpx.Response) -> ApiError | BadAnswer:
    """The error that an answer of 300 and above stands for."""
    try:
        body = decode_answer(response.content, ErrorBody)
    except BadAnswer:
        return BadAnswer(
            f"{response.request.url} answered {response.status_code} {response.reason_phrase}, but not in the"
            " words of hpm's API; check that this is the address of hpm"
        )
    kind = ChangedMeanwhile if response.status_code == 412 else ApiError
    return kind(response.status_code, body.reason, body.message, body.error_details)
