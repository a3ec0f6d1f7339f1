"""Routes of hpm itself: management levels, adjustments, versions."""

from __future__ import annotations

from ..errors import Conflict, HypervisorUnreachable, NotFound
from ..manager.manager import Manager
from ..model.management import Management
from ..wire.management import (
    AdjustmentList,
    AdjustmentQuery,
    ManagementLevels,
    ManagementLevelsUpdate,
    Settings,
    SettingsUpdate,
    Version,
)
from .http_errors import Changed
from .route import Route


def management_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    management = Management(manager)
    return (
        Route("GET", "/mgmt-levels", "Get the management levels", ManagementLevels, lambda _: management.levels()),
        Route(
            "POST", "/mgmt-levels", "Set the management levels", ManagementLevels,
            lambda r: management.set_levels(r.body, r.check), body=ManagementLevelsUpdate,
            refuses=(Conflict, Changed),
        ),
        Route(
            "GET", "/settings", "Get the settings", Settings,
            lambda r: management.settings(whole=r.caller.role == "admin"),
        ),
        Route(
            "POST", "/settings", "Change settings", Settings,
            lambda r: management.update_settings(r.body, r.check), body=SettingsUpdate, refuses=(Changed,),
        ),
        Route(
            "GET", "/dynamic-resource-adjustments", "Adjustments, newest first", AdjustmentList,
            lambda r: management.adjustments(r.base, r.query), query=AdjustmentQuery,
            refuses=(NotFound, HypervisorUnreachable),
        ),
        Route("GET", "/version", "Versions and abilities", Version, lambda _: management.version(), needs="anybody"),
    )  # fmt: skip
