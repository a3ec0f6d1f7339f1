"""Guest policies, partitions, starts and libvirt's hook on a host with systemd and cgroup v2: an emulated machine.

Figures scatter there, and asserts are loose; what is in force is read from the kernel inside, and from systemd.
"""

from __future__ import annotations

import json
import uuid as uuids
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.host import Host, HostGuest
from tests.host import guest as guests
from tests.host.guest import RUN
from tests.host.manager import HostManager
from tests.host.trial import give_goals
from tests.lab import domains
from tests.lab.errors import wait_until
from tests.system.machines import on_a_machine

pytestmark = [pytest.mark.lab, pytest.mark.long]

GOLD, SILVER, KEPT = "/machine/gold", "/machine/silver", "/machine/kept"
SLICES = "/sys/fs/cgroup/machine.slice"
SECONDS = 20.0    # of a window in which the use of guests is read
NEAR = 0.03    # CPUs
FEW = 90.0    # seconds; what takes two elsewhere takes twenty among guests that want all of an emulated host


@on_a_machine
def test_guest_policies_hold_whatever_starts_anew_and_off_means_off(host: Host, manager: HostManager) -> None:
    strong, weak = host.guest("strong"), host.guest("weak")
    every, definition = _allowed(host, strong), weak.virsh("dumpxml")
    _seen(manager, strong, weak)
    manager.hpm("vs-policy", "strong", "--placement", "0", "--emulator-cpus", "1", "--weight", "300",
                "--swap-limit", "1G")    # fmt: skip
    manager.hpm("vs-policy", "weak", "--placement", "0", "--emulator-cpus", "1", "--weight", "900", "--cap", "0.2")
    manager.hpm("config", "--cpu-mgmt", "on", "--memory-mgmt", "on")
    _hold(manager, "strong", "placement", "emulator-cpus", "cpu-weight", "memory-swap-limit-mib")
    _hold(manager, "weak", "placement", "emulator-cpus", "cpu-weight", "cpu-cap")
    assert [_allowed(host, one) for one in (strong, weak)] == ["0", "0"] != [every, every]
    assert host.weights([strong, weak]) == [300, 900]
    _, second = _used(host, [strong, weak], SECONDS)
    print(f"capped at 0.2 CPUs, its weight would give it three quarters of one: {second:.3f}")
    assert second == pytest.approx(0.2, abs=NEAR)
    manager.hpm("vs-policy", "weak", "--unset", "cap", "--weight", "100")
    wait_until(lambda: host.weights([weak]) == [100], FEW, "the weight is set", 0.5)
    wait_until(lambda: _quotas(host, weak) == {"max"}, FEW, "the cap is gone", 0.5)
    first, second = _used(host, [strong, weak], SECONDS)
    print(f"3:1 came out as {first:.3f}:{second:.3f}")
    assert first / (first + second) == pytest.approx(0.75, abs=0.05)

    _anew(host, weak, definition)
    host.run("systemctl kill --signal=KILL libvirtd")
    wait_until(lambda: host.run("virsh list", check=False).exit == 0, FEW, "libvirtd is back", 0.5)
    manager.kill()
    manager.start()
    host.run("systemctl daemon-reload")
    _hold(manager, "weak", "placement", "emulator-cpus", "cpu-weight")
    _hold(manager, "strong", "placement", "emulator-cpus", "cpu-weight")
    assert host.weights([strong, weak]) == [300, 100]
    assert [_allowed(host, one) for one in (strong, weak)] == ["0", "0"]
    manager.hpm("config", "--cpu-mgmt", "off", "--memory-mgmt", "off")
    assert host.weights([strong, weak]) == [100, 100]
    assert [_allowed(host, one) for one in (strong, weak)] == [every, every]


@on_a_machine
def test_partitions_are_slices_of_systemd(host: Host, manager: HostManager) -> None:
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
    wait_until(lambda: len(_shown(manager, GOLD)["virtual-servers"]) == 3, FEW, "the guests are seen", 0.5)
    together = sum(_used(host, gold, SECONDS))
    print(f"capped at 0.5 CPUs, three guests used {together:.3f}")
    assert together == pytest.approx(0.5, abs=NEAR)
    refused = manager.hpm("partition-destroy", GOLD, check=False)
    assert refused.exit == 1 and "gold0" in refused.stderr

    # weights: 3:1, with 2 guests and 1
    manager.hpm("partition-update", GOLD, "--cap", "none", "--cpus", "0")
    assert (said("gold", "cpu.max").split()[0], said("gold", "cpuset.cpus")) == ("max", "0")
    gold.pop().destroy()
    manager.hpm("partition-define", SILVER, "--shares", "100", "--cpus", "0", "--create")
    silver = host.guest("silver0", partition=SILVER)
    *of_gold, of_silver = _used(host, [*gold, silver], SECONDS)
    part = sum(of_gold) / (sum(of_gold) + of_silver)
    print(f"3:1 came out as {sum(of_gold):.3f}:{of_silver:.3f}")
    assert part == pytest.approx(0.75, abs=0.05)

    # hpm is gone and comes back; what is in force stays, what somebody else changes is told
    manager.kill()
    manager.start()
    assert _shown(manager, GOLD)["drift"] == []
    host.run(["systemctl", "set-property", "--runtime", "machine-gold.slice", "CPUWeight=77", "MemoryMax=900M"])
    wait_until(lambda: _shown(manager, GOLD)["drift"] == ["cpu.shares"], FEW, "the drift is seen", 0.5)
    host.run(["systemctl", "set-property", "--runtime", "machine-gold.slice", "MemoryHigh=850000000"])
    high = said("gold", "memory.high")
    manager.hpm("partition-update", GOLD, "--shares", "200", "--live")    # what is finer than a MiB stays
    assert (said("gold", "cpu.weight"), said("gold", "memory.high"), said("gold", "memory.max")) == (
        "200", high, str(900 << 20)
    )
    manager.hpm("partition-update", GOLD, "--hard-limit", "800", "--soft-limit", "700", "--shares", "300")
    assert (said("gold", "memory.max"), said("gold", "memory.high")) == (str(800 << 20), str(700 << 20))

    # empty, it is destroyed, and created again by the next hpm, as it is defined
    for guest in (*gold, silver):
        guest.destroy()
    wait_until(lambda: manager.hpm("partition-destroy", GOLD, check=False).exit == 0, FEW, "it is destroyed", 0.5)
    assert status("gold") in ("inactive", "unknown")
    manager.kill()
    manager.start()
    assert (status("gold"), said("gold", "cpu.weight"), said("gold", "cpuset.cpus")) == ("active", "300", "0")
    manager.hpm("partition-destroy", GOLD)
    manager.hpm("partition-undefine", GOLD)
    assert [one["path"] for one in manager.json("partition-list")["partitions"]] == ["/machine", SILVER]


@on_a_machine
def test_a_partition_and_a_guest_keep_their_reserves(host: Host, manager: HostManager) -> None:
    """A partition of little weight beside four guests that spin; the one of its two guests that has a goal gets it of
    that. And one of the four has a reserve of its own."""
    manager.hpm("partition-define", KEPT, "--shares", "10", "--reserve", "0.8", "--create")
    kept = [host.guest(f"kept{number}", partition=KEPT) for number in range(2)]
    beside = [host.guest(f"beside{number}") for number in range(4)]
    _seen(manager, *kept, *beside)
    by_weight = sum(_used(host, kept, SECONDS))
    give_goals(manager, [*kept, *beside], ((50, "high"), *[(None, "low")] * 5))
    manager.hpm("vs-policy", beside[0].name, "--reserve", "0.6")
    manager.hpm("config", "--cpu-mgmt", "on")
    weight = f"{SLICES}/machine-kept.slice/cpu.weight"
    wait_until(lambda: int(host.run(["cat", weight]).stdout) > 100, FEW, "the partition's weight is raised", 0.5)
    host.run(["sleep", "6"])    # one interval later it holds
    first, second, reserved, *others = _used(host, [*kept, *beside], SECONDS)
    print(f"by weight {by_weight:.3f} CPUs, with a reserve of 0.8: {first:.3f} + {second:.3f};"
          f" a guest with one of 0.6: {reserved:.3f}; the others: {others}")    # fmt: skip
    assert by_weight < 0.4
    assert first + second >= 0.8 - 2 * NEAR
    assert first >= 0.5 * 0.85
    assert reserved >= 0.6 - 2 * NEAR
    manager.hpm("config", "--cpu-mgmt", "off")
    assert int(host.run(["cat", weight]).stdout) == 10
    assert host.weights([*kept, *beside]) == [100] * 6


@on_a_machine
def test_goals_are_met_across_slices_whose_weight_nobody_has_said(host: Host, manager: HostManager) -> None:
    slices = [f"{SLICES}/machine-{name}.slice/cpu.weight" for name in ("gold", "silver")]
    for path in (GOLD, SILVER):
        manager.hpm("partition-define", path, "--create")
    gold = [host.guest(f"gold{number}", partition=GOLD) for number in range(2)]
    silver = [host.guest(f"silver{number}", partition=SILVER) for number in range(3)]
    give_goals(manager, [*gold, *silver], ((75, "highest"), *[(None, "low")] * 4))
    before, *_ = _used(host, gold, SECONDS)
    manager.hpm("config", "--cpu-mgmt", "on")
    wait_until(lambda: _shown(manager, SILVER)["shares-original"] == 100, FEW, "the slices' weights are planned", 0.5)
    host.run(["sleep", "6"])    # one interval later it holds
    first, *others = _used(host, [*gold, *silver], SECONDS)
    print(f"by weight {before:.3f}, by its goal {first:.3f}; the others {others}")
    assert before < 0.65 and first >= 0.7
    host.run("systemctl daemon-reload")
    assert _shown(manager, GOLD)["drift"] == [] and _shown(manager, GOLD)["shares-planned"] is True
    assert host.run(["cat", slices[1]]).stdout.strip() != "100"
    manager.hpm("config", "--cpu-mgmt", "off")
    assert host.run(["cat", *slices]).stdout.split() == ["100", "100"]
    assert host.weights([*gold, *silver]) == [100] * 5


@on_a_machine
def test_starts_wait_for_what_guests_need_by_virsh_too(host: Host, manager: HostManager) -> None:
    chain = [f"chain{number}" for number in range(5)]
    ids = {name: _defined(host, name) for name in ("db", "web", *chain)}
    _known(manager, *ids)
    _start_policy(manager, "db", {"ready": {"type": "running", "seconds": 5}})
    _start_policy(manager, "web", {"depends-on": [{"virtual-server": ids["db"]}]})
    for before, name in pairwise(chain):
        needs = {"depends-on": [{"virtual-server": ids[before]}]}
        _start_policy(manager, name, {**needs, "ready": {"type": "running", "seconds": 2}})
    _start_policy(manager, chain[0], {"ready": {"type": "running", "seconds": 2}})
    print(host.run("hpm hooks-install").stdout)
    try:
        host.run("systemctl restart libvirtd")
        refused = host.run("virsh start web", check=False)
        assert refused.exit != 0
        assert "hpm does not let web start: it waits for db (it does not run)" in refused.stderr
        host.run("virsh start db")
        wait_until(lambda: host.run("virsh start web", check=False).exit == 0, FEW, "web may start", 1.0)

        number = manager.json("vs-start", "--no-wait", chain[-1])["object-id"]
        wait_until(lambda: chain[1] in _running(host), FEW, "the second of the chain runs", 0.5)
        manager.kill()    # in mid-chain
        mid = _running(host)
        assert {"db", "web", chain[0], chain[1]} <= mid and chain[4] not in mid
        host.run(["sleep", "5"])
        assert _running(host) == mid    # nothing starts without hpm
        manager.start()
        wait_until(lambda: manager.json("job-show", number)["state"] != "running", 2 * FEW, "the job ends", 1.0)
        assert manager.json("job-show", number)["state"] == "done"
        assert _running(host) == set(ids)

        manager.stop()    # hpm is down: guests start, and that is logged
        host.run("virsh destroy web; virsh destroy db; virsh start web")
        assert "web" in _running(host)
    finally:
        host.run("hpm hooks-remove", check=False)


def _fields(manager: HostManager, name: str) -> dict[str, dict[str, object]]:
    """The fields of a guest policy in force, by name."""
    return {field["name"]: field for field in manager.json("policy-of", name)["fields"]}


def _hold(manager: HostManager, server: str, *names: str) -> None:
    """Wait until these fields of its guest policy hold."""

    def hold() -> bool:
        fields = _fields(manager, server)
        return all(fields[name]["state"] == "holds" for name in names)

    wait_until(hold, FEW, f"{', '.join(names)} of {server} hold", 0.5)


def _seen(manager: HostManager, *named: HostGuest) -> None:
    _known(manager, *(one.name for one in named))


def _known(manager: HostManager, *names: str) -> None:
    """Wait until hpm knows of them."""

    def known() -> set[str]:
        return {server["name"] for server in manager.json("vs-list")["virtual-servers"]}

    wait_until(lambda: set(names) <= known(), FEW, f"{', '.join(names)} are seen", 0.5)


def _allowed(host: Host, guest: HostGuest) -> str:
    """The CPUs that its vCPU may run on, as the kernel has them."""
    tasks = f"/proc/$(cat /run/libvirt/qemu/{guest.name}.pid)/task"
    found = host.run(f"cd {tasks} && grep -h Cpus_allowed_list $(grep -l 'CPU 0/KVM' */comm | sed s/comm/status/)")
    return found.stdout.split()[1]


def _quotas(host: Host, guest: HostGuest) -> set[str]:
    """What the kernel caps it and its threads to: microseconds, or max."""
    files = f"/sys/fs/cgroup/machine.slice/*{guest.name}.scope"
    said = host.run(f"find {files} -name cpu.max -exec cat {{}} +").stdout
    return {line.split()[0] for line in said.splitlines()}


def _anew(host: Host, guest: HostGuest, definition: str) -> None:
    """End a guest, and start it again as it was defined."""
    guest.destroy()
    host.run(f"cat > {RUN}/anew.xml && virsh create {RUN}/anew.xml", stdin=definition)
    wait_until(lambda: guest.ready("spin", 0), FEW, "its load runs", 0.5)


def _defined(host: Host, name: str) -> str:
    """Define a guest that does not run; gives its UUID."""
    uuid = str(uuids.uuid4())
    xml = guests.xml(domains.Common(name, uuid, 1, Path(guests.console(name))), "halt")
    host.run(f"cat > {RUN}/defined.xml && virsh define {RUN}/defined.xml", stdin=xml)
    return uuid


def _start_policy(manager: HostManager, name: str, policy: dict[str, object]) -> None:
    """Say when a guest starts, and when it is ready."""
    manager.hpm("vs-policy", name, "--file", "-", stdin=json.dumps({"start": policy}))


def _running(host: Host) -> set[str]:
    return set(host.run("virsh list --name").stdout.split())


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
