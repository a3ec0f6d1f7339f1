"""Notifications: what was told, and whether it arrives."""

from __future__ import annotations

from ..wire.notifications import NotificationState, NotificationTest
from .answers import Answer
from .calls import Calls


class NotificationCalls(Calls):
    """Notifications. They are set with `update_settings`."""

    def notifications(self) -> Answer[NotificationState]:
        """What was told and is not over, and how deliveries fare."""
        return self._get("/notifications", NotificationState)

    def test_notifications(self) -> Answer[NotificationTest]:
        """Send a test over each channel that is set; takes up to 15 seconds."""
        return self._post("/notifications/test", None, NotificationTest)
