"""The laboratory itself, on the real thing: what later tests and benchmarks build on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.lab import Guest, Lab, LabBusyError, LabError, fixtures
from tests.lab.errors import wait_until
from tests.lab.virt import libvirt

pytestmark = pytest.mark.lab
lab = fixtures.lab

ROOT = Path(__file__).resolve().parents[2]
SIDE_PREFIX = "hpmlabside-"  # a lab beside the one of this run, which holds the machine's lock

# Makes a guest and says so; the test kills it then.
PREDECESSOR = """
import sys, time
from pathlib import Path
from tests.lab import Lab
with Lab(prefix=sys.argv[1], directory=Path(sys.argv[2])) as lab:
    print(lab.tiny("orphan").uuid, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def no_guests_left(lab: Lab) -> Iterator[None]:
    yield
    lab.destroy_all()


def measure(guests: list[Guest], seconds: float) -> list[list[tuple[float, float]]]:
    """(using, delay) of each vCPU of each guest over a window, in CPUs."""
    begin, before = time.monotonic(), [guest.schedstat() for guest in guests]
    time.sleep(seconds)
    took, after = time.monotonic() - begin, [guest.schedstat() for guest in guests]
    return [
        [((a[0] - b[0]) / 1e9 / took, (a[1] - b[1]) / 1e9 / took) for a, b in zip(now, then, strict=True)]
        for now, then in zip(after, before, strict=True)
    ]


def using(guest: Guest, seconds: float) -> float:
    """CPUs that a guest's vCPUs used over a window, together."""
    return sum(pair[0] for pair in measure([guest], seconds)[0])


@pytest.mark.parametrize("vcpus", [1, 2, 4])
def test_every_vcpu_of_a_spinning_guest_spins(lab: Lab, vcpus: int) -> None:
    guest = lab.tiny("spin", vcpus=vcpus)
    (pairs,) = measure([guest], 1.0)
    assert len(pairs) == len(guest.vcpu_tids()) == vcpus
    # A vCPU that spins is always either running or waiting to run.
    assert all(ran + waited > 0.8 for ran, waited in pairs), pairs
    assert all(ran > 0.1 for ran, _ in pairs), pairs


def test_a_halted_guest_uses_no_cpu(lab: Lab) -> None:
    assert using(lab.tiny("halt", load="halt"), 1.0) < 0.01


def test_weights_decide_who_runs(lab: Lab) -> None:
    guests = [lab.tiny("heavy", shares=8192), *(lab.tiny(f"light{n}") for n in range(3))]
    assert [guest.cpu_shares() for guest in guests] == [8192, 1024, 1024, 1024]
    heavy, *light = [pairs[0][0] for pairs in measure(guests, 4.0)]
    # What the guests had together: two CPUs, less what the host's own processes took meanwhile. One CPU is all that
    # one vCPU can use; so on a quiet machine this is 0.98 for the heavy one and 0.33 for each other.
    together = heavy + sum(light)
    assert heavy > 0.85 * min(1, together * 8 / 11)
    others = (together - heavy) / 3
    assert all(0.65 * others < ran < 1.35 * others for ran in light), light
    assert all(heavy / ran > 2.2 for ran in light), light


def test_shares_written_to_the_cgroup_are_what_libvirt_shows(lab: Lab) -> None:
    guest = lab.tiny("written", load="halt")
    guest.set_cpu_shares_file(3333)
    assert guest.domain.schedulerParameters()["cpu_shares"] == guest.cpu_shares() == 3333


def test_many_tiny_guests(lab: Lab) -> None:
    guests = lab.many_tiny(8, "many")
    assert [guest.name for guest in guests] == [f"hpmlab-many{n}" for n in range(1, 9)]
    assert {guest.name for guest in guests} <= {domain.name() for domain in lab.conn.listAllDomains()}


def test_what_classification_looks_at(lab: Lab) -> None:
    guest = lab.tiny("named", load="halt", title="Shop <front>", metadata_os="http://debian.org/debian/12")
    assert guest.domain.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None) == "Shop <front>"
    xml = guest.domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "http://libosinfo.org/xmlns/libvirt/domain/1.0")
    assert "http://debian.org/debian/12" in xml


def test_vcpus_can_be_plugged_in(lab: Lab) -> None:
    guest = lab.tiny("plug", load="halt", max_vcpus=2)
    guest.domain.setVcpus(2)
    assert len(guest.vcpu_tids()) == 2


def test_every_vcpu_of_a_linux_guest_spins(lab: Lab) -> None:
    guest = lab.linux("linux", vcpus=2, load="spin")
    (pairs,) = measure([guest], 1.0)
    assert all(ran + waited > 0.8 and ran > 0.2 for ran, waited in pairs), pairs


@pytest.mark.parametrize(("load", "cpus"), [("periodic:2/8", 0.2), ("periodic:40/60", 0.4)])
def test_a_periodic_guest_uses_its_part_of_a_cpu(lab: Lab, load: str, cpus: float) -> None:
    (((ran, waited),),) = measure([lab.linux("periodic", load=load)], 3.0)
    # Of the time in which it did not wait for a CPU, so that other work on the host does not matter. The guest
    # kernel's timer and wake-ups come on top of the load's own work; and that is a fixed amount, calibrated at boot
    # by the fastest of many batches: on a host whose speed varies (seen: to the half), it takes longer later.
    assert 0.85 * cpus < ran / (1 - waited) < 2.2 * cpus + 0.02


def test_a_guest_that_is_busy_and_idle_in_turn(lab: Lab) -> None:
    guest = lab.linux("phases", load="busy:1,idle:1")
    wait_until(lambda: using(guest, 0.1) > 0.4, 5, "the busy phase")
    wait_until(lambda: using(guest, 0.1) < 0.1, 5, "the idle phase")
    wait_until(lambda: using(guest, 0.1) > 0.4, 5, "the next busy phase")


def test_the_balloon_gives_statistics_and_moves(lab: Lab) -> None:
    guest = lab.linux("balloon", load="idle+memory:16")
    domain = guest.domain
    stats = wait_until(lambda: (now := domain.memoryStats()).get("usable") and now, 10, "statistics of the balloon")
    assert stats["actual"] == 96 * 1024
    assert 0 < stats["unused"] <= stats["available"] < 96 * 1024

    def moved(mib: int) -> bool:
        return bool(domain.memoryStats()["actual"] == mib * 1024)

    for mib in (80, 96):
        domain.setMemory(mib * 1024)
        wait_until(partial(moved, mib), 10, f"balloon at {mib} MiB")


def test_the_agent_answers_although_the_guest_is_busy(lab: Lab) -> None:
    guest = lab.linux("agent", agent=True, load="spin", hostname="db1.example.com")

    def answer() -> str | None:
        try:
            return str(guest.domain.hostname(libvirt.VIR_DOMAIN_GET_HOSTNAME_AGENT))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_AGENT_UNRESPONSIVE:
                raise
            return None

    assert wait_until(answer, 20, "the agent") == "db1.example.com"
    info = guest.domain.guestInfo(libvirt.VIR_DOMAIN_GUEST_INFO_OS)
    assert info["os.id"] == "hpmlab"
    assert "cloud" in info["os.kernel-release"]


@pytest.mark.long
def test_memory_comes_and_goes(lab: Lab) -> None:
    guest = lab.linux("tide", load="swing:40,16,8,4", memory_mib=128)
    wait_until(lambda: "usable" in guest.domain.memoryStats(), 20, "it reports", 0.2)

    def used() -> int:
        told = guest.domain.memoryStats()
        return int(told["actual"] - told["usable"]) // 1024

    least = used()
    for turn in ("first", "second"):
        wait_until(lambda: used() > least + 34, 60, f"it grows, {turn} turn", 0.2)
        wait_until(lambda: used() < least + 6, 60, f"it frees, {turn} turn", 0.2)


def test_an_unknown_load_is_refused_and_leaves_nothing(lab: Lab) -> None:
    with pytest.raises(ValueError, match="'spin' or 'halt'"):
        lab.tiny("odd", load="dance")
    with pytest.raises(ValueError, match="unknown load 'dance'"):
        lab.linux("odd", load="spin+dance")
    assert lab.conn.listAllDomains() == []


def test_a_destroyed_guest_is_gone_and_may_be_destroyed_again(lab: Lab) -> None:
    guest = lab.tiny("gone", load="halt")
    cgroup = guest.cgroup
    guest.destroy()
    guest.destroy()
    assert not cgroup.exists()
    assert lab.conn.listAllDomains() == []
    with pytest.raises(LabError, match="does not run"):
        _ = guest.pid


def test_guests_live_on_when_libvirtd_is_killed(lab: Lab) -> None:
    guest = lab.tiny("survivor", shares=2048)
    tids = guest.vcpu_tids()
    lab.kill_libvirtd()
    with pytest.raises(LabError, match="libvirtd does not run"):
        _ = guest.domain
    assert using(guest, 0.5) > 0.3
    lab.start_libvirtd()
    assert guest.vcpu_tids() == tids
    assert guest.domain.schedulerParameters()["cpu_shares"] == 2048
    assert using(guest, 0.5) > 0.3


def test_a_second_lab_is_told_who_holds_the_machine(lab: Lab) -> None:
    code = "from tests.lab import Lab\nwith Lab(wait=0.1): pass"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    holder = Path("/run/hpm-lab/lock").read_text().strip()
    assert f"another lab runs on this machine (pid {holder}" in done.stderr


def test_what_a_killed_predecessor_left_is_cleaned(lab: Lab, tmp_path: Path) -> None:
    mine = lab.tiny("mine", load="halt")
    command = [sys.executable, "-c", PREDECESSOR, SIDE_PREFIX, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as predecessor:
        assert predecessor.stdout is not None
        orphan = predecessor.stdout.readline().strip()
        predecessor.send_signal(signal.SIGKILL)
    assert lab.conn.lookupByUUIDString(orphan).isActive()
    with Lab(prefix=SIDE_PREFIX, directory=tmp_path, wait=5):
        names = [domain.name() for domain in lab.conn.listAllDomains()]
        assert names == [mine.name]
    assert mine.domain.isActive()


def test_guests_of_the_shell_outlive_the_command(lab: Lab, tmp_path: Path) -> None:
    def shell(*words: str) -> str:
        side = ["--prefix", SIDE_PREFIX, "--directory", str(tmp_path)]
        command = [sys.executable, "-m", "tests.lab", *side, *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    def names() -> list[str]:
        return sorted(domain.name() for domain in lab.conn.listAllDomains())

    shell("start", "one", "--load", "spin", "--vcpus", "2")
    shell("start", "two", "--load", "halt", "--shares", "512")
    both = [f"{SIDE_PREFIX}one", f"{SIDE_PREFIX}two"]
    assert names() == both
    lines = shell("list").splitlines()
    assert [line.split()[0] for line in lines] == both
    assert "2 vCPU" in lines[0]
    assert "512 shares" in lines[1]
    with pytest.raises(LabBusyError, match=r"one, .*two.*clean"), Lab(prefix=SIDE_PREFIX, directory=tmp_path):
        pass
    assert names() == both
    shell("stop", "one")
    assert names() == both[1:]
    shell("clean")
    assert names() == []
