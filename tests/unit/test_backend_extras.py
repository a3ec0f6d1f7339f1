"""Figures sampled in the background: of processes from the kernel's files, of silent guests, of a simulated host."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm.backend.cgroups import GuestCgroup
from hpm.backend.extras import BALLOON, PROCESSES
from hpm.backend.pacing import Background
from hpm.backend.patience import FIRST_REST, Patience
from hpm.backend.processes import Processes
from hpm.backend.simulated import Scenario, ServerSpec, SimulatedHypervisor, Spin, uuid_of
from tests.lab.errors import wait_until

PID = 4242
SECOND = 1_000_000_000


def host_files(root: Path, mounts: str, cgroup: str) -> Path:
    """Files of a host with one QEMU process, that has used 15 s and 3 s and has 1000 pages."""
    process = root / f"proc/{PID}"
    process.mkdir(parents=True)
    (root / "proc/self").mkdir()
    (root / "proc/self/mounts").write_text(mounts)
    (process / "cgroup").write_text(cgroup)
    (process / "statm").write_text("90000 1000 300 100 0 5000 0\n")
    (process / "stat").write_text(f"{PID} (qemu) x) S 1 1 1 0 -1 0 0 0 0 0 1500 300 0 0 20 0 3 0 77 0 0\n")
    return root


def figures(root: Path, cgroup: GuestCgroup | None = None) -> dict[str, float | None]:
    """What is sampled of that process."""
    processes = Processes(root, time.monotonic_ns, 0.05)
    processes.adopt("u", "start", PID, cgroup)
    processes.background.start()
    try:
        wait_until(lambda: "u" in processes.table.uuids, 5, "it is sampled")
        return {name: processes.table.value("u", name) for name in PROCESSES}
    finally:
        processes.close()


def test_cpu_time_of_a_process_in_no_cgroup_of_its_own(tmp_path: Path) -> None:
    found = figures(host_files(tmp_path, "proc /proc proc rw 0 0\n", "0::/user.slice\n"))
    assert (found["user_seconds"], found["system_seconds"], found["resident_bytes"]) == (15, 3, 1000 * 4096)
    assert found["pressure_some_seconds"] is None


def test_cpu_time_of_a_guest_in_cgroup_v1(tmp_path: Path) -> None:
    root = host_files(
        tmp_path, "cgroup /sys/acct cgroup rw,cpuacct 0 0\n", "4:cpuacct:/machine/qemu-1-db.libvirt-qemu/emulator\n"
    )
    guest = root / "sys/acct/machine/qemu-1-db.libvirt-qemu"
    guest.mkdir(parents=True)
    (guest / "cpuacct.stat").write_text("user 4200\nsystem 700\n")
    found = figures(root)
    assert (found["user_seconds"], found["system_seconds"]) == (42, 7)


@pytest.mark.parametrize("psi", [True, False])
def test_cpu_time_and_pressure_of_a_guest_in_cgroup_v2(tmp_path: Path, psi: bool) -> None:
    own = "0::/machine.slice/x.scope/libvirt/emulator\n"
    root = host_files(tmp_path, "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", own)
    scope = root / "sys/fs/cgroup/machine.slice/x.scope"
    scope.mkdir(parents=True)
    (scope / "cpu.stat").write_text("usage_usec 9000000\nuser_usec 6500000\nsystem_usec 2500000\nnr_periods 0\n")
    if psi:
        (scope / "cpu.pressure").write_text(
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n"
            "full avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n"
        )
    found = figures(root, GuestCgroup(2, scope, scope / "libvirt", "machine.slice"))
    assert (found["user_seconds"], found["system_seconds"]) == (6.5, 2.5)
    pressure = (found["pressure_some_seconds"], found["pressure_full_seconds"])
    assert pressure == ((1.5, 0.25) if psi else (None, None))


def test_a_process_that_ends_is_sampled_no_more(tmp_path: Path) -> None:
    processes = Processes(host_files(tmp_path, "", "0::/\n"), time.monotonic_ns, 0.05)
    processes.adopt("u", "first", PID, None)
    processes.adopt("gone", "first", PID + 1, None)    # it had ended before
    processes.background.start()
    try:
        wait_until(lambda: processes.table.uuids == ("u",), 5, "it is sampled")
        processes.keep(set())
        wait_until(lambda: processes.table.uuids == (), 5, "it is gone")
    finally:
        processes.close()


def test_a_pass_rests_a_hundred_times_as_long_as_it_works_and_bears_errors() -> None:
    begun: list[float] = []

    def work() -> Iterator[float]:
        begun.append(time.monotonic())
        yield 0.001
        if len(begun) == 2:
            raise OSError("something of the host is not as it should be")

    background = Background("test", 0.0, work, time.monotonic_ns)
    background.start()
    wait_until(lambda: len(begun) >= 4, 10, "passes go on")
    background.close()
    assert all(later - earlier >= 0.099 for earlier, later in itertools.pairwise(begun))


def test_a_server_whose_call_hangs_is_left_in_peace_longer_each_time() -> None:
    now = [0]
    patience = Patience(lambda: now[0], 2)
    for rest in (FIRST_REST, 2 * FIRST_REST):
        attempt = patience.attempt()
        assert attempt is not None
        answered = threading.Event()
        thread = threading.Thread(target=lambda a=attempt, e=answered: a.run(e.wait))    # type: ignore[misc]
        thread.start()
        wait_until(lambda a=attempt: a.hangs, 5, "the call has begun")    # type: ignore[misc]
        patience.gave_up(attempt)
        patience.silent("u", attempt)
        now[0] += 3600 * SECOND
        assert (patience.may_ask("u"), patience.may_ask("other")) == (False, True)
        answered.set()
        thread.join()
        now[0] += int(rest * SECOND) - 1
        assert not patience.may_ask("u")
        now[0] += 1
        assert patience.may_ask("u")
    assert patience.silences == {"u": 0}
    patience.answered(["u"])
    assert (patience.silences, patience.may_ask("u")) == ({}, True)


def test_no_more_calls_are_made_while_too_many_hang() -> None:
    patience = Patience(time.monotonic_ns, 1)
    answered = threading.Event()
    attempt = patience.attempt()
    assert attempt is not None
    thread = threading.Thread(target=lambda: attempt.run(answered.wait))
    thread.start()
    wait_until(lambda: attempt.hangs, 5, "the call has begun")
    patience.gave_up(attempt)
    assert patience.attempt() is None
    answered.set()
    thread.join()
    assert patience.attempt() is not None


def test_a_simulated_guest_whose_calls_hang_keeps_its_figures_and_all_others_are_fresh() -> None:
    specs = tuple(ServerSpec(name=name, load=Spin(), memory_mib=2048) for name in ("a", "b"))
    host = SimulatedHypervisor(Scenario(cores=2, servers=specs))
    a, b = uuid_of("a"), uuid_of("b")
    host.set_interval(3.0)
    first = host.extras()
    assert host.extras() is first
    host.faults.hanging = {a}
    host.advance(60.0)
    host.observe()
    later = host.extras()
    assert later.balloon.taken(a) == first.balloon.taken(a)
    assert later.balloon.taken(b) == later.processes.taken(a) == host.now_ns
    assert [later.balloon.value(a, name) for name in BALLOON] == [first.balloon.value(a, name) for name in BALLOON]
    assert later.balloon.value(b, "unused_bytes") != first.balloon.value(b, "unused_bytes")
    assert later.processes.value(a, "user_seconds") == pytest.approx(60.6, rel=0.05)
    host.faults.hanging = set()
    host.advance(3.0)
    assert host.extras().balloon.taken(a) == host.now_ns
    host.restart(a)
    host.faults.hanging = {a}
    assert host.extras().balloon.value(a, "unused_bytes") is None
    host.stop(b)
    assert host.extras().balloon.uuids == (a,)
