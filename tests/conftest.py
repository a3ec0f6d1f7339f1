"""Fixtures for all tests."""

import faulthandler
import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.wok.tree import WOK_SRC

if WOK_SRC:    # before anything imports hpm
    from tests.wok.server import prepare

    prepare()

from hpm.heap import Searches
from tests.lab.fixtures import lab
from tests.unit.exercised import asks_the_api

__all__ = ["lab"]

#: The same examples in each run, so that one fails for what was changed; others with `HOSTS=7 make check`.
settings.register_profile("check", derandomize=True)
if "HOSTS" not in os.environ:
    settings.load_profile("check")


@pytest.hookimpl(trylast=True)    # after pytest's own, which would tell of all threads
def pytest_configure() -> None:
    """Have a crash of the interpreter tell its thread alone: a hundred others would hide it. And have programs speak
    English, whatever the developer speaks."""
    faulthandler.enable(os.dup(2), all_threads=False)
    os.environ["LC_ALL"] = "C.UTF-8"


@pytest.fixture(autouse=True)
def pythons_own_searches() -> Iterator[None]:
    """Have the next test find Python's own habits: a manager in this process leaves out of searches for garbage what
    has outlived one, and who looks for what is left over would never see it go."""
    yield
    if any(isinstance(one, Searches) for one in gc.callbacks):
        gc.callbacks[:] = [one for one in gc.callbacks if not isinstance(one, Searches)]
        gc.unfreeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Deal out the tests to several processes."""
    return _Dealer(config, log)


#: Whose tests take half a minute each and share nothing.
_ALONE = "tests/fuzz/test_fuzz.py"


class _Dealer(LoadScopeScheduling):
    """One process runs all tests of a module; and one all tests of the API, which are judged together. Fuzzers are
    dealt out one by one, and last."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module == _ALONE:
            return nodeid
        return "api" if asks_the_api(self.config.rootpath / module) else module


def pytest_unconfigure() -> None:
    """The Wok of the run ends with it."""
    if WOK_SRC:
        from tests.wok.server import stop_wok

        stop_wok()
