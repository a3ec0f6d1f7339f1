"""Virtual servers."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..policy.guest_policies import GuestPolicy
from ..wire.guest_policies import EffectivePolicy, GuestPolicyUpdate, PersistedPolicy
from ..wire.servers import Explanation, ServerDetail, ServerDetailList, ServerList, ServerQuery, ServerUpdate
from ..wire.sync import Sync, SyncQuery
from .answers import Answer
from .calls import Calls, text_query

SERVERS = "/virtual-servers"


class ServerCalls(Calls):
    """The operations below `/virtual-servers`."""

    def servers(self, query: ServerQuery | None = None) -> Answer[ServerList]:
        """Virtual servers, in short; all of them without a query."""
        return self._get(SERVERS, ServerList, text_query(query))

    def servers_detail(self, query: ServerQuery | None = None, unless: str | None = None) -> Answer[ServerDetailList]:
        """Virtual servers, whole; all of them without a query. `unless` is an ETag (see `Answer.unchanged`)."""
        return self._get(f"{SERVERS}/detail", ServerDetailList, text_query(query), unless)

    def server(self, server_id: str) -> Answer[ServerDetail]:
        """One virtual server."""
        return self._get(_server(server_id), ServerDetail)

    def update_server(
        self, server_id: str, changes: ServerUpdate | Mapping[str, object], if_match: str | None = None
    ) -> Answer[ServerDetail]:
        """Change what is said of a virtual server; what is left out stays."""
        return self._post(_server(server_id), changes, ServerDetail, if_match)

    def sync(self, since: str | None = None, sections: str | None = None) -> Answer[Sync]:
        """What changed of all servers since the answer with that token (see `Answer.nothing`); all, without one.
        `sections`: those that are wanted, with commas between; all, without. Who wants to have them all, kept current,
        takes a `mirror.Mirror`."""
        return self._get(f"{SERVERS}/sync", Sync, text_query(SyncQuery(since, sections)))

    def explain(self, server_id: str) -> Answer[Explanation]:
        """Why a virtual server is where it is, in sentences."""
        return self._get(f"{_server(server_id)}/explain", Explanation)

    def guest_policy(self, server_id: str) -> Answer[GuestPolicy]:
        """What is said of a virtual server itself."""
        return self._get(f"{_server(server_id)}/guest-policy", GuestPolicy)

    def update_guest_policy(
        self, server_id: str, changes: GuestPolicyUpdate | Mapping[str, object], if_match: str | None = None
    ) -> Answer[GuestPolicy]:
        """Change it; what is left out stays, None: it is not said any more."""
        return self._post(f"{_server(server_id)}/guest-policy", changes, GuestPolicy, if_match)

    def persist_policy(self, server_id: str) -> Answer[PersistedPolicy]:
        """Write the guest policy in force for a virtual server into its definition."""
        return self._post(f"{_server(server_id)}/effective-policy/persist", None, PersistedPolicy)

    def effective_policy(self, server_id: str) -> Answer[EffectivePolicy]:
        """The guest policy in force for a virtual server."""
        return self._get(f"{_server(server_id)}/effective-policy", EffectivePolicy)


def _server(server_id: str) -> str:
    return f"{SERVERS}/{quote(server_id, safe='')}"
