"""Routes of virtual servers."""

from __future__ import annotations

from ..errors import Conflict, HypervisorUnreachable, NotFound
from ..manager.manager import Manager
from ..model.guest_policies import GuestPolicies
from ..model.servers import Servers
from ..model.sync import SyncAnswers
from ..policy.guest_policies import GuestPolicy
from ..wire.guest_policies import EffectivePolicy, GuestPolicyUpdate, PersistedPolicy
from ..wire.servers import Explanation, ServerDetail, ServerDetailList, ServerList, ServerQuery, ServerUpdate
from ..wire.sync import Sync, SyncQuery
from .http_errors import Changed
from .route import Route


def server_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    servers, sync, policies = Servers(manager), SyncAnswers(manager), GuestPolicies(manager)
    return (
        Route(
            "GET", "/virtual-servers", "List virtual servers in short", ServerList,
            lambda r: servers.list(r.base, r.query), query=ServerQuery, kept=True, refuses=(NotFound,),
        ),
        Route(
            "GET", "/virtual-servers/detail", "List virtual servers whole", ServerDetailList,
            lambda r: servers.details(r.base, r.query), query=ServerQuery, kept=True, refuses=(NotFound,),
        ),
        Route(
            "GET", "/virtual-servers/sync", "What changed of virtual servers since a token; 204: nothing", Sync,
            lambda r: sync.answer(r.base, r.query.since, r.query.sections), query=SyncQuery, kept=True, silent=True,
            source=sync,
        ),
        Route(
            "GET", "/virtual-servers/{id}", "Get a virtual server", ServerDetail,
            lambda r: servers.get(r.base, r.names["id"]), kept=True,
            refuses=(HypervisorUnreachable,),
        ),
        Route(
            "POST", "/virtual-servers/{id}", "Change what is said of a virtual server", ServerDetail,
            lambda r: servers.update(r.base, r.names["id"], r.caller.user, r.body, r.check), body=ServerUpdate,
            refuses=(Conflict, Changed, HypervisorUnreachable),
        ),
        Route(
            "GET", "/virtual-servers/{id}/explain", "Why it is where it is", Explanation,
            lambda r: servers.explain(r.base, r.names["id"]), kept=True,
            refuses=(HypervisorUnreachable,),
        ),
        Route(
            "GET", "/virtual-servers/{id}/guest-policy", "Get what is said of a virtual server itself", GuestPolicy,
            lambda r: policies.get(r.names["id"]), kept=True, refuses=(HypervisorUnreachable,),
        ),
        Route(
            "POST", "/virtual-servers/{id}/guest-policy", "Change how a virtual server is placed, limited and started",
            GuestPolicy, lambda r: policies.update(r.names["id"], r.caller.user, r.body, r.check),
            body=GuestPolicyUpdate, refuses=(Changed, HypervisorUnreachable),
        ),
        Route(
            "GET", "/virtual-servers/{id}/effective-policy", "The guest policy in force for a virtual server",
            EffectivePolicy, lambda r: policies.effective(r.base, r.names["id"]), kept=True,
            refuses=(HypervisorUnreachable,),
        ),
        Route(
            "POST", "/virtual-servers/{id}/effective-policy/persist",
            "Write the guest policy in force for a virtual server into its definition", PersistedPolicy,
            lambda r: policies.persist(r.base, r.names["id"]), refuses=(Conflict, HypervisorUnreachable),
        ),
    )  # fmt: skip
