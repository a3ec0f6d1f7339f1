"""A host with libvirt whose files of the kernel cannot be read for a while: they are read as soon as they can be."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from hpm.backend.host_files import HostFiles
from hpm.backend.libvirt_host import LibvirtHypervisor
from tests.lab.errors import wait_until

ONE, PID = "00000000-0000-0000-0000-000000000001", 4242
HOST = f"""<node>
  <domain type='test'><name>one</name><uuid>{ONE}</uuid><memory>8192</memory><os><type>hvm</type></os></domain>
</node>"""
STAT = "cpu  10 0 10 500 50 0 0 7 0 0\ncpu0  10 0 10 500 50 0 0 7 0 0\nintr 1\n"
SCOPE = "machine.slice/one.scope"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files of a host with cgroup v2, and of one guest with one vCPU, but for what QEMU itself takes."""
    scope, process = tmp_path / "sys/fs/cgroup" / SCOPE, tmp_path / f"proc/{PID}"
    texts = {
        tmp_path / "proc/sys/kernel/random/boot_id": "0123456789", tmp_path / "proc/stat": STAT,
        tmp_path / "proc/meminfo": "MemTotal: 2048 kB\nMemAvailable: 1024 kB\n",
        tmp_path / "proc/self/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
        tmp_path / "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
        tmp_path / "run/libvirt/qemu/one.pid": str(PID), process / "cgroup": f"0::/{SCOPE}/libvirt/emulator\n",
        process / "stat": f"{PID} (qemu) S 1 1 1 0 -1 0 0 0 0 0 1500 300 0 0 20 0 3 0 77 0 0\n",
        process / "schedstat": "1 2 3\n", scope / "cpu.weight": "100\n",
        scope / "cpu.stat": "usage_usec 9\nuser_usec 6\nsystem_usec 3\n", scope / "libvirt/cpu.max": "max 100000\n",
        scope / "libvirt/cpu.stat": "usage_usec 9\nuser_usec 6\nsystem_usec 3\n",
        scope / "libvirt/vcpu0/cgroup.threads": f"{PID}\n",
    }  # fmt: skip
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def host(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LibvirtHypervisor]:
    """Of libvirt's own test driver."""
    monkeypatch.setattr(libvirt.virConnect, "getType", lambda _conn: "QEMU")    # hpm takes no other one
    monkeypatch.setattr(libvirt.virConnect, "setKeepAlive", lambda _conn, _interval, _count: 0)    # nobody is far away
    (root / "host.xml").write_text(HOST)
    made = LibvirtHypervisor(f"test://{root / 'host.xml'}", root)
    made.set_interval(0.1)
    yield made
    made.close()


def test_a_process_whose_files_could_not_be_opened_is_sampled_once_they_can_be(
    host: LibvirtHypervisor, root: Path
) -> None:
    assert host.observe().samples[ONE].pid == PID and ONE not in host.extras().processes.uuids
    (root / f"proc/{PID}/statm").write_text("90000 1000 300 100 0 5000 0\n")
    host._inventory.touch(ONE)    # libvirt tells something of it, or a minute has passed
    wait_until(lambda: ONE in host.extras().processes.uuids, 5.0, "it is sampled")


@pytest.mark.parametrize("lacking", [errno.EMFILE, errno.ENOMEM])
def test_a_guest_whose_files_there_is_no_room_to_open_is_the_same_start_of_it_afterwards(
    host: LibvirtHypervisor, root: Path, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    def no_room(place: Path, *_: object, **__: object) -> None:
        raise OSError(lacking, os.strerror(lacking), str(place))

    start = host.observe().samples[ONE].start
    seen: set[str] = set()
    with monkeypatch.context() as full:
        full.setattr(Path, "read_text", no_room)
        host._sampler.touch(ONE)
        for _ in range(20):
            seen |= {sample.start for sample in host.observe().samples.values()}
            time.sleep(0.01)
    wait_until(lambda: ONE in host.observe().samples, 5.0, "it is seen again")
    # The journal would forget what hpm changed of another start.
    assert seen | {host.observe().samples[ONE].start} == {start}
    assert host.observe().samples[ONE].pid == PID


@pytest.mark.parametrize("text", ["", "4242 (qemu) S 1\n", "0\n"])
def test_a_process_that_reads_as_none_does_keeps_nobody_from_being_managed(
    root: Path, request: pytest.FixtureRequest, text: str
) -> None:
    stat = root / f"proc/{PID}/stat"
    good = stat.read_text()
    stat.write_text(text)
    host: LibvirtHypervisor = request.getfixturevalue("host")    # it is reached all the same
    assert host.observe().infos.keys() == {ONE}
    stat.write_text(good)
    host._inventory.touch(ONE)
    wait_until(lambda: host.observe().samples[ONE].pid == PID, 5.0, "its files are read")


def test_a_guest_is_as_old_as_it_is_also_after_the_host_slept(
    root: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept, real = 8 * 3600 * 10**9, time.clock_gettime_ns

    def clock(which: int) -> int:
        return real(time.CLOCK_MONOTONIC) + slept if which == time.CLOCK_BOOTTIME else real(which)

    monkeypatch.setattr(time, "clock_gettime_ns", clock)
    ticks = (clock(time.CLOCK_BOOTTIME) // 10**9 - 30) * os.sysconf("SC_CLK_TCK")
    stat = root / f"proc/{PID}/stat"
    stat.write_text(stat.read_text().replace(" 77 0 0", f" {ticks} 0 0"))
    host: LibvirtHypervisor = request.getfixturevalue("host")
    sample = host.observe()
    # Else one that started since is held for booting, and is not ready, for as long as the host slept.
    assert (sample.time_ns - sample.samples[ONE].started_ns) / 1e9 == pytest.approx(30, abs=10)


@pytest.mark.parametrize("error", [errno.ENOMEM, errno.EINTR, errno.EIO])
def test_memory_is_told_again_after_it_could_not_be_read_once(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    files, read, failed = HostFiles(root), os.pread, list[int]()

    def failing(file: int, size: int, offset: int) -> bytes:
        text = read(file, size, offset)
        if text.startswith(b"MemTotal") and not failed:
            failed.append(file)
            raise OSError(error, os.strerror(error))
        return text

    monkeypatch.setattr(os, "pread", failing)
    assert files.read().memory_bytes is None
    assert files.read().memory_bytes == 2048 * 1024
    files.close()
