"""What hpm may do, did, and is."""

from __future__ import annotations

from collections.abc import Mapping

from ..wire.management import (
    AdjustmentList,
    ManagementLevels,
    ManagementLevelsUpdate,
    Settings,
    SettingsUpdate,
    Version,
)
from .answers import Answer
from .calls import Calls, query_of

ADJUSTMENTS = "/dynamic-resource-adjustments"


class ManagementCalls(Calls):
    """Management levels, adjustments, versions."""

    def management_levels(self) -> Answer[ManagementLevels]:
        """What hpm may do with CPU and memory."""
        return self._get("/mgmt-levels", ManagementLevels)

    def set_management_levels(
        self, levels: ManagementLevelsUpdate | Mapping[str, object]
    ) -> Answer[ManagementLevels]:
        """Set one or both levels."""
        return self._post("/mgmt-levels", levels, ManagementLevels)

    def settings(self) -> Answer[Settings]:
        """What can be set for hpm as a whole."""
        return self._get("/settings", Settings)

    def update_settings(self, changes: SettingsUpdate | Mapping[str, object]) -> Answer[Settings]:
        """Change settings; what is left out stays."""
        return self._post("/settings", changes, Settings)

    def adjustments(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        group: str | None = None,
        server: str | None = None,
        outcome: str | None = None,
        resource: str | None = None,
        cause: str | None = None,
        limit: int | None = None,
        unless: str | None = None,
    ) -> Answer[AdjustmentList]:
        """Adjustments, newest first. `since` and `until` are RFC 3339 times, `group` and `server` ids;
        `unless` is an ETag.

        If the answer's `next` is not null, `more_adjustments(next)` gives the older ones.
        """
        query = {
            "from": since, "to": until, "group": group, "virtual-server": server, "outcome": outcome,
            "resource": resource, "cause": cause, "limit": None if limit is None else str(limit),
        }  # fmt: skip
        return self._get(ADJUSTMENTS, AdjustmentList, {k: v for k, v in query.items() if v is not None}, unless)

    def more_adjustments(self, following: str) -> Answer[AdjustmentList]:
        """The page after one whose `next` is `following`."""
        return self._get(ADJUSTMENTS, AdjustmentList, query_of(following))

    def version(self) -> Answer[Version]:
        """Versions and abilities of hpm and of the host."""
        return self._get("/version", Version)
