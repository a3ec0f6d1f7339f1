"""A libvirtd that hangs (SIGSTOP): goals are held on, clients are answered, hpm takes its hands off and ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.lab import Guest, Lab
from tests.lab.errors import wait_until
from tests.running import ManagerProcess
from tests.system.goals import group_of, policy, shares_of

pytestmark = pytest.mark.lab

SECONDS = 1.0
ORIGINAL = (1024, 333, 2048)
DAY = ((70, "highest"), (50, "high"), (None, "low"))
NIGHT = ((None, "low"), (50, "high"), (70, "highest"))
BASE = "http://hpm/zhpm/wsapi/v1"
READ = (
    "/version", "/settings", "/workload-resource-groups/detail", "/virtual-servers/detail", "/virtual-servers/sync",
    "/metrics/calculated/virtual-servers", "/metrics/prometheus", "/dynamic-resource-adjustments", "/activity-log",
    "/partitions",
)  # fmt: skip
#: Seconds in which every reader is answered; for a stop.
READING, STOPPING = 1.0, 20.0


@pytest.fixture(scope="module")
def guests(lab: Lab) -> Iterator[list[Guest]]:
    started = [lab.tiny(f"hung{n}", vcpus=2, load="spin", shares=s) for n, s in enumerate(ORIGINAL)]
    yield started
    for guest in started:
        guest.destroy()


def slowest_read(manager: ManagerProcess, seconds: float) -> tuple[float, int]:
    """Ask again and again for so long; gives the seconds of the slowest answer, and how many there were."""
    slowest, number, end = 0.0, 0, time.monotonic() + seconds
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(manager.socket)), timeout=30.0) as client:
        while time.monotonic() < end:
            for path in READ:
                began = time.monotonic()
                assert client.get(BASE + path).status_code == 200, path
                slowest, number = max(slowest, time.monotonic() - began), number + 1
    return slowest, number


def cycles(manager: ManagerProcess) -> float:
    """Of the loop, so far."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(manager.socket)), timeout=30.0) as client:
        lines = client.get(f"{BASE}/metrics/prometheus").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("hpm_cycles_total "))


def test_a_libvirtd_that_hangs(tmp_path: Path, lab: Lab, guests: list[Guest]) -> None:
    with ManagerProcess(tmp_path, "qemu:///system", SECONDS) as manager, manager.client() as client:
        group = group_of(client, guests, DAY)
        night = policy(guests, NIGHT) | {"name": "night"}
        client.update_group(group, {"perf-policies": [policy(guests, DAY), night]})
        client.set_management_levels({"cpu-mgmt": "on"})
        wait_until(lambda: guests[0].cpu_shares() > 2 * guests[2].cpu_shares(), 10, "goals are held")
        with lab.frozen_libvirtd():
            before, began = cycles(manager), time.monotonic()
            slowest, number = slowest_read(manager, 4.0)
            assert slowest < READING
            done, took = cycles(manager) - before, time.monotonic() - began
            assert done >= 0.6 * took / SECONDS
            client.activate_policy(group, "night")
            wait_until(lambda: guests[2].cpu_shares() > 2 * guests[0].cpu_shares(), 10, "the other goals are held")
            client.set_management_levels({"cpu-mgmt": "off"})
            assert shares_of(guests) == list(ORIGINAL)
            client.set_management_levels({"cpu-mgmt": "on"})
            wait_until(lambda: guests[2].cpu_shares() > 2 * guests[0].cpu_shares(), 10, "they are held again")
            began = time.monotonic()
            manager.stop()
            assert time.monotonic() - began < STOPPING
            assert shares_of(guests) == list(ORIGINAL)
        print(f"{number} answers, the slowest in {slowest:.3f} s; {done:g} cycles in {took:.1f} s")


def test_what_cannot_be_put_back_without_libvirt_is_put_back_when_it_answers(
    tmp_path: Path, lab: Lab, guests: list[Guest]
) -> None:
    guest = guests[0]
    with ManagerProcess(tmp_path, "qemu:///system", SECONDS) as manager, manager.client() as client:
        client.update_guest_policy(guest.uuid, {"placement": {"type": "cpus", "cpus": "0"}})
        client.set_management_levels({"cpu-mgmt": "on"})
        wait_until(lambda: _cpus(guest) == "0", 10, "it is pinned")
        with lab.frozen_libvirtd():
            client.set_management_levels({"cpu-mgmt": "off"})
            assert client.management_levels().value.cpu_mgmt == "off"
            assert _cpus(guest) == "0"
            assert slowest_read(manager, 2.0)[0] < READING
        wait_until(lambda: _cpus(guest) != "0", 20, "it is put back as soon as libvirt answers")


def _cpus(guest: Guest) -> str:
    status = Path(f"/proc/{guest.pid}/task/{guest.vcpu_tids()[0]}/status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("Cpus_allowed_list"))
