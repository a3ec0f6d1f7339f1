"""A whole manager that is killed at each of its steps: goals, memory, partitions, guest policies and a start job.

A step is the moment before and after a change of the host, and before and after each commit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpm.backend.simulated import Scenario, SimulatedHypervisor, Spin, from_scenario, uuid_of
from hpm.engine.samples import HostSample
from hpm.errors import Conflict, HpmError
from hpm.manager.controls import CPU_CONTROLS, MEMORY_CONTROLS, in_force
from hpm.manager.observer import observe_with_memory
from hpm.policy.guest_policies import DiskLimits, GuestPolicy, OnCpus
from hpm.policy.partitions import CpuParameters, Partition, PartitionParameters
from hpm.store.journal import HOST, Journal
from tests.unit.builders import House
from tests.unit.memory_house import WISHES, guest
from tests.unit.start_house import needs

from .steps import Killed, SteppingDatabase, Steps

GOLD, SILVER = "/machine/gold", "/machine/silver"
#: What changes the host, but for limits of vCPUs, which only a MOM policy sets.
CALLS = (
    "set_cpu_shares", "set_cpu_quota", "set_balloon", "set_stats_period", "set_ksm", "set_io_limits", "set_vcpu_pins",
    "set_emulator_pin", "set_blkio_weight", "set_swap_limit", "start_server",
)  # fmt: skip
POLICY = GuestPolicy(
    placement=OnCpus("0"), emulator_cpus="1", cpu_cap=0.8, blkio_weight=300,
    disk_limits={"vda": DiskLimits(total_iops_sec=500)}, memory_swap_limit_mib=8192,
)  # fmt: skip


class Whole:
    """A host short of memory and of CPU, its manager, and steps of that. What is done after a death is done by the
    next manager; `deaths` are those so far."""

    def __init__(self, directory: Path) -> None:
        servers = [
            guest(name, load=Spin(), stats_period=0, parent=f"machine/{name if name == 'gold' else 'silver'}.partition")
            for name in WISHES
        ]
        servers.append(guest("later", need=100.0, memory=512, status="shut-off"))
        self.steps, self.deaths = Steps(), 0
        host = from_scenario(Scenario(cores=2, servers=tuple(servers), memory_mib=12600))
        for name in CALLS:
            setattr(host, name, self._stepped(name, getattr(host, name)))
        host.partitions.configure = self._stepped("configure", host.partitions.configure)    # type: ignore[method-assign]
        self.house = House(
            directory, (), interval=10.0, host=host, database=lambda path: SteppingDatabase(path, self.steps)
        )
        self.house.wish(WISHES)
        for path in (GOLD, SILVER):
            with self.house.manager.partitions.change("ann") as changing:
                partition = Partition(path, parameters=PartitionParameters(cpu=CpuParameters()))
                changing.change.catalog = changing.change.catalog.with_partition(partition)
                changing.configure(path, partition.parameters)
        self.house.step(4)
        self.found = self.values()

    def _stepped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*given: Any, **named: Any) -> Any:
            self.steps.take(f"before {name}")
            result = call(*given, **named)
            self.steps.take(f"after {name}")
            return result

        return stepped

    @property
    def host(self) -> SimulatedHypervisor:
        """The host."""
        return self.house.host

    def values(self) -> dict[tuple[str, str], str | None]:
        """What is in force, of all that hpm may change; balloons in whole MiB."""
        sample = self._sample()
        found: dict[tuple[str, str], str | None] = {}
        for control in sorted(CPU_CONTROLS | MEMORY_CONTROLS):
            for about in (*(uuid_of(name) for name in WISHES), HOST, GOLD, SILVER):
                value = in_force(sample, about, control)
                if control == "balloon" and value is not None:
                    value = str(round(int(value) / (1 << 20)))
                found[about, control] = value
        return found

    def _sample(self) -> HostSample:
        return observe_with_memory(self.host, [uuid_of(name) for name in WISHES], 1.0)

    def do(self, deed: Callable[[House], object]) -> bool:
        """Have the manager do something; gives whether it outlived that. Another one begins where it did not."""
        try:
            deed(self.house)
        except Killed:
            self.deaths += 1
            self.steps.dead, self.steps.strike = False, None
            self.house.crash()
            return False
        return True

    def looked(self, house: House) -> None:
        """Time passes, with cycles and looks, and with what start jobs wait for."""
        for _ in range(2):
            house.step()
            house.manager.starting.turn()
        held = set(house.manager.snapshot.held.values())
        assert "changed-by-administrator" not in held, "hpm takes its own doing for an administrator's"
        assert not [one for one in house.records() if one.reason == "changed-by-administrator"]

    def play(self) -> None:
        """All that is managed begins, goes on, is wanted otherwise, and ends."""
        deeds: list[Callable[[House], object]] = [
            lambda house: house.manager.set_level("on"),
            lambda house: house.manager.set_memory_level("on"),
            self.looked, self.looked,
            lambda house: say(house, "silver", POLICY),
            lambda house: say(house, "later", GuestPolicy(start=needs("gold"))),
            start_later,
            self.looked, self.looked, self.looked,
            lambda house: say(house, "silver", GuestPolicy()),
            self.looked, self.looked,
            lambda house: house.manager.set_level("off"),
            lambda house: house.manager.set_memory_level("off"),
        ]
        for deed in deeds:
            while not self.do(deed):    # who was not told that it is done asks again
                pass

    def end(self) -> None:
        """All is as it was found, and the journal knows of nothing."""
        for _ in range(3):
            self.do(self.looked)
        assert self.values() == self.found
        assert not Journal(self.house.database).entries
        assert self.house.database.rows("PRAGMA integrity_check") == [("ok",)]
        assert {info.status for info in self.host.observe().infos.values()} == {"running"}, "the job is not done"
        while not self.do(lambda house: house.manager.stop()):
            pass
        self.house.database.close()


def say(house: House, name: str, policy: GuestPolicy) -> None:
    """Say how a guest is placed, limited and started."""
    with house.manager.change("ann") as change:
        said = change.catalog.settings(uuid_of(name)).with_policy(policy)
        change.catalog = change.catalog.with_settings(uuid_of(name), said)


def start_later(house: House) -> None:
    """Ask for its start; who was not told of the first one finds that it runs."""
    try:
        house.manager.starting.request_start([uuid_of("later")], "ann")
    except Conflict as error:
        assert "later runs already" in error.message


def number_of_steps(directory: Path) -> tuple[int, set[str]]:
    """How many steps a life without a death has, and which."""
    whole, told = Whole(directory), []
    whole.steps.strike = 1 << 30, lambda what: None
    take = whole.steps.take
    whole.steps.take = lambda what: (told.append(what), take(what))[1]    # type: ignore[method-assign]
    whole.play()
    whole.end()
    return len(told), set(told)


@pytest.mark.parametrize("part", [40, pytest.param(1, marks=pytest.mark.long)])
def test_a_whole_manager_killed_at_any_step_leaves_nothing_behind(tmp_path: Path, part: int) -> None:
    steps, kinds = number_of_steps(tmp_path)
    assert {f"before {name}" for name in (*CALLS, "configure")} <= kinds, "all controls are used"
    wrong: dict[int, str] = {}
    kills = 0
    for at in range(part // 2, steps, part):
        with tempfile.TemporaryDirectory() as directory:
            whole = Whole(Path(directory))
            whole.steps.strike = at, whole.steps.kill
            try:
                whole.play()
                whole.end()
            except (AssertionError, HpmError) as error:
                wrong[at] = repr(error)[:500]
            kills += whole.deaths
    print(f"{kills} kills, of {steps} steps")
    assert not wrong, wrong
    assert kills == len(range(part // 2, steps, part))
