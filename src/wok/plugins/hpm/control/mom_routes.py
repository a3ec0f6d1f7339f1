"""Routes of memory policies, in the language of oVirt MOM."""

from __future__ import annotations

from ..errors import Conflict, InvalidValue, NotFound, NotUnique
from ..manager.change import Busy
from ..manager.manager import Manager
from ..model.mom import MomPoliciesModel
from ..model.takeover import TakeoverModel
from ..wire.mom import (
    MomEvaluate,
    MomEvaluation,
    MomImport,
    MomPolicyCreate,
    MomPolicyDetail,
    MomPolicyList,
    MomPolicyUpdate,
    MomRivals,
)
from .http_errors import Changed
from .route import Route

_POLICY = "/mom/policies/{name}"
#: Bytes of several policies at once.
_MAX_IMPORT = 4 * 1024 * 1024


def mom_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    policies, takeover = MomPoliciesModel(manager), TakeoverModel(manager)
    return (
        Route(
            "GET", "/mom/policies", "List the memory policies", MomPolicyList, lambda r: policies.list(r.base),
        ),
        Route(
            "POST", "/mom/policies", "Create a memory policy", MomPolicyDetail,
            lambda r: policies.create(r.base, r.caller.user, r.body, r.check), body=MomPolicyCreate, status=201,
            refuses=(NotUnique, InvalidValue),
        ),
        Route(
            "GET", _POLICY, "Get a memory policy", MomPolicyDetail, lambda r: policies.get(r.base, r.names["name"]),
            refuses=(NotFound,),
        ),
        Route(
            "POST", _POLICY, "Change a memory policy", MomPolicyDetail,
            lambda r: policies.update(r.base, r.names["name"], r.caller.user, r.body, r.check), body=MomPolicyUpdate,
            refuses=(NotFound, InvalidValue, Changed),
        ),
        Route(
            "DELETE", _POLICY, "Delete a memory policy", None,
            lambda r: policies.delete(r.base, r.names["name"], r.check), status=204,
            refuses=(NotFound, Changed),
        ),
        Route(
            "POST", "/mom/import", "Import memory policies; all of them, or none", MomPolicyList,
            lambda r: policies.take(r.base, r.caller.user, r.body, r.check), body=MomImport,
            refuses=(InvalidValue, Changed), max_body=_MAX_IMPORT,
        ),
        Route(
            "GET", "/mom/rivals", "Other programs that manage memory here", MomRivals, lambda r: takeover.rivals(),
        ),
        Route(
            "POST", "/mom/takeover", "Stop other programs that manage memory here", MomRivals,
            lambda r: takeover.take_over(r.caller.user), refuses=(Conflict,),
        ),
        Route(
            "POST", "/mom/give-back", "Start other programs that manage memory here again", MomRivals,
            lambda r: takeover.give_back(), refuses=(Conflict,),
        ),
        Route(
            "POST", "/mom/evaluate", "What memory policies would do now; changes nothing", MomEvaluation,
            lambda r: policies.evaluate(r.base, r.body), body=MomEvaluate, needs="user",
            refuses=(InvalidValue, Conflict, Busy),
        ),
        Route(
            "GET", "/mom/explain", "Which expressions of memory policies set what, and what they saw", MomEvaluation,
            lambda r: policies.explain(r.base), refuses=(Conflict, Busy),
        ),
    )  # fmt: skip
