"""Guests that lie: whoever has root in one makes its agent, its DHCP client and its balloon driver say anything.

None of it may stop hpm from observing and managing the others, or cost more than the guest is worth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hpm.backend.agent_answers import (
    LONGEST,
    LONGEST_PATH,
    MOST,
    AgentAnswer,
    filesystems,
    interfaces,
    reachable,
    users,
)
from hpm.backend.device_answers import device_answer
from hpm.backend.domain_xml import parse
from hpm.backend.section_book import Heard, SectionBook
from hpm.backend.simulated import figures, uuid_of
from tests.unit.memory_house import MIB, balloons, four
from tests.unit.test_backend_sections import XML

#: What a text may be: as long as libvirt lets an agent's answer be, what a terminal or a page would obey, and nothing.
TEXTS = (
    "", "\x00", "a" * 5_000_000, "\x1b]0;owned\x07\x1b[2J", "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0",
    "\u202egnp.exe", "../../../etc/passwd", "\n2026-01-01 ERROR forged", "%s%n{0.__class__}", "💥" * 1000, "\uffff",
)  # fmt: skip
ADDRESSES = (
    *TEXTS, "999.1.1.1", "10.0.0.1/8", "::1%" + "x" * 100_000, "1" * 100_000, "0x7f.1", "127.0.0.1", "fe80::1",
    "10.0.0.1\n", "10.0.0.1; rm -rf /", "::ffff:10.0.0.1",
)  # fmt: skip
MAXIMUM = 2**64 - 1


def _answer(text: str, count: int = 3) -> AgentAnswer:
    info: dict[str, Any] = {"user.count": count, "fs.count": count, "if.count": count}
    for n in range(min(count, 1000)):
        info |= {
            f"user.{n}.name": text, f"fs.{n}.mountpoint": text, f"fs.{n}.fstype": text,
            f"fs.{n}.total-bytes": MAXIMUM, f"fs.{n}.used-bytes": MAXIMUM, f"if.{n}.name": text,
            f"if.{n}.hwaddr": text, f"if.{n}.addr.count": count,
        }  # fmt: skip
        for m, address in enumerate((text, *ADDRESSES)):
            info |= {f"if.{n}.addr.{m}.type": ("ipv4", "ipv6", "x")[m % 3], f"if.{n}.addr.{m}.addr": address}
    return AgentAnswer(users(info), filesystems(info), interfaces(info))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("count", [3, 1000, MAXIMUM])
def test_whatever_an_agent_says_has_bounds_and_can_be_told(text: str, count: int) -> None:
    answer = _answer(text, count)
    assert answer.users is not None and answer.filesystems is not None and answer.interfaces is not None
    assert max(len(answer.users), len(answer.filesystems), len(answer.interfaces)) <= MOST
    assert all(len(name) <= LONGEST for name in answer.users)
    assert all(len(one.path) <= LONGEST_PATH for one in answer.filesystems)
    assert all(len(one.name) <= LONGEST for one in answer.interfaces)
    assert answer.addresses is not None
    assert not {"127.0.0.1", "fe80::1", "10.0.0.1\n", "999.1.1.1"} & set(answer.addresses)
    assert len(msgspec.json.encode(answer)) < 3 * 1024 * 1024


@pytest.mark.parametrize("info", [
    {}, {"user.count": 5}, {"if.count": 5}, {"fs.count": 5}, {"if.count": 1, "if.0.addr.count": 7},
    {"user.count": -1, "fs.count": -5, "if.count": -(2**63)},
], ids=range(6))  # fmt: skip
def test_an_answer_with_holes_is_taken_as_far_as_it_goes(info: Mapping[str, Any]) -> None:
    assert users(info) == ()
    filesystems(info), interfaces(info)


def _heard(name: str) -> Heard:
    xml = parse(XML.replace("<name>db1</name>", f"<name>{name}</name>"), 8)
    return Heard(xml.info(name, "running", {}), xml, 7, 1.0)


@pytest.mark.parametrize("address", ADDRESSES, ids=range(len(ADDRESSES)))
def test_one_liar_keeps_nobody_from_hearing_of_all(address: str) -> None:
    """An address that was none ended each reading of all servers, and so the observing of the host."""
    book, servers = SectionBook(), {name: _heard(name) for name in ("liar", "honest")}
    book.defined(servers)
    book.hear("liar", 7, agent=_answer(address), agent_sampled=2.0)
    book.hear("honest", 7, agent=AgentAnswer(("ann",), (), ()), agent_sampled=2.0)
    book.defined({name: msgspec.structs.replace(heard, read=3.0) for name, heard in servers.items()})
    assert book.sections()["honest"].status.username == "ann"
    for sections in book.sections().values():
        msgspec.json.encode(sections)


def test_what_cannot_be_told_is_not_heard_either() -> None:
    """Even a lie that nobody thought of yet leaves the book as it was, and the others in it."""
    book, servers = SectionBook(), {name: _heard(name) for name in ("liar", "honest")}
    book.defined(servers)
    with pytest.raises(AttributeError):
        book.hear("liar", 7, agent="this is no answer")
    book.defined(servers)
    assert set(book.sections()) == {"liar", "honest"}


@pytest.mark.parametrize("value", [0, 1, 2**31, 2**53, 2**63, MAXIMUM])
def test_figures_of_a_balloon_driver_can_be_told_whatever_they_are(value: int) -> None:
    pytest.importorskip("libvirt")
    from hpm.backend.balloons import _row

    names = ("current", "maximum", "unused", "available", "usable", "rss", "disk_caches", "swap_in", "swap_out")
    # QEMU tells bytes, of which libvirt makes KiB; faults stay as they are
    statistics = {f"balloon.{name}": value // 1024 for name in names}
    statistics |= {"balloon.major_fault": value, "balloon.minor_fault": value, "balloon.last-update": value}
    answer = device_answer(statistics, parse(XML, 8).hardware, None, 1, 1.0)
    told = msgspec.json.decode(msgspec.json.encode(answer.memory_stats))
    assert told["major-faults"] == value
    assert all(math.isfinite(figure) and figure >= 0 for figure in _row(statistics))


LIES = {
    "all is used": {"usable_bytes": 0.0, "unused_bytes": 0.0, "disk_caches_bytes": 0.0, "major_faults": 1e18},
    "nothing is used": {"usable_bytes": 2.0**64, "unused_bytes": 2.0**64, "available_bytes": 2.0**64},
    "more is free than there is": {"usable_bytes": 2.0**63, "available_bytes": 1.0},
    "nothing at all": {"available_bytes": 0.0, "usable_bytes": 0.0, "unused_bytes": 0.0},
    "it swaps without end": {"swap_in_bytes": 2.0**64, "swap_out_bytes": 2.0**64},
    "counters that jump back": {"major_faults": 0.0, "swap_in_bytes": 0.0, "minor_faults": 0.0},
    "a report from the future": {"last_update": 2.0**63},
    "no number": dict.fromkeys(("usable_bytes", "unused_bytes", "available_bytes", "major_faults"), math.nan),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_guest_that_lies_of_its_memory_harms_itself_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    """The least important of four, on a host that is short of memory."""
    house = four(tmp_path)
    truth = figures.Figures._balloon

    def lying(self: Any, run: Any, servers: Any, memory: Any, unix: float) -> dict[str, Any]:
        columns = truth(self, run, servers, memory, unix)
        row = next(n for n, server in enumerate(servers) if server.uuid == uuid_of("tin"))
        for name, value in LIES[lie].items():
            columns[name] = columns[name].copy()
            columns[name][row] = value
        return columns

    monkeypatch.setattr(figures.Figures, "_balloon", lying)
    house.manager.set_memory_level("on")
    house.step(15)
    assert house.manager.snapshot.problem is None
    for name in ("gold", "silver", "bronze", "tin"):
        asked = balloons(house, name)
        assert all(0 < size <= 4096 for size in asked), name
        assert np.isfinite(asked).all()
    # nobody above it is brought below what it needs (1000 MiB and what the kernel has), whatever the last one claims
    for name in ("gold", "silver"):
        sample = house.manager.snapshot.sample.samples[uuid_of(name)]
        assert sample.memory_bytes is not None and sample.memory_bytes / MIB > 1000


def test_facts_of_a_guest_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    libvirt = pytest.importorskip("libvirt")
    from hpm.backend import guest_facts

    class Domain:
        def guestInfo(self, kinds: int) -> dict[str, object]:    # noqa: N802    # as libvirt calls it
            if kinds & libvirt.VIR_DOMAIN_GUEST_INFO_OS:
                return {"hostname": "h" * 4_000_000, "os.id": "o" * 4_000_000, "os.version-id": "\x1b[2J" * 100_000}
            return {}

    found = guest_facts._from_agent(Domain())
    assert {len(found[name]) for name in ("hostname", "os-name", "os-level")} == {LONGEST}

    def garbled(*_: object) -> dict[str, str]:
        b"\xed\xa0\x80".decode()    # what libvirt's binding does with what JSON writes as \ud800
        return {}

    monkeypatch.setattr(guest_facts, "_ask", garbled)
    assert guest_facts.guest_facts("test:///default", "u", parse(XML, 8)) == {}


@pytest.mark.parametrize("answer", [
    b"", b"[]", b"{}", b'{"return": []}', b'{"return": {"pid": "x"}}', b'{"return": 7}', b'{"return": null}',
    b'{"return": {"pid": 1, "exited": true, "exitcode": 0, "out-data": "%%%"}}', b"[" * 100_000,
    b'{"return": {"pid": 1, "exited": true, "exitcode": 0, "out-data": "MWU5OTk="}}', b"\xff\xfe",
    b'{"return": {"pid": 1, "exited": {}, "exitcode": []}}',
], ids=range(12))  # fmt: skip
def test_an_agent_that_answers_nonsense_is_not_ready_and_nothing_breaks(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    pytest.importorskip("libvirt_qemu")
    import libvirt_qemu

    from hpm.backend import libvirt_power
    from hpm.policy.start_policies import HeartbeatFile

    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", lambda *_: answer)
    monkeypatch.setattr(libvirt_power, "PROGRAM_TIMEOUT", 0.05)
    power = object.__new__(libvirt_power.LibvirtPower)
    monkeypatch.setattr(power, "_check", lambda *_: None, raising=False)
    monkeypatch.setattr(power, "_ask", lambda _uuid, _what, deed, _timeout: deed(None))
    assert power.probe("u", "1", HeartbeatFile("/run/beat"), None)


def test_a_guest_does_not_have_the_host_ask_itself() -> None:
    """Its port is looked for where its agent says that it is."""
    claimed = ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "x", "10.0.0.1", "10.0.0.2"]
    assert reachable(claimed) == ("10.0.0.1", "10.0.0.2")
