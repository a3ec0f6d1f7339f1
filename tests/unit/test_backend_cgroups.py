"""Where a guest stands in the cgroup tree, and its files, on trees as real hosts have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm.backend.cgroups import GuestCgroup, find_mount, guest_cgroup
from hpm.backend.guest import GuestFiles
from hpm.backend.sampling import Sampler
from hpm.backend.watch import Watch
from hpm.errors import ServerGone

V1 = """\
proc /proc proc rw,nosuid 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,nosuid,xattr,name=systemd 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,nosuid,cpuset 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0
"""
V2 = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n"
HYBRID = V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
SCOPE = r"machine.slice/machine-qemu\x2d1\x2ddb1.scope"


class Tree:
    """A root with /proc and a cgroup mount."""

    def __init__(self, root: Path, version: int) -> None:
        self.root = root
        self.version = version
        self.mount = root / ("sys/fs/cgroup/cpu,cpuacct" if version == 1 else "sys/fs/cgroup")
        self.mount.mkdir(parents=True)
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/self/mounts").write_text(V1 if version == 1 else V2)
        if version == 2:
            (self.mount / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")

    def guest(self, place: str, pid: int = 4242, vcpus: int = 2, threads: str = "") -> Path:
        """A guest whose weight is at `place` and whose QEMU is in `place`/`threads`/emulator."""
        scope = self.mount / place
        inner = scope / threads
        (inner / "emulator").mkdir(parents=True)
        for number in range(vcpus):
            self.plug(inner, number)
        if self.version == 1:
            (scope / "cpu.shares").write_text("1024\n")
            (inner / "cpu.cfs_quota_us").write_text("-1\n")
            (inner / "cpu.cfs_period_us").write_text("100000\n")
            (inner / "cpu.stat").write_text("nr_periods 0\nnr_throttled 0\nthrottled_time 5000\n")
        else:
            (scope / "cpu.weight").write_text("100\n")
            (inner / "cpu.max").write_text("max 100000\n")
            (inner / "cpu.stat").write_text("usage_usec 9\nthrottled_usec 7\n")
        path = f"{place}/{threads}/emulator".replace("//", "/")
        process = self.root / f"proc/{pid}"
        process.mkdir(parents=True, exist_ok=True)
        others = f"5:cpuset:/{path}\n1:name=systemd:/{place}\n"
        line = f"3:cpu,cpuacct:/{path}\n" if self.version == 1 else f"0::/{path}\n"
        (process / "cgroup").write_text((others if self.version == 1 else "") + line)
        return scope

    def plug(self, inner: Path, number: int) -> None:
        tid = 5000 + number
        (self.root / f"proc/{tid}").mkdir(parents=True, exist_ok=True)
        self.counters(number, 0, 0)
        (inner / f"vcpu{number}").mkdir()
        (inner / f"vcpu{number}" / ("tasks" if self.version == 1 else "cgroup.threads")).write_text(f"{tid}\n")

    def unplug(self, inner: Path, number: int) -> None:
        for file in (inner / f"vcpu{number}").iterdir():
            file.unlink()
        (inner / f"vcpu{number}").rmdir()

    def counters(self, number: int, run: int, delay: int, state: str = "S") -> None:
        thread = self.root / f"proc/{5000 + number}"
        (thread / "schedstat").write_text(f"{run} {delay} 77\n")
        (thread / "stat").write_text(f"{5000 + number} (CPU {number}/K) S 1) {state} 1 4242 4242 0 -1\n")

    def find(self, pid: int = 4242) -> GuestCgroup | None:
        return guest_cgroup(self.root, find_mount(self.root), pid)


# -- mounts


def mounts(root: Path, text: str) -> None:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mounts").write_text(text)


def test_the_cpu_controller_is_found_in_version_1(tmp_path: Path) -> None:
    mounts(tmp_path, V1)
    found = find_mount(tmp_path)
    assert (found.version, found.path) == (1, tmp_path / "sys/fs/cgroup/cpu,cpuacct")


def test_in_a_hybrid_tree_version_1_has_the_cpu_controller(tmp_path: Path) -> None:
    mounts(tmp_path, HYBRID)
    assert find_mount(tmp_path).version == 1


def test_version_2_counts_only_with_the_cpu_controller(tmp_path: Path) -> None:
    mounts(tmp_path, V2)
    assert find_mount(tmp_path).version == 0
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cgroup.controllers").write_text("cpuset io\n")
    assert find_mount(tmp_path).version == 0
    (tmp_path / "sys/fs/cgroup/cgroup.controllers").write_text("cpuset cpu io\n")
    assert find_mount(tmp_path).version == 2


# -- guests


@pytest.mark.parametrize(
    ("version", "place", "threads", "systemd", "parent"),
    [
        (1, "machine/qemu-1-db1.libvirt-qemu", "", False, "machine"),
        (1, "machine/prod.partition/qemu-1-db1.libvirt-qemu", "", False, "machine/prod.partition"),
        (1, SCOPE, "", True, "machine.slice"),
        (1, SCOPE, "libvirt", True, "machine.slice"),
        (2, SCOPE, "libvirt", True, "machine.slice"),
        (2, "machine/qemu-1-db1.libvirt-qemu", "", False, "machine"),
        (2, r"machine.slice/machine-a\x2db.slice/machine-qemu\x2d12\x2da\x5cb.scope", "libvirt", True,
         r"machine.slice/machine-a\x2db.slice"),
    ],
)  # fmt: skip
def test_layouts(tmp_path: Path, version: int, place: str, threads: str, systemd: bool, parent: str) -> None:
    tree = Tree(tmp_path, version)
    scope = tree.guest(place, threads=threads)
    found = tree.find()
    assert found is not None
    assert (found.version, found.scope, found.threads) == (version, scope, scope / threads)
    assert (found.systemd, found.parent) == (systemd, parent)
    assert found.shares_file.is_file() and found.quota_file.is_file()
    assert found.period_file.is_file() and found.stat_file.is_file()
    assert found.vcpu_threads() == {0: 5000, 1: 5001}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("path", ["/", "/user.slice/user-1000.slice/session-2.scope", "/system.slice/libvirtd.service"])
def test_a_guest_without_a_cgroup_of_its_own(tmp_path: Path, version: int, path: str) -> None:
    tree = Tree(tmp_path, version)
    (tree.mount / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    (tmp_path / "proc/7").mkdir()
    (tmp_path / "proc/7/cgroup").write_text(f"3:cpu,cpuacct:{path}\n" if version == 1 else f"0::{path}\n")
    assert tree.find(7) is None


def test_a_process_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Tree(tmp_path, 1).find(99)


def test_without_the_controller_nobody_has_a_cgroup(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 2)
    tree.guest(SCOPE, threads="libvirt")
    (tree.mount / "cgroup.controllers").write_text("io\n")
    assert tree.find() is None


def test_vcpus_are_numbered_not_listed_alphabetically(tmp_path: Path) -> None:
    tree = Tree(tmp_path, 2)
    tree.guest(SCOPE, threads="libvirt", vcpus=12)
    (tree.mount / SCOPE / "libvirt/vcpu3/cgroup.threads").write_text("")    # plugged, not started yet
    found = tree.find()
    assert found is not None
    assert found.vcpu_threads() == {n: 5000 + n for n in range(12) if n != 3}


# -- a guest's files


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    made = Tree(tmp_path, request.param)
    made.guest("machine/qemu-1-db1.libvirt-qemu")
    return made


@pytest.fixture
def inner(tree: Tree) -> Path:
    return tree.mount / "machine/qemu-1-db1.libvirt-qemu"


@pytest.fixture
def sampler(tree: Tree) -> Iterator[Sampler]:
    found = tree.find()
    assert found is not None
    made = Sampler(tree.root / "proc")
    made.open("uuid", "start", found)
    yield made
    made.close()


SECOND = 1_000_000_000


def files(sampler: Sampler) -> GuestFiles:
    found = sampler.guest("uuid")
    assert found is not None
    return found


def test_a_sample_has_counters_weight_and_quota(tree: Tree, sampler: Sampler) -> None:
    tree.counters(0, 123, 456)
    tree.counters(1, 7, 8)
    samples, counters, gone = sampler.sample(SECOND)
    sample, counted = samples["uuid"], counters["uuid"]
    assert (sample.uuid, sample.start, sample.parent, gone) == ("uuid", "start", "machine", [])
    assert (sample.threads, counted.run_ns, counted.delay_ns) == ((5000, 5001), (123, 7), (456, 8))
    assert sample.shares == (1024 if tree.version == 1 else 100)
    assert (sample.quota_us, sample.period_us) == (None, 100000)


def test_a_vcpu_that_does_not_run_although_it_is_runnable_starves(tree: Tree, sampler: Sampler) -> None:
    def starving(seconds: int) -> tuple[bool, ...]:
        return sampler.sample(seconds * SECOND).counters["uuid"].starving

    assert starving(1) == (False, False)
    tree.counters(0, 0, 0, "R")
    assert starving(2) == (True, False)
    tree.counters(0, SECOND // 2, 0, "R")
    assert starving(3) == (False, False)
    tree.counters(0, SECOND // 2, 0, "S")
    assert starving(4) == (False, False)


def test_plugged_vcpus_are_noticed(tree: Tree, inner: Path, sampler: Sampler) -> None:
    sampler.sample(SECOND)
    tree.plug(inner, 2)
    tree.counters(2, 5, 6)
    seen = sampler.sample(2 * SECOND)
    assert (seen.samples["uuid"].threads, seen.counters["uuid"].run_ns) == ((5000, 5001, 5002), (0, 0, 5))
    assert seen.counters["uuid"].starving == (False,) * 3
    tree.unplug(inner, 1)
    assert sampler.sample(3 * SECOND).samples["uuid"].threads == (5000, 5002)


def test_weights_are_written_and_read(tree: Tree, inner: Path, sampler: Sampler) -> None:
    files(sampler).write_shares(333)
    assert (inner / ("cpu.shares" if tree.version == 1 else "cpu.weight")).read_text().startswith("333")
    (inner / ("cpu.shares" if tree.version == 1 else "cpu.weight")).write_text("333\n")
    assert sampler.sample(SECOND).samples["uuid"].shares == 333


def test_quotas_are_written_and_read(tree: Tree, inner: Path, sampler: Sampler) -> None:
    for file in ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"):
        if (inner / file).exists():
            (inner / file).write_text("")    # as the kernel, which replaces the value with what is written
    files(sampler).write_quota(20000, 50000)
    seen = sampler.sample(SECOND)
    assert (seen.samples["uuid"].quota_us, seen.samples["uuid"].period_us) == (20000, 50000)
    assert seen.counters["uuid"].throttled_ns == (5000 if tree.version == 1 else 7000)
    if tree.version == 2:
        assert (inner / "cpu.max").read_text() == "20000 50000"


def test_a_guest_that_ended_is_gone(tree: Tree, inner: Path, sampler: Sampler) -> None:
    for file in (tree.root / "proc/5000").iterdir():
        file.unlink()
    tree.plug(inner, 2)    # anything that makes it look anew
    seen = sampler.sample(SECOND)
    assert (seen.gone, dict(seen.samples), len(seen.counters), sampler.uuids()) == (["uuid"], {}, 0, set())


def test_a_guest_that_ends_while_its_files_are_opened_is_gone(tree: Tree) -> None:
    found = tree.find()
    assert found is not None
    (tree.root / "proc/5001/schedstat").unlink()
    watch = Watch()
    with pytest.raises(ServerGone):
        GuestFiles("uuid", "start", found, tree.root / "proc", watch)
    watch.close()
