"""The libvirt backend on real guests: what it sees, what it sets, and what it bears."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm.engine.accounting import account
from hpm.engine.windows import ServerWindow, window
from hpm.errors import InvalidValue, ServerGone
from tests.lab import Guest, Lab
from tests.lab.errors import wait_until

libvirt = pytest.importorskip("libvirt", reason="Python's libvirt module is not installed")

from hpm.backend.libvirt_host import LibvirtHypervisor  # noqa: E402
from hpm.backend.topology import read_topology  # noqa: E402

pytestmark = pytest.mark.lab


@pytest.fixture
def host(lab: Lab) -> Iterator[LibvirtHypervisor]:
    hypervisor = LibvirtHypervisor("qemu:///system")
    yield hypervisor
    hypervisor.close()


@pytest.fixture
def spinner(lab: Lab) -> Iterator[Guest]:
    guest = lab.tiny("host-spinner", vcpus=2, load="spin", title="The spinner", metadata_os="http://debian.org/debian/12")
    yield guest
    guest.destroy()


def seen(host: LibvirtHypervisor, uuid: str, seconds: float = 1.0) -> ServerWindow:
    """What a guest did in a window of its own (time that it runs, not a wait for a state)."""
    before = account(None, host.observe())
    time.sleep(seconds)
    return window(before, account(before, host.observe())).servers[uuid]


def test_a_guest_is_seen_as_it_is(host: LibvirtHypervisor, spinner: Guest) -> None:
    sample = wait_until(lambda: host.observe().samples.get(spinner.uuid), 5, "the guest is seen")
    info = host.observe().infos[spinner.uuid]
    assert (info.name, info.status, info.vcpus) == (spinner.name, "running", 2)
    assert info.facts["title"] == "The spinner"
    assert (info.facts["os-type"], info.facts["os-name"], info.facts["os-level"]) == ("linux", "debian", "12")
    assert list(sample.threads) == spinner.vcpu_tids()
    assert sample.shares == spinner.cpu_shares()
    assert sample.quota_us is None
    assert seen(host, spinner.uuid).using > 0.5


def test_where_its_memory_is(host: LibvirtHypervisor, spinner: Guest) -> None:
    wait_until(lambda: host.observe().samples.get(spinner.uuid), 5, "the guest is seen")
    nodes = host.memory_nodes([spinner.uuid, "00000000-0000-4000-8000-000000000000"])
    status = Path(f"/proc/{spinner.pid}/status").read_text()
    private = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssAnon"))
    assert list(nodes) == [spinner.uuid]
    assert nodes[spinner.uuid].keys() <= set(read_topology(Path("/")).nodes)
    assert sum(nodes[spinner.uuid].values()) == pytest.approx(private, rel=0.2)


def test_where_files_are_not_ours_libvirt_is_asked(lab: Lab, spinner: Guest, tmp_path: Path) -> None:
    """A root that shows no cgroup of the cpu controller, and no guest's processes."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mounts").write_text("proc /proc proc rw 0 0\n")
    for name in ("proc/stat", "proc/sys", "run"):
        (tmp_path / name).symlink_to(f"/{name}")
    host = LibvirtHypervisor("qemu:///system", tmp_path)
    try:
        sample = wait_until(lambda: host.observe().samples.get(spinner.uuid), 5, "the guest is seen")
        assert (sample.parent, len(sample.threads), sample.shares) == ("libvirt", 2, spinner.cpu_shares())
        assert seen(host, spinner.uuid, 2.0).using > 0.5
        host.set_cpu_shares(spinner.uuid, sample.start, 3210)
        assert (spinner.cpu_shares(), host.observe().samples[spinner.uuid].shares) == (3210, 3210)
    finally:
        host.close()


def test_shares_and_quota_are_set_and_read_back(host: LibvirtHypervisor, spinner: Guest) -> None:
    sample = wait_until(lambda: host.observe().samples.get(spinner.uuid), 5, "the guest is seen")
    host.set_cpu_shares(spinner.uuid, sample.start, 4096)
    assert spinner.cpu_shares() == 4096
    assert spinner.domain.schedulerParameters()["cpu_shares"] == 4096
    host.set_cpu_quota(spinner.uuid, sample.start, 30000)
    capped = host.observe().samples[spinner.uuid]
    assert (capped.shares, capped.quota_us, capped.period_us) == (4096, 30000, 100000)
    throttled = seen(host, spinner.uuid, 2.0)
    assert throttled.using == pytest.approx(0.3, abs=0.06)
    assert throttled.throttled > 0.3
    host.set_cpu_quota(spinner.uuid, sample.start, None)
    assert host.observe().samples[spinner.uuid].quota_us is None
    with pytest.raises(InvalidValue):
        host.set_cpu_shares(spinner.uuid, sample.start, 0)
    with pytest.raises(ServerGone):
        host.set_cpu_shares(spinner.uuid, "another start", 100)


def test_a_quota_set_by_an_administrator_is_seen(host: LibvirtHypervisor, spinner: Guest) -> None:
    wait_until(lambda: host.observe().samples.get(spinner.uuid), 5, "the guest is seen")
    spinner.domain.setSchedulerParametersFlags({"global_quota": 50000}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    wait_until(lambda: host.observe().samples[spinner.uuid].quota_us == 50000, 5, "the quota is seen")
    assert host.observe().infos[spinner.uuid].constraint is None
    spinner.domain.setSchedulerParametersFlags({"vcpu_quota": 50000}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    wait_until(lambda: host.observe().infos[spinner.uuid].constraint == "own-quota", 5, "a vCPU's quota is seen")


def test_pause_resume_and_end_are_told_by_events(host: LibvirtHypervisor, spinner: Guest) -> None:
    told: list[float] = []
    host.on_change(lambda: told.append(time.monotonic()))
    wait_until(lambda: host.observe().samples.get(spinner.uuid), 5, "the guest is seen")
    spinner.domain.suspend()
    wait_until(lambda: host.observe().infos[spinner.uuid].status == "paused", 5, "the pause is seen")
    assert seen(host, spinner.uuid).activity == "paused"
    spinner.domain.resume()
    wait_until(lambda: host.observe().infos[spinner.uuid].status == "running", 5, "it runs again")
    start = host.observe().samples[spinner.uuid].start
    spinner.destroy()
    wait_until(lambda: spinner.uuid not in host.observe().infos, 5, "the end is seen")
    assert spinner.uuid not in host.observe().samples
    assert len(told) >= 3
    with pytest.raises(ServerGone):
        host.set_cpu_shares(spinner.uuid, start, 1000)


def test_plugged_vcpus_are_noticed_without_any_event(lab: Lab, host: LibvirtHypervisor) -> None:
    guest = lab.tiny("host-plug", vcpus=1, max_vcpus=3, load="spin")
    try:
        wait_until(lambda: host.observe().samples.get(guest.uuid), 5, "the guest is seen")
        before = account(None, host.observe())
        guest.domain.setVcpusFlags(3, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        wait_until(lambda: len(host.observe().samples[guest.uuid].threads) == 3, 5, "three vCPUs are seen")
        after = account(before, host.observe())
        assert window(before, after).servers[guest.uuid].vcpus == 3
        assert list(host.observe().samples[guest.uuid].threads) == guest.vcpu_tids()
    finally:
        guest.destroy()


def test_the_guest_agent_tells_hostname_and_system(lab: Lab, host: LibvirtHypervisor) -> None:
    guest = lab.linux("host-agent", load="idle", agent=True, memory_mib=192, hostname="db1.example")
    try:
        facts = wait_until(
            lambda: (info := host.observe().infos.get(guest.uuid)) and "hostname" in info.facts and info.facts,
            30, "the agent's answer",
        )  # fmt: skip
        assert facts["hostname"] == "db1.example"
    finally:
        guest.destroy()


def test_a_guest_that_vanishes_in_the_middle_is_no_error(lab: Lab, host: LibvirtHypervisor) -> None:
    guests = [lab.tiny(f"host-gone{n}", load="halt") for n in range(3)]
    uuids = [guest.uuid for guest in guests]
    wait_until(lambda: all(u in host.observe().samples for u in uuids), 5, "all are seen")
    for guest in guests:
        guest.destroy()
        host.observe()
    wait_until(lambda: not any(u in host.observe().infos for u in uuids), 5, "all are gone")


def test_many_observations_leave_no_files_behind(lab: Lab, host: LibvirtHypervisor) -> None:
    from pathlib import Path

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def sampled(uuid: str) -> bool:
        sections = host.extras().sections.get(uuid)
        return sections is not None and sections.devices_sampled is not None

    before = 0
    for number in range(6):
        guest = lab.tiny(f"host-fd{number}", load="halt")
        wait_until(lambda g=guest: host.observe().samples.get(g.uuid) and sampled(g.uuid), 10, "the guest is sampled")
        guest.destroy()
        wait_until(lambda g=guest: g.uuid not in host.observe().infos, 5, "the guest is gone")
        if number == 0:
            before = open_files()    # all connections have been made
    assert open_files() <= before + 2
