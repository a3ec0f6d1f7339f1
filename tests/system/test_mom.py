"""A policy of MOM's language on a real guest: what it sets is set, and what it found is put back without a manager."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Guest, Lab
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

pytestmark = pytest.mark.lab

MEMORY, ROOMY = 192, 256
POLICY = """# a little of everything that a policy can set
(Host.Control "ksm_run" 1)
(Host.Control "ksm_pages_to_scan" 123)
(Host.Control "ksm_sleep_millisecs" 0)
(with Guests guest {
    (guest.Control "balloon_target" (- guest.balloon_max 40960))
    (guest.Control "vcpu_period" 50000)
    (guest.Control "vcpu_quota" 20000)
    (with guest.io_tune disk (disk.setReadBytesSec 1048576))
})
"""


@pytest.fixture
def guest(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    disk = Path("/run/hpm-lab") / "mom.raw"
    disk.write_bytes(b"\0" * (1 << 20))
    xml = f"<disk type='file'><driver name='qemu' type='raw'/><source file='{disk}'/><target dev='vda'/></disk>"
    found = lab.linux("mom", load="idle", memory_mib=MEMORY, devices=xml)
    yield found
    found.destroy()
    disk.unlink()


def ksm() -> dict[str, int]:
    folder = Path("/sys/kernel/mm/ksm")
    return {name: int((folder / name).read_text()) for name in ("run", "pages_to_scan", "sleep_millisecs")}


def test_what_a_policy_sets_is_set_and_put_back(guest: Guest, tmp_path: Path) -> None:
    before = ksm()

    def memory() -> int:
        return int(guest.domain.info()[2])

    with ManagerProcess(tmp_path, "qemu:///system", 2.0) as manager:
        file = tmp_path / "all.policy"
        file.write_text(POLICY)
        for words in (("mom-set", "all", str(file)), ("settings", "--memory-policy", "mom"),
                      ("config", "--memory-mgmt", "on")):  # fmt: skip
            assert manager.hpm(*words).returncode == 0
        wait_until(lambda: abs(memory() - (MEMORY * 1024 - 40960)) < 2048, 60, "the balloon moves")
        assert ksm() == {"run": 1, "pages_to_scan": 123, "sleep_millisecs": 10}
        parameters = guest.domain.schedulerParameters()
        assert (parameters["vcpu_quota"], parameters["vcpu_period"]) == (20000, 50000)
        assert guest.domain.blockIoTune("vda")["read_bytes_sec"] == 1048576
        explained = manager.hpm("mom-explain").stdout
        assert "all:6:6" in explained
        assert "guest.balloon_max" in explained
        manager.kill()
        restored, again = (
            manager.hpm("restore", "--connect", "qemu:///system", "--state-dir", str(tmp_path)) for _ in range(2)
        )
    assert "nothing to put back" in again.stdout, "what is put back is nobody's any more"
    assert restored.returncode == 0, restored.stderr
    assert memory() == MEMORY * 1024, "it says so when the balloon is back"
    assert ksm() == before
    parameters = guest.domain.schedulerParameters()
    assert parameters["vcpu_quota"] in (-1, 17592186044415)
    assert guest.domain.blockIoTune("vda")["read_bytes_sec"] == 0


@pytest.fixture
def roomy(lab: Lab) -> Iterator[Guest]:
    """A guest into which memory can be plugged."""
    found = lab.linux("plugged", load="idle", memory_mib=ROOMY, pluggable_mib=256)
    yield found
    found.destroy()


def test_plugged_memory_and_a_reboot_are_nobodys_hand(roomy: Guest, tmp_path: Path) -> None:
    guest, low = roomy, ROOMY - 40

    def memory() -> int:
        return int(guest.domain.info()[2]) // 1024

    with ManagerProcess(tmp_path, "qemu:///system", 2.0) as manager, manager.client() as client:
        file = tmp_path / "balloon.policy"
        file.write_text('(with Guests guest (guest.Control "balloon_target" (- guest.balloon_max 40960)))')
        for words in (("mom-set", "balloon", str(file)), ("settings", "--memory-policy", "mom"),
                      ("config", "--memory-mgmt", "on")):  # fmt: skip
            assert manager.hpm(*words).returncode == 0
        wait_until(lambda: abs(memory() - low) < 2, 60, "the balloon moves")
        guest.domain.attachDeviceFlags(
            "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>"
        )
        wait_until(lambda: client.server(guest.uuid).value.memory_original_mib == ROOMY + 128, 20, "hpm has seen it")
        boots = guest.console.count("hpmlab: ready")
        guest.domain.reset()
        wait_until(lambda: guest.console.count("hpmlab: ready") > boots, 60, "it boots anew")
        wait_until(lambda: abs(memory() - low - 128) < 2, 60, "its driver is back")
        assert client.server(guest.uuid).value.memory_management_reason == "by-policy"
        told = client.adjustments(limit=100).value.dynamic_resource_adjustments
        assert "changed-by-administrator" not in {one.reason for one in told}
        moved = [one for one in told if one.cause == "memory-policy" and (one.donors or one.receivers)]
        assert len(moved) <= 3, "what it uses is not misjudged while its balloon moves"
        client.set_management_levels({"memory-mgmt": "off"})
        wait_until(lambda: memory() == ROOMY + 128, 20, "the balloon moves back")
