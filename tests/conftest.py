"""Fixtures for all tests."""

from tests.wok.tree import WOK_SRC

if WOK_SRC:    # before anything imports hpm
    from tests.wok.server import prepare

    prepare()

from tests.lab.fixtures import lab

__all__ = ["lab"]


def pytest_unconfigure() -> None:
    """The Wok of the run ends with it."""
    if WOK_SRC:
        from tests.wok.server import stop_wok

        stop_wok()
