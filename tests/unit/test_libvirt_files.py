"""A host with libvirt whose files of the kernel cannot be read for a while: they are read as soon as they can be."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from hpm.backend.host_files import HostFiles
from hpm.backend.libvirt_host import LibvirtHypervisor
from hpm.manager.actuator import Actuator
from hpm.manager.controls import changing
from hpm.store.database import Database
from hpm.store.journal import Journal, JournalEntry
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
    wait_until(lambda: ONE in host.extras().processes.uuids, 30.0, "it is sampled")


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
    wait_until(lambda: ONE in host.observe().samples, 30.0, "it is seen again")
    # The journal would forget what hpm changed of another start.
    assert seen | {host.observe().samples[ONE].start} == {start}
    assert host.observe().samples[ONE].pid == PID


@pytest.mark.parametrize("text", [None, "", "none"])
def test_where_libvirt_s_note_of_a_guest_is_lost_what_hpm_has_to_put_back_is_not_forgotten(
    host: LibvirtHypervisor, root: Path, caplog: pytest.LogCaptureFixture, text: str | None
) -> None:
    start = host.observe().samples[ONE].start
    host.close()
    note = root / "run/libvirt/qemu/one.pid"
    note.unlink() if text is None else note.write_text(text)
    journal = Journal(Database(root / "hpm.db"))
    journal.put([JournalEntry(ONE, "cpu-shares", start, "300", "100", "100")])
    again = LibvirtHypervisor(f"test://{root / 'host.xml'}", root)    # hpm is started anew
    try:
        actuator = Actuator(again, journal)
        again._inventory.touch(ONE)
        for _ in range(10):
            actuator.notice(again.observe())
            assert ONE not in again.observe().samples
            time.sleep(0.01)
        assert "stays in the journal" in actuator.restore(again.observe())[0]
        assert journal.get(ONE, "cpu-shares") is not None
        assert [record.getMessage().count(str(note)) for record in caplog.records].count(1) == 1    # said once
        note.write_text(str(PID))
        again._inventory.touch(ONE)
        wait_until(lambda: ONE in again.observe().samples, 5.0, "it is seen again")
        actuator.notice(again.observe())
        assert again.observe().samples[ONE].start == start
        entry = journal.get(ONE, "cpu-shares")
        assert entry is not None and entry.original == "300"
    finally:
        again.close()


@pytest.mark.parametrize("own", [-1, 250000, 18446744073709551])
def test_the_quota_of_a_guest_whose_files_are_not_ours_is_known_and_put_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, own: int
) -> None:
    told = {"cpu_shares": 1024, "global_quota": own, "global_period": 100000}
    stats = {"vcpu.maximum": 1, "vcpu.0.time": 5}
    monkeypatch.setattr(libvirt.virDomain, "schedulerParametersFlags", lambda _domain, _flags: dict(told))
    monkeypatch.setattr(
        libvirt.virDomain, "setSchedulerParametersFlags", lambda _domain, wanted, _flags: told.update(wanted)
    )
    monkeypatch.setattr(
        libvirt.virConnect, "domainListGetStats", lambda _conn, domains, *_: [(one, stats) for one in domains]
    )
    shutil.rmtree(root / "run")
    host: LibvirtHypervisor = request.getfixturevalue("host")
    journal = Journal(Database(root / "hpm.db"))
    actuator = Actuator(host, journal)
    sample = host.observe()
    assert sample.samples[ONE].quota_us == (own if own == 250000 else None)
    assert not actuator.apply([changing(sample, ONE, "cpu-quota", "50000 100000")])
    assert host.observe().samples[ONE].quota_us == told["global_quota"] == 50000
    assert not actuator.notice(host.observe())
    assert actuator.restore(host.observe()) and not journal.entries
    assert told["global_quota"] == (own if own == 250000 else -1)


def test_a_guest_that_was_started_anew_has_not_the_shares_of_its_earlier_start(
    root: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    told, stats = {"cpu_shares": 1024}, {"vcpu.maximum": 1, "vcpu.0.time": 5}
    monkeypatch.setattr(libvirt.virDomain, "schedulerParametersFlags", lambda _domain, _flags: dict(told))
    monkeypatch.setattr(libvirt.virDomain, "setSchedulerParametersFlags", lambda *_: 0)
    monkeypatch.setattr(
        libvirt.virConnect, "domainListGetStats", lambda _conn, domains, *_: [(one, stats) for one in domains]
    )
    shutil.rmtree(root / "run")
    host: LibvirtHypervisor = request.getfixturevalue("host")
    start = host.observe().samples[ONE].start
    host.set_cpu_shares(ONE, start, 4000)
    assert host.observe().samples[ONE].shares == 4000
    told.clear()    # libvirt does not know yet

    def anew(conn: Any) -> None:
        domain = conn.lookupByUUIDString(ONE)
        domain.destroy()
        domain.create()

    host._inventory._reading.call(anew, "a start that is seen only when it is done")
    host._inventory.touch(ONE)
    wait_until(lambda: host.observe().samples[ONE].start != start, 5.0, "the new start is seen")
    assert host.observe().samples[ONE].shares is None


def test_a_server_that_was_saved_and_goes_on_with_what_was_set_of_it_is_known(
    host: LibvirtHypervisor, root: Path
) -> None:
    def seen(deed: Callable[[Any], object], status: str) -> bool:
        host._inventory._reading.call(deed, "a deed of somebody else")
        host._inventory.touch(ONE)
        wait_until(lambda: host.observe().infos[ONE].status == status, 5.0, f"it is seen to be {status}")
        return host.observe().infos[ONE].carried

    saved = str(root / "one.saved")
    assert not host.observe().infos[ONE].carried
    assert seen(lambda conn: conn.lookupByName("one").save(saved), "shut-off")
    assert seen(lambda conn: conn.restore(saved), "running")
    assert not seen(lambda conn: conn.lookupByName("one").destroy(), "shut-off")
    assert not seen(lambda conn: conn.lookupByName("one").create(), "running")
    assert seen(lambda conn: conn.lookupByName("one").managedSave(0), "shut-off")
    assert not seen(lambda conn: (conn.lookupByName("one").managedSaveRemove(0), conn.lookupByName("one").create()),
                    "running")  # fmt: skip


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
