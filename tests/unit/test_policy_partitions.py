"""What partitions come to: limits along the hierarchy, what differs, and whether a start can be admitted."""

from __future__ import annotations

import pytest

from hpm.policy.admission import Admission, Claim, admit, entitled
from hpm.policy.partitions import (
    BlkioParameters,
    CpuParameters,
    DeviceLimits,
    EffectiveLimits,
    MemoryParameters,
    NumaParameters,
    PartitionParameters,
    differing,
    effective_limits,
    is_partition,
    lineage,
    parent_of,
    partition_id,
)

GOLD, DB = "/machine/gold", "/machine/gold/db"


def test_the_narrowest_limit_of_the_hierarchy_holds() -> None:
    parameters = {
        "/machine": PartitionParameters(memory=MemoryParameters(1000)),
        GOLD: PartitionParameters(CpuParameters(quota_us=150000), numa=NumaParameters("0-3")),
        DB: PartitionParameters(CpuParameters(quota_us=50000, period_us=25000), memory=MemoryParameters(2000)),
    }
    assert effective_limits(DB, parameters) == EffectiveLimits(1.5, GOLD, 1000, "/machine", "0-3", None)
    assert effective_limits("/machine", parameters) == EffectiveLimits(None, None, 1000, "/machine")


def test_only_what_was_defined_can_differ() -> None:
    config = PartitionParameters(
        CpuParameters(shares=100), BlkioParameters(devices=(DeviceLimits("/dev/sda", 5), DeviceLimits("/dev/sdb", 6))),
        numa=NumaParameters("0,1,2"),
    )  # fmt: skip
    same = PartitionParameters(
        CpuParameters(100, 5000, 100000), BlkioParameters(700, config.blkio.devices[::-1]), MemoryParameters(1),
        NumaParameters("0-2", "0"),
    )  # fmt: skip
    assert list(differing(config, same)) == []
    assert list(differing(config, PartitionParameters())) == ["cpu.shares", "blkio.devices", "numa.cpus"]


def test_ids_are_the_same_for_ever() -> None:
    assert partition_id("/machine/gold") == partition_id("/machine/gold") != partition_id("/machine/Gold")
    assert partition_id("/machine/gold") == "e2f597f7-4646-5455-902b-1c85eff4e7c5"


RUNNING = (Claim("db1", 0.5, DB), Claim("db2", 0.25, DB), Claim("web", 0.5), Claim("free", 0.0))
RESERVES = {GOLD: 1.0}


def test_reserves_of_a_partition_are_for_those_in_it() -> None:
    assert entitled(DB, RUNNING, RESERVES) == 0.75
    assert entitled(GOLD, RUNNING, RESERVES) == 0.75
    assert entitled("/machine", RUNNING, RESERVES) == 1.5    # all of gold's, and the server beside it


@pytest.mark.parametrize(("claim", "admitted", "numbers"), [
    (Claim("more", 0.25, DB), True, ("0.25 CPUs", "1 of the 1 CPUs")),
    (Claim("more", 0.5, DB), False, ("0.5 CPUs", "has 1 CPUs", "0.75 are reserved", "0.25 CPUs too many")),
    (Claim("more", 0.5), True, ("2 of this host's 2 CPUs",)),
    (Claim("more", 0.75), False, ("has 2 CPUs", "1.5 are reserved", "0.25 CPUs too many")),
    (Claim("more", 0.0, DB), True, ("no reserve",)),
    (Claim("more", 0.5, "/machine/other/below"), True, ("2 of this host's 2",)),
    (Claim("more", 0.75, "/machine/other/below"), False, ("0.25 CPUs too many",)),
])  # fmt: skip
def test_a_start_is_admitted_while_all_reserves_fit(claim: Claim, admitted: bool, numbers: tuple[str, ...]) -> None:
    found = admit(claim, RUNNING, RESERVES, 2.0)
    assert found.admitted is admitted, found
    assert all(number in found.why for number in numbers), found


def test_stopped_servers_count_if_that_is_asked_for() -> None:
    stopped = (Claim("night", 0.5), Claim("more", 0.25))
    assert admit(Claim("more", 0.25), RUNNING, RESERVES, 2.0).admitted
    refused = admit(Claim("more", 0.25), RUNNING, RESERVES, 2.0, stopped)
    assert not refused.admitted and "stopped ones counted" in refused.why
    # its own claim among them is not counted twice, nor is one that runs already
    assert admit(Claim("more", 0.25), RUNNING, RESERVES, 2.25, stopped).admitted
    assert admit(Claim("web", 0.5), RUNNING, RESERVES, 1.5) == Admission(
        True, "web has a reserve of 0.5 CPUs; with it, 1.5 of this host's 1.5 CPUs are reserved"
    )


def test_what_is_no_partition_of_ours_stands_in_nothing() -> None:
    assert lineage("/production/web") == ["/production/web", "/production"] and parent_of("production") is None
    assert not is_partition("/production") and not is_partition("/machine/a-b") and is_partition(DB)
