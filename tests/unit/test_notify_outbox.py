"""What waits to be delivered, and what a delivery says."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.manager.notify.messages import mail_subject, mail_text, span
from hpm.manager.notify.outbox import LARGEST, WAITING, Digest, Outbox
from hpm.wire.notifications import Notification

TIME = "2030-01-01T12:05:00.000Z"
MISSED = Notification(
    "goal-missed", TIME, "2030-01-01T12:00:00.000Z", 300.0, "/x", "/y", "Gold", "db", "high", 75, 31.2, 2.42,
)  # fmt: skip
UNREACHED = Notification("hypervisor-unreachable", TIME, TIME, 3600.0, reason="libvirt does not answer")


def some(number: int, first: int = 0) -> list[Notification]:
    return [msgspec.structs.replace(MISSED, service_class=f"c{n}") for n in range(first, first + number)]


def take(outbox: Outbox, now: float) -> Digest | None:
    return outbox.take(now, f"id at {now:g}", TIME)


def taken(outbox: Outbox, now: float) -> int:
    digest = take(outbox, now)
    return 0 if digest is None else len(digest.notifications)


def test_several_at_once_are_one_delivery_and_the_next_is_a_minute_later() -> None:
    outbox = Outbox()
    outbox.add(some(150))
    assert taken(outbox, 1000.0) == 150
    outbox.delivered(1001.0)
    assert outbox.due is None
    outbox.add(some(1))
    outbox.add(some(2))
    assert taken(outbox, 1060.0) == 0 and outbox.due == 1061.0
    assert taken(outbox, 1061.0) == 3


def test_one_that_fails_is_tried_again_as_it_was_with_growing_pauses_and_then_given_up() -> None:
    outbox = Outbox()
    outbox.add(some(2))
    first = take(outbox, 0.0)
    outbox.add(some(1, 10))
    now = 0.0
    for pause in (30.0, 120.0, 600.0):
        assert outbox.failed(now) is False
        assert take(outbox, now + pause - 0.1) is None
        now += pause
        assert take(outbox, now) == first
    assert outbox.failed(now) is True
    assert outbox.given_up == 2
    following = take(outbox, now + 60.0)
    assert following is not None and (len(following.notifications), following.lost) == (1, 2)
    assert following.id != first.id    # type: ignore[union-attr]
    outbox.delivered(now)
    assert outbox.waiting == ()


def test_a_delivery_is_bounded_and_so_is_what_waits() -> None:
    outbox = Outbox()
    outbox.add(some(WAITING + 7))
    assert len(outbox.waiting) == WAITING and outbox.given_up == 7
    digest = take(outbox, 0.0)
    assert digest is not None and len(digest.notifications) == LARGEST and digest.lost == 7
    assert digest.notifications[0].service_class == "c7"
    outbox.delivered(0.0)
    following = take(outbox, 60.0)
    assert following is not None and following.lost == 0 and following.notifications[0].service_class == "c207"


def test_another_address_is_tried_at_once() -> None:
    outbox = Outbox()
    outbox.add(some(1))
    take(outbox, 0.0)
    outbox.failed(0.0)
    outbox.begin_anew(5.0)
    assert outbox.due == 5.0
    take(outbox, 5.0)
    assert outbox.failed(5.0) is False and outbox.due == 35.0


def test_what_waits_is_what_an_earlier_start_left() -> None:
    outbox = Outbox(some(3))
    assert taken(outbox, 0.0) == 3 and len(outbox.waiting) == 3


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.booleans(), st.integers(1, 200)), max_size=40))
def test_nothing_is_lost_told_twice_or_out_of_order(steps: list[tuple[int, bool, int]]) -> None:
    outbox = Outbox()
    now, number = 0.0, 0
    arrived: list[Notification] = []
    begun: list[float] = []
    last: Digest | None = None
    for more, works, pause in steps:
        outbox.add(some(more, number))
        number += more
        digest = take(outbox, now)
        if digest is not None:
            if last is None or digest.id != last.id:
                begun.append(now)
            last = digest
            if works:
                outbox.delivered(now)
                arrived += digest.notifications
            else:
                outbox.failed(now)
        now += pause
    assert len(arrived) + len(outbox.waiting) + outbox.given_up == number
    names = [int(str(one.service_class)[1:]) for one in (*arrived, *outbox.waiting)]
    assert names == sorted(set(names))
    assert all(b - a >= 60.0 for a, b in pairwise(begun))


# -- what it says


def test_a_mail_of_many_is_bounded_and_says_how_many_there_are() -> None:
    text = mail_text(Digest("x", TIME, tuple(some(200)), 3), "kvm7", "on")
    assert text.count("Gold/c") == 50 and "… and 150 more" in text
    assert "3 notifications before these could not be delivered." in text
    assert len(text) < 10_000
    assert mail_subject(some(200), "kvm7") == "hpm on kvm7: 200 goals missed"


@pytest.mark.parametrize(("event", "subject", "line"), [
    ("goal-missed", "Gold/db missed its goal for 5 min",
     "Gold/db (importance high) missed its goal, for 5 min since 2030-01-01 12:00:00 UTC: velocity 31, goal 75, PI"),
    ("goal-still-missed", "Gold/db still misses its goal, for 5 min",
     "Gold/db (importance high) still misses its goal, for 5 min since"),
    ("goal-met", "Gold/db meets its goal again",
     "Gold/db (importance high) missed its goal for 5 min since 2030-01-01 12:00:00 UTC, and meets it now: velocity"),
    ("goal-withdrawn", "Gold/db is not watched any more", "its goal for 5 min since 2030-01-01 12:00:00 UTC: why"),
])  # fmt: skip
def test_each_event_of_a_class_in_words(event: str, subject: str, line: str) -> None:
    reason = "why" if event == "goal-withdrawn" else None
    one = msgspec.structs.replace(MISSED, event=event, reason=reason)
    assert mail_subject([one], "kvm7") == f"hpm on kvm7: {subject}"
    text = mail_text(Digest("x", TIME, (one,), 0), "kvm7", "on")
    assert line in text and "hpm explain" in text


def test_idle_is_told_as_such() -> None:
    one = msgspec.structs.replace(MISSED, event="goal-met", velocity=None, reason="its servers do not work")
    assert "meets it now: its servers do not work" in mail_text(Digest("x", TIME, (one,), 0), "kvm7", "on")


def test_the_hypervisor_in_words() -> None:
    assert mail_subject([UNREACHED], "kvm7") == "hpm on kvm7: the hypervisor has not been reached for 60 min"
    text = mail_text(Digest("x", TIME, (UNREACHED,), 0), "kvm7", "advise")
    assert "not been reached for 60 min since 2030-01-01 12:05:00 UTC: libvirt does not answer" in text
    assert "level advise: hpm reports and changes nothing" in text and "hpm explain" not in text
    again = msgspec.structs.replace(UNREACHED, event="hypervisor-reachable", reason=None)
    assert "reached again; it was not for 60 min" in mail_text(Digest("x", TIME, (again,), 0), "kvm7", "off")
    both = mail_subject([UNREACHED, MISSED, msgspec.structs.replace(MISSED, event="goal-met")], "kvm7")
    assert both == "hpm on kvm7: the hypervisor has not been reached for 60 min, 1 goal missed, 1 goal met again"


@pytest.mark.parametrize(("seconds", "text"), [
    (0.4, "0 s"), (90, "90 s"), (300, "5 min"), (3600, "60 min"), (7200, "2 h"), (7800, "2 h 10 min"),
    (200_000, "2 d 7 h"), (172_800, "2 d"),
])  # fmt: skip
def test_spans_in_words(seconds: float, text: str) -> None:
    assert span(seconds) == text
