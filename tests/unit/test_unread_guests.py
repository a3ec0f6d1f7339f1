"""A guest that cannot be read: it may run, so what hpm changed of it is not forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import msgspec
import pytest

from hpm.backend.libvirt_inventory import Inventory
from hpm.engine.samples import HostSample
from hpm.manager.actuator import Actuator
from hpm.manager.controls import changing, pins_text
from hpm.store.journal import Journal
from tests.lab.errors import wait_until

from .builders import House, guest, uuid_of

HOST = """<node>
  <domain type='test'><name>one</name><uuid>00000000-0000-0000-0000-000000000001</uuid><memory>8192</memory>
    <os><type>hvm</type></os><devices><interface type='network'><source network='n'/><mac address='52:54:00:00:00:01'/>
    </interface></devices></domain>
  <domain type='test'><name>two</name><uuid>00000000-0000-0000-0000-000000000002</uuid><memory>8192</memory>
    <os><type>hvm</type></os><devices><interface type='network'><source network='n'/><mac address='52:54:00:00:00:02'/>
    </interface></devices></domain>
</node>"""
ONE, TWO = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inventory]:
    """Of libvirt's own test driver."""
    monkeypatch.setattr(libvirt.virConnect, "getType", lambda _conn: "QEMU")    # hpm takes no other one
    monkeypatch.setattr(libvirt.virConnect, "setKeepAlive", lambda _conn, _interval, _count: 0)    # nobody is far away
    (tmp_path / "host.xml").write_text(HOST)
    made = Inventory(f"test://{tmp_path / 'host.xml'}", 2, lambda _entries: None)
    yield made
    made.close()


def test_one_that_cannot_be_read_at_the_first_look_is_known_to_be_there(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, read = [ONE], libvirt.virDomain.XMLDesc

    def xml(domain: libvirt.virDomain, flags: int = 0) -> str:
        if domain.UUIDString() in broken:
            raise libvirt.libvirtError("cannot acquire state change lock")
        return str(read(domain, flags))

    monkeypatch.setattr(libvirt.virDomain, "XMLDesc", xml)
    before = time.time()
    inventory.start()
    assert inventory.entries.keys() == {TWO} and inventory.problem is None
    assert inventory.stale.keys() == {ONE} and before <= inventory.stale[ONE] <= time.time()
    inventory.touch(TWO)
    wait_until(lambda: inventory.read[TWO] > inventory.stale[ONE], 5.0, "the other one is read again")
    assert inventory.stale.keys() == {ONE}
    broken.clear()
    inventory.touch(ONE)
    wait_until(lambda: ONE in inventory.entries and not inventory.stale, 5.0, "it is read")


def test_what_is_told_of_one_that_was_touched_is_old_until_it_is_read_again(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, goes_on, read = [threading.Event() for _ in range(2)], threading.Semaphore(0), libvirt.virDomain.XMLDesc
    inventory.start()
    assert not inventory.unread()

    def xml(domain: libvirt.virDomain, flags: int = 0) -> str:
        now = read(domain, flags)
        next(event for event in reads if not event.is_set()).set()
        assert goes_on.acquire(timeout=1.0)
        return str(now)

    monkeypatch.setattr(libvirt.virDomain, "XMLDesc", xml)
    inventory.touch(ONE)
    assert inventory.unread() == {ONE} and reads[0].wait(5.0)
    inventory.touch(ONE)    # what is being read is from before that
    goes_on.release()
    assert reads[1].wait(5.0) and inventory.unread() == {ONE}
    goes_on.release()
    wait_until(lambda: not inventory.unread(), 5.0, "it is read")


def test_nothing_is_kept_of_one_that_is_gone(inventory: Inventory) -> None:
    inventory.start()

    def end(connection: libvirt.virConnect) -> None:
        domain = connection.lookupByUUIDString(ONE)
        domain.destroy()
        domain.undefine()

    inventory._reading.call(end, "ending it", 5.0)    # of the test driver each connection has a host of its own
    inventory.touch(ONE)
    wait_until(lambda: ONE not in inventory.entries, 5.0, "it is gone")
    assert inventory.read.keys() == {TWO}


def unread(sample: HostSample, name: str, **more: object) -> HostSample:
    """A first look at which that guest was not read."""
    uuid = uuid_of(name)
    kept = {
        what: {one: known for one, known in getattr(sample, what).items() if one != uuid}
        for what in ("infos", "samples")
    }
    return msgspec.structs.replace(sample, **kept, **more)


@pytest.mark.parametrize("why", [{"stale": {uuid_of("a"): 1.0}}, {"problem": "libvirt does not answer"}])
def test_what_hpm_changed_of_it_is_not_forgotten(tmp_path: Path, why: dict[str, object]) -> None:
    house = House(tmp_path, [guest("a"), guest("b"), guest("c")])
    house.manage({"a": (70, "highest"), "b": (20, "low")})
    house.step(2)
    assert house.share("a") != 1024
    key, seen = (uuid_of("a"), "cpu-shares"), house.host.observe()
    actuator, journal = Actuator(house.host, Journal(house.database)), lambda: Journal(house.database).entries

    unseen = unread(seen, "a", **why)
    actuator.notice(unseen)
    assert key in journal()
    said = actuator.restore(unseen)
    assert key in journal()
    assert any("cannot be reached now; cpu-shares 1024 stays in the journal" in sentence for sentence in said)
    actuator.restore(seen)
    assert house.share("a") == 1024 and key not in journal()
    house.database.close()


def test_one_that_runs_and_of_which_nothing_is_measured_is_not_forgotten(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a"), guest("b"), guest("c")])
    house.manage({"a": (70, "highest"), "b": (20, "low")})
    house.step(2)
    sample = house.host.observe()
    samples = {uuid: one for uuid, one in sample.samples.items() if uuid != uuid_of("a")}
    Actuator(house.host, Journal(house.database)).restore(msgspec.structs.replace(sample, samples=samples))
    assert [entry.uuid for entry in Journal(house.database).entries.values()] == [uuid_of("a")]
    house.database.close()


def test_one_that_is_gone_is_forgotten_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, [guest("a"), guest("b"), guest("c")])
    house.manage({"a": (70, "highest"), "b": (20, "low")})
    house.step(2)
    actuator, seen = Actuator(house.host, Journal(house.database)), house.host.observe()
    actuator.notice(unread(seen, "a", stale={uuid_of("a"): 1.0}))
    actuator.notice(unread(seen, "a"))
    assert (uuid_of("a"), "cpu-shares") not in Journal(house.database).entries
    house.database.close()


def test_what_libvirt_tells_may_be_older_than_what_was_set_last(tmp_path: Path) -> None:
    """Pins are set, libvirt hangs before it is asked what they are now, and management is switched off."""
    house = House(tmp_path, [guest("db")])
    uuid, host = uuid_of("db"), house.host
    actuator = Actuator(host, Journal(house.database))
    before = host.observe()
    actuator.apply([changing(before, uuid, "vcpu-pins", pins_text(["0"]))])
    assert tuple(host.observe().infos[uuid].tuning.vcpu_pins) == ("0",)
    actuator.restore(before)
    assert tuple(host.observe().infos[uuid].tuning.vcpu_pins) == tuple(before.infos[uuid].tuning.vcpu_pins)
    assert not Journal(house.database).entries
    house.database.close()


@pytest.mark.parametrize("nonsense", [[], None, ["running", "booted", "late"]])
def test_one_that_libvirt_tells_nonsense_of_keeps_nobody_from_reading_the_others(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch, nonsense: object
) -> None:
    state = libvirt.virDomain.state
    monkeypatch.setattr(
        libvirt.virDomain, "state", lambda domain: nonsense if domain.UUIDString() == ONE else state(domain)
    )
    inventory.start()
    assert inventory.entries.keys() == {TWO} and inventory.stale.keys() == {ONE}
    monkeypatch.setattr(libvirt.virDomain, "state", state)
    inventory.touch(ONE)
    wait_until(lambda: inventory.entries.keys() == {ONE, TWO} and not inventory.stale, 5.0, "it is read")


class Network:
    """A network of libvirt's that has leased an address to whoever asks."""

    def DHCPLeases(self, _mac: str) -> list[dict[str, str]]:  # noqa: N802
        return [{"hostname": "web"}]


def test_facts_of_others_are_found_out_where_those_of_one_cannot_be(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def networks(conn: libvirt.virConnect, _flags: int = 0) -> list[Network]:
        asked.append(conn)
        if len(asked) == 1:
            raise MemoryError
        return [Network()]

    monkeypatch.setattr(libvirt.virConnect, "listAllNetworks", networks)
    inventory.start()
    wait_until(
        lambda: any(entry.info.facts.get("hostname") == "web" for entry in inventory.entries.values()), 5.0,
        "the other one has a hostname",
    )  # fmt: skip


def test_events_are_told_after_their_loop_has_failed(inventory: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    run, failed = libvirt.virEventRunDefaultImpl, list[bool]()

    def turn() -> None:
        if not failed:
            failed.append(True)
            raise libvirt.libvirtError("Unable to poll on file handles: Cannot allocate memory")
        run()

    inventory.start()
    monkeypatch.setattr(libvirt, "virEventRunDefaultImpl", turn)
    wait_until(lambda: _stirred(inventory) and failed, 5.0, "the loop has failed")
    before = inventory.read[ONE]
    wait_until(lambda: _stirred(inventory) and inventory.read[ONE] > before, 5.0, "an event is told")


def _stirred(inventory: Inventory) -> bool:
    """Have libvirt tell that something of a server is another one."""
    inventory.connection.call(
        lambda conn: conn.lookupByUUIDString(ONE).setMetadata(
            libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, str(time.monotonic()), None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE
        ), "describing it",
    )  # fmt: skip
    return True
