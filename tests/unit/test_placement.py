"""Where vCPUs would be better placed: what is proposed, what is done about it, and what is put back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from hpm.backend.simulated import Idle, Load, Periodic, Scenario, ServerSpec, SimulatedHypervisor, Spin, uuid_of
from hpm.engine.placement import Manner, Placed, Proposal, propose
from hpm.engine.samples import HostSample
from hpm.engine.topology import Cpu, Topology, flat, regular, topology
from hpm.engine.vcpu_use import VcpuUse
from hpm.policy.guest_policies import GuestPolicy, OnCpus, Spread
from tests.unit.builders import House

SPINS = VcpuUse(0.25, 0.75)
#: Two nodes of two caches of two cores each.
NODES = topology(Cpu(n, n, n // 2 * 2, n // 4) for n in range(8))


def placed(
    name: str, *pins: int | None, manner: Manner | None = "spread", use: VcpuUse = SPINS,
    among: frozenset[int] | None = None, goal: float = 0.0, weight: float = 1024.0,
    memory: dict[int, float] | None = None, limit: float | None = None,
) -> Placed:  # fmt: skip
    """A server whose vCPUs are each pinned to one CPU (None: to none)."""
    return Placed(
        name, name, weight, (use,) * len(pins), tuple(None if cpu is None else frozenset({cpu}) for cpu in pins),
        manner, frozenset(range(8)) if among is None else among, goal, memory or {}, limit,
    )  # fmt: skip


def proposed(*servers: Placed, host: Topology = NODES, resting: tuple[str, ...] = ()) -> Proposal | None:
    return propose(servers, host, dict.fromkeys(host.cpus, 1.0), resting)


def places(proposal: Proposal | None) -> dict[str, list[int | None]]:
    """Where each moved server's vCPUs are to be: a CPU each, or None: any."""
    assert proposal is not None
    return {m.uuid: [None if cpus is None else min(cpus) for cpus in m.after] for m in proposal.moves}


# -- what is proposed


def test_the_total_velocity_is_that_of_the_sums() -> None:
    made = proposed(placed("a", 0), placed("b", 0), placed("c", 2, manner=None), host=flat(8))
    assert places(made) == {"a": [1]}
    assert made is not None
    assert (made.total_before, made.total_after) == pytest.approx((0.5, 1.0))
    assert made.before == pytest.approx({"a": 0.5, "b": 0.5})
    assert made.after == pytest.approx({"a": 1.0, "b": 1.0})
    assert made.moves[0].reason == "a waits on CPU 0, where 2.00 CPUs are wanted of 1.00; it would run on CPU 1"


def test_a_move_stays_behind_its_cache_if_there_is_room() -> None:
    assert places(proposed(placed("a", 4), placed("b", 4))) == {"a": [5]}
    crowd = [placed(f"c{n}", 5, manner=None) for n in range(2)]
    assert places(proposed(placed("a", 4), placed("b", 4), *crowd)) == {"a": [6]}


def test_another_node_has_to_bring_clearly_more() -> None:
    busy = [placed(f"c{cpu}", cpu, manner=None, use=VcpuUse(0.1, 0.0)) for cpu in (5, 6, 7)]
    made = proposed(placed("a", 4), placed("b", 4), *busy)
    assert places(made) in ({"a": [5]}, {"a": [6]}, {"a": [7]})
    full = [placed(f"f{cpu}", cpu, manner=None) for cpu in (5, 6, 7)]
    assert places(proposed(placed("a", 4), placed("b", 4), *full))["a"][0] in range(4)


def test_memory_draws_a_server_to_its_node() -> None:
    full = [placed(f"f{cpu}", cpu, manner=None) for cpu in (5, 6, 7)]
    near = placed("a", 4, memory={1: 1.0})
    # There is a node that is all idle, and memory is not on it: it still brings more to go there than to share a CPU.
    assert places(proposed(near, placed("b", 4, manner=None), *full))["a"][0] in range(4)
    idle = [placed(f"f{cpu}", cpu, manner=None) for cpu in (5, 6)]
    assert places(proposed(near, placed("b", 4, manner=None), *idle)) == {"a": [7]}


def test_of_places_as_good_the_one_near_its_memory_is_taken() -> None:
    other = placed("b", 0, manner=None)
    assert places(proposed(placed("a", 0, memory={1: 0.9, 0: 0.1}), other))["a"][0] in range(4, 8)
    assert places(proposed(placed("a", 0, memory={0: 0.9, 1: 0.1}), other)) == {"a": [1]}
    assert places(proposed(placed("a", 0), other)) == {"a": [1]}


def test_leaving_memory_has_to_bring_more_and_staying_as_far_away_does_not() -> None:
    # What two vCPUs want is a little more than a CPU has: moving one brings 6 % to both.
    little = VcpuUse(0.45, 0.13)
    pair = [placed(f"b{n}", 0, manner=None, use=little) for n in range(1)]
    busy = [placed(f"f{cpu}", cpu, manner=None) for cpu in (1, 2, 3)]
    made = proposed(placed("a", 0, use=little, memory={1: 1.0}), *pair, *busy)
    assert made is not None and made.moves[0].after[0] <= frozenset(range(4, 8))    # type: ignore[operator]
    bare = made.after["a"] / made.before["a"]
    assert 1.05 < bare < 1.05 * 1.08
    assert proposed(placed("a", 0, use=little, memory={0: 1.0}), *pair, *busy) is None
    assert proposed(placed("a", 0, use=little), *pair, *busy) is None


def test_who_is_slowed_on_a_core_is_moved_to_an_idle_one() -> None:
    host = regular(8, 2, 2)    # cores 0 and 4, 1 and 5, 2 and 6, 3 and 7
    made = proposed(placed("a", 0), placed("b", 4, manner=None), host=host)
    assert made is not None
    assert made.moves[0].after == (frozenset({1, 5}),)
    assert made.moves[0].reason == (
        "a runs at 62% of its speed on CPU 0, beside others on the same core; it would run on CPUs 1,5"
    )
    assert made.total_before == made.total_after == 1.0    # nobody waited for a CPU
    full = [placed(f"f{cpu}", cpu, manner=None) for cpu in (1, 2, 3)]
    assert proposed(placed("a", 0), placed("b", 4, manner=None), *full, host=host) is None
    assert proposed(placed("a", 0), placed("b", 4, manner=None, use=VcpuUse(0.03, 0.0)), host=host) is None


def test_who_is_packed_shares_a_core_as_it_is_to() -> None:
    host = regular(8, 2, 2)
    pair = msgspec.structs.replace(placed("p", 0, 0, manner="pack"), pins=(frozenset({0, 4}),) * 2)
    assert proposed(pair, host=host) is None


def test_packed_servers_stay_together() -> None:
    pair = msgspec.structs.replace(placed("p", 0, 0, manner="pack"), pins=(frozenset({0, 1}),) * 2)
    crowd = [placed(f"c{n}", n % 2, manner=None) for n in range(4)]
    made = proposed(pair, *crowd)
    assert made is not None
    assert made.moves[0].after == (frozenset({2, 3}),) * 2


def test_a_server_that_may_run_anywhere_is_let_go_but_not_where_others_are_alone() -> None:
    assert places(proposed(placed("a", 0, manner="anywhere"), placed("b", 0, manner=None))) == {"a": [None]}
    made = proposed(placed("a", 0, manner="anywhere", among=frozenset(range(1, 8))), placed("b", 0, manner=None))
    assert made is not None and made.moves[0].after == (frozenset(range(1, 8)),)


def test_nobody_is_moved_in_vain() -> None:
    assert proposed(placed("a", 0), placed("b", 1)) is None
    assert proposed(placed("a", 0, manner=None), placed("b", 0, manner=None)) is None
    assert proposed(placed("a", 0), placed("b", 0), resting=("a", "b")) is None
    assert proposed(placed("a", 0, use=VcpuUse(0.2, 0.01)), placed("b", 0, use=VcpuUse(0.2, 0.01))) is None
    everywhere = [placed(f"s{n}", n % 8) for n in range(16)]
    assert proposed(*everywhere) is None


def test_who_is_not_pinned_is_the_kernels_to_place() -> None:
    assert proposed(*(placed(f"s{n}", None) for n in range(20))) is None


def test_few_are_moved_at_once() -> None:
    made = proposed(*(placed(f"s{n:02}", 0) for n in range(20)))
    assert made is not None
    assert len(made.moves) == 4 and len({move.uuid for move in made.moves}) == 4


def test_a_goal_that_is_met_is_not_given_up() -> None:
    crowd = [placed(f"c{n}", 0) for n in range(4)]
    assert places(proposed(*crowd, placed("g", 1, manner=None), host=flat(2)))
    assert proposed(*crowd, placed("g", 1, manner=None, goal=0.9), host=flat(2)) is None


def test_a_quota_limits_what_moving_can_bring() -> None:
    # Each may use a tenth of a CPU: together they have all that they may already.
    assert proposed(*(placed(f"s{n}", 0, use=VcpuUse(0.1, 0.9), limit=0.1) for n in range(4))) is None


# -- what is done


def house(directory: Path, *loads: Load, pinned: str = "0", interval: float = 9.0) -> House:
    """Guests that are all pinned to one of two CPUs, and that hpm may spread."""
    servers = [ServerSpec(name=f"s{n}", load=load, pinned=pinned) for n, load in enumerate(loads)]
    made = House(directory, servers)
    made.manager.placement.set_interval(interval)
    for server in servers:
        made.say(server.name, guest_policy=GuestPolicy(placement=Spread()))
    return made


class Meanwhile(SimulatedHypervisor):
    """A host where something happens while it is asked where memory is: that is, while a placement is computed."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)
    asked_of: Collection[str] = ()

    def memory_nodes(self, uuids: Collection[str]) -> Mapping[str, Mapping[int, int]]:
        """See `SimulatedHypervisor`; in another thread, which needs the manager's lock."""
        self.asked_of = uuids
        with ThreadPoolExecutor(1) as other:
            other.submit(self.meanwhile).result(10)
        return super().memory_nodes(uuids)


def busy_house(directory: Path) -> tuple[House, Meanwhile]:
    """Two on the first of four CPUs on two nodes, where nobody else is."""
    servers = tuple(ServerSpec(name=f"s{n}", load=Spin(), pinned="0", memory_node=1) for n in range(2))
    host = Meanwhile(Scenario(cores=4, nodes=2, servers=servers))
    made = House(directory, (), host=host)
    made.manager.placement.set_interval(9.0)
    for server in servers:
        made.say(server.name, guest_policy=GuestPolicy(placement=Spread()))
    made.step(2)
    made.manager.set_level("on")
    return made, host


def test_the_lock_is_free_while_it_is_computed(tmp_path: Path) -> None:
    made, host = busy_house(tmp_path)
    looked: list[int] = []
    host.meanwhile = lambda: looked.append(len(made.manager.set_level("on")))    # what changes nothing
    made.step(6)
    assert len(looked) == 1
    assert sorted(pins(made)) == [("0",), ("2",)]


def test_where_memory_is_is_asked_of_those_alone_that_may_be_moved(tmp_path: Path) -> None:
    made, host = busy_house(tmp_path)
    host.add_server(ServerSpec(name="not hpm's to move", load=Spin(), pinned="0"))
    host.define_policy(uuid_of("s0"), GuestPolicy(huge_pages="hugetlbfs"), ["0"])
    host.restart(uuid_of("s0"))    # of what backs its memory now nothing is told
    made.step(6)
    assert host.asked_of == [uuid_of("s1")]


@pytest.mark.parametrize("what", ["wishes", "level", "start", "pins", "alone"])
def test_what_was_computed_is_dropped_if_it_holds_no_more(tmp_path: Path, what: str) -> None:
    made, host = busy_house(tmp_path)
    happens: dict[str, Callable[[], object]] = {
        "wishes": lambda: made.say("s0", excluded=True),
        "level": lambda: made.manager.set_level("advise"),
        "start": lambda: (host.restart(uuid_of("s0")), host.restart(uuid_of("s1")), made.manager.look()),
        "pins": lambda: (host.set_pins_by_hand(uuid_of("s0"), ["1"]), host.set_pins_by_hand(uuid_of("s1"), ["1"]),
                         made.manager.look()),
        "alone": lambda: (host.add_server(ServerSpec(name="x", pinned="2")), made.manager.look(),
                          made.say("x", guest_policy=GuestPolicy(placement=OnCpus("2", exclusive=True)))),
    }    # fmt: skip
    asked: list[object] = []
    host.meanwhile = lambda: asked.append(happens[what]())
    while not asked and made.host.now_ns < 60e9:
        made.step()
    assert len(asked) == 1
    assert not [r for r in made.records() if r.cause == "placement"]
    assert not {"vcpu-pins 1", "vcpu-pins 2"}.intersection(write.control for write in made.host.writes)


def pins(made: House) -> list[tuple[str, ...]]:
    return [info.tuning.vcpu_pins for info in made.host.observe().infos.values()]


def test_off_puts_back_where_they_ran(tmp_path: Path) -> None:
    made = house(tmp_path, *[Spin()] * 4)
    made.manager.set_level("on")
    made.step(6)
    assert pins(made).count(("1",)) == 2
    made.manager.set_level("off")
    assert pins(made) == [("0",)] * 4


def test_a_crash_in_between_loses_nothing(tmp_path: Path) -> None:
    made = house(tmp_path, *[Spin()] * 4)
    made.manager.set_level("on")
    made.step(6)
    made.crash()
    made.step()
    assert pins(made).count(("1",)) == 2
    made.manager.set_level("off")
    assert pins(made) == [("0",)] * 4


def test_a_move_that_is_refused_is_reported_and_not_tried_at_once_again(tmp_path: Path) -> None:
    made = house(tmp_path, Spin(), Spin())
    made.host.faults.refusing |= {uuid_of("s0"), uuid_of("s1")}
    made.manager.set_level("on")
    made.step(8)
    failed = [r for r in made.records() if r.cause == "placement"]
    assert [(r.outcome, r.reason) for r in failed] == [("failed", "unreachable")] * 2    # one for each of them
    assert "refused to change s" in (failed[0].detail or "")
    assert pins(made) == [("0",)] * 2


class Offline(SimulatedHypervisor):
    """A host whose second CPU is taken offline while hpm manages it."""

    def observe(self) -> HostSample:
        """See `SimulatedHypervisor`."""
        sample = super().observe()
        return msgspec.structs.replace(sample, idle_by_cpu={0: sample.idle_by_cpu[0], 2: sample.idle_by_cpu[2]})


def test_nobody_is_moved_to_a_cpu_that_is_offline(tmp_path: Path) -> None:
    servers = tuple(ServerSpec(name=f"s{n}", load=Spin(), pinned="0") for n in range(2))
    made = House(tmp_path, (), host=Offline(Scenario(cores=3, servers=servers)))
    made.manager.placement.set_interval(9.0)
    for server in servers:
        made.say(server.name, guest_policy=GuestPolicy(placement=Spread()))
    made.manager.set_level("on")
    made.step(6)
    assert sorted(pins(made)) == [("0",), ("2",)]


def test_the_same_advice_is_given_once(tmp_path: Path) -> None:
    made = house(tmp_path, Spin(), Spin(), Periodic(on_ms=2, off_ms=8), Idle())
    made.manager.set_level("advise")
    made.step(16)
    assert [r.outcome for r in made.records() if r.cause == "placement"] == ["advised"]
    assert pins(made) == [("0",)] * 4


def test_what_was_projected_is_measured(tmp_path: Path) -> None:
    made = house(tmp_path, *[Spin()] * 6)
    made.manager.set_level("on")
    made.step(6)
    (record,) = [r for r in made.records() if r.cause == "placement"]
    assert record.total_before == pytest.approx(16.7, abs=0.5)
    assert record.total_projected == pytest.approx(33.3, abs=0.5)
    assert record.total_measured == pytest.approx(33.3, abs=1)
    assert all(s.velocity_measured == pytest.approx(s.velocity_projected, abs=3) for s in record.receivers)
