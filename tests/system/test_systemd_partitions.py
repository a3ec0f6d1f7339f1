"""Partitions on a host with systemd and cgroup v2: slices, in an emulated machine. Figures scatter there, and asserts
are loose; what is in force is read from the kernel inside, and from systemd."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.host import Host, HostGuest
from tests.host.manager import HostManager
from tests.host.requirements import missing
from tests.lab.errors import LabError, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.long]

TRIES = 3
GOLD, SILVER = "/machine/gold", "/machine/silver"
SLICES = "/sys/fs/cgroup/machine.slice"


def test_partitions_are_slices_of_systemd() -> None:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    for number in range(1, TRIES + 1):
        with Host() as host:
            try:
                with HostManager(host) as manager:
                    _partitions(host, manager)
                return
            except (LabError, AssertionError) as error:
                if host.usable:
                    raise
                print(f"try {number} of {TRIES} has no result, because the emulated machine failed:\n{error}")
    pytest.fail(f"no result: the emulated machine failed in each of {TRIES} tries; see above for how")


def _partitions(host: Host, manager: HostManager) -> None:
    def said(partition: str, file: str) -> str:
        unit = f"machine-{partition}.slice"
        return str(host.run(["cat", f"{SLICES}/{unit}/{file}"]).stdout.strip())

    def status(partition: str) -> str:
        unit = f"machine-{partition}.slice"
        return str(host.run(["systemctl", "is-active", unit], check=False).stdout.strip())

    manager.hpm("partition-define", GOLD, "--shares", "300", "--cap", "0.5", "--create")
    assert (status("gold"), said("gold", "cpu.weight"), said("gold", "cpu.max")) == ("active", "300", "50000 100000")
    host.run("systemctl daemon-reload")
    assert (said("gold", "cpu.weight"), said("gold", "cpu.max")) == ("300", "50000 100000")

    # a cap over all of its guests together
    gold = [host.guest(f"gold{number}", partition=GOLD) for number in range(3)]
    wait_until(lambda: len(_shown(manager, GOLD)["virtual-servers"]) == 3, 60, "the guests are seen", 0.5)
    together = sum(_used(host, gold, 20.0))
    print(f"capped at 0.5 CPUs, three guests used {together:.3f}")
    assert together == pytest.approx(0.5, abs=0.03)
    refused = manager.hpm("partition-destroy", GOLD, check=False)
    assert refused.exit == 1 and "gold0" in refused.stderr

    # weights: 3:1, with 2 guests and 1
    manager.hpm("partition-update", GOLD, "--cap", "none", "--cpus", "0")
    assert (said("gold", "cpu.max").split()[0], said("gold", "cpuset.cpus")) == ("max", "0")
    gold.pop().destroy()
    manager.hpm("partition-define", SILVER, "--shares", "100", "--cpus", "0", "--create")
    silver = host.guest("silver0", partition=SILVER)
    *of_gold, of_silver = _used(host, [*gold, silver], 20.0)
    part = sum(of_gold) / (sum(of_gold) + of_silver)
    print(f"3:1 came out as {sum(of_gold):.3f}:{of_silver:.3f}")
    assert part == pytest.approx(0.75, abs=0.05)

    # hpm is gone and comes back; what is in force stays, what somebody else changes is told
    manager.kill()
    manager.start()
    assert _shown(manager, GOLD)["drift"] == []
    host.run(["systemctl", "set-property", "--runtime", "machine-gold.slice", "CPUWeight=77", "MemoryMax=900M"])
    wait_until(lambda: _shown(manager, GOLD)["drift"] == ["cpu.shares"], 60, "the drift is seen", 0.5)
    manager.hpm("partition-update", GOLD, "--hard-limit", "800", "--soft-limit", "700", "--shares", "300")
    assert (said("gold", "memory.max"), said("gold", "memory.high")) == (str(800 << 20), str(700 << 20))

    # empty, it is destroyed, and created again by the next hpm, as it is defined
    for guest in (*gold, silver):
        guest.destroy()
    wait_until(lambda: manager.hpm("partition-destroy", GOLD, check=False).exit == 0, 60, "it is destroyed", 0.5)
    assert status("gold") in ("inactive", "unknown")
    manager.kill()
    manager.start()
    assert (status("gold"), said("gold", "cpu.weight"), said("gold", "cpuset.cpus")) == ("active", "300", "0")
    manager.hpm("partition-destroy", GOLD)
    manager.hpm("partition-undefine", GOLD)
    assert [one["path"] for one in manager.json("partition-list")["partitions"]] == ["/machine", SILVER]


def _shown(manager: HostManager, path: str) -> dict[str, object]:
    found: dict[str, object] = manager.json("partition-show", path)
    return found


def _used(host: Host, guests: Sequence[HostGuest], seconds: float) -> list[float]:
    """CPUs that each guest uses in a window, by the clock inside."""
    before = host.read(guests)
    host.run(["sleep", str(seconds)], seconds=120)
    after = host.read(guests)
    took = after.time - before.time
    return [(now - then) / took for now, then in zip(after.using, before.using, strict=True)]
