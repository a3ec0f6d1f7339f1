"""Partitions of each kind of host, on trees as real hosts have them; the kernel itself is in tests/system."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hpm.backend.cgroups import find_mount
from hpm.backend.partitions.cgroup1 import CgroupV1Partitions
from hpm.backend.partitions.cgroup2 import CgroupV2Partitions
from hpm.backend.partitions.finding import NoPartitions, find_partitions
from hpm.backend.partitions.host import PartitionHost
from hpm.backend.partitions.names import (
    from_plain,
    from_slices,
    partition_of,
    plain_directory,
    slice_directory,
    slice_unit,
)
from hpm.backend.simulated import Scenario, SimulatedHypervisor
from hpm.errors import Conflict, HypervisorError, InvalidValue
from hpm.policy.partitions import (
    BlkioParameters,
    CpuParameters,
    DeviceLimits,
    MemoryParameters,
    NumaParameters,
    PartitionParameters,
)
from hpm.store.journal import JournalEntry

from .builders import House

GOLD, DB = "/machine/gold", "/machine/gold/db"
V1_FILES = {
    "cpu": {"cpu.shares": "1024", "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"},
    "cpuset": {"cpuset.cpus": "0-3", "cpuset.mems": "0"},
    "memory": {
        "memory.limit_in_bytes": "9223372036854771712", "memory.soft_limit_in_bytes": "9223372036854771712",
        "memory.memsw.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "5000000",
    },
    "blkio": {
        "blkio.bfq.weight": "100", "blkio.throttle.read_bps_device": "", "blkio.throttle.write_bps_device": "",
        "blkio.throttle.read_iops_device": "", "blkio.throttle.write_iops_device": "",
    },
}  # fmt: skip
V2_FILES = {
    "cgroup.controllers": "cpuset cpu io memory pids", "cgroup.subtree_control": "cpuset cpu io memory pids",
    "cpu.weight": "100", "cpu.max": "max 100000", "cpuset.cpus": "", "cpuset.mems": "", "memory.max": "max",
    "memory.high": "max", "memory.swap.max": "max", "memory.current": "3145728", "io.max": "",
    "io.weight": "default 100", "cgroup.events": "populated 0",
}  # fmt: skip
WANTED = PartitionParameters(
    CpuParameters(3000, 50000, 50000), BlkioParameters(500, (DeviceLimits("8:0", 1, 2, 3, 4),)),
    MemoryParameters(512, 256, 768), NumaParameters("0-1", "0"),
)  # fmt: skip


def fill(place: Path, files: dict[str, str]) -> None:
    """What the kernel puts into a new cgroup."""
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / name).write_text(f"{text}\n")


def v1(root: Path, *, controllers: tuple[str, ...] = ("cpu", "cpuset", "memory", "blkio")) -> CgroupV1Partitions:
    (root / "proc/self").mkdir(parents=True)
    lines = [f"cgroup /sys/fs/cgroup/{one} cgroup rw,{one} 0 0" for one in (*controllers, "freezer", "pids")]
    lines.append("cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0")
    (root / "proc/self/mounts").write_text("\n".join(lines) + "\n")
    for one in (*controllers, "freezer", "pids", "systemd"):
        fill(root / "sys/fs/cgroup" / one / "machine", V1_FILES.get(one, {}))
    disk = root / "sys/dev/block/8:0"
    disk.mkdir(parents=True)
    (disk / "uevent").write_text("MAJOR=8\nMINOR=0\nDEVNAME=sda\n")
    return CgroupV1Partitions(root)


def v2(root: Path) -> CgroupV2Partitions:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mounts").write_text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    fill(root / "sys/fs/cgroup", V2_FILES)
    fill(root / "sys/fs/cgroup/machine", V2_FILES)
    (root / "sys/dev/block/8:0").mkdir(parents=True)
    return CgroupV2Partitions(root, root / "sys/fs/cgroup")


@pytest.mark.parametrize("path", ["/machine", GOLD, DB, "/machine/A_1/b/c/d/e"])
def test_names_are_found_again(path: str) -> None:
    assert from_plain(plain_directory(path)) == partition_of(plain_directory(path)) == path
    assert from_slices(slice_directory(path)) == partition_of(slice_directory(path)) == path


def test_names_as_libvirt_spells_them() -> None:
    assert plain_directory(DB) == "machine/gold.partition/db.partition"
    assert slice_unit(DB) == "machine-gold-db.slice"
    assert slice_directory(DB) == "machine.slice/machine-gold.slice/machine-gold-db.slice"
    for strange in ("machine/gold", "user.slice", "machine/a.b.partition", "", "machine.slice/machine-x.slice/y.slice",
                    "machine/qemu-1-db.libvirt-qemu", "machine.slice/machine-gold-db.slice"):
        assert partition_of(strange) is None, strange


def test_a_v1_partition_is_a_directory_in_each_tree_that_libvirt_knows(tmp_path: Path) -> None:
    host = v1(tmp_path)
    cgroups = tmp_path / "sys/fs/cgroup"
    for tree in ("cpuset",):    # as the kernel does
        fill(cgroups / tree / plain_directory(GOLD), {"cpuset.cpus": "", "cpuset.mems": ""})
    host.create(GOLD)
    there = sorted(str(p.relative_to(cgroups).parts[0]) for p in cgroups.glob("*/machine/gold.partition"))
    assert there == ["blkio", "cpu", "cpuset", "freezer", "memory"]
    # nobody can be put into an empty cpuset
    assert (cgroups / "cpuset/machine/gold.partition/cpuset.cpus").read_text() == "0-3"
    assert set(host.states()) == {"/machine", GOLD}


def test_v1_parameters_are_written_as_the_kernel_has_them(tmp_path: Path) -> None:
    host = v1(tmp_path)
    cgroups = tmp_path / "sys/fs/cgroup"
    for tree, files in V1_FILES.items():
        fill(cgroups / tree / plain_directory(GOLD), files)
    assert host.lacking == {}
    host.configure(GOLD, WANTED)

    def said(file: str) -> str:
        tree, _, name = file.partition("/")
        return (cgroups / tree / plain_directory(GOLD) / name).read_text()

    assert (said("cpu/cpu.shares"), said("cpu/cpu.cfs_quota_us"), said("cpu/cpu.cfs_period_us")) == (
        "3000", "50000", "50000"
    )
    assert (said("memory/memory.limit_in_bytes"), said("memory/memory.soft_limit_in_bytes")) == (
        str(512 << 20), str(256 << 20)
    )
    assert said("memory/memory.memsw.limit_in_bytes") == str(768 << 20)
    assert (said("cpuset/cpuset.cpus"), said("blkio/blkio.bfq.weight")) == ("0-1", "500")
    assert said("blkio/blkio.throttle.write_iops_device") == "8:0 4"
    live = host.states()[GOLD]
    assert live.parameters == PartitionParameters(
        WANTED.cpu, BlkioParameters(500, (DeviceLimits("/dev/sda", 1, 2, 3, 4),)), WANTED.memory, WANTED.numa
    )
    assert live.memory_bytes == 5000000
    host.configure(GOLD, PartitionParameters())
    assert (said("cpu/cpu.shares"), said("cpu/cpu.cfs_quota_us"), said("cpu/cpu.cfs_period_us")) == (
        "1024", "-1", "100000"
    )
    assert (said("cpuset/cpuset.cpus"), said("memory/memory.limit_in_bytes")) == ("0-3\n".strip(), "-1")
    assert said("blkio/blkio.throttle.read_bps_device") == "8:0 0"


def test_a_controller_that_is_not_mounted_is_lacking(tmp_path: Path) -> None:
    host = v1(tmp_path, controllers=("cpu",))
    assert set(host.lacking) == {"blkio", "memory", "numa"}
    with pytest.raises(Conflict, match=r"memory.hard-limit-mib does not work.*not mounted"):
        host.configure("/machine", PartitionParameters(memory=MemoryParameters(5)))
    with pytest.raises(InvalidValue, match="no disk /dev/nothing"):
        host.device_name("/dev/nothing")


def test_what_is_in_use_is_not_destroyed_in_any_tree(tmp_path: Path) -> None:
    host = v1(tmp_path, controllers=("cpu", "memory"))    # there are no files in plain directories
    host.create(GOLD)
    cgroups = tmp_path / "sys/fs/cgroup"
    inside = cgroups / "memory" / plain_directory(GOLD) / "qemu-1-db1.libvirt-qemu"
    inside.mkdir()
    with pytest.raises(Conflict, match="qemu-1-db1"):
        host.destroy(GOLD)
    assert (cgroups / "cpu" / plain_directory(GOLD)).is_dir()
    inside.rmdir()
    host.destroy(GOLD)
    assert set(host.states()) == {"/machine"}
    assert not [*cgroups.glob("*/machine/gold.partition")]
    with pytest.raises(InvalidValue):
        host.destroy("/machine")


def test_a_creation_that_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    host = v1(tmp_path, controllers=("cpu", "memory"))    # there are no files in plain directories
    cgroups = tmp_path / "sys/fs/cgroup"
    (cgroups / "freezer/machine").rmdir()
    (cgroups / "freezer/machine").write_text("a file, where a directory should be")
    with pytest.raises(HypervisorError, match="cannot be made"):
        host.create(GOLD)
    assert not [*cgroups.glob("*/machine/gold.partition")]


def test_v2_parameters_are_written_as_the_kernel_has_them(tmp_path: Path) -> None:
    host = v2(tmp_path)
    tree = tmp_path / "sys/fs/cgroup"
    (tree / "cgroup.subtree_control").write_text("pids")
    host.create(GOLD)
    assert (tree / "cgroup.subtree_control").read_text().startswith("+")    # children get the controllers
    place = tree / plain_directory(GOLD)
    fill(place, V2_FILES)
    host.configure(GOLD, WANTED)
    found = {name: (place / name).read_text() for name in V2_FILES}
    assert (found["cpu.weight"], found["cpu.max"]) == ("3000", "50000 50000")
    assert (found["memory.max"], found["memory.high"], found["memory.swap.max"]) == tuple(
        str(size << 20) for size in (512, 256, 256)
    )
    assert (found["cpuset.cpus"], found["cpuset.mems"], found["io.weight"]) == ("0-1", "0", "500")
    assert found["io.max"] == "8:0 rbps=1 wbps=2 riops=3 wiops=4"
    assert host.states()[GOLD].parameters == WANTED
    assert host.states()[GOLD].memory_bytes == 3145728
    host.configure(GOLD, PartitionParameters())
    assert (place / "cpu.max").read_text() == "max 100000"
    assert (place / "memory.swap.max").read_text() == "max"
    assert (place / "io.max").read_text() == "8:0 rbps=max wbps=max riops=max wiops=max"
    with pytest.raises(Conflict):
        host.destroy(GOLD)    # files of a plain tree are in it; the kernel's own would not be


def test_which_kind_a_host_has(tmp_path: Path) -> None:
    def found(root: Path, *, system: bool = True) -> PartitionHost:
        return find_partitions(root, find_mount(root), system=system)

    v1(tmp_path / "1")
    v2(tmp_path / "2")
    assert isinstance(found(tmp_path / "1"), CgroupV1Partitions)
    assert isinstance(found(tmp_path / "2"), CgroupV2Partitions)
    for root in (tmp_path / "1", tmp_path / "2"):
        (root / "run/systemd/system").mkdir(parents=True)
    assert found(tmp_path / "2").how == "a slice of systemd"
    nothing = found(tmp_path / "1")
    assert isinstance(nothing, NoPartitions)
    with pytest.raises(Conflict, match="systemd runs with cgroup v1"):
        nothing.create(GOLD)
    assert set(nothing.states()) == {"/machine"}
    assert isinstance(found(tmp_path / "2", system=False), NoPartitions)


@pytest.mark.parametrize("lacking", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
@pytest.mark.parametrize("asks", ["listdir", "read_text"])
def test_a_partition_that_cannot_be_looked_at_is_not_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asks: str, lacking: int
) -> None:
    def no_room(place: object, *_: object, **__: object) -> None:
        raise OSError(lacking, os.strerror(lacking), str(place))

    host = SimulatedHypervisor(Scenario(cores=2, servers=()))
    host.partitions = v2(tmp_path)    # type: ignore[assignment]
    host.partitions.create(GOLD)
    gold = tmp_path / "sys/fs/cgroup/machine/gold.partition"
    fill(gold, {**V2_FILES, "cpu.weight": "300"})
    house = House(tmp_path, (), host=host)
    journal = house.manager._work.actuator._journal
    journal.put([JournalEntry(GOLD, "partition-shares", host.observe().boot, "100", "300", "300")])
    with monkeypatch.context() as full, pytest.raises(HypervisorError, match="partitions cannot be looked at"):
        full.setattr(os if asks == "listdir" else Path, asks, no_room)
        house.manager.cycle()
    house.manager.cycle()
    assert (gold / "cpu.weight").read_text().strip() == "100"    # what was there before hpm came, as its level is off
