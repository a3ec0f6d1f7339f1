"""Routes of the sections of virtual servers that change seldom."""

from __future__ import annotations

from ..errors import HypervisorUnreachable, NotFound
from ..manager.manager import Manager
from ..model.sections import SectionLists
from ..wire.sections import ConfigurationList, DevicesList, GuestDetailsList, SectionQuery, StatusList
from .route import Route


def section_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    sections = SectionLists(manager)
    refuses = (NotFound, HypervisorUnreachable)
    return (
        Route(
            "GET", "/virtual-servers/status", "Get the section status of virtual servers", StatusList,
            lambda r: sections.status(r.base, r.query), query=SectionQuery, kept=True, refuses=refuses,
        ),
        Route(
            "GET", "/virtual-servers/configuration", "Get the section configuration of virtual servers",
            ConfigurationList, lambda r: sections.configuration(r.base, r.query), query=SectionQuery, kept=True,
            refuses=refuses,
        ),
        Route(
            "GET", "/virtual-servers/devices", "Get the section devices of virtual servers", DevicesList,
            lambda r: sections.devices(r.base, r.query), query=SectionQuery, kept=True, refuses=refuses,
        ),
        Route(
            "GET", "/virtual-servers/guest-details", "Get the section guest-details of virtual servers",
            GuestDetailsList, lambda r: sections.guest_details(r.base, r.query), query=SectionQuery, kept=True,
            refuses=refuses,
        ),
    )  # fmt: skip
