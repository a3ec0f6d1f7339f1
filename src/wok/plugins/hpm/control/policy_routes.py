"""Routes of performance policies one at a time, and of previews."""

from __future__ import annotations

from ..errors import Conflict, HypervisorUnreachable, InvalidValue, NotFound, NotUnique
from ..manager.change import Busy
from ..manager.manager import Manager
from ..model.policies import Policies
from ..model.previews import Previews
from ..model.suggestions import Suggestions
from ..policy.policies import PerformancePolicy
from ..wire.policies import GroupPreview, PolicyDetail, PolicyList, PolicyRevisionList, PolicyUpdate, Preview
from ..wire.suggestions import Suggestion, SuggestionQuery
from .http_errors import Changed
from .route import Request, Route

_GROUP = "/workload-resource-groups/{id}"
_POLICY = f"{_GROUP}/policies/{{name}}"


def policy_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    policies, previews, suggestions = Policies(manager), Previews(manager), Suggestions(manager)

    def place(request: Request) -> tuple[str, str]:
        return request.base, request.names["id"]

    return (
        Route("GET", f"{_GROUP}/policies", "List a group's policies", PolicyList, lambda r: policies.list(*place(r))),
        Route(
            "POST", f"{_GROUP}/policies", "Create a policy; the first one of a group becomes active", PolicyDetail,
            lambda r: policies.create(*place(r), r.caller.user, r.body, r.check), body=PerformancePolicy, status=201,
            refuses=(NotUnique,),
        ),
        Route(
            "GET", _POLICY, "Get a policy", PolicyDetail, lambda r: policies.get(*place(r), r.names["name"]),
        ),
        Route(
            "POST", _POLICY, "Change a policy", PolicyDetail,
            lambda r: policies.update(*place(r), r.names["name"], r.caller.user, r.body, r.check), body=PolicyUpdate,
            refuses=(NotUnique, Changed),
        ),
        Route(
            "DELETE", _POLICY, "Delete a policy; without its active policy a group is unmanaged", None,
            lambda r: policies.delete(*place(r), r.names["name"], r.caller.user, r.check), status=204,
            # what the group says then holds of its servers: a reserve that is too much, or a circle of dependencies
            refuses=(InvalidValue, Conflict, Changed),
        ),
        Route(
            "GET", f"{_POLICY}/revisions", "Who changed a policy, when, and what it was", PolicyRevisionList,
            lambda r: policies.revisions(r.names["id"], r.names["name"]),
        ),
        Route(
            "POST", f"{_POLICY}/revisions/{{number}}/restore", "Make a policy what it was in a revision", PolicyDetail,
            lambda r: policies.restore(*place(r), r.names["name"], r.names["number"], r.caller.user, r.check),
            refuses=(Conflict, InvalidValue, Changed),
        ),
        Route(
            "POST", f"{_GROUP}/preview", "What a policy would do if it were active; changes nothing", Preview,
            lambda r: previews.policy(*place(r), r.body), body=PerformancePolicy, needs="user",
            refuses=(NotUnique, Busy),
        ),
        Route(
            "POST", "/workload-resource-groups/preview",
            "What a group, existing or not, would do with other servers or another policy; changes nothing", Preview,
            lambda r: previews.group(r.base, r.body), body=GroupPreview, needs="user",
            refuses=(NotFound, NotUnique, Conflict, Busy, HypervisorUnreachable),
        ),
        Route(
            "GET", f"{_GROUP}/suggestion", "Goals that a group reached, as a policy, and what it would do to others",
            Suggestion, lambda r: suggestions.suggest(*place(r), r.query), query=SuggestionQuery,
            refuses=(Conflict, Busy),
        ),
    )  # fmt: skip
