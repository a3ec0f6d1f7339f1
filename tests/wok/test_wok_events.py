"""Events in Wok, whose threads are few: some readers are told them as they happen, all are told them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from hpm.host.wok.streaming import PLACES
from tests.lab.errors import wait_until
from tests.unit.api_host import running
from tests.unit.test_api_events import Stream, parsed, serving

from .tree import NO_WOK, WOK_SRC

if TYPE_CHECKING:
    from .api_host import WokApiHost

if not WOK_SRC:
    pytest.skip(NO_WOK, allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore:The SafeConfigParser class")    # Wok is of 2020

EVENTS = "/plugins/hpm/events"


@pytest.fixture
def api() -> Iterator[WokApiHost]:
    from .api_host import WokApiHost

    with running() as host:
        assert isinstance(host, WokApiHost)
        serving(host)
        yield host


def test_tens_of_readers_leave_threads_for_the_others(api: WokApiHost) -> None:
    streams = [Stream(api, "?wait=6") for _ in range(PLACES)]
    for stream in streams:
        stream.wait_for("event: resync")
    with ExitStack() as stack:
        others = [stack.enter_context(api.client()) for _ in range(5)]
        began = time.monotonic()
        lasts = []
        for http in others * 6:
            answer = http.get(EVENTS)
            assert answer.text.startswith("retry: 3000\n\n")
            lasts.append(parsed(answer.text)[0][0])
            assert http.get("/plugins/hpm/version").status_code == 200
        assert time.monotonic() - began < 5.0
        api.group("Gold")
        for stream in streams:
            stream.wait_for('"name":"Gold"')
        told = others[0].get(EVENTS, headers={"Last-Event-ID": lasts[-1]})
        assert '"name":"Gold"' in told.text
    for stream in streams:
        stream.join(12)
    wait_until(lambda: api.manager.events.places.taken == 0, 15, "all places are free")


def test_a_reader_that_goes_away_gives_its_place_back(api: WokApiHost) -> None:
    with api.client() as http:
        for _ in range(2 * PLACES):
            with http.stream("GET", EVENTS) as answer:
                assert next(answer.iter_text()).startswith("retry: 1000")
            api.manager.events.publish("host", "x")    # what is sent to nobody shows that nobody is there
            api.manager.events.publish("host", "x")
            wait_until(lambda: api.manager.events.places.taken == 0, 15, "its place is free")


def test_the_end_of_the_manager_ends_what_is_read(api: WokApiHost) -> None:
    stream = Stream(api)
    stream.wait_for("event: resync")
    api.manager.events.close()
    stream.join()


def test_a_session_that_is_none_reads_nothing(api: WokApiHost) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{api.wok.port}", trust_env=False) as http:
        assert http.get(EVENTS).status_code == 401
