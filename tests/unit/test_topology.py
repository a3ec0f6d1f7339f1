"""Which CPUs there are and how near they are, and where vCPUs go that are to be spread or packed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.backend.topology import read_topology
from hpm.engine.placement_choice import choose, enough, holds, on_node, on_these, pack, spread
from hpm.engine.topology import Cpu, Topology, flat, topology
from hpm.errors import Conflict, InvalidValue
from hpm.policy.guest_policies import Anywhere, EachOnCpus, OnCpus, OnNode, Pack, Placement, Spread


def two_sockets() -> Topology:
    """Two nodes, each of two caches of two cores of two threads: 0-7 are first threads, 8-15 the second ones."""
    return topology(Cpu(n, n % 8, n % 8 // 2 * 2, n % 8 // 4) for n in range(16))


def lay_out(root: Path, found: Topology, *, caches: bool = True) -> None:
    """The kernel's files for a host, with one more CPU that is offline."""
    base = root / "sys/devices/system/cpu"
    for number, cpu in found.cpus.items():
        folder = base / f"cpu{number}"
        (folder / "topology").mkdir(parents=True)
        (folder / f"node{cpu.node}").mkdir()
        core = [n for n, other in found.cpus.items() if other.core == cpu.core]
        (folder / "topology/thread_siblings_list").write_text(",".join(map(str, core)) + "\n")
        shared = [n for n, other in found.cpus.items() if other.cache == cpu.cache]
        caches_of = ((1, "Data", core), (1, "Instruction", core), (3, "Unified", shared))
        for index, (level, kind, cpus) in enumerate(caches_of):
            if caches:
                (folder / f"cache/index{index}").mkdir(parents=True)
                (folder / f"cache/index{index}/level").write_text(f"{level}\n")
                (folder / f"cache/index{index}/type").write_text(f"{kind}\n")
                (folder / f"cache/index{index}/shared_cpu_list").write_text(",".join(map(str, cpus)) + "\n")
    (base / f"cpu{len(found.cpus)}/topology").mkdir(parents=True)
    (base / "online").write_text(f"0-{len(found.cpus) - 1}\n")


def test_the_kernels_files_are_read(tmp_path: Path) -> None:
    lay_out(tmp_path, two_sockets())
    assert read_topology(tmp_path) == two_sockets()


def test_without_files_of_caches_all_share_one(tmp_path: Path) -> None:
    lay_out(tmp_path, two_sockets(), caches=False)
    found = read_topology(tmp_path)
    assert {cpu.cache for cpu in found.cpus.values()} == {0}
    assert found.nodes == (0, 1)


def test_a_host_that_tells_nothing_has_no_topology(tmp_path: Path) -> None:
    assert read_topology(tmp_path) == Topology({})


def test_this_host_is_read() -> None:
    found = read_topology(Path("/"))
    assert found.numbers
    assert all(cpu.core in found.cpus and cpu.cache in found.cpus for cpu in found.cpus.values())


def test_spread_takes_whole_cores_on_both_nodes() -> None:
    host = two_sockets()
    assert spread(2, host, host.numbers) == ({0, 8}, {4, 12})
    four = spread(4, host, host.numbers)
    assert len(host.caches_of(cpu for cpus in four for cpu in cpus)) == 4


def test_spread_goes_where_fewer_are() -> None:
    host = two_sockets()
    assert spread(1, host, host.numbers, {0: 1.0, 8: 1.0}) == ({1, 9},)
    assert spread(2, flat(4), range(4), {0: 2.0, 1: 1.0}) == ({2}, {3})


def test_spread_over_fewer_cores_than_vcpus() -> None:
    host = two_sockets()
    assert sorted(spread(4, host, {0, 8, 1, 9}), key=min) == [{0}, {1}, {8}, {9}]
    assert spread(3, flat(2), range(2)) == ({0}, {1}, {0})


def test_pack_keeps_to_a_core_a_cache_a_node() -> None:
    host = two_sockets()
    assert pack(2, host, host.numbers) == {0, 8}
    assert pack(3, host, host.numbers) == {0, 8, 1}
    assert pack(6, host, host.numbers) == {0, 8, 1, 9, 2, 10}
    assert pack(2, host, host.numbers - {0}) == {1, 9}
    assert pack(40, host, host.numbers) == host.numbers


def test_pack_goes_where_fewer_are() -> None:
    host = two_sockets()
    assert pack(2, host, host.numbers, {0: 1.0}) == {1, 9}


def test_a_cpu_or_node_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidValue, match="no CPU 16-17; it has 0-15"):
        on_these(frozenset({3, 16, 17}), two_sockets(), ())
    with pytest.raises(InvalidValue, match="no NUMA node 2 with CPUs; it has 0, 1"):
        on_node(2, two_sockets(), ())


def test_what_others_have_alone_is_refused() -> None:
    with pytest.raises(Conflict, match="CPU 3 belongs to another virtual server alone; free are 0-2,4-15"):
        on_these(frozenset({2, 3}), two_sockets(), {3})
    assert on_node(0, two_sockets(), {0, 8}) == {1, 2, 3, 9, 10, 11}
    with pytest.raises(Conflict, match=r"all CPUs of node 1 \(1\)"):
        on_node(1, topology([Cpu(0, 0, 0, 0), Cpu(1, 1, 1, 1)]), {1})


def test_others_must_keep_a_cpu() -> None:
    enough(2, {0, 1, 2})
    with pytest.raises(Conflict, match=r"3 CPUs are wanted for one virtual server alone, and only 2 are free \(0-1\)"):
        enough(3, {0, 1})
    with pytest.raises(Conflict, match="would leave none to others"):
        enough(2, {0, 1})


@pytest.mark.parametrize(
    ("placement", "taken", "expected"),
    [
        (OnCpus("0-1"), (), ("0-1", "0-1", "0-1")),
        (OnCpus("0-15"), (), ("", "", "")),
        (EachOnCpus(("0", "2-3")), (), ("0", "2-3", "")),
        (EachOnCpus(("0", "2-3")), (9,), ("0", "2-3", "0-8,10-15")),
        (EachOnCpus(("0", "1", "2", "3")), (), ("0", "1", "2")),
        (OnNode(1), (), ("4-7,12-15",) * 3),
        (OnNode(1), (4, 12), ("5-7,13-15",) * 3),
        (Spread(), (), ("0,8", "4,12", "2,10")),
        (Spread(exclusive=True), (0,), ("1,9", "4,12", "2,10")),
        (Pack(), (), ("0-1,8",) * 3),
        (Pack(exclusive=True), (0, 8), ("2-3,10",) * 3),
        (Anywhere(), (), ("", "", "")),
        (Anywhere(), (0, 8), ("1-7,9-15",) * 3),
    ],
)
def test_three_vcpus_go_where_their_policy_says(
    placement: Placement, taken: tuple[int, ...], expected: tuple[str, ...]
) -> None:
    assert choose(placement, 3, two_sockets(), taken) == expected


@pytest.mark.parametrize(
    ("placement", "taken", "error", "said"),
    [
        (OnCpus("14-16"), (), InvalidValue, "cpus: this host has no CPU 16; it has 0-15"),
        (OnCpus("3-1"), (), InvalidValue, "is no list of CPUs"),
        (EachOnCpus(("0", "20")), (), InvalidValue, r"cpus\[1\]: this host has no CPU 20"),
        (OnNode(7), (), InvalidValue, "node: this host has no NUMA node 7 with CPUs; it has 0, 1"),
        (OnCpus("0-3"), (2,), Conflict, "CPU 2 belongs to another"),
        (OnNode(0, exclusive=True), (2,), Conflict, "CPU 2 belongs to another"),
        (OnCpus("0-15", exclusive=True), (), Conflict, "would leave none to others"),
        (Spread(exclusive=True), tuple(range(13)), Conflict, "would leave none to others"),
        (Pack(exclusive=True), tuple(range(14)), Conflict, r"only 2 are free \(14-15\)"),
        (Anywhere(), tuple(range(16)), Conflict, "all CPUs of this host"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    placement: Placement, taken: tuple[int, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        choose(placement, 3, two_sockets(), taken)


@pytest.mark.parametrize(
    ("placement", "pins", "expected"),
    [
        (Spread(), ("1,9", "5,13"), True),
        (Spread(), ("1,9", "9"), False),
        (Spread(), ("1-2", "5"), False),
        (Spread(), ("", ""), False),
        (Spread(), ("3,11", "5,13"), False),    # 3 belongs to somebody alone
        (Spread(exclusive=True), ("1,9", "5,13"), False),
        (Pack(), ("6,14", "6,14"), True),
        (Pack(), ("6", "14"), False),
        (Pack(), ("6-7", "6-7"), False),
        (OnCpus("1-2"), ("1-2", "1-2"), True),
        (OnCpus("1-2"), ("1", "2"), False),
        (Anywhere(), ("0-2,4-15",), False),
        (Anywhere(), ("0-2,4-15", "0-2,4-15"), True),
    ],
)
def test_a_policy_holds_wherever_it_is_as_good(placement: Placement, pins: tuple[str, ...], expected: bool) -> None:
    assert holds(placement, pins, 2, two_sockets(), {3}) is expected
