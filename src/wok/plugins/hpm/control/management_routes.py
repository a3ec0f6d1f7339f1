"""Routes of hpm itself: management levels, adjustments, versions."""

from __future__ import annotations

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
from .route import Route


def management_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    management = Management(manager)
    return (
        Route("GET", "/mgmt-levels", "Get the management levels", ManagementLevels, lambda _: management.levels()),
        Route(
            "POST", "/mgmt-levels", "Set the management levels", ManagementLevels,
            lambda r: management.set_levels(r.body, r.check), body=ManagementLevelsUpdate,
        ),
        Route("GET", "/settings", "Get the settings", Settings, lambda _: management.settings()),
        Route(
            "POST", "/settings", "Change settings", Settings,
            lambda r: management.update_settings(r.body, r.check), body=SettingsUpdate,
        ),
        Route(
            "GET", "/dynamic-resource-adjustments", "Adjustments, newest first", AdjustmentList,
            lambda r: management.adjustments(r.base, r.query), query=AdjustmentQuery,
        ),
        Route("GET", "/version", "Versions and abilities", Version, lambda _: management.version(), needs="anybody"),
    )  # fmt: skip
