"""The simulated hypervisor as its users see it: life of servers, faults, time, scenarios, demo hosts."""

from __future__ import annotations

import threading
import time
from random import Random

import msgspec
import pytest

from hpm.backend.hypervisor import HostSample, Hypervisor, ServerSample
from hpm.backend.simulated import (
    BusyIdle,
    Curve,
    Idle,
    Load,
    Periodic,
    Scenario,
    ServerSpec,
    SimulatedHypervisor,
    Spin,
    Wave,
    Web,
    from_scenario,
    from_uri,
    uuid_of,
)
from hpm.errors import (
    Conflict,
    HypervisorError,
    HypervisorUnreachable,
    InvalidValue,
    NotFound,
    NotUnique,
    ServerGone,
)

A, B = uuid_of("a"), uuid_of("b")


SPIN = Spin()


def small(load: Load | tuple[Load, ...] = SPIN, vcpus: int = 1) -> SimulatedHypervisor:
    """One core, guests a and b."""
    servers = (ServerSpec(name="a", load=load, vcpus=vcpus), ServerSpec(name="b", load=load, vcpus=vcpus))
    return from_scenario(Scenario(cores=1, servers=servers))


def start_of(hypervisor: SimulatedHypervisor, uuid: str) -> str:
    return hypervisor.observe().samples[uuid].start


def used(before: HostSample, after: HostSample, uuid: str) -> float:
    """CPUs that a server used between two observations."""
    moved = sum(after.counters[uuid].run_ns) - sum(before.counters[uuid].run_ns)
    return moved / (after.time_ns - before.time_ns)


# -- what it says ------------------------------------------------------------------------------------


def test_it_is_a_hypervisor_and_says_what_kind() -> None:
    hypervisor: Hypervisor = from_uri("simulated")
    about = hypervisor.describe()
    assert (about.uri, about.hypervisor, about.cgroup_version) == ("simulated", "simulated", 1)
    assert set(about.controls) == {
        "cpu-shares", "cpu-quota", "balloon", "ksm", "vcpu-quota", "io-tune", "vcpu-pins", "emulator-pin",
        "blkio-weight", "swap-limit",
    }
    assert all(control.works for control in about.controls.values())


def test_the_demo_has_nine_telling_guests_under_contention() -> None:
    hypervisor = from_uri("simulated")
    before = hypervisor.observe()
    names = [info.name for info in before.infos.values()]
    assert names == ["batch1", "batch2", "batch3", "db1", "db2", "test1", "web1", "web2", "web3"]
    facts = before.infos[uuid_of("db1")].facts
    assert facts["title"] == "Order database"
    assert (facts["os-type"], facts["os-name"], facts["os-level"]) == ("linux", "rhel", "9.4")
    assert {"hostname", "os-type", "os-name", "os-level", "metadata", "virtual-server-name"} <= set(facts)
    hypervisor.advance(60)
    after = hypervisor.observe()
    idle = (after.idle_ns - before.idle_ns) / (after.time_ns - before.time_ns)
    assert idle < 0.5
    delays = [sum(counted.delay_ns) for counted in after.counters.values()]
    assert sum(delay > 5e9 for delay in delays) >= 5


def test_loads_of_the_demo_change_over_minutes() -> None:
    hypervisor = from_uri("simulated")
    for uuid, sample in hypervisor.observe().samples.items():  # what a database gets at the top of importance
        if uuid in (uuid_of("db1"), uuid_of("db2")):
            hypervisor.set_cpu_shares(uuid, sample.start, 50000)
    demands = []
    for _ in range(8):
        before = hypervisor.observe()
        hypervisor.advance(30)
        demands.append(used(before, hypervisor.observe(), uuid_of("db1")))
    assert max(demands) > 2 * min(demands)


@pytest.mark.parametrize(
    "uri", ["simulated:", "simulated:x", "simulated:10001", "simulated:-3", "qemu:///system", ""]
)
def test_a_bad_uri_is_refused_with_what_would_be_right(uri: str) -> None:
    with pytest.raises(InvalidValue, match="simulated:N"):
        from_uri(uri)


@pytest.mark.parametrize("number", [0, 1, 6, 50, 51, 300])
def test_any_number_of_guests_can_be_had(number: int) -> None:
    hypervisor = from_uri(f"simulated:{number}")
    hypervisor.advance(0.1)
    sample = hypervisor.observe()
    assert len(sample.infos) == len(sample.samples) == number
    assert len({info.name for info in sample.infos.values()}) == number


# -- counters ----------------------------------------------------------------------------------------


def test_the_same_scenario_gives_the_same_counters() -> None:
    def play(seed: int) -> HostSample:
        servers = [ServerSpec(name=f"s{i}", load=Web(demand=0.5), vcpus=2) for i in range(4)]
        hypervisor = from_scenario(Scenario(cores=2, servers=tuple(servers), seed=seed))
        for _ in range(5):
            hypervisor.advance(0.7)
        return hypervisor.observe()

    assert play(1) == play(1)
    assert play(1) != play(2)


def test_infos_are_the_same_objects_until_something_changes() -> None:
    hypervisor = small()
    first = hypervisor.observe().infos
    hypervisor.advance(1)
    assert hypervisor.observe().infos is first
    hypervisor.rename(A, "c")
    second = hypervisor.observe().infos
    assert second[A].name == second[A].facts["virtual-server-name"] == "c"
    assert second[B] is first[B]


def test_delay_is_credited_when_a_thread_runs_next() -> None:
    hypervisor = small()
    before, credits = [0, 0], 0
    for _ in range(200):  # one of the two always waits, yet delay moves only when they change places
        hypervisor.advance(0.0005)
        delays = [sum(counted.delay_ns) for counted in hypervisor.observe().counters.values()]
        credits += delays != before
        before = delays
    assert 15 <= credits <= 40
    assert sum(before) == pytest.approx(0.1e9, rel=0.06)


@pytest.mark.parametrize("seed", range(6))
def test_time_is_never_made_or_lost_whatever_is_done(seed: int) -> None:
    """Using, stolen and idle time add up to the host's; using and delay of a vCPU never exceed elapsed
    time; no counter goes back."""
    random = Random(seed)
    loads: list[Load] = [
        Spin(),
        Idle(),
        Periodic(on_ms=3, off_ms=5),
        Web(demand=0.6, work_ms=3),
        Wave(low=0, high=1, period_s=5),
        BusyIdle(busy_s=0.3, idle_s=0.4),
        Curve(points=((0, 0.1), (2, 1), (4, 0.3)), repeat=True),
    ]
    parents = ["machine", "machine", "gold"]
    servers = [
        ServerSpec(name=f"s{i}", load=random.choice(loads), vcpus=random.randint(1, 4), parent=random.choice(parents))
        for i in range(8)
    ]
    hypervisor = from_scenario(Scenario(cores=3, servers=tuple(servers), seed=seed, steal=random.choice([0.0, 0.1])))
    uuids = [uuid_of(spec.name) for spec in servers]
    born = hypervisor.now_ns
    ended = 0  # CPU time of threads that are no more
    previous: HostSample = hypervisor.observe()
    for _ in range(150):
        hypervisor.advance(random.choice([0.0, 0.0007, 0.013, 0.21]))
        uuid = random.choice(uuids)
        seen = hypervisor.observe()
        sample, counted = seen.samples[uuid], seen.counters[uuid]
        match random.randrange(7):
            case 0:
                hypervisor.set_cpu_shares(uuid, sample.start, random.choice([2, 100, 1024, 10000, 262144]))
            case 1:
                quota = random.choice([None, 1000, 50000, 400000])
                hypervisor.set_cpu_quota(uuid, sample.start, quota, random.choice([10000, 100000]))
            case 2:
                paused = hypervisor.observe().infos[uuid].status == "paused"
                (hypervisor.resume if paused else hypervisor.pause)(uuid)
            case 3:
                count = random.randint(1, 4)
                ended += sum(counted.run_ns[count:])
                hypervisor.set_vcpus(uuid, count)
            case 4:
                ended += sum(counted.run_ns)
                hypervisor.restart(uuid)
            case 5:
                hypervisor.set_load(uuid, random.choice(loads))
            case _:
                hypervisor.set_steal(random.choice([0.0, 0.2]))
        now = hypervisor.observe()
        elapsed = now.time_ns - born
        using = ended + sum(sum(counted.run_ns) for counted in now.counters.values())
        assert using + now.steal_ns + now.idle_ns == 3 * elapsed
        for key, after in now.counters.items():
            assert all(run + delay <= elapsed for run, delay in zip(after.run_ns, after.delay_ns, strict=True))
            before = previous.counters[key]
            if previous.samples[key].start == now.samples[key].start:
                kept = min(len(before.run_ns), len(after.run_ns))
                assert all(x <= y for x, y in zip(before.run_ns[:kept], after.run_ns, strict=False))
                assert all(x <= y for x, y in zip(before.delay_ns[:kept], after.delay_ns, strict=False))
        previous = now


@pytest.mark.parametrize(
    ("load", "demand"),
    [
        (Spin(), 1.0),
        (Idle(), 0.00025),
        (Periodic(on_ms=2, off_ms=8), 0.2),
        (BusyIdle(busy_s=2, idle_s=6), 0.25),
        (Wave(low=0.1, high=0.7, period_s=10), 0.4),
        (Curve(points=((0, 0.0), (40, 1.0))), 0.5),
        (Web(demand=0.3), 0.3),
    ],
)  # fmt: skip
def test_loads_want_what_they_say(load: Load, demand: float) -> None:
    hypervisor = from_scenario(Scenario(cores=2, servers=(ServerSpec(name="a", load=load),)))
    before = hypervisor.observe()
    hypervisor.advance(40)
    after = hypervisor.observe()
    assert used(before, after, A) == pytest.approx(demand, rel=0.1)
    assert sum(after.counters[A].delay_ns) < 1e6


def test_vcpus_may_have_loads_of_their_own() -> None:
    hypervisor = small((Spin(), Periodic(on_ms=1, off_ms=9)), vcpus=3)
    hypervisor.stop(B)
    hypervisor.advance(5)
    first, second, third = hypervisor.observe().counters[A].run_ns
    assert first > 4e9 > 0.6e9 > second > 0.3e9 > 0.01e9 > third > 0


# -- life of servers ---------------------------------------------------------------------------------


def test_a_server_comes_and_goes_and_callbacks_tell() -> None:
    hypervisor = small()
    calls: list[bool] = []
    hypervisor.on_change(lambda: calls.append(True))
    uuid = hypervisor.add_server(ServerSpec(name="new", vcpus=2, load=Spin(), shares=2048, memory_mib=512))
    sample = hypervisor.observe()
    assert (sample.infos[uuid].status, sample.infos[uuid].memory_mib) == ("running", 512)
    assert (sample.samples[uuid].shares, len(sample.samples[uuid].threads)) == (2048, 2)

    hypervisor.set_cpu_shares(uuid, start_of(hypervisor, uuid), 77)
    hypervisor.stop(uuid)
    assert hypervisor.observe().infos[uuid].status == "shut-off"
    assert uuid not in hypervisor.observe().samples
    hypervisor.start(uuid)
    again = hypervisor.observe().samples[uuid]
    assert again.start != sample.samples[uuid].start
    assert again.shares == 2048  # as defined, not as it was set before

    hypervisor.restart(uuid)
    assert start_of(hypervisor, uuid) != again.start
    hypervisor.delete(uuid)
    assert uuid not in hypervisor.observe().infos
    assert len(calls) == 5
    hypervisor.close()
    hypervisor.stop(A)
    assert len(calls) == 5


def test_what_the_state_does_not_allow_is_refused() -> None:
    hypervisor = small()
    with pytest.raises(NotUnique):
        hypervisor.add_server(ServerSpec(name="a"))
    with pytest.raises(NotUnique):
        hypervisor.rename(A, "b")
    with pytest.raises(Conflict):
        hypervisor.start(A)
    with pytest.raises(Conflict):
        hypervisor.resume(A)
    with pytest.raises(NotFound):
        hypervisor.stop("nobody")
    with pytest.raises(NotFound):
        hypervisor.uuid("nobody")
    with pytest.raises(InvalidValue):
        hypervisor.set_vcpus(A, 0)
    assert {info.name for info in hypervisor.observe().infos.values()} == {"a", "b"}


def test_a_paused_server_stands_still_and_goes_on() -> None:
    hypervisor = small()
    hypervisor.advance(1)
    hypervisor.pause(A)
    before = hypervisor.observe()
    assert before.infos[A].status == "paused"
    hypervisor.advance(2)
    after = hypervisor.observe()
    assert after.counters[A] == before.counters[A]
    assert after.counters[A].starving == (False,)
    assert used(before, after, B) == pytest.approx(1)
    hypervisor.resume(A)
    hypervisor.advance(2)
    assert used(after, hypervisor.observe(), A) == pytest.approx(0.5, abs=0.05)


def test_vcpus_are_plugged_and_unplugged() -> None:
    hypervisor = from_scenario(Scenario(cores=4, servers=(ServerSpec(name="a", load=Spin()),)))
    hypervisor.set_vcpus(A, 3)
    before = hypervisor.observe()
    assert before.infos[A].vcpus == len(before.samples[A].threads) == 3
    hypervisor.advance(1)
    after = hypervisor.observe()
    assert used(before, after, A) == pytest.approx(3)
    hypervisor.set_vcpus(A, 1)
    assert hypervisor.observe().samples[A].threads == before.samples[A].threads[:1]


def test_servers_may_be_defined_without_running() -> None:
    hypervisor = small()
    off = hypervisor.add_server(ServerSpec(name="off", status="shut-off"))
    paused = hypervisor.add_server(ServerSpec(name="paused", status="paused", load=Spin()))
    hypervisor.advance(1)
    sample = hypervisor.observe()
    assert off not in sample.samples
    assert sum(sample.counters[paused].run_ns) == 0


# -- settings and faults -----------------------------------------------------------------------------


def test_settings_are_checked_done_and_counted() -> None:
    hypervisor = small()
    start = start_of(hypervisor, A)
    for shares in (0, 262145):
        with pytest.raises(InvalidValue):
            hypervisor.set_cpu_shares(A, start, shares)
    with pytest.raises(InvalidValue):
        hypervisor.set_cpu_quota(A, start, 999)
    hypervisor.advance(1)
    hypervisor.set_cpu_shares(A, start, 3072)
    hypervisor.set_cpu_quota(A, start, 50000)
    hypervisor.set_shares_by_hand(B, 1000)
    sample = hypervisor.observe().samples
    assert (sample[A].shares, sample[A].quota_us, sample[B].shares) == (3072, 50000, 1000)
    now = hypervisor.now_ns
    assert hypervisor.writes == [(now, A, "cpu-shares", 3072), (now, A, "cpu-quota", 50000)]


def test_a_value_for_an_earlier_start_is_never_given_to_its_successor() -> None:
    hypervisor = small()
    start = start_of(hypervisor, A)
    hypervisor.restart(A)
    with pytest.raises(ServerGone):
        hypervisor.set_cpu_shares(A, start, 5)
    with pytest.raises(ServerGone):
        hypervisor.set_cpu_quota("nobody", start, None)
    assert hypervisor.observe().samples[A].shares == 1024
    assert hypervisor.writes == []


def test_faults_are_played() -> None:
    hypervisor = small()
    start, other = start_of(hypervisor, A), start_of(hypervisor, B)

    hypervisor.unreachable_for(2)
    for call in (hypervisor.observe, hypervisor.describe, lambda: hypervisor.set_cpu_shares(A, start, 5)):
        with pytest.raises(HypervisorUnreachable):
            call()
    hypervisor.advance(2)
    assert hypervisor.observe().problem is None

    hypervisor.faults.problem = "libvirt does not answer"
    assert hypervisor.observe().problem == "libvirt does not answer"

    hypervisor.faults.refusing.add(A)
    with pytest.raises(HypervisorError, match="refused to change a"):
        hypervisor.set_cpu_shares(A, start, 5)
    hypervisor.set_cpu_shares(B, other, 5)

    hypervisor.faults.vanishing.add(B)
    with pytest.raises(ServerGone):
        hypervisor.set_cpu_shares(B, other, 6)
    assert hypervisor.observe().infos[B].status == "shut-off"

    slept: list[float] = []
    hypervisor.faults.sleep = slept.append
    hypervisor.faults.slow_s = 3.5
    hypervisor.observe()
    assert slept == [3.5]
    assert [write.value for write in hypervisor.writes] == [5]


def test_of_what_was_set_the_last_is_remembered_and_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is shown for days sets much."""
    monkeypatch.setattr("hpm.backend.simulated.hypervisor.MOST_WRITES", 4)
    hypervisor = small()
    start = start_of(hypervisor, A)
    for shares in range(100, 110):
        hypervisor.set_cpu_shares(A, start, shares)
        hypervisor.set_cpu_quota(A, start, 1000 * shares)
    assert [write.value for write in hypervisor.writes] == [108, 108_000, 109, 109_000]


# -- time and threads --------------------------------------------------------------------------------


def test_with_a_clock_every_call_catches_up_with_it() -> None:
    clock = [5_000_000_000]
    hypervisor = SimulatedHypervisor(Scenario(cores=1, servers=(ServerSpec(name="a", load=Spin()),)), lambda: clock[0])
    assert hypervisor.observe().time_ns == clock[0]
    clock[0] += 3_000_000_000
    hypervisor.set_cpu_shares(A, start_of(hypervisor, A), 7)
    sample = hypervisor.observe()
    assert (sample.time_ns, sample.counters[A].run_ns) == (clock[0], (3_000_000_000,))
    assert hypervisor.writes[0].time_ns == clock[0]
    hypervisor.advance(1)
    assert hypervisor.observe().time_ns == clock[0] + 1_000_000_000


def test_callers_in_several_threads_do_not_disturb_each_other() -> None:
    hypervisor = from_uri("simulated", time.monotonic_ns)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        random = Random(number)
        try:
            for _ in range(40):
                sample = hypervisor.observe()
                uuid = random.choice(sorted(sample.samples))
                try:
                    hypervisor.set_cpu_shares(uuid, sample.samples[uuid].start, random.randint(2, 10000))
                    if random.random() < 0.2:
                        hypervisor.restart(uuid)
                except ServerGone:
                    pass
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert len(hypervisor.observe().samples) == 9


# -- scenarios and scale -----------------------------------------------------------------------------


def test_a_host_can_be_described_in_json() -> None:
    text = b"""{
        "cores": 2, "seed": 3, "parents": {"gold": 2048}, "host-load": 0.5,
        "servers": [
            {"name": "a", "vcpus": 2, "shares": 512, "parent": "gold", "memory-mib": 256,
             "load": {"type": "periodic", "on-ms": 2, "off-ms": 8}, "facts": {"title": "A", "metadata": ["x", "y"]}},
            {"name": "b", "load": [{"type": "spin"}], "constraint": "real-time", "pinned": "1", "quota-us": 50000,
             "uuid": "11111111-2222-3333-4444-555555555555"},
            {"name": "c", "status": "shut-off", "load": {"type": "curve", "points": [[0, 0.1], [60, 0.9]]}}
        ]}"""
    scenario = msgspec.json.decode(text, type=Scenario)
    assert msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario) == scenario
    hypervisor = from_scenario(scenario)
    hypervisor.advance(2)
    sample = hypervisor.observe()
    assert sample.cpus == 2
    assert sample.infos[A].facts["metadata"] == ("x", "y")
    b: ServerSample = sample.samples["11111111-2222-3333-4444-555555555555"]
    assert (b.quota_us, sample.infos[b.uuid].constraint) == (50000, "real-time")
    assert sample.infos[b.uuid].tuning.vcpu_pins == ("1",)
    assert sample.samples[A].parent == "gold"
    assert len(sample.samples) == 2


@pytest.mark.parametrize(
    "text",
    [
        b'{"cores": 0}',
        b'{"cores": 1, "colour": 1}',
        b'{"cores": 1, "servers": [{"name": "a", "load": {"type": "dance"}}]}',
        b'{"cores": 1, "servers": [{"name": "a", "load": {"type": "wave", "low": 0, "high": 2, "period-s": 1}}]}',
        b'{"cores": 1, "servers": [{"name": "a", "shares": 1}]}',
    ],
)
def test_a_wrong_description_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Scenario)


@pytest.mark.parametrize(
    ("uri", "seconds", "limit"),
    [("simulated:20", 20, 1.0), ("simulated:1000", 10, 3.0)],
)  # fmt: skip
def test_simulation_is_much_faster_than_time(uri: str, seconds: int, limit: float) -> None:
    hypervisor = from_uri(uri)
    begin = time.process_time()
    for _ in range(seconds):
        hypervisor.advance(1)
        hypervisor.observe()
    assert time.process_time() - begin < limit


def test_an_idle_host_costs_nearly_nothing() -> None:
    servers = tuple(ServerSpec(name=f"s{i}", vcpus=2) for i in range(20))
    hypervisor = from_scenario(Scenario(cores=4, servers=servers))
    begin = time.process_time()
    hypervisor.advance(3600)
    assert time.process_time() - begin < 4
    assert hypervisor.observe().idle_ns > 0.99 * 4 * 3600e9
