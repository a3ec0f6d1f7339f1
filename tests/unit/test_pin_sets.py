"""Guests that may run on some CPUs only: on the simulated host, in what is measured, in plans, and in explanations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from hpm.backend.host_files import HostFiles
from hpm.backend.simulated import ServerSpec, Spin, from_scenario, uuid_of
from hpm.backend.simulated.scenario import Scenario
from hpm.engine.accounting import account
from hpm.engine.cpu_sharing import Sharer, crowded, share_on_sets
from hpm.engine.pin_sets import Confines, cpu_set, pools
from hpm.engine.plan import Candidate
from hpm.engine.windows import HostWindow, ServerWindow, window
from hpm.errors import InvalidValue
from hpm.model.explain import explain
from hpm.model.views import Views
from hpm.policy.assignment import Assignment
from tests.unit.builders import House, guest

ALL = frozenset(range(4))


def spinner(name: str, pinned: str | tuple[str, ...] = (), vcpus: int = 1, shares: int = 1024) -> ServerSpec:
    return ServerSpec(name=name, load=Spin(), pinned=pinned, vcpus=vcpus, shares=shares)


def used(*servers: ServerSpec, cores: int = 2, change: Mapping[str, list[str]] | None = None) -> dict[str, float]:
    """CPUs that each guest uses in four seconds; after `change` of pinnings, if there is one."""
    host = from_scenario(Scenario(cores=cores, servers=servers))
    host.advance(1)
    for name, pins in (change or {}).items():
        host.set_vcpu_pins(uuid_of(name), host.observe().samples[uuid_of(name)].start, pins)
    before = account(None, host.observe())
    host.advance(4)
    found = window(before, account(before, host.observe()))
    return {server.name: found.servers[uuid_of(server.name)].using for server in servers}


# -- the simulated host


def test_a_vcpu_runs_on_its_own_cpus_only() -> None:
    found = used(*(spinner(name, "0") for name in "abc"), spinner("d"))
    assert found["d"] == pytest.approx(1.0, abs=0.02)
    assert [found[name] for name in "abc"] == pytest.approx([1 / 3] * 3, abs=0.03)


def test_each_vcpu_has_its_own_list() -> None:
    found = used(spinner("a", ("0", "1"), vcpus=2), spinner("b", "1", shares=3072), spinner("c", "0", shares=512))
    # a's weight is split over its two vCPUs: 512 on each CPU, beside 512 and 3072.
    assert found == pytest.approx({"a": 1 / 2 + 1 / 7, "b": 6 / 7, "c": 1 / 2}, abs=0.05)


def test_a_new_pinning_holds_at_once() -> None:
    found = used(spinner("a", "0"), spinner("b", "0"), spinner("c", "0"), cores=3, change={"b": ["1"], "c": ["1-2"]})
    assert found == pytest.approx({"a": 1.0, "b": 1.0, "c": 1.0}, abs=0.02)
    found = used(spinner("a"), spinner("b"), change={"a": ["1"], "b": ["1"]})
    assert found == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.02)
    found = used(spinner("a", "0"), spinner("b", "0"), change={"a": [""]})
    assert found == pytest.approx({"a": 1.0, "b": 1.0}, abs=0.02)


def test_a_restart_has_the_pinning_it_is_defined_with() -> None:
    host = from_scenario(Scenario(cores=2, servers=(spinner("a", "0"),)))
    start = host.observe().samples[uuid_of("a")].start
    host.set_vcpu_pins(uuid_of("a"), start, ["1"])
    assert host.observe().infos[uuid_of("a")].tuning.vcpu_pins == ("1",)
    host.restart(uuid_of("a"))
    assert host.observe().infos[uuid_of("a")].tuning.vcpu_pins == ("0",)


def test_a_cpu_that_the_host_has_not_is_refused() -> None:
    host = from_scenario(Scenario(cores=2, servers=(spinner("a", "0"),)))
    with pytest.raises(InvalidValue, match="cannot be pinned to CPU 2: this host has 0-1"):
        host.set_vcpu_pins(uuid_of("a"), host.observe().samples[uuid_of("a")].start, ["2"])
    assert host.observe().infos[uuid_of("a")].tuning.vcpu_pins == ("0",)


# -- what is measured


def test_idle_time_is_known_by_cpu() -> None:
    host = from_scenario(Scenario(cores=3, servers=(spinner("a", "1"),)))
    before = account(None, host.observe())
    host.advance(2)
    assert window(before, account(before, host.observe())).idle_by_cpu == {0: 1.0, 1: 0.0, 2: 1.0}


def test_the_kernel_tells_idle_time_by_cpu(tmp_path: Path) -> None:
    lines = ["cpu  10 0 10 500 50 0 0 7 0 0"]
    lines += [f"cpu{number} 1 0 1 {100 + number} 5 0 0 1 0 0" for number in (*range(200), 300)]
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("0123456789")
    (tmp_path / "proc/stat").write_text("\n".join([*lines, "intr 1 2 3 " + "0 " * 5000, "ctxt 1"]))
    files = HostFiles(tmp_path)
    state = files.read()
    files.close()
    tick = state.idle_ns // 550
    assert state.idle_by_cpu == {number: (105 + number) * tick for number in (*range(200), 300)}
    assert state.steal_ns == 7 * tick


# -- who competes with whom


def candidate(uuid: str, cpus: str | None, parent: str = "machine", delay: float = 0.5) -> Candidate:
    seen = ServerWindow(uuid, "busy", 1, 1.0, 0.5, delay, 0.0)
    pins = None if cpus is None else cpu_set((cpus,), 1)
    return Candidate(uuid, "1", parent, 1024, 1024, seen, Assignment("g", False, None, None), None, None, pins)


def split(*servers: Candidate) -> dict[str, tuple[set[str], float]]:
    families: dict[str, list[Candidate]] = {}
    for server in servers:
        families.setdefault(server.parent, []).append(server)
    host = HostWindow(3.0, 4, 1.0, 0.0, {}, {0: 0.4, 1: 0.3, 2: 0.2, 3: 0.1})
    return {pool.key: ({c.uuid for c in pool.servers}, round(pool.idle, 6)) for pool in pools(families, host)}


def test_sets_that_do_not_meet_are_pools_of_their_own() -> None:
    assert split(candidate("a", "0"), candidate("b", "0"), candidate("c", "2-3")) == {
        "machine on CPUs 0": ({"a", "b"}, 0.4), "machine on CPUs 2-3": ({"c"}, 0.3),
    }  # fmt: skip


def test_sets_that_meet_over_others_are_one_pool() -> None:
    assert split(candidate("a", "0"), candidate("b", "2"), candidate("c", "0-1"), candidate("d", "1-2")) == {
        "machine on CPUs 0-2": ({"a", "b", "c", "d"}, 0.9),
    }  # fmt: skip


def test_who_may_run_anywhere_competes_with_all() -> None:
    assert split(candidate("a", "0"), candidate("b", "2"), candidate("c", None)) == {"machine": ({"a", "b", "c"}, 1.0)}


def test_parents_divide_what_nobody_used_by_who_waits_for_it() -> None:
    found = split(candidate("a", "0-1"), candidate("b", None, "other", delay=1.5))
    assert found == {"machine on CPUs 0-1": ({"a"}, 0.175), "other": ({"b"}, 0.825)}


def test_one_vcpu_without_a_pinning_may_run_anywhere() -> None:
    assert cpu_set(("0", ""), 2) is None
    assert cpu_set(("0",), 2) is None
    assert cpu_set(("0", "2-3", "7"), 2) == {0, 2, 3}


def test_a_pinned_guest_without_vcpus_stops_no_plan() -> None:
    family = [candidate("a", "0"), msgspec.structs.replace(candidate("b", None), cpus=cpu_set(("1",), 0))]
    host = HostWindow(3.0, 4, 1.0, 0.0, {}, {0: 0.4, 1: 0.3, 2: 0.2, 3: 0.1})
    found = [Confines(pool, host, 1.0) for pool in pools({"machine": family}, host)]
    assert [one.reach("a") for one in found] == [0.25]


# -- sharing on sets


def test_crowded_names_the_cpus_that_are_wanted_too_much() -> None:
    room = dict.fromkeys(range(4), 1.0)
    assert crowded({frozenset({0}): 1.5, ALL: 2.5}, room) == {0}
    assert crowded({frozenset({0}): 1.0, frozenset({0, 1}): 1.1, ALL: 1.0}, room) == {0, 1}
    assert crowded({frozenset({0}): 1.0, frozenset({0, 1}): 1.0, ALL: 2.0}, room) == frozenset()
    assert crowded({frozenset({0, 1}): 1.0, frozenset({1, 2}): 1.0, frozenset({0, 2}): 1.5}, room) == {0, 1, 2}


def test_those_who_are_confined_share_what_they_have_and_others_have_the_rest() -> None:
    room = {0: 1.0, 1: 1.0}
    five = [Sharer(1.0, 1.0, frozenset({0}))] * 5
    assert share_on_sets([*five, Sharer(1.0, 1.0, frozenset({0, 1}))], room) == pytest.approx([0.2] * 5 + [1.0])
    weighted = [Sharer(3.0, 1.0, frozenset({0})), Sharer(1.0, 0.1, frozenset({0})), Sharer(1.0, 1.0, frozenset({0, 1}))]
    assert share_on_sets(weighted, room) == pytest.approx([0.9, 0.1, 1.0])
    assert share_on_sets([Sharer(1.0, 1.0, frozenset({7}))], room) == [0.0]


# -- explanations


def said(house: House, name: str) -> str:
    snapshot = house.manager.snapshot
    return " ".join(explain(Views(snapshot, ""), uuid_of(name)))


def test_it_is_explained_with_whom_a_pinned_guest_shares(tmp_path: Path) -> None:
    house = House(tmp_path, [
        spinner("a", "0-1"), spinner("b", "0"), spinner("c", "2", vcpus=2), spinner("d", ("0", ""), vcpus=2),
    ], cores=4)  # fmt: skip
    house.step()
    assert "It is pinned to CPUs 0-1; these are shared with b, d. It competes directly with nobody" in said(house, "a")
    assert "pinned to CPU 2, for 2 vCPUs, so it cannot be faster than velocity 50; these are" in said(house, "c")
    assert "Some of its vCPUs are pinned, and others may run on any CPU" in said(house, "d")


def test_a_guest_with_cpus_of_its_own_needs_no_weight(tmp_path: Path) -> None:
    house = House(tmp_path, [spinner("a", "0", shares=100), spinner("b", "1"), guest("c", load=Spin())])
    house.host.set_pins_by_hand(uuid_of("c"), ["1"])
    house.manage({"a": (90, "highest"), "b": (70, "high"), "c": None})
    house.step(4)
    assert "pinned to CPU 0. No other virtual server may run there, so it needs no weight." in said(house, "a")
    assert house.share("a") == 100
    assert house.share("b") > 2 * house.share("c")
