"""On which NUMA nodes guests' memory is, on trees as real hosts have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.backend.cgroups import GuestCgroup
from hpm.backend.memory_nodes import MemoryNodes

PID = 4242
PAGE = 4096
SCOPE = r"machine.slice/machine-qemu\x2d1\x2ddb1.scope"
V1 = """\
total=0 N0=0 N1=0
file=0 N0=0 N1=0
anon=0 N0=0 N1=0
unevictable=0 N0=0 N1=0
hierarchical_total=4450 N0=2000 N1=2450
hierarchical_file=1900 N0=1900 N1=0
hierarchical_anon=2500 N0=100 N1=2400
hierarchical_unevictable=50 N0=0 N1=50
"""
V2 = """\
anon N0=1048576 N1=8388608
file N0=99999744 N1=4096
kernel_stack N0=0 N1=65536
shmem N0=0 N1=2097152
anon_thp N0=0 N1=8388608
unevictable N0=0 N1=0
"""


def tree(root: Path, version: int, place: str, text: str) -> GuestCgroup:
    """A guest whose QEMU stands in `place`, of which `text` is told."""
    mounts = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n" if version == 1 else "cgroup2 /c cgroup2 rw 0 0\n"
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mounts").write_text(mounts)
    (root / f"proc/{PID}").mkdir()
    (root / f"proc/{PID}/cgroup").write_text(f"4:memory:/{place}\n3:cpu,cpuacct:/{place}/emulator\n1:name=x:/\n")
    mount = root / ("sys/fs/cgroup/memory" if version == 1 else "c")
    own = mount / (place if version == 1 else SCOPE)
    own.mkdir(parents=True)
    (own / "memory.numa_stat").write_text(text)
    return GuestCgroup(version, own, own / "libvirt", "machine.slice")


@pytest.mark.parametrize("place", ["machine/qemu-1-db1.libvirt-qemu", SCOPE])
def test_v1_counts_pages_of_the_guest_and_no_files(tmp_path: Path, place: str) -> None:
    cgroup = tree(tmp_path, 1, place, V1)
    assert MemoryNodes(tmp_path, 1).read(PID, cgroup) == {0: 100 * PAGE, 1: 2450 * PAGE}


def test_v1_of_a_process_below_the_guests_own_group(tmp_path: Path) -> None:
    cgroup = tree(tmp_path, 1, SCOPE, V1)
    (tmp_path / f"proc/{PID}/cgroup").write_text(f"4:memory:/{SCOPE}/libvirt/emulator\n")
    assert MemoryNodes(tmp_path, 1).read(PID, cgroup)[1] == 2450 * PAGE


def test_v2_counts_bytes_of_the_guest_and_no_files(tmp_path: Path) -> None:
    cgroup = tree(tmp_path, 2, SCOPE, V2)
    assert MemoryNodes(tmp_path, 2).read(PID, cgroup) == {0: 1 << 20, 1: 10 << 20}


@pytest.mark.parametrize("place", ["", "user.slice", "machine"])
def test_a_process_without_a_group_of_its_own_is_not_told(tmp_path: Path, place: str) -> None:
    cgroup = tree(tmp_path, 1, place, V1)
    assert MemoryNodes(tmp_path, 1).read(PID, cgroup) == {}


def test_what_the_kernel_does_not_tell_is_not_known(tmp_path: Path) -> None:
    cgroup = tree(tmp_path, 2, SCOPE, "")
    assert MemoryNodes(tmp_path, 2).read(PID, cgroup) == {}
    (cgroup.scope / "memory.numa_stat").unlink()    # before 5.10, or without the controller
    assert MemoryNodes(tmp_path, 2).read(PID, cgroup) == {}
    assert MemoryNodes(tmp_path, 0).read(PID, cgroup) == {}
    old = GuestCgroup(1, cgroup.scope, cgroup.threads, "machine.slice")
    assert MemoryNodes(tmp_path, 1).read(PID + 1, old) == {}    # the guest has ended
