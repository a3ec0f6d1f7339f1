"""Routes of notifications: what was told, and trying whether it arrives. They are set by the route of settings."""

from __future__ import annotations

from ..errors import Conflict
from ..manager.manager import Manager
from ..model.notifications import Notifications
from ..wire.notifications import NotificationState, NotificationTest
from .route import Route


def notification_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    notifications = Notifications(manager)
    return (
        Route(
            "GET", "/notifications", "What was told and is not over, and how deliveries fare", NotificationState,
            lambda r: notifications.state(whole=r.caller.role == "admin"),
        ),
        Route(
            "POST", "/notifications/test", "Send a test notification; answers within 15 seconds", NotificationTest,
            lambda r: notifications.test(r.caller.user), refuses=(Conflict,),
        ),
    )  # fmt: skip
