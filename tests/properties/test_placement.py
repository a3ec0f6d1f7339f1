"""What no proposal to move vCPUs may do, whatever the host and whatever was measured."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from hpm.engine.placement import MOVES, Placed, Proposal, propose
from hpm.engine.topology import Cpu, Topology, topology
from hpm.engine.vcpu_use import VcpuUse
from tests.properties.hosts import for_all, sizes

CPUS = 8
MANNERS = (None, "spread", "spread", "pack", "anywhere")
#: One server alone, several nodes, threads of one core: what a topology may be.
topologies = st.sampled_from((
    topology(Cpu(n, n, 0, 0) for n in range(CPUS)),
    topology(Cpu(n, n, n // 2 * 2, n // 4) for n in range(CPUS)),
    topology(Cpu(n, n % 4, n % 4 // 2 * 2, n % 4 // 2) for n in range(CPUS)),
))  # fmt: skip
uses = st.builds(
    lambda using, runnable: VcpuUse(using * runnable, (1.0 - using) * runnable),
    st.floats(0.05, 1.0), st.sampled_from((1.0, 1.0, 0.5, 0.0)) | st.floats(0.0, 1.0),
)  # fmt: skip
cpu_sets = st.none() | st.frozensets(st.integers(0, CPUS - 1), min_size=1, max_size=3)
EVERY = frozenset(range(CPUS))


@st.composite
def hosts(draw: st.DrawFn) -> tuple[Topology, list[Placed], frozenset[int]]:
    """A host with up to fourteen servers, and CPUs that none of them may be moved to."""
    taken = draw(st.just(frozenset[int]()) | st.frozensets(st.integers(0, CPUS - 1), max_size=3))
    servers: list[Placed] = []
    for number in range(draw(st.integers(1, 14))):
        vcpus = draw(st.integers(1, 3))
        servers.append(Placed(
            f"s{number}", f"s{number}", draw(st.sampled_from((1024.0, 100.0, 5000.0))),
            tuple(draw(uses) for _ in range(vcpus)), tuple(draw(cpu_sets) for _ in range(vcpus)),
            draw(st.sampled_from(MANNERS)), EVERY - taken, draw(st.sampled_from((0.0, 0.0, 0.5, 0.9))),
            draw(st.sampled_from(({}, {0: 1.0}, {1: 1.0}, {0: 0.7, 1: 0.3}))), draw(st.none() | st.floats(0.1, 2.0)),
        ))  # fmt: skip
    return draw(topologies), servers, taken


def proposals_are_allowed(drawn: tuple[Topology, list[Placed], frozenset[int]]) -> None:
    """Few moves, each of a server that may be moved, to CPUs that it may have; and each round is worth it, so that it
    comes to an end."""
    host, servers, taken = drawn
    resting: set[str] = set()
    rounds = 0
    while (made := propose(servers, host, dict.fromkeys(EVERY, 1.0), resting)) is not None:
        known = {server.uuid: server for server in servers}
        assert 0 < len(made.moves) <= MOVES
        assert len({move.uuid for move in made.moves}) == len(made.moves)
        for move in made.moves:
            server = known[move.uuid]
            assert server.manner is not None and move.uuid not in resting
            assert move.before == server.pins != move.after
            assert len(move.after) == len(server.vcpus)
            for cpus in move.after:
                assert (EVERY if cpus is None else cpus) & taken == frozenset() or (cpus is None and not taken)
                assert cpus != frozenset()
        goals_are_kept(made, known)
        servers = moved(made, servers)
        resting |= {move.uuid for move in made.moves}
        rounds += 1
        assert rounds <= len(servers)


def goals_are_kept(made: Proposal, known: dict[str, Placed]) -> None:
    """Nobody who met its goal misses it after a proposal, as far as is projected."""
    for uuid, before in made.before.items():
        assert not made.after[uuid] < known[uuid].goal <= before


def moved(made: Proposal, servers: list[Placed]) -> list[Placed]:
    """The servers where they are after the moves; what each wants stays what it was."""
    after = {move.uuid: move.after for move in made.moves}
    return [msgspec.structs.replace(s, pins=after.get(s.uuid, s.pins)) for s in servers]


def moving_comes_to_rest(drawn: tuple[Topology, list[Placed], frozenset[int]]) -> None:
    """Without any cool-down, too, no server is moved to and fro for ever: each move raises the same figure."""
    host, servers, _ = drawn
    for _ in range(4 * len(servers) + 4):
        made = propose(servers, host, dict.fromkeys(EVERY, 1.0))
        if made is None:
            return
        servers = moved(made, servers)
    raise AssertionError("still moving")


@sizes(60)
def test_proposals_are_allowed(number: int) -> None:
    for_all(number, proposals_are_allowed, hosts())


@sizes(40)
def test_moving_comes_to_rest(number: int) -> None:
    for_all(number, moving_comes_to_rest, hosts())
