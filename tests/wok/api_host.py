"""The API's tests through the real Wok: the same manager and tests, another server and another login."""

from __future__ import annotations

from pathlib import Path

import httpx

from hpm.control.caller import Door
from tests.unit.api_host import ApiHost

from .server import BASE, running_wok


class WokApiHost(ApiHost):
    """Wok answers for the manager of the test, below /plugins/hpm, to its user `admin`."""

    bases = (BASE,)

    def serve(self, directory: Path, door: Door) -> httpx.Client:
        """As of `ApiHost`; who asks is said by Wok's own door."""
        wok = running_wok()
        wok.plugin.service.serve(self.manager)
        return wok.http("admin")

    def unserve(self) -> None:
        """The next test's manager takes the place of ours."""
