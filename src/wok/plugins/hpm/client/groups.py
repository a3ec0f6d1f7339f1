"""Workload resource groups and their policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from ..wire.groups import (
    ActivatePolicy,
    AddServers,
    GroupAction,
    GroupCreate,
    GroupDetail,
    GroupDetailList,
    GroupList,
    GroupQuery,
    GroupUpdate,
    RemoveServers,
    ServiceClassList,
    ServiceClassState,
)
from .answers import Answer
from .calls import Calls, text_query

GROUPS = "/workload-resource-groups"


class GroupCalls(Calls):
    """The operations below `/workload-resource-groups`."""

    def groups(self, query: GroupQuery | None = None, unless: str | None = None) -> Answer[GroupList]:
        """Groups, in short; all of them without a query. `unless` is an ETag (see `Answer.unchanged`)."""
        return self._get(GROUPS, GroupList, text_query(query), unless)

    def groups_detail(self, query: GroupQuery | None = None) -> Answer[GroupDetailList]:
        """Groups, whole; all of them without a query."""
        return self._get(f"{GROUPS}/detail", GroupDetailList, text_query(query))

    def group(self, group_id: str) -> Answer[GroupDetail]:
        """One group; the answer's `etag` is for `update_group` and `delete_group`."""
        return self._get(group_path(group_id), GroupDetail)

    def create_group(self, group: GroupCreate | Mapping[str, object]) -> Answer[GroupDetail]:
        """Create a group; the answer is the new one."""
        return self._post(GROUPS, group, GroupDetail)

    def update_group(
        self, group_id: str, changes: GroupUpdate | Mapping[str, object], if_match: str | None = None
    ) -> Answer[GroupDetail]:
        """Change a group. A mapping is sent as it is, also with fields that this version does not know.

        With `if_match` (an ETag), raises `ChangedMeanwhile` where the group is no longer the one read.
        """
        return self._post(group_path(group_id), changes, GroupDetail, if_match)

    def delete_group(self, group_id: str, if_match: str | None = None) -> None:
        """Delete a group; its servers go to `default`."""
        self._request("DELETE", group_path(group_id), if_match=if_match)

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
        return self._get(f"{group_path(group_id)}/service-classes", ServiceClassList)

    def service_class(self, group_id: str, name: str) -> Answer[ServiceClassState]:
        """One class of the active policy."""
        return self._get(f"{group_path(group_id)}/service-classes/{quote(name, safe='')}", ServiceClassState)

    def _act(self, group_id: str, action: GroupAction) -> Answer[GroupDetail]:
        return self._post(f"{group_path(group_id)}/actions", action, GroupDetail)


def group_path(group_id: str) -> str:
    """The path of a group below the base."""
    return f"{GROUPS}/{quote(group_id, safe='')}"
