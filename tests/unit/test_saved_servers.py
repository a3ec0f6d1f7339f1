"""Servers that are saved, or go away, and go on with what was set of them: hpm still knows what was there before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.policy.guest_policies import GuestPolicy, OnCpus
from hpm.store.journal import Journal

from .builders import House, guest
from .memory_house import four, has

A = uuid_of("a")
OWN = ((4000, (None, 100000)), ("", None, None, None), ())


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A guest with a goal, a cap and a guest policy, in force."""
    house = House(tmp_path, [guest("a", 4000), guest("b"), guest("c")], cores=2)
    with house.manager.change() as change:
        said = change.catalog.settings(A).with_policy(GuestPolicy(
            placement=OnCpus("0"), emulator_cpus="1", blkio_weight=500, memory_swap_limit_mib=2048, cpu_cap=0.9,
        ))  # fmt: skip
        change.catalog = change.catalog.with_settings(A, said)
    house.manager.set_memory_level("on")
    house.manage({"a": (75, "high"), "b": None, "c": None})
    house.step(2)
    assert all(now != own for now, own in zip(standing(house), OWN, strict=True))
    return house


def standing(house: House) -> tuple[object, ...]:
    tuning = house.host.observe().infos[A].tuning
    set_of = tuning.emulator_pin, tuning.blkio_weight, tuning.memory_limit_kib, tuning.swap_limit_kib
    return (house.share("a"), house.quota("a")), set_of, tuning.vcpu_pins


def off(house: House) -> None:
    house.manager.set_level("off")
    house.manager.set_memory_level("off")


def entries(house: House) -> int:
    return sum(entry.uuid == A for entry in Journal(house.database).entries.values())


Between = Callable[[House], object]


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("between", [House.step, House.crash, lambda house: None])
def test_what_was_there_before_a_server_was_saved_is_put_back(house: House, between: Between, paused: bool) -> None:
    before = standing(house)
    house.host.save(A)
    between(house)
    house.host.start(A)
    assert standing(house) == before    # libvirt has kept it
    if paused:
        house.host.pause(A)
    house.step(2)
    assert not [record for record in house.records() if record.reason == "changed-by-administrator"]
    off(house)
    assert standing(house) == OWN
    assert not entries(house)


def test_what_was_switched_off_while_a_server_was_saved_is_put_back_when_it_goes_on(house: House) -> None:
    house.host.save(A)
    house.step(1)
    off(house)
    house.step(1)
    house.host.start(A)
    house.step(1)
    assert standing(house) == OWN and not entries(house)


def test_a_saved_server_that_is_started_anew_has_its_own(house: House) -> None:
    house.host.save(A)
    house.step(1)
    house.host.start(A)
    house.step(1)
    house.host.restart(A)
    assert standing(house) == OWN
    off(house)
    assert standing(house) == OWN and not entries(house)


def test_what_an_administrator_set_goes_along_and_is_the_servers_own(house: House) -> None:
    house.host.set_shares_by_hand(A, 777)
    house.step(1)
    house.host.save(A)
    house.step(1)
    house.host.start(A)
    off(house)
    assert house.share("a") == 777 and not entries(house)


def test_what_a_balloon_has_taken_comes_back_after_a_server_was_saved(tmp_path: Path) -> None:
    house, tin = four(tmp_path), uuid_of("tin")
    house.manager.set_memory_level("on")
    house.step(12)
    assert has(house, "tin") < 4000
    house.host.save(tin)
    house.step(1)
    house.host.start(tin)
    house.step(1)
    house.host.set_host_memory(64 * 1024)
    house.manager.set_memory_level("off")
    house.step(5)
    assert has(house, "tin") == 4096
