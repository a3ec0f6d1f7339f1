"""Virtual servers."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..wire.servers import Explanation, ServerDetail, ServerDetailList, ServerList, ServerUpdate
from .answers import Answer
from .calls import Calls

SERVERS = "/virtual-servers"


class ServerCalls(Calls):
    """The operations below `/virtual-servers`."""

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


def _server(server_id: str) -> str:
    return f"{SERVERS}/{quote(server_id, safe='')}"
