"""Notifications of a manager on a simulated host in virtual time, delivered to real servers on this host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import uuid_of
from hpm.backend.simulated.loads import Idle
from hpm.errors import HypervisorError
from hpm.manager.notify import notifier
from hpm.manager.notify.notifier import Notifier
from hpm.store.settings import Mail, Wanted, Webhook
from tests.lab.errors import wait_until

from .builders import House, guest
from .receivers import HERE, Hook, LoopbackCourier, hook, mailbox

#: Seconds for a delivery.
LONG = 30.0
#: Intervals of 3 s until what is missed is told.
SOON = 10
NAMES = ("a", "b", "c", "d")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries follow each other at once, and soon after one that failed."""
    monkeypatch.setattr(notifier, "APART", 0.0)
    monkeypatch.setattr(notifier, "PAUSES", (0.05, 0.05, 0.05))


class Told:
    """A house in which the goal of `a` is missed (four guests spin on two CPUs), and a webhook that hears of it."""

    def __init__(self, directory: Path, there: Hook) -> None:
        self.there = there
        self.house = House(directory, [guest(name) for name in NAMES], courier=LoopbackCourier)
        self.house.wish({"a": (90, "high")})
        self.house.step(2)
        self.begin()

    @property
    def notifier(self) -> Notifier:
        return self.house.manager.notifier

    def begin(self) -> None:
        self.notifier.start()

    def want(self, **fields: object) -> None:
        usual = Wanted(missed_for=3.0 * SOON, webhook=Webhook(self.there.url, None))
        self.notifier.set(msgspec.structs.replace(usual, **fields))

    def restart(self) -> None:
        """The manager's process is killed, and another one starts."""
        self.notifier.stop()
        self.house.crash()
        self.begin()

    def heard(self, *events: tuple[str, str | None]) -> None:
        """These and no others have arrived, or do soon."""
        wait_until(lambda: len(self.there.events) >= len(events), LONG, f"{len(events)} notifications")
        wait_until(self.quiet, LONG, "nothing waits")
        assert self.there.events == list(events)

    def quiet(self) -> bool:
        state = self.notifier.fared("webhook")
        return state is None or state.waiting == 0

    def unreached(self, intervals: int) -> None:
        """So many intervals in which nobody answers."""
        self.house.host.unreachable_for(3.0 * intervals + 1.0)
        for _ in range(intervals):
            with suppress(HypervisorError):
                self.house.step()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with hook() as there:
        made = Told(tmp_path, there)
        yield made
        made.notifier.stop()


MISSED, MET = ("goal-missed", "a"), ("goal-met", "a")


def test_by_itself_nothing_is_told(told: Told) -> None:
    told.house.step(2 * SOON)
    told.heard()
    assert told.house.manager.notifier.missed() == []


def test_a_goal_that_is_missed_for_the_time_is_told_once_and_once_when_it_is_met(told: Told) -> None:
    told.want()
    told.house.step(SOON - 1)
    told.heard()
    told.house.step(3 * SOON)
    told.heard(MISSED)
    one = told.there.posted[0].message.notifications[0]
    assert (one.group_name, one.importance, one.goal_velocity) == ("app", "high", 90)
    assert one.object_uri == "/zhpm/wsapi/v1/workload-resource-groups/app/service-classes/a"
    assert one.workload_resource_group == "/zhpm/wsapi/v1/workload-resource-groups/app"
    assert one.velocity == pytest.approx(50, abs=10) and one.performance_index == pytest.approx(1.8, abs=0.4)
    assert one.seconds == pytest.approx(3 * SOON, abs=3.5)
    assert told.there.posted[0].message.cpu_mgmt == "off"
    told.house.wish({"a": (10, "high")})
    told.house.step(SOON)
    told.heard(MISSED, MET)
    end = told.there.posted[1].message.notifications[0]
    assert end.seconds == pytest.approx(12 * SOON, abs=7) and end.since == one.since
    assert told.notifier.missed() == []


def test_a_restart_neither_repeats_it_nor_forgets_its_end(told: Told) -> None:
    told.want()
    told.house.step(SOON + 1)
    told.heard(MISSED)
    since = told.notifier.missed()[0].since
    told.restart()
    told.house.step(2 * SOON)
    told.heard(MISSED)
    assert told.notifier.missed()[0].since == since
    told.house.wish({"a": (10, "high")})
    told.house.step(2)
    told.heard(MISSED, MET)
    assert told.there.posted[1].message.notifications[0].since == since
    told.restart()
    told.house.step(2)
    told.heard(MISSED, MET)


def test_what_waits_is_delivered_after_a_restart(told: Told) -> None:
    told.there.statuses = [500]
    told.want()
    told.notifier.stop()    # nothing is delivered any more
    told.house.step(SOON + 1)
    assert not told.there.events
    told.there.statuses = [204]
    told.restart()
    told.heard(MISSED)


def test_one_that_failed_is_tried_again_as_it_was(told: Told) -> None:
    told.there.statuses = [500, 503, 204]
    told.want()
    told.house.step(SOON + 1)
    told.heard(MISSED, MISSED, MISSED)
    ids = {posted.message.id for posted in told.there.posted}
    assert len(ids) == 1 and len({posted.body for posted in told.there.posted}) == 1
    state = told.notifier.fared("webhook")
    assert state is not None and state.last_error is None and state.last_delivery is not None
    assert state.given_up == 0


def test_after_four_tries_it_is_given_up_and_said(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    told.there.statuses = [500]
    told.want()
    told.house.step(SOON + 1)

    def given_up() -> bool:
        state = told.notifier.fared("webhook")
        return state is not None and state.given_up == 1

    wait_until(given_up, LONG, "it is given up")
    assert len(told.there.posted) == 4
    state = told.notifier.fared("webhook")
    assert state is not None and state.last_error is not None and "answered 500" in state.last_error
    assert (state.waiting, state.next_try, state.last_delivery) == (0, None, None)
    assert "1 notifications were given up by webhook" in caplog.text
    assert "key=" not in caplog.text
    told.there.statuses = [204]
    told.house.wish({"a": (10, "high")})
    told.house.step(2)
    wait_until(lambda: told.there.events[4:] == [MET], LONG, "the end arrives all the same")
    assert told.there.posted[4].message.lost == 1


def test_only_what_is_important_enough_is_told(told: Told) -> None:
    told.want(importance="highest")
    told.house.step(2 * SOON)
    told.heard()
    told.want(importance="high")
    told.house.step(SOON)
    told.heard(MISSED)
    told.want(importance="highest")
    told.house.step(1)
    told.heard(MISSED, ("goal-withdrawn", "a"))


def test_a_class_that_is_gone_is_told_too(told: Told) -> None:
    told.want()
    told.house.step(SOON + 1)
    told.house.wish({"b": (1, "high")})    # another policy, without a class `a`
    told.house.step(2)
    told.heard(MISSED, ("goal-withdrawn", "a"))
    one = told.there.posted[-1].message.notifications[-1]
    assert (one.group_name, one.importance, one.goal_velocity) == ("app", "high", 90) and one.reason


def test_servers_that_are_idle_for_long_end_it(told: Told) -> None:
    told.want()
    told.house.step(SOON + 1)
    told.house.host.set_load(uuid_of("a"), Idle())
    told.house.step(SOON - 2)
    told.heard(MISSED)
    told.house.step(4)
    told.heard(MISSED, MET)
    one = told.there.posted[-1].message.notifications[0]
    assert one.velocity is None and one.reason == "its servers do not work"


def test_reminders(told: Told) -> None:
    told.want(repeat_after=60.0)
    told.house.step(SOON + 21)
    told.heard(MISSED, ("goal-still-missed", "a"))


def test_a_hypervisor_that_is_not_reached_is_told_with_its_end(told: Told) -> None:
    told.house.wish({"a": (10, "high")})
    told.want()
    told.house.step(2)
    told.unreached(SOON - 2)
    told.house.step(2)
    told.heard()
    told.unreached(2 * SOON)
    told.heard(("hypervisor-unreachable", None))
    one = told.there.posted[0].message.notifications[0]
    assert one.reason and one.object_uri is None and one.seconds == pytest.approx(3 * SOON, abs=4)
    told.house.host.advance(3.0)
    told.house.step()
    told.heard(("hypervisor-unreachable", None), ("hypervisor-reachable", None))


def test_a_problem_that_leaves_figures_fresh_is_told_as_well(told: Told) -> None:
    """libvirt does not answer, and servers are still measured through the kernel's files."""
    told.want(importance="highest")
    told.house.host.faults.problem = "libvirt does not answer"
    told.house.step(SOON + 2)
    told.heard(("hypervisor-unreachable", None))
    assert told.there.posted[0].message.notifications[0].reason == "libvirt does not answer"
    told.house.host.faults.problem = None
    told.house.step(1)
    told.heard(("hypervisor-unreachable", None), ("hypervisor-reachable", None))


def test_switched_off_it_forgets_all(told: Told) -> None:
    told.want()
    told.house.step(SOON + 1)
    told.heard(MISSED)
    told.notifier.set(None)
    assert told.notifier.missed() == [] and told.notifier.fared("webhook") is None
    told.house.step(2 * SOON)
    told.want()
    told.house.step(SOON - 1)
    told.heard(MISSED)
    told.house.step(1)
    told.heard(MISSED, MISSED)


def test_many_at_once_are_one_message_on_each_channel(tmp_path: Path) -> None:
    names = [f"g{number}" for number in range(40)]
    with hook() as there, mailbox() as box:
        house = House(tmp_path, [guest(name) for name in names], courier=LoopbackCourier)
        house.wish(dict.fromkeys(names, (90, "high")))
        mail = Mail(("ann@example.com",), "hpm@example.com", HERE, box.port, "none", None, None)
        made = house.manager.notifier
        made.set(Wanted(missed_for=6.0, webhook=Webhook(there.url, None), mail=mail))
        made.start()
        house.step(8)
        wait_until(lambda: there.posted and box.letters, LONG, "both have it")
        made.stop()
        assert [len(posted.message.notifications) for posted in there.posted] == [40]
        (letter,) = box.mails
        assert "40 goals missed" in letter["Subject"]


def test_a_server_that_hangs_holds_up_neither_the_manager_nor_its_end(told: Told) -> None:
    told.there.statuses = [0]
    told.want()
    told.house.step(SOON + 1)
    wait_until(lambda: told.there.posted, LONG, "it is under way")
    told.house.step(SOON)
    state = told.notifier.fared("webhook")
    assert state is not None and state.waiting == 1
    told.notifier.stop()
    assert not told.notifier._thread.is_alive()


def test_a_corrected_address_is_used_at_once(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "PAUSES", (3600.0,))
    told.want(webhook=None, mail=Mail(("a@example.com",), "b@example.com", HERE, 9, "none", None, None))
    told.want(webhook=Webhook("http://127.0.0.1:9/", None))
    told.house.step(SOON + 1)

    def failed() -> bool:
        state = told.notifier.fared("webhook")
        return state is not None and state.last_error is not None

    wait_until(failed, LONG, "it failed")
    told.want()
    told.heard(MISSED)
