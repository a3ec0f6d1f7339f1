"""Performance policies one at a time, previews and suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..policy.policies import PerformancePolicy
from ..wire.policies import GroupPreview, PolicyDetail, PolicyList, PolicyRevisionList, PolicyUpdate, Preview
from ..wire.suggestions import Suggestion, SuggestionQuery
from .answers import Answer
from .calls import Calls, text_query
from .groups import group_path


class PolicyCalls(Calls):
    """The operations below `/workload-resource-groups/{id}/policies`, preview and suggestion."""

    def policies(self, group_id: str) -> Answer[PolicyList]:
        """A group's policies."""
        return self._get(f"{group_path(group_id)}/policies", PolicyList)

    def policy(self, group_id: str, name: str) -> Answer[PolicyDetail]:
        """One policy; the answer's `etag` is for `update_policy` and `delete_policy`."""
        return self._get(_policy(group_id, name), PolicyDetail)

    def create_policy(
        self, group_id: str, policy: PerformancePolicy | Mapping[str, object]
    ) -> Answer[PolicyDetail]:
        """Create a policy; the first one of a group becomes active."""
        return self._post(f"{group_path(group_id)}/policies", policy, PolicyDetail)

    def update_policy(
        self, group_id: str, name: str, changes: PolicyUpdate | Mapping[str, object], if_match: str | None = None
    ) -> Answer[PolicyDetail]:
        """Change a policy; what is left out stays."""
        return self._post(_policy(group_id, name), changes, PolicyDetail, if_match)

    def delete_policy(self, group_id: str, name: str, if_match: str | None = None) -> None:
        """Delete a policy; without its active policy a group is unmanaged."""
        self._request("DELETE", _policy(group_id, name), if_match=if_match)

    def policy_revisions(self, group_id: str, name: str) -> Answer[PolicyRevisionList]:
        """Who changed a policy, when, and what it was; also of one that was deleted."""
        return self._get(f"{_policy(group_id, name)}/revisions", PolicyRevisionList)

    def restore_policy(self, group_id: str, name: str, revision: int) -> Answer[PolicyDetail]:
        """Make a policy what it was in a revision."""
        return self._post(f"{_policy(group_id, name)}/revisions/{revision}/restore", None, PolicyDetail)

    def preview(self, group_id: str, policy: PerformancePolicy | Mapping[str, object]) -> Answer[Preview]:
        """What a policy would do if it were active; changes nothing."""
        return self._post(f"{group_path(group_id)}/preview", policy, Preview)

    def preview_group(self, group: GroupPreview | Mapping[str, object]) -> Answer[Preview]:
        """What a group, existing or not, would do with other servers or another policy; changes nothing."""
        return self._post("/workload-resource-groups/preview", group, Preview)

    def suggestion(self, group_id: str, query: SuggestionQuery | None = None) -> Answer[Suggestion]:
        """Goals that a group reached, as a policy for `create_policy`, and what it would cost others."""
        return self._get(f"{group_path(group_id)}/suggestion", Suggestion, text_query(query))


def _policy(group_id: str, name: str) -> str:
    return f"{group_path(group_id)}/policies/{quote(name, safe='')}"
