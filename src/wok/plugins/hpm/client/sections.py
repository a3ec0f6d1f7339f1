"""The sections of virtual servers that change seldom."""

from __future__ import annotations

from ..wire.sections import ConfigurationList, DevicesList, GuestDetailsList, SectionQuery, StatusList
from .answers import Answer
from .calls import Calls, text_query

SERVERS = "/virtual-servers"


class SectionCalls(Calls):
    """One section of several virtual servers; of all of them without a query. `unless` is an ETag (see
    `Answer.unchanged`)."""

    def status(self, query: SectionQuery | None = None, unless: str | None = None) -> Answer[StatusList]:
        """How they are, beside what they do."""
        return self._get(f"{SERVERS}/status", StatusList, text_query(query), unless)

    def configuration(self, query: SectionQuery | None = None, unless: str | None = None) -> Answer[ConfigurationList]:
        """How they are defined."""
        return self._get(f"{SERVERS}/configuration", ConfigurationList, text_query(query), unless)

    def devices(self, query: SectionQuery | None = None, unless: str | None = None) -> Answer[DevicesList]:
        """What their devices have done."""
        return self._get(f"{SERVERS}/devices", DevicesList, text_query(query), unless)

    def guest_details(self, query: SectionQuery | None = None, unless: str | None = None) -> Answer[GuestDetailsList]:
        """What agents in them say."""
        return self._get(f"{SERVERS}/guest-details", GuestDetailsList, text_query(query), unless)
