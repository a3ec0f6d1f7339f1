"""The pages while hpm is restarted, and while its events are held back."""

from __future__ import annotations

from .conftest import Flow
from .host import BrowserHost


def test_hpm_is_restarted_in_mid_session(flow: Flow, host: BrowserHost) -> None:
    flow("restarted", does={"stop": host.stop, "start": host.start})


def test_without_events_the_pages_ask_each_interval(flow: Flow) -> None:
    flow("fresh", title="asked", words={"events": False, "name": "Polled"})
