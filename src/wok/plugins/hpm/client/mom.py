"""Memory policies, in the language of oVirt MOM."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..wire.mom import MomEvaluation, MomPolicyDetail, MomPolicyList, MomRivals
from .answers import Answer
from .calls import Calls

MOM = "/mom"


class MomCalls(Calls):
    """The operations below `/mom`."""

    def memory_policies(self) -> Answer[MomPolicyList]:
        """All of them, in their order."""
        return self._get(f"{MOM}/policies", MomPolicyList)

    def memory_policy(self, name: str) -> Answer[MomPolicyDetail]:
        """One of them; the answer's `etag` is for `update_memory_policy` and `delete_memory_policy`."""
        return self._get(_policy(name), MomPolicyDetail)

    def create_memory_policy(self, name: str, text: str) -> Answer[MomPolicyDetail]:
        """A new one."""
        return self._post(f"{MOM}/policies", {"name": name, "text": text}, MomPolicyDetail)

    def update_memory_policy(self, name: str, text: str, if_match: str | None = None) -> Answer[MomPolicyDetail]:
        """Another text."""
        return self._post(_policy(name), {"text": text}, MomPolicyDetail, if_match)

    def delete_memory_policy(self, name: str, if_match: str | None = None) -> None:
        """Delete one."""
        self._request("DELETE", _policy(name), if_match=if_match)

    def import_memory_policies(
        self, policies: Mapping[str, str], *, replace: bool = False, if_match: str | None = None
    ) -> Answer[MomPolicyList]:
        """Several at once, all or none; `replace`: these and no others. `if_match`: the `etag` of the list before."""
        body = {"policies": dict(policies), "replace": replace}
        return self._post(f"{MOM}/import", body, MomPolicyList, if_match)

    def evaluate_memory_policies(self, policies: Mapping[str, str] | None = None) -> Answer[MomEvaluation]:
        """What these would do now, or those that are kept; changes nothing."""
        return self._post(f"{MOM}/evaluate", {} if policies is None else {"policies": dict(policies)}, MomEvaluation)

    def explain_memory_policies(self) -> Answer[MomEvaluation]:
        """What those that are kept would do now, and which expressions would."""
        return self._get(f"{MOM}/explain", MomEvaluation)

    def memory_rivals(self) -> Answer[MomRivals]:
        """Other programs that manage memory there."""
        return self._get(f"{MOM}/rivals", MomRivals)

    def take_over_memory(self) -> Answer[MomRivals]:
        """Stop them."""
        return self._post(f"{MOM}/takeover", None, MomRivals)

    def give_back_memory(self) -> Answer[MomRivals]:
        """Start again those that hpm has stopped."""
        return self._post(f"{MOM}/give-back", None, MomRivals)


def _policy(name: str) -> str:
    return f"{MOM}/policies/{quote(name, safe='')}"
