"""Metrics of disks and network interfaces: of servers, and summed over groups, classes and the host.

They are sampled seldom (`backend.devices`), so columns and sums are kept until there are other samples, and each row
says when its sample was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..table import Table
from .metric import FloatColumn, IndexColumn, Metric, Unit, unknown

if TYPE_CHECKING:
    from .groups import Members
    from .moment import Moment
    from .roster import Roster


class _Device(NamedTuple):
    """One thing that devices count: its column in `backend.extras.DEVICES`, the names of the counter and of its rate,
    and what is said of both. `series` is the name of the counter of each device in Prometheus. `kept`: so is the
    rate's history."""

    column: str
    counter: str
    rate: str
    unit: Unit
    said: str
    series: str
    kept: bool


_BLOCK, _NET = "libvirt_domain_block_stats", "libvirt_domain_interface_stats"
_DEVICES = (
    _Device("read_bytes", "disk-read", "disk-read-rate", "bytes", "Read from disks",
            f"{_BLOCK}_read_bytes_total", True),
    _Device("written_bytes", "disk-written", "disk-write-rate", "bytes", "Written to disks",
            f"{_BLOCK}_write_bytes_total", True),
    _Device("read_requests", "disk-read-requests", "disk-read-request-rate", "number", "Requests to read from disks",
            f"{_BLOCK}_read_requests_total", False),
    _Device("write_requests", "disk-write-requests", "disk-write-request-rate", "number", "Requests to write to disks",
            f"{_BLOCK}_write_requests_total", False),
    _Device("rx_bytes", "network-received", "network-receive-rate", "bytes", "Received over network interfaces",
            f"{_NET}_receive_bytes_total", True),
    _Device("tx_bytes", "network-sent", "network-send-rate", "bytes", "Sent over network interfaces",
            f"{_NET}_transmit_bytes_total", True),
    _Device("rx_packets", "network-received-packets", "network-receive-packet-rate", "number",
            "Packets received over network interfaces", f"{_NET}_receive_packets_total", False),
    _Device("tx_packets", "network-sent-packets", "network-send-packet-rate", "number",
            "Packets sent over network interfaces", f"{_NET}_transmit_packets_total", False),
)  # fmt: skip


class DeviceColumns:
    """What `table` (columns `backend.extras.DEVICES`) tells of the servers of a roster. It takes from that what it
    needs and does not refer to it: the roster keeps these, and a circle of large objects would stay until garbage is
    looked for in everything, which is once an hour."""

    def __init__(self, roster: Roster, table: Table) -> None:
        self._table = table
        self._uuids = roster.uuids
        self._group_of, self._groups = roster.group_of, len(roster.groups)
        self._class_of, self._classes = roster.class_of, len(roster.classes)

    @cached_property
    def servers(self) -> Mapping[str, FloatColumn]:
        """A row for each server."""
        return self._table.aligned(self._uuids).columns

    @cached_property
    def groups(self) -> Mapping[str, FloatColumn]:
        """A row for each group: see `summed`."""
        return summed(self.servers, self._group_of, self._groups)

    @cached_property
    def classes(self) -> Mapping[str, FloatColumn]:
        """A row for each service class."""
        return summed(self.servers, self._class_of, self._classes)

    @cached_property
    def host(self) -> Mapping[str, FloatColumn]:
        """One row."""
        return summed(self.servers, np.zeros(len(self._uuids), dtype=np.int64), 1)


def summed(columns: Mapping[str, FloatColumn], index: IndexColumn, rows: int) -> Mapping[str, FloatColumn]:
    """Sums over what is known of the servers of each row, and ``sampled`` of that which was sampled the longest ago;
    NaN: nothing is known of any. `index` is the row of each server; -1: none."""
    found: dict[str, FloatColumn] = {}
    for name, column in columns.items():
        inside = (index >= 0) & ~np.isnan(column)
        rows_, values = index[inside], column[inside]
        found[name] = made = unknown(rows)
        if name == "sampled":
            np.fmin.at(made, rows_, values)
        else:
            some = np.bincount(rows_, minlength=rows) > 0
            made[some] = np.bincount(rows_, weights=values, minlength=rows)[some]
    return found


def _of_server(column: str) -> Callable[[Moment], FloatColumn]:
    def figures(moment: Moment) -> FloatColumn:
        columns = moment.devices.servers
        return columns[column] if column in columns else unknown(len(moment.roster.uuids))

    return figures


def _of_group(column: str) -> Callable[[Members], FloatColumn]:
    def figures(members: Members) -> FloatColumn:
        columns = members.devices
        return columns[column] if column in columns else unknown(members.rows)

    return figures


def _of_host(column: str) -> Callable[[Moment], float]:
    def figure(moment: Moment) -> float:
        columns = moment.devices.host
        return float(columns[column][0]) if column in columns else float("nan")

    return figure


def _rate(device: _Device, of: Callable[[Any], Any], whose: str) -> Metric[Any, Any]:
    unit: Unit = "bytes/s" if device.unit == "bytes" else "1/s"
    meaning = f"{device.said}{whose}, a mean over the time between the two last samples of devices."
    return Metric(device.rate, unit, "gauge", meaning, of, kept=device.kept, scraped=device.kept)


SERVER_RAW: tuple[Metric[Moment, FloatColumn], ...] = (
    *(Metric(one.counter, one.unit, "counter", f"{one.said}, of those that it has now, since it was started.",
             _of_server(one.column), one.series, each="target_device") for one in _DEVICES),
    Metric("devices-timestamp", "s", "gauge",
           "When its disks and interfaces were sampled last, since 1970: their figures are as old as that.",
           _of_server("sampled")),
)  # fmt: skip
#: By column: the counter that has a series for each device in Prometheus.
EACH: Mapping[str, Metric[Moment, FloatColumn]] = {
    one.column: metric for one, metric in zip(_DEVICES, SERVER_RAW[: len(_DEVICES)], strict=True)
}
SERVER_CALCULATED: tuple[Metric[Moment, FloatColumn], ...] = (
    *(_rate(one, _of_server(f"{one.column}_per_second"), "") for one in _DEVICES),
    Metric("devices-interval", "s", "gauge", "Time between the two last samples of its disks and interfaces.",
           _of_server("seconds"), scraped=False),
)  # fmt: skip

_JUMPS = "summed over its servers; it jumps as those come and go"
_OLDEST = "When the devices of its servers were sampled last, since 1970; of the server whose sample is the oldest."
GROUP_RAW: tuple[Metric[Members, FloatColumn], ...] = (
    *(Metric(one.counter, one.unit, "gauge", f"{one.said}, {_JUMPS}.", _of_group(one.column)) for one in _DEVICES),
    Metric("devices-timestamp", "s", "gauge", _OLDEST, _of_group("sampled")),
)  # fmt: skip
GROUP_CALCULATED: tuple[Metric[Members, FloatColumn], ...] = tuple(
    _rate(one, _of_group(f"{one.column}_per_second"), ", summed over its servers") for one in _DEVICES
)
HOST_RAW: tuple[Metric[Moment, float], ...] = (
    *(Metric(one.counter, one.unit, "gauge", f"{one.said}, {_JUMPS}.", _of_host(one.column)) for one in _DEVICES),
    Metric("devices-timestamp", "s", "gauge", _OLDEST, _of_host("sampled")),
)  # fmt: skip
HOST_CALCULATED: tuple[Metric[Moment, float], ...] = tuple(
    _rate(one, _of_host(f"{one.column}_per_second"), ", summed over all virtual servers") for one in _DEVICES
)
