"""What both sides of a door know before any route is looked for: where the API stands, who the front says is asking."""

from __future__ import annotations

from typing import Final

#: Where the API stands: hpm's own base, and Wok's, so that one client suits both.
BASE: Final = "/zhpm/wsapi/v1"
BASES: Final = (BASE, "/plugins/hpm")
#: Where Prometheus looks if nobody tells it another path.
SCRAPED: Final = "/metrics"

#: Headers by which the front tells the manager from whom a request came, and what theirs all begin with. Nobody else
#: can say that: the front drops such headers of clients.
CLIENT_ADDRESS: Final = "Hpm-Client-Address"
CLIENT_SCHEME: Final = "Hpm-Client-Scheme"
OF_FRONT: Final = "hpm-client-"
