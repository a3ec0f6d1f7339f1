"""Memory of a host with libvirt: KSM's files, limits of the guests' cgroup, and what a domain's XML says."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hpm.backend.domain_xml import parse
from hpm.backend.hypervisor import check_balloon, check_io_limits, check_ksm
from hpm.backend.ksm import Ksm
from hpm.backend.machine_slice import MachineSlice
from hpm.engine.samples import MemoryFacts, MemoryLimit
from hpm.errors import HypervisorError, InvalidValue
from hpm.memory.state import KsmSettings

GIB = 1 << 30
KSM = {
    "run": 0, "pages_to_scan": 100, "sleep_millisecs": 20, "merge_across_nodes": 1, "pages_shared": 7,
    "pages_sharing": 70, "pages_unshared": 9, "pages_volatile": 3, "full_scans": 5, "general_profit": -640,
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "sys/kernel/mm/ksm"
    folder.mkdir(parents=True)
    for name, value in KSM.items():
        (folder / name).write_text(f"{value}\n")
    return tmp_path


def written(root: Path) -> dict[str, int]:
    return {path.name: int(path.read_text()) for path in (root / "sys/kernel/mm/ksm").iterdir()}


def test_ksm_is_read_and_only_what_differs_is_written(root: Path) -> None:
    ksm = Ksm(root)
    assert ksm.why_not is None
    found = ksm.read()
    assert found is not None
    assert (found.run, found.pages_sharing, found.full_scans, found.general_profit) == (0, 70, 5, -640)
    ksm.write(KsmSettings(1, 500, 20, 1))
    assert written(root) == {**KSM, "run": 1, "pages_to_scan": 500}


def test_a_kernel_without_some_of_the_files(root: Path) -> None:
    for name in ("general_profit", "merge_across_nodes"):
        (root / "sys/kernel/mm/ksm" / name).unlink()
    found = Ksm(root).read()
    assert found is not None
    assert (found.general_profit, found.merge_across_nodes) == (None, 1)


def test_a_kernel_without_ksm_says_so(tmp_path: Path) -> None:
    ksm = Ksm(tmp_path)
    assert ksm.read() is None
    assert "no KSM" in (ksm.why_not or "")
    with pytest.raises(HypervisorError, match="no KSM"):
        ksm.write(KsmSettings(1, 100, 20, 1))


def test_nodes_are_set_after_all_was_unmerged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel answers EBUSY while pages are merged."""
    steps: list[tuple[str, int]] = []
    write = Ksm._write

    def kernel(self: Ksm, name: str, value: int) -> None:
        steps.append((name, value))
        if name == "merge_across_nodes" and ("run", 2) not in steps:
            raise OSError(errno.EBUSY, "pages are merged")
        write(self, name, value)

    monkeypatch.setattr(Ksm, "_write", kernel)
    Ksm(root).write(KsmSettings(1, 100, 20, 0))
    assert steps == [("merge_across_nodes", 0), ("run", 2), ("merge_across_nodes", 0), ("run", 1)]
    assert written(root)["merge_across_nodes"] == 0


def test_what_the_kernel_refuses_in_part_is_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would count as set by an administrator, and never be put back."""
    ksm = Ksm(root)
    write, before = Ksm._write, ksm.read()

    def busy(self: Ksm, name: str, value: int) -> None:
        if name == "merge_across_nodes":
            raise OSError(errno.EBUSY, "busy")    # the kernel had no memory to take all pages apart
        write(self, name, value)

    monkeypatch.setattr(Ksm, "_write", busy)
    assert before is not None
    with pytest.raises(HypervisorError, match="KSM could not be set"):
        ksm.write(KsmSettings(1, 200, 20, 1 - before.merge_across_nodes))
    assert ksm.read() == before


def test_pages_are_left_to_the_kernels_advisor_while_it_is_on(root: Path) -> None:
    """advisor_mode names all modes, the one in force in brackets; with another one than none the kernel answers EINVAL
    to any number of pages."""
    mode = root / "sys/kernel/mm/ksm/advisor_mode"
    mode.write_text("none [scan-time]\n")
    ksm = Ksm(root)
    found = ksm.read()
    assert found is not None and found.advised
    ksm.write(KsmSettings(1, 500, 40, 1))    # such as it was before the advisor was switched on
    ksm.write(KsmSettings(1, None, 40, 0))
    mode.unlink()
    assert written(root) == {**KSM, "run": 1, "sleep_millisecs": 40, "merge_across_nodes": 0}
    mode.write_text("[none] scan-time\n")
    found = ksm.read()
    assert found is not None and not found.advised
    ksm.write(KsmSettings(1, 500, 40, 0))
    ksm.write(KsmSettings(0, None, 40, 0))    # the advisor has been switched off since: what is there stays
    mode.unlink()
    assert written(root) == {**KSM, "pages_to_scan": 500, "sleep_millisecs": 40, "merge_across_nodes": 0}


@pytest.mark.parametrize("wanted", [(3, 1, 1, 0), (1, -1, 1, 0), (1, 1, -1, 0), (1, 1, 1, 2), (1, 1 << 40, 1, 0)])
def test_what_the_kernel_would_refuse_is_refused(wanted: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValue):
        check_ksm(KsmSettings(*wanted))


def test_balloons_and_limits_are_checked() -> None:
    with pytest.raises(InvalidValue):
        check_balloon(4096)
    with pytest.raises(InvalidValue):
        check_io_limits({"read_bytes_sec": -1})
    with pytest.raises(InvalidValue):
        check_io_limits({"colour": 1})
    check_balloon(1 << 30)
    check_io_limits({"read_bytes_sec": 0})


def cgroup(root: Path, place: str, **files: str) -> None:
    folder = root / "sys/fs/cgroup" / place
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_a_limit_of_the_guests_cgroup_v2(tmp_path: Path) -> None:
    cgroup(tmp_path, "machine.slice", memory__max=f"{4 * GIB}\n", memory__current=f"{3 * GIB}\n",
           memory__stat=f"anon 1\ninactive_file {GIB // 2}\n")  # fmt: skip
    assert MachineSlice(tmp_path).read(64 * GIB) == MemoryLimit(4 * GIB, GIB + GIB // 2)
    assert MachineSlice(tmp_path).read(2 * GIB) is None    # more than the host has limits nobody


def test_a_limit_of_the_guests_cgroup_v1(tmp_path: Path) -> None:
    cgroup(tmp_path, "memory/machine", memory__limit_in_bytes=f"{GIB}\n", memory__usage_in_bytes=f"{2 * GIB}\n",
           memory__stat="total_inactive_file 4096\n")  # fmt: skip
    assert MachineSlice(tmp_path).read(64 * GIB) == MemoryLimit(GIB, 0)


def test_no_limit(tmp_path: Path) -> None:
    cgroup(tmp_path, "machine.slice", memory__max="max\n", memory__current="1\n", memory__stat="")
    assert MachineSlice(tmp_path).read(64 * GIB) is None
    assert MachineSlice(tmp_path / "nothing").read(64 * GIB) is None


DOMAIN = """<domain type='kvm'><name>db1</name><memory unit='MiB'>4096</memory>{more}
<metadata><ovirt-vm:vm xmlns:ovirt-vm='http://ovirt.org/vm/1.0'>{metadata}</ovirt-vm:vm></metadata>
<devices>{devices}</devices></domain>"""
BALLOON = "<memballoon model='virtio'><stats period='5'/></memballoon>"


def memory(devices: str = BALLOON, more: str = "", metadata: str = "") -> MemoryFacts:
    return parse(DOMAIN.format(devices=devices, more=more, metadata=metadata), 4).memory


def test_a_balloon_and_how_often_it_tells() -> None:
    assert memory() == MemoryFacts(balloon=True, stats_period=5)
    assert memory("<memballoon model='virtio'/>") == MemoryFacts(balloon=True)
    assert memory("<memballoon model='none'/>") == MemoryFacts() == memory("")


@pytest.mark.parametrize(("devices", "more"), [
    ("<hostdev mode='subsystem' type='pci'/>", ""), ("<hostdev mode='subsystem' type='mdev'/>", ""),
    ("<interface type='hostdev'/>", ""), ("<interface type='vdpa'/>", ""),
    ("", "<memoryBacking><locked/></memoryBacking>"), ("", "<memoryBacking><hugepages/></memoryBacking>"),
])  # fmt: skip
def test_memory_that_is_pinned(devices: str, more: str) -> None:
    assert memory(devices + BALLOON, more).pinned
    assert not memory("<hostdev mode='subsystem' type='usb'/><interface type='network'/>" + BALLOON).pinned


def test_the_least_that_a_guest_must_keep() -> None:
    assert memory(more="<memtune><min_guarantee unit='GiB'>1</min_guarantee></memtune>").minimum_bytes == GIB
    said = "<ovirt-vm:minGuaranteedMemoryMb type='int'>2048</ovirt-vm:minGuaranteedMemoryMb>"
    assert memory(metadata=said).minimum_bytes == 2 * GIB
    assert memory().minimum_bytes is None


def test_quotas_limits_and_what_a_user_may_have() -> None:
    disk = (
        "<disk type='file'><source file='/d.qcow2'/><target dev='vda'/>"
        "<iotune><read_bytes_sec>1000</read_bytes_sec><total_iops_sec>50</total_iops_sec></iotune></disk>"
        "<disk type='block'><source dev='/dev/x'/><target dev='vdb'/></disk>"
    )
    more = "<cputune><period>50000</period><quota>20000</quota></cputune>"
    text = DOMAIN.format(devices=disk, more=more, metadata="<qos><vcpuLimit>40</vcpuLimit></qos>")
    tuning = parse(text, 4).tuning
    assert (tuning.quota_us, tuning.period_us, tuning.user_limit) == (20000, 50000, 40)
    assert [(one.name, one.path, one.limits) for one in tuning.disks] == [
        ("vda", "/d.qcow2", (0, 1000, 0, 50, 0, 0)), ("vdb", "/dev/x", (0,) * 6),
    ]  # fmt: skip
    plain = parse(DOMAIN.format(devices="", more="", metadata=""), 4).tuning
    assert (plain.quota_us, plain.period_us, plain.user_limit, plain.disks) == (None, 100000, 100, ())
