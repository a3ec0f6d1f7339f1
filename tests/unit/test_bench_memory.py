"""What bench/memory.py makes of its seconds."""

from __future__ import annotations

from bench.memory_figures import GuestSecond, Move, Second, Side, figures_of, for_distress, for_mean, for_peak, lacking

#: Of 256 MiB, with a reserve of 32.
MAXIMUM = 256.0
USED = [60.0] * 8 + [140.0] * 2


def side(name: str, sizes: list[float], held: float, moved: tuple[Move, ...] = ()) -> Side:
    seconds = [
        Second(float(at), held + size, [GuestSecond(size + 80, size, used, 0, 0)])
        for at, (size, used) in enumerate(zip(sizes, USED, strict=True))
    ]
    return Side(name, seconds, moved, [])


def test_fixed_sizes_keep_a_reserve_at_the_greatest_or_the_mean_use() -> None:
    assert for_peak(USED, MAXIMUM) == 172
    assert for_mean(USED, MAXIMUM) == 108
    assert lacking(USED, 108) == (32.0, 2)
    assert for_peak([250.0], MAXIMUM) == 256


def test_a_size_for_as_much_distress_is_the_smallest_one() -> None:
    assert for_distress(USED, MAXIMUM, 0, 8) == 156, "half of the reserve at the greatest use"
    assert for_distress(USED, MAXIMUM, 1, 8) == 156, "one second less of two that are equal is none"
    assert for_distress(USED, MAXIMUM, 2, 8) == 148, "no guest is left with less than it needs to live"


def test_freed_is_what_is_held_less_than_without_management() -> None:
    moved = (Move(-5.0, "a", "host-pressure", 256, 172), Move(4.0, "a", "distress", 150, 172))
    none, fixed = side("none", [256.0] * 10, 90), side("fixed", [172.0] * 10, 90)
    figures = figures_of([none, fixed, side("hpm", [92.0] * 8 + [150.0, 172.0], 90, moved)], MAXIMUM)
    assert figures["fixed"]["freed"]["mean"] == 84 and figures["fixed"]["to-fixed"] == 1
    assert figures["fixed"]["distress"] == [0]
    hpm = figures["hpm"]
    assert hpm["freed"] == {"mean": 150.2, "percent": 43.4, "at-greatest-need": 106.0, "least": 84.0}
    assert hpm["distress"] == [1] and hpm["least-usable"] == [10.0]
    assert hpm["moves-a-minute"] == 6.7, "those before are not counted"
