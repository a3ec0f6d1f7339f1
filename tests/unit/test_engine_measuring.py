"""From raw counters to windows: pending delay, idle limit, throttling, plugged vCPUs, restarts."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpm.engine.accounting import Accounted, account
from hpm.engine.counters import Counters, Layout, Started
from hpm.engine.index import goal_status, server_index
from hpm.engine.samples import HostSample, ServerInfo, ServerSample
from hpm.engine.vcpu_use import vcpu_use
from hpm.engine.windows import HostWindow, ServerWindow, window
from hpm.policy.goals import DiscretionaryGoal, VelocityGoal

SECOND = 1_000_000_000


@dataclass
class Guest:
    """One guest `g` whose counters a test moves; gives samples."""

    run: list[int] = field(default_factory=lambda: [0])
    delay: list[int] = field(default_factory=lambda: [0])
    starving: list[bool] = field(default_factory=lambda: [False])
    threads: list[int] = field(default_factory=lambda: [100])
    start: str = "1"
    now: int = 50 * SECOND
    status: str = "running"
    quota: int | None = None
    throttled: int = 0

    def sample(self) -> HostSample:
        one = ServerSample("g", self.start, "machine", tuple(self.threads), 1024, self.quota)
        counters = Counters(
            Layout([Started("g", self.start, tuple(self.threads))]), np.array(self.run), np.array(self.delay),
            np.array(self.starving), {} if self.quota is None else {"g": self.throttled},
        )  # fmt: skip
        info = ServerInfo("g", "g", self.status, len(self.run), 1024, {})    # type: ignore[arg-type]
        return HostSample(self.now, 2, 0, 0, {"g": info}, {"g": one}, counters)

    def step(self, before: Accounted, seconds: float, run: float, delay: float, starving: bool = False) -> Accounted:
        """Let time pass; seconds that the one vCPU ran, and that the kernel credited as delay."""
        self.now += int(seconds * SECOND)
        self.run[0] += int(run * SECOND)
        self.delay[0] += int(delay * SECOND)
        self.starving[0] = starving
        return account(before, self.sample())


def begun(guest: Guest) -> Accounted:
    return account(None, guest.sample())


def seen(before: Accounted, after: Accounted) -> ServerWindow:
    return window(before, after).servers["g"]


def test_running_and_waiting_make_velocity() -> None:
    guest = Guest()
    before = begun(guest)
    after = guest.step(before, 2.0, 0.5, 1.5)
    found = seen(before, after)
    assert (found.using, found.delay, found.active) == (0.25, 0.75, 1)
    assert found.velocity == 25.0


def test_a_starving_vcpu_waits_before_the_kernel_says_so_and_is_not_counted_twice() -> None:
    guest = Guest()
    first = begun(guest)
    second = guest.step(first, 3.0, 0.0, 0.0, starving=True)
    assert seen(first, second).velocity == 0.0
    assert seen(first, second).delay == 1.0
    third = guest.step(second, 3.0, 0.0, 0.0, starving=True)
    assert seen(second, third).delay == 1.0
    fourth = guest.step(third, 3.0, 1.0, 8.0)    # the kernel credits 8 s, of which 6 are known
    assert seen(third, fourth).using == pytest.approx(1 / 3)
    assert seen(third, fourth).delay == pytest.approx(2 / 3)
    assert seen(first, fourth).delay == pytest.approx(8 / 9)
    assert fourth.pending_ns.tolist() == [0]


def test_a_vcpu_that_starved_and_then_slept_owes_nothing_later() -> None:
    guest = Guest()
    first = begun(guest)
    second = guest.step(first, 3.0, 0.0, 0.0, starving=True)
    third = guest.step(second, 3.0, 0.1, 3.2)
    assert seen(second, third).delay == pytest.approx(0.2 / 3)
    fourth = guest.step(third, 3.0, 0.0, 0.0)
    assert seen(third, fourth).activity == "idle"
    fifth = guest.step(fourth, 3.0, 1.0, 2.0)
    assert seen(fourth, fifth).delay == pytest.approx(2 / 3)


def test_a_starving_vcpu_that_gets_a_crumb_goes_on_starving() -> None:
    guest = Guest()
    state = begun(guest)
    state = guest.step(state, 3.0, 0.0, 0.0, starving=True)
    after = guest.step(state, 3.0, 0.004, 3.5, starving=True)
    assert seen(state, after).activity == "busy"
    assert seen(state, after).delay == pytest.approx(1.0, abs=0.01)


def test_a_guest_that_was_lost_from_sight_is_in_no_window_from_before_that() -> None:
    guest = Guest()
    first = guest.step(begun(guest), 10.0, 8.0, 2.0)    # what is accounted of it is more than nothing
    blind = HostSample(guest.now, 2, 0, 0, {}, {})
    guest.now += SECOND
    second = guest.step(account(first, blind), 9.0, 1.0, 0.0)
    third = guest.step(second, 10.0, 5.0, 0.0)
    assert window(first, third).servers == {}
    assert vcpu_use(first, third) == {}
    assert seen(second, third).using == 0.5


def test_a_guest_that_is_lost_and_found_at_one_moment_is_in_no_window_either() -> None:
    guest = Guest()
    first = guest.step(begun(guest), 10.0, 8.0, 2.0)
    found = account(account(first, HostSample(guest.now, 2, 0, 0, {}, {})), guest.sample())
    assert window(first, guest.step(found, 10.0, 5.0, 0.0)).servers == {}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 4 * SECOND), st.floats(0, 1), st.floats(0, 1), st.booleans(), st.booleans()
        ),
        max_size=12,
    ),
    st.integers(0, 2**32),
)
def test_using_and_delay_never_grow_by_more_than_the_time_that_passed(
    steps: list[tuple[int, float, float, bool, bool]], seed: int
) -> None:
    """Whatever the kernel credits, and whenever: by windows of any two observations."""
    guest, random = Guest(), Random(seed)
    states = [begun(guest)]
    uncredited = 0
    for elapsed, ran, waited, credit, starving in steps:
        guest.now += elapsed
        guest.run[0] += int(elapsed * ran)
        uncredited += int((elapsed - int(elapsed * ran)) * waited)
        if credit:
            guest.delay[0] += uncredited
            uncredited = 0
        guest.starving[0] = starving
        states.append(account(states[-1], guest.sample()))
    for first in range(len(states) - 1):
        second = random.randrange(first + 1, len(states))
        if states[second].time_ns == states[first].time_ns:
            continue
        found = seen(states[first], states[second])
        assert found.using >= 0 and found.delay >= 0
        assert found.using + found.delay <= 1.0 + 1e-9


def test_a_guest_started_anew_begins_anew() -> None:
    guest = Guest()
    first = begun(guest)
    second = guest.step(first, 3.0, 2.0, 1.0)
    guest.start, guest.run, guest.delay = "2", [5 * SECOND], [SECOND]
    third = guest.step(second, 3.0, 0.0, 0.0)
    assert "g" not in window(second, third).servers
    fourth = guest.step(third, 3.0, 1.0, 2.0)
    assert seen(third, fourth).velocity == pytest.approx(100 / 3)


def test_a_plugged_vcpu_counts_from_when_it_was_first_seen() -> None:
    guest = Guest()
    first = begun(guest)
    second = guest.step(first, 2.0, 1.0, 1.0)
    guest.threads, guest.run, guest.delay, guest.starving = (
        [100, 101], [*guest.run, SECOND], [*guest.delay, 0], [False, False],
    )  # fmt: skip
    third = guest.step(second, 2.0, 1.0, 1.0)
    assert seen(second, third).vcpus == 2
    assert (seen(second, third).using, seen(second, third).delay) == (0.5, 0.5)
    guest.run[1] += SECOND
    fourth = guest.step(third, 2.0, 1.0, 1.0)
    assert seen(third, fourth).using == 1.0
    assert seen(third, fourth).active == pytest.approx(1.5**2 / (1.0**2 + 0.5**2)), "one runs half of the time"


def test_a_vcpu_that_only_ticks_hardly_counts() -> None:
    guest = Guest([0, 0, 0], [0, 0, 0], [False] * 3, [100, 101, 102])
    first = begun(guest)
    guest.run, guest.delay = [SECOND, SECOND // 50, SECOND // 50], [SECOND, 0, 0]
    guest.now += 2 * SECOND
    found = seen(first, account(first, guest.sample()))
    assert 1.0 <= found.active < 1.05


def test_an_unplugged_vcpu_takes_its_counters_along() -> None:
    guest = Guest([0, 0], [0, 0], [False, False], [100, 101])
    first = begun(guest)
    guest.threads, guest.run, guest.delay, guest.starving = [101], [SECOND], [SECOND], [False]
    guest.now += 2 * SECOND
    found = seen(first, account(first, guest.sample()))
    assert (found.vcpus, found.using, found.delay) == (1, 0.5, 0.5)


# -- windows


@pytest.mark.parametrize(("busy", "activity"), [(0.0, "idle"), (0.0099, "idle"), (0.0101, "busy"), (0.9, "busy")])
def test_idle_is_up_to_one_percent_of_a_cpu(busy: float, activity: str) -> None:
    guest = Guest()
    before = begun(guest)
    found = seen(before, guest.step(before, 10.0, busy * 6, busy * 4))
    assert found.activity == activity
    assert (found.velocity is None) == (activity == "idle")


def test_throttling_is_not_delay() -> None:
    guest = Guest(quota=40000)
    before = begun(guest)
    guest.throttled = 6 * SECOND
    found = seen(before, guest.step(before, 10.0, 2.0, 8.0))
    assert (found.using, found.delay, found.throttled) == pytest.approx((0.2, 0.2, 0.6))
    assert found.velocity == pytest.approx(50.0)


def test_no_more_is_throttled_than_was_waited() -> None:
    guest = Guest(quota=40000)
    before = begun(guest)
    guest.throttled = 60 * SECOND
    found = seen(before, guest.step(before, 10.0, 2.0, 8.0))
    assert (found.delay, found.throttled) == (0.0, 0.8)
    assert found.velocity == 100.0


def test_a_quota_that_is_new_has_throttled_nothing_yet() -> None:
    """The count goes on from an earlier quota, and is not read while there is none."""
    guest = Guest()
    before = begun(guest)
    guest.quota, guest.throttled = 40000, 60 * SECOND
    found = seen(before, guest.step(before, 10.0, 5.0, 5.0))
    assert (found.delay, found.throttled) == (0.5, 0.0)


def test_a_paused_guest_is_paused_even_if_it_ran_before() -> None:
    guest = Guest()
    before = begun(guest)
    guest.status = "paused"
    found = seen(before, guest.step(before, 10.0, 2.0, 8.0))
    assert (found.activity, found.velocity, found.using) == ("paused", None, 0.0)


def test_idle_and_steal_of_the_host() -> None:
    before = account(None, HostSample(0, 4, 7 * SECOND, SECOND, {}, {}))
    after = account(before, HostSample(2 * SECOND, 4, 10 * SECOND, 2 * SECOND, {}, {}))
    assert window(before, after) == HostWindow(2.0, 4, 1.5, 0.5, {})


def test_a_window_needs_time() -> None:
    before = begun(Guest())
    with pytest.raises(ValueError, match="in order of time"):
        window(before, before)


def test_accounting_leaves_what_it_was_given() -> None:
    guest = Guest()
    before = begun(guest)
    kept = [column.tolist() for column in (before.using_ns, before.delay_ns, before.pending_ns)]
    guest.step(before, 3.0, 1.0, 1.0)
    assert kept == [column.tolist() for column in (before.using_ns, before.delay_ns, before.pending_ns)]


# -- performance index


def busy(using: float, delay: float) -> ServerWindow:
    return ServerWindow("g", "busy", 1, 1, using, delay, 0.0)


@pytest.mark.parametrize(
    ("using", "delay", "index", "status"),
    [(0.5, 0.5, 1.0, "met"), (0.48, 0.52, 50 / 48, "met"), (0.47, 0.53, 50 / 47, "missed"), (0.0, 1.0, 500, "missed")],
)
def test_goal_over_achieved(using: float, delay: float, index: float, status: str) -> None:
    goal = VelocityGoal("moderate")
    assert server_index(goal, busy(using, delay)) == pytest.approx(index)
    assert goal_status(goal, busy(using, delay)) == status


def test_who_has_no_index() -> None:
    goal = VelocityGoal(50)
    idle = ServerWindow("g", "idle", 1, 0, 0.0, 0.0, 0.0)
    assert server_index(None, busy(1, 1)) is None
    assert server_index(goal, idle) is None
    assert server_index(goal, None) is None
    assert server_index(DiscretionaryGoal(), busy(1, 1)) == 0.81
    assert (goal_status(None, idle), goal_status(goal, idle), goal_status(goal, None)) == ("unmanaged", "idle", "idle")
    assert goal_status(DiscretionaryGoal(), busy(0.1, 0.9)) == "discretionary"
