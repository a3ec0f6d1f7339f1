"""When the kernel merges pages, how fast, and that it is put back."""

from __future__ import annotations

import msgspec
import pytest

from hpm.memory.ksm import (
    BOOST_MOST,
    COOL_DOWN,
    PAGES_LEAST,
    PAGES_MOST,
    TELLING,
    KsmMemory,
    KsmPlan,
    gain_of,
    plan_ksm,
)
from hpm.memory.pressure import watermarks
from hpm.memory.state import KsmState
from tests.unit.memory_views import GIB, MIB, SECOND, START, guest, view

MARKS = watermarks(64 * GIB)
SHORT = 10 * GIB    # less than twice the mark at which guests begin to give
PLENTY = 40 * GIB
OFF = KsmState(0, 100, 20, 1)
PAGES_A_GIB = GIB // 4096


class Kernel:
    """KSM as the kernel has it: what is written is set, and it refuses what the kernel refuses."""

    def __init__(self, ksm: KsmState = OFF, *, available: int = SHORT, nodes: int = 1, guests: int = 8) -> None:
        self.ksm, self.available, self.nodes = ksm, available, nodes
        self.guests = [guest(f"g{n}") for n in range(guests)]
        self.memory = KsmMemory()
        self.now = START

    def set(self, **values: int) -> None:
        """Change a counter."""
        self.ksm = msgspec.structs.replace(self.ksm, **values)

    def step(self, seconds: float = 10.0) -> KsmPlan:
        """Let an interval pass, plan, and write what was planned."""
        self.now += int(seconds * SECOND)
        seen = view(*self.guests, available=self.available, now=self.now, ksm=self.ksm, nodes=self.nodes)
        made = plan_ksm(seen, self.memory)
        self.memory = made.memory
        if made.settings is not None:
            if made.settings.merge_across_nodes != self.ksm.merge_across_nodes:
                assert self.ksm.pages_shared == 0, "the kernel answers EBUSY"
            assert made.settings.sleep_millisecs >= 10
            if self.ksm.advised:
                assert made.settings.pages_to_scan is None, "the kernel answers EINVAL"
            values = msgspec.structs.asdict(made.settings)
            self.set(**{name: value for name, value in values.items() if value is not None})
            if self.ksm.run == 2:
                self.set(pages_shared=0, pages_sharing=0)
        return made

    def scan(self, scans: int = TELLING) -> None:
        """Let so many whole scans end."""
        self.set(full_scans=self.ksm.full_scans + scans)


def test_without_ksm_there_is_nothing_to_plan() -> None:
    made = plan_ksm(view(guest("a"), available=GIB), KsmMemory())
    assert made.settings is None and made.reason == "unavailable"


@pytest.mark.parametrize("run", [0, 1, 2])
def test_with_memory_enough_it_stays_as_it_is(run: int) -> None:
    kernel = Kernel(msgspec.structs.replace(OFF, run=run, pages_sharing=10**6), available=PLENTY)
    assert all(kernel.step().settings is None for _ in range(5))
    assert kernel.step().reason == "not-needed"


def test_it_begins_before_guests_have_to_give() -> None:
    kernel = Kernel()
    assert kernel.available > MARKS.begin
    made = kernel.step()
    assert made.reason == "pressure" and made.settings is not None and made.settings.run == 1


def test_it_scans_faster_while_pressure_lasts_and_slower_after_it() -> None:
    kernel = Kernel(guests=4)
    rates = [kernel.step() and kernel.ksm.pages_to_scan for _ in range(6)]
    assert rates == sorted(rates) and rates[-1] == pytest.approx(BOOST_MOST * rates[0], rel=0.02)
    assert kernel.step().settings is None and kernel.step().reason == "scanning"
    kernel.set(general_profit=4 * GIB)
    kernel.available = PLENTY
    slower = [kernel.step() and kernel.ksm.pages_to_scan for _ in range(12)]
    assert slower == sorted(slower, reverse=True) and slower[-1] == pytest.approx(rates[0], rel=0.1)
    assert kernel.ksm.run == 1


def test_the_rate_follows_the_memory_of_the_guests_within_bounds() -> None:
    small, large, huge = Kernel(guests=1), Kernel(guests=12), Kernel(guests=400)
    for kernel in (small, large, huge):
        kernel.step()
    assert PAGES_LEAST == small.ksm.pages_to_scan < large.ksm.pages_to_scan < huge.ksm.pages_to_scan == PAGES_MOST
    # All of it in ten minutes.
    assert large.ksm.pages_to_scan * 50 * 600 == pytest.approx(12 * 4 * PAGES_A_GIB, rel=0.01)


def test_where_it_does_not_pay_it_is_put_back_and_not_tried_again_at_once() -> None:
    kernel = Kernel(msgspec.structs.replace(OFF, pages_to_scan=77, sleep_millisecs=55))
    kernel.step()
    kernel.set(general_profit=MIB)
    assert kernel.step().reason in ("pressure", "scanning")    # it cannot be told yet
    kernel.scan()
    made = kernel.step()
    assert made.reason == "no-gain" and (kernel.ksm.run, kernel.ksm.pages_to_scan, kernel.ksm.sleep_millisecs) == (
        0, 77, 55)  # fmt: skip
    assert kernel.step(COOL_DOWN - 20).reason == "cool-down" and kernel.ksm.run == 0
    assert kernel.step(30.0).reason == "pressure" and kernel.ksm.run == 1
    # The second time it is left for twice as long.
    kernel.scan()
    assert kernel.step().reason == "no-gain"
    assert kernel.step(2 * COOL_DOWN - 20).reason == "cool-down"


def test_where_it_pays_it_goes_on_when_pressure_is_over() -> None:
    kernel = Kernel()
    kernel.step()
    kernel.set(general_profit=4 * GIB)
    kernel.scan()
    kernel.available = PLENTY
    assert all(kernel.step().reason == "scanning" for _ in range(20)) and kernel.ksm.run == 1
    # And ends with its gain; a little less is not the end.
    kernel.set(general_profit=int(0.7 * 0.005 * 64 * GIB))
    assert kernel.step().reason == "scanning"
    kernel.set(general_profit=MIB)
    assert kernel.step().reason == "pressure-over"
    assert kernel.ksm.run == 0 and kernel.step().reason == "not-needed"


def test_what_an_administrator_had_switched_on_is_on_again_afterwards() -> None:
    kernel = Kernel(KsmState(1, 300, 40, 1))
    kernel.step()
    assert kernel.ksm.sleep_millisecs == 20
    kernel.scan()
    kernel.step()
    assert (kernel.ksm.run, kernel.ksm.pages_to_scan, kernel.ksm.sleep_millisecs) == (1, 300, 40)


def test_an_older_kernel_does_not_tell_its_gain() -> None:
    """It is told by pages then, less 64 bytes for each page that is looked at (ksm.rst)."""
    assert gain_of(KsmState(1, 100, 20, 1, pages_shared=10, pages_sharing=1000, pages_unshared=990)) == (
        1000 * 4096 - 2000 * 64)  # fmt: skip
    assert gain_of(KsmState(1, 100, 20, 1, pages_unshared=10**6)) < 0
    assert gain_of(KsmState(1, 100, 20, 1, pages_sharing=10, page_size=65536)) == 10 * (65536 - 64)
    kernel = Kernel()
    kernel.step()
    kernel.scan()
    kernel.set(pages_sharing=4 * PAGES_A_GIB)
    kernel.step()
    assert kernel.ksm.run == 1


def test_pages_of_several_nodes_are_taken_apart_before_that_is_switched_off() -> None:
    merged = msgspec.structs.replace(OFF, run=1, pages_shared=1000, pages_sharing=10_000)
    kernel = Kernel(merged, nodes=2)
    made = kernel.step()
    assert made.reason == "unmerging" and kernel.ksm.run == 2 and kernel.ksm.merge_across_nodes == 1
    kernel.step()
    assert kernel.ksm.run == 1 and kernel.ksm.merge_across_nodes == 0
    # And before it is put back.
    kernel.set(pages_shared=5, pages_sharing=5)
    kernel.scan()
    kernel.step()
    assert kernel.ksm.run == 2
    kernel.step()
    assert (kernel.ksm.run, kernel.ksm.merge_across_nodes) == (1, 1)
    assert kernel.memory.original is None


def test_nothing_merged_needs_no_taking_apart() -> None:
    kernel = Kernel(nodes=4)
    kernel.step()
    assert kernel.ksm.run == 1 and kernel.ksm.merge_across_nodes == 0


@pytest.mark.parametrize(("available", "nodes", "sharing"), [
    (SHORT, 1, 1000),                  # one node
    (MARKS.begin - MIB, 2, 1000),      # memory is scarce
    (SHORT, 2, 5 * PAGES_A_GIB),       # it would be, with so much taken apart
])  # fmt: skip
def test_nodes_stay_together_where_taking_apart_is_not_worth_it(available: int, nodes: int, sharing: int) -> None:
    merged = msgspec.structs.replace(OFF, run=1, pages_shared=100, pages_sharing=sharing)
    kernel = Kernel(merged, available=available, nodes=nodes)
    for _ in range(3):
        assert kernel.step().reason != "unmerging"
    assert kernel.ksm.run == 1 and kernel.ksm.merge_across_nodes == 1


def test_what_is_not_taken_apart_yet_stays_when_memory_gets_scarce() -> None:
    merged = msgspec.structs.replace(OFF, run=1, pages_shared=1000, pages_sharing=10_000)
    kernel = Kernel(merged, nodes=2)
    kernel.step()
    kernel.set(pages_shared=900, pages_sharing=9_000)    # it ended before all were
    kernel.available = MARKS.begin - MIB
    assert kernel.step().reason == "pressure"
    assert (kernel.ksm.run, kernel.ksm.merge_across_nodes) == (1, 1)


def test_a_constant_host_is_set_once() -> None:
    kernel = Kernel()
    kernel.set(general_profit=4 * GIB)
    for _ in range(10):
        kernel.step()
        kernel.scan(1)
    assert all(kernel.step().settings is None for _ in range(50))


def test_with_the_kernels_advisor_on_it_is_only_switched(nodes: int = 2) -> None:
    kernel = Kernel(KsmState(0, 500, 40, 1, advised=True), nodes=nodes)
    made = kernel.step()
    assert made.reason == "pressure" and (kernel.ksm.run, kernel.ksm.merge_across_nodes) == (1, 0)
    for pages in (800, 12000):
        kernel.set(pages_to_scan=pages)    # after each whole scan
        made = kernel.step()
        assert (made.settings, made.reason) == (None, "scanning")
    kernel.scan()
    assert kernel.step().reason == "no-gain"
    assert (kernel.ksm.run, kernel.ksm.pages_to_scan, kernel.ksm.sleep_millisecs) == (0, 12000, 40)
    assert kernel.ksm.merge_across_nodes == 1
    assert kernel.step().settings is None


def test_an_advisor_that_is_switched_on_or_off_meanwhile_is_followed() -> None:
    kernel = Kernel(KsmState(0, 500, 20, 1, advised=True))
    kernel.step()
    kernel.set(advised=0, pages_to_scan=400)    # and that is what an administrator then set
    kernel.step()
    assert kernel.ksm.pages_to_scan > 400
    kernel.set(advised=1, pages_to_scan=500)
    assert kernel.step().settings is None
    kernel.set(advised=0, pages_to_scan=100)
    kernel.step()
    assert kernel.ksm.pages_to_scan > 400
    kernel.scan()
    assert kernel.step().reason == "no-gain" and (kernel.ksm.run, kernel.ksm.pages_to_scan) == (0, 400)
