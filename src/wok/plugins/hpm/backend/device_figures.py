"""What the disks and interfaces of one server have counted, as a row of the table `Extras.devices`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..wire.sections import Disk, NetworkInterface
from .extras import OF_DISKS, OF_INTERFACES

Devices = tuple[Sequence[Disk], Sequence[NetworkInterface]]

_NAN: Final = float("nan")


def device_row(now: Devices, before: Devices | None, seconds: float | None, sampled: float) -> tuple[float, ...]:
    """A number for each of `DEVICES`: `now` was sampled then (unix time), and so many seconds after `before`; both of
    the same start of the server. None: there was no sample before."""
    old: Devices = ((), ()) if before is None or seconds is None else before
    passed = seconds if seconds is not None and seconds > 0 else _NAN
    disks = _figures(OF_DISKS, now[0], old[0], passed)
    interfaces = _figures(OF_INTERFACES, now[1], old[1], passed)
    return (*disks[0], *interfaces[0], *disks[1], *interfaces[1], sampled, passed)


def _figures(
    names: Iterable[str], now: Sequence[Disk | NetworkInterface], old: Sequence[Disk | NetworkInterface],
    seconds: float,
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Sums, and their rates. NaN: no device tells it, or a counter began anew. A device that was plugged in meanwhile
    has no rate yet, and one that was unplugged has none any more."""
    before = {device.name: device for device in old}
    sums, rates = [], []
    for name in names:
        counted = [(device.name, value) for device in now if (value := getattr(device, name)) is not None]
        grown = [
            value - then for key, value in counted
            if key in before and (then := getattr(before[key], name)) is not None
        ]  # fmt: skip
        sums.append(float(sum(value for _, value in counted)) if counted else _NAN)
        rates.append(sum(grown) / seconds if grown and min(grown) >= 0 else _NAN)
    return sums, rates
