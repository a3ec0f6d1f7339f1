"""Fixtures for all tests."""

import faulthandler
import os

import pytest

from tests.wok.tree import WOK_SRC

if WOK_SRC:    # before anything imports hpm
    from tests.wok.server import prepare

    prepare()

from tests.lab.fixtures import lab

__all__ = ["lab"]


@pytest.hookimpl(trylast=True)    # after pytest's own, which would tell of all threads
def pytest_configure() -> None:
    """Have a crash of the interpreter tell its thread alone: a hundred others would hide it."""
    faulthandler.enable(os.dup(2), all_threads=False)


def pytest_unconfigure() -> None:
    """The Wok of the run ends with it."""
    if WOK_SRC:
        from tests.wok.server import stop_wok

        stop_wok()
