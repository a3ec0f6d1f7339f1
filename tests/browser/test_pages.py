"""All pages, whatever they are about: sessions, keyboard, accessibility, first load."""

from __future__ import annotations

import pytest

from .conftest import Flow


def test_sessions(flow: Flow) -> None:
    flow("session")


def test_all_is_done_by_keyboard(flow: Flow) -> None:
    flow("keyboard")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(flow: Flow, scheme: str) -> None:
    """To who may only look, too: see test_states.py."""
    flow("accessible", title=scheme, words={"user": "root", "scheme": scheme})


def test_the_first_load_is_small_and_safe(flow: Flow) -> None:
    flow("first")
