"""Partitions as slices: what systemd is asked over D-Bus. A bus of its own, and a stand-in of systemd at it; systemd
itself is in tests/system/test_systemd_partitions.py."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from hpm.backend.hypervisor import Hypervisor
from hpm.backend.partitions.names import slice_directory
from hpm.backend.partitions.systemd import SystemdPartitions
from hpm.backend.partitions.systemd_bus import SystemdBus
from hpm.errors import Conflict, HypervisorError
from hpm.manager.setting import set_control
from hpm.policy.partitions import (
    BlkioParameters,
    CpuParameters,
    DeviceLimits,
    MemoryParameters,
    NumaParameters,
    PartitionParameters,
)
from hpm.store.journal import JournalEntry

from .test_backend_partitions import V2_FILES, fill

GOLD, UNIT = "/machine/gold", "machine-gold.slice"
INFINITY = (1 << 64) - 1


class StandIn:
    """Answers as systemd does; `calls` is what it was asked, `units` the active ones. `refuse`: an error to give."""

    def __init__(self, address: str) -> None:
        self.calls: list[tuple[str, list[Any]]] = []
        self.units: set[str] = set()
        self.refuse: DBusError | None = None
        self._address = address
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        bus = self._loop.run_until_complete(self._connect())
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        bus.disconnect()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connect(self) -> MessageBus:
        bus = await MessageBus(bus_address=self._address, bus_type=BusType.SYSTEM).connect()
        await bus.request_name("org.freedesktop.systemd1")
        bus.add_message_handler(self._answer)
        return bus

    def _answer(self, message: Message) -> Message | bool:
        ours = message.path is not None and message.path.startswith("/org/freedesktop/systemd1")
        if message.message_type is not MessageType.METHOD_CALL or not ours:
            return False
        member, body = message.member, list(message.body)
        if member == "Get":
            active = str(message.path).rpartition("/")[2] in {_escaped(unit) for unit in self.units}
            return Message.new_method_return(message, "v", [Variant("s", "active" if active else "inactive")])
        if member == "LoadUnit":
            return Message.new_method_return(message, "o", [f"/org/freedesktop/systemd1/unit/{_escaped(body[0])}"])
        self.calls.append((member, body))
        error, self.refuse = self.refuse, None
        if error is not None:
            return Message.new_error(message, error.type, error.text)
        if member.startswith("Start"):
            self.units.add(body[0])
        elif member == "StopUnit":
            self.units.discard(body[0])
        if member == "SetUnitProperties":
            return Message.new_method_return(message)
        return Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/job/1"])


def said(call: tuple[str, list[Any]]) -> dict[str, Any]:
    """The properties of a call that sets some, by name."""
    member, (_, _, properties) = call
    assert member == "SetUnitProperties"
    return {name: value.value for name, value in properties}


def _escaped(unit: str) -> str:
    return unit.replace("-", "_").replace(".", "_")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("there is no dbus-daemon here")
    socket = tmp_path_factory.mktemp("bus") / "bus"
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address", f"--address=unix:path={socket}"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert daemon.stdout is not None
    with daemon.stdout:
        yield daemon.stdout.readline().strip()
        daemon.terminate()
        daemon.wait(10)


@pytest.fixture
def systemd(address: str) -> Iterator[StandIn]:
    stand_in = StandIn(address)
    yield stand_in
    stand_in.stop()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The cgroup tree of a host with systemd, with the slice that is asked for."""
    mount = tmp_path / "sys/fs/cgroup"
    for place in ("", "machine.slice", slice_directory(GOLD)):
        fill(mount / place, V2_FILES)
    return mount


@pytest.fixture
def host(tmp_path: Path, tree: Path, address: str) -> SystemdPartitions:
    return SystemdPartitions(tmp_path, tree, SystemdBus(address))


def test_a_slice_is_a_transient_unit(systemd: StandIn, host: SystemdPartitions, tree: Path) -> None:
    host.create(GOLD)
    ((member, (unit, mode, properties, more)),) = systemd.calls
    assert (member, unit, mode, more) == ("StartTransientUnit", UNIT, "fail", [])
    assert [(name, value.value) for name, value in properties] == [("CPUWeight", 100)]
    assert set(host.states()) == {"/machine", GOLD}
    host.destroy(GOLD)
    assert systemd.calls[1:] == [("StopUnit", [UNIT, "fail"])]
    assert systemd.units == set()


def test_one_with_a_unit_file_is_started_as_that_says(systemd: StandIn, host: SystemdPartitions) -> None:
    systemd.refuse = DBusError("org.freedesktop.systemd1.UnitExists", "it has a fragment file")
    host.create(GOLD)
    assert [member for member, _ in systemd.calls] == ["StartTransientUnit", "StartUnit"]


def test_parameters_are_runtime_properties(systemd: StandIn, host: SystemdPartitions, tree: Path) -> None:
    host.configure(GOLD, PartitionParameters(
        CpuParameters(300, 25000, 50000), memory=MemoryParameters(512, 256, 768), numa=NumaParameters("0,2,9", "0"),
    ))  # fmt: skip
    ((member, (unit, runtime, properties)),) = systemd.calls
    assert (member, unit, runtime) == ("SetUnitProperties", UNIT, True)
    assert {name: value.value for name, value in properties} == {
        "CPUWeight": 300, "CPUQuotaPeriodUSec": 50000, "CPUQuotaPerSecUSec": 500000, "MemoryMax": 512 << 20,
        "MemoryHigh": 256 << 20, "MemorySwapMax": 256 << 20, "AllowedCPUs": b"\x05\x02", "AllowedMemoryNodes": b"\x01",
    }  # fmt: skip
    fill(tree / slice_directory(GOLD), {    # as systemd brings it about
        "cpu.weight": "300", "cpu.max": "25000 50000", "memory.max": str(512 << 20), "memory.high": str(256 << 20),
        "memory.swap.max": str(256 << 20), "cpuset.cpus": "0,2,9", "cpuset.mems": "0",
    })  # fmt: skip
    host.configure(GOLD, PartitionParameters())
    back = {name: value.value for name, value in systemd.calls[1][1][2]}
    assert back == {
        "CPUWeight": 100, **dict.fromkeys(("CPUQuotaPeriodUSec", "CPUQuotaPerSecUSec", "MemoryMax", "MemoryHigh",
                                           "MemorySwapMax"), INFINITY),
        **dict.fromkeys(("AllowedCPUs", "AllowedMemoryNodes"), b""),
    }  # fmt: skip


def test_what_is_in_force_already_is_not_said_again(systemd: StandIn, host: SystemdPartitions, tree: Path) -> None:
    """Neither what our units round, nor what they have no word for."""
    fill(tree / slice_directory(GOLD), {
        "memory.high": "1500000000", "memory.swap.max": str(1 << 30), "cpu.max": "33333 100000",
        "io.weight": "default 50", "io.max": "8:0 rbps=5000000 wbps=max riops=max wiops=max", "cpuset.cpus": "0-1",
    })  # fmt: skip
    found = host.states()[GOLD].parameters
    host.configure(GOLD, found)
    assert systemd.calls == []
    entry = JournalEntry(GOLD, "partition-shares", "boot", "100", "100", "1195")
    set_control(cast(Hypervisor, SimpleNamespace(partitions=host)), entry)
    host.configure(GOLD, msgspec.structs.replace(found, cpu=CpuParameters(quota_us=33333)))
    host.configure(GOLD, msgspec.structs.replace(found, cpu=CpuParameters(quota_us=20000)))
    host.configure(GOLD, msgspec.structs.replace(found, memory=MemoryParameters(2048)))
    assert [said(call) for call in systemd.calls] == [
        {"CPUWeight": 1195}, {"CPUQuotaPeriodUSec": INFINITY, "CPUQuotaPerSecUSec": 200000},
        {"MemoryMax": 2048 << 20, "MemoryHigh": INFINITY},
    ]  # fmt: skip


def test_limits_of_one_disk_are_taken_back_beside_those_of_another(
    systemd: StandIn, host: SystemdPartitions, tree: Path, tmp_path: Path
) -> None:
    """Of disks that are not listed, systemd keeps what it has."""
    for numbers in ("8:0", "8:16"):
        (tmp_path / "sys/dev/block" / numbers).mkdir(parents=True)
    fill(tree / slice_directory(GOLD), {"io.max": "8:0 rbps=5 wbps=6\n8:16 rbps=7 riops=8"})
    found = host.states()[GOLD].parameters
    for devices in ((DeviceLimits("8:0", 5, 9),), ()):
        host.configure(GOLD, msgspec.structs.replace(found, blkio=BlkioParameters(100, devices)))
    assert [said(call) for call in systemd.calls] == [
        {"IOReadBandwidthMax": [("8:16", INFINITY)], "IOWriteBandwidthMax": [("8:0", 9)], "IOReadIOPSMax": []},
        {"IOReadBandwidthMax": [], "IOWriteBandwidthMax": [], "IOReadIOPSMax": []},
    ]  # fmt: skip


def test_what_is_in_use_is_not_stopped(systemd: StandIn, host: SystemdPartitions, tree: Path) -> None:
    systemd.units.add(UNIT)
    (tree / slice_directory(GOLD) / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    with pytest.raises(Conflict, match="still something in the slice"):
        host.destroy(GOLD)
    (tree / slice_directory(GOLD) / "cgroup.events").write_text("populated 0\nfrozen 0\n")
    (tree / slice_directory(GOLD) / r"machine-qemu\x2d1.scope").mkdir()
    with pytest.raises(Conflict, match="machine-qemu"):
        host.destroy(GOLD)
    assert systemd.calls == []


def test_what_systemd_refuses_is_told(systemd: StandIn, host: SystemdPartitions) -> None:
    wanted = PartitionParameters(CpuParameters(300))
    systemd.refuse = DBusError("org.freedesktop.DBus.Error.InvalidArgs", "no such weight")
    with pytest.raises(Conflict, match="does not take that: no such weight"):
        host.configure(GOLD, wanted)
    systemd.refuse = DBusError("org.freedesktop.DBus.Error.AccessDenied", "not you")
    with pytest.raises(HypervisorError, match="systemd says: not you"):
        host.configure(GOLD, wanted)


def test_where_nobody_answers_that_is_told(tmp_path: Path, tree: Path) -> None:
    host = SystemdPartitions(tmp_path, tree, SystemdBus(f"unix:path={tmp_path}/nobody"))
    with pytest.raises(HypervisorError, match="cannot be reached over D-Bus"):
        host.create(GOLD)
