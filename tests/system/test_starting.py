"""Real guests start in the order of their dependencies: by hpm, and by virsh through libvirt's hook."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import libvirt
import pytest

from hpm.backend.domain_xml import with_partition
from hpm.backend.libvirt_host import LibvirtHypervisor
from hpm.errors import ServerGone
from hpm.policy.start_policies import (
    AgentAnswers,
    Dependency,
    HeartbeatFile,
    PortAnswers,
    Readiness,
    Running,
    StartPolicy,
)
from tests.lab import Guest, Lab
from tests.lab.errors import wait_until
from tests.running import ManagerProcess
from tests.system.starting import Defined, hook, say

pytestmark = [
    pytest.mark.lab,
    # as in test_crashes: httpx leaves a socket whose connecting failed to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]


def needs(uuid: str, **fields: object) -> StartPolicy:
    return StartPolicy(depends_on=(Dependency(virtual_server=uuid),), **fields)  # type: ignore[arg-type]


def test_a_plain_start_waits_for_what_the_guest_needs(lab: Lab, tmp_path: Path) -> None:
    guests = Defined(lab, "db", "web", "patient")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    answers = PortAnswers(listener.getsockname()[1], "127.0.0.1")
    db = guests.uuids["db"]
    say(tmp_path, {
        db: StartPolicy(ready=answers), guests.uuids["web"]: needs(db),
        guests.uuids["patient"]: needs(db, not_ready="wait"),
    })  # fmt: skip
    manager = ManagerProcess(tmp_path, "qemu:///system", 1.0)
    try:
        with hook(lab, manager.socket) as hooks:
            assert hooks.state().current and hooks.state().seen
            with manager:
                refused = guests.virsh_start("web")
                assert refused.returncode != 0 and not guests.runs("web")
                assert "hpm does not let hpmlab-web start: it waits for hpmlab-db (it does not run)" in refused.stderr
                assert guests.virsh_start("db").returncode == 0
                with manager.client() as client:
                    wait_until(lambda: client.server(db).value.status == "running", 5, "db is seen")
                refused = guests.virsh_start("web")
                assert refused.returncode != 0
                assert f"its port {answers.port} does not answer" in refused.stderr
                waits = guests.begin_virsh_start("patient")
                with pytest.raises(subprocess.TimeoutExpired):
                    waits.wait(2)
                listener.listen()
                assert waits.wait(10) == 0 and guests.runs("patient")
                assert guests.virsh_start("web").returncode == 0 and guests.runs("web")
                # what was saved is restored whatever stands: it ran before
                lab.conn.lookupByUUIDString(guests.uuids["web"]).managedSave(0)
                guests.destroy("db")
                with manager.client() as client:
                    wait_until(lambda: client.server(db).value.status == "shut-off", 5, "db is seen to have stopped")
                assert guests.virsh_start("web").returncode == 0 and guests.runs("web")
                guests.destroy("web")
                assert guests.virsh_start("web").returncode != 0    # that was for once
                # and what hpm starts, it lets start
                done = manager.hpm("vs-start", guests.full("web"))
                assert done.returncode == 0, done.stderr
                assert guests.runs("db") and guests.runs("web")
    finally:
        listener.close()
        guests.remove()


def test_without_hpm_and_with_one_that_hangs_guests_start(lab: Lab, tmp_path: Path) -> None:
    guests = Defined(lab, "alone")
    try:
        with hook(lab, tmp_path / "s"):
            assert guests.virsh_start("alone").returncode == 0
            guests.destroy()
            with socket.socket(socket.AF_UNIX) as silent:
                silent.bind(str(tmp_path / "s"))
                silent.listen()
                started = time.monotonic()
                assert guests.virsh_start("alone").returncode == 0
                assert 2.5 < time.monotonic() - started < 10    # it was asked, for three seconds
    finally:
        guests.remove()


def test_two_chains_start_side_by_side_and_a_killed_hpm_goes_on(lab: Lab, tmp_path: Path) -> None:
    names = [f"{chain}{n}" for chain in "ab" for n in range(5)]
    guests = Defined(lab, *names)
    ids = guests.uuids
    say(tmp_path, {
        ids[name]: StartPolicy(ready=Running(1)) if name[1] == "0" else
        needs(ids[f"{name[0]}{int(name[1]) - 1}"], ready=Running(1))
        for name in names
    })  # fmt: skip
    with ManagerProcess(tmp_path, "qemu:///system", 1.0) as manager:
        try:
            with manager.client() as client:
                group = client.create_group({"name": "Chains"}).value.object_id
                client.add_servers(group, [ids["a4"], ids["b4"]])
                number = client.start_group(group).value.object_id
                wait_until(lambda: guests.runs("a1"), 20, "the second guest of a chain")
            manager.kill()    # in mid-chain
            mid = {name for name in names if guests.runs(name)}
            assert {"a0", "a1", "b0"} <= mid and not {"a4", "b4"} & mid
            time.sleep(1.0)
            assert {name for name in names if guests.runs(name)} == mid    # nothing starts without hpm
            manager.start()
            with manager.client() as client:
                wait_until(lambda: client.start_job(number).value.state != "running", 30, "the end of the job")
                found = client.start_job(number).value
            assert found.state == "done", found
            assert all(guests.runs(name) for name in names)
            began = {s.name.removeprefix(guests.full("")): start_of(lab, ids[name]) for s in found.virtual_servers
                     for name in names if s.name == guests.full(name)}  # fmt: skip
            for chain in "ab":
                times = [began[f"{chain}{n}"] for n in range(5)]
                # each when the one before it had been running for a second
                assert all(after - before >= 0.9 for before, after in pairwise(times)), times
            assert abs(began["a1"] - began["b1"]) < 1.0    # side by side
        finally:
            manager.stop()
            guests.remove()


def test_a_snapshot_is_reverted_to_whatever_stands(lab: Lab, tmp_path: Path) -> None:
    names = ["snap", "placed"]
    guests = Defined(lab, *names, "absent", snapshots=True)
    say(tmp_path, {guests.uuids[name]: needs(guests.uuids["absent"]) for name in names})
    placed = lab.conn.lookupByUUIDString(guests.uuids["placed"])    # its own definition says where it stands
    lab.conn.defineXML(with_partition(placed.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), "/machine"))
    manager = ManagerProcess(tmp_path, "qemu:///system", 1.0)
    try:
        with hook(lab, manager.socket):
            domains = {name: lab.conn.lookupByUUIDString(guests.uuids[name]) for name in names}
            for domain in domains.values():
                domain.create()
                domain.snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>")
                domain.destroy()
            with manager:
                for name, domain in domains.items():
                    assert guests.virsh_start(name).returncode != 0
                    domain.revertToSnapshot(domain.snapshotLookupByName("s"))    # raises if it is refused
                    assert guests.runs(name)
                    domain.revertToSnapshot(domain.snapshotLookupByName("s"))    # one that runs starts anew, too
                    assert guests.runs(name)
                    domain.destroy()
                    assert guests.virsh_start(name).returncode != 0    # that was a start of its own
    finally:
        guests.remove()


def test_a_start_in_whose_middle_libvirts_daemon_ends_is_made_again(lab: Lab, tmp_path: Path) -> None:
    guests = Defined(lab, "slow")
    begun = tmp_path / "begun"
    manager = ManagerProcess(tmp_path, "qemu:///system", 1.0)
    try:
        with (
            hook(lab, manager.socket) as hooks, held_once(hooks.path.parent, guests.full("slow"), begun), manager,
            manager.client() as client,
        ):  # fmt: skip
            number = client.start_server(guests.uuids["slow"]).value.object_id
            wait_until(begun.exists, 10, "libvirt is at the start")
            lab.kill_libvirtd()    # whoever waits is told of the end of a file, as a system error
            lab.start_libvirtd()
            wait_until(lambda: client.start_job(number).value.state != "running", 20, "the end of the job")
            found = client.start_job(number).value
            assert found.state == "done", found
            assert guests.runs("slow")
    finally:
        guests.remove()


@contextmanager
def held_once(hooks: Path, name: str, begun: Path) -> Iterator[None]:
    """A hook that makes a file when that guest starts, and then takes long, the first time."""
    hook = hooks / "zz-hpmlab-held"
    hook.write_text(
        f"#!/bin/sh\n[ $1.$2.$3 = {name}.prepare.begin ] && [ ! -e {begun} ] && touch {begun} && sleep 10\nexit 0\n"
    )
    hook.chmod(0o755)
    try:
        yield
    finally:
        hook.unlink()


def test_a_definition_for_one_start_leaves_the_persistent_one(lab: Lab) -> None:
    guests = Defined(lab, "once")
    uuid = guests.uuids["once"]
    host = LibvirtHypervisor("qemu:///system")
    inactive = libvirt.VIR_DOMAIN_XML_INACTIVE
    try:
        domain = lab.conn.lookupByUUIDString(uuid)
        before = domain.XMLDesc(inactive)
        host.start_server(uuid, lambda xml: xml.replace("</name>", "</name><title>once</title>"))
        assert domain.isPersistent() and "<title>once</title>" in domain.XMLDesc(0)
        assert domain.XMLDesc(inactive) == before
        host.start_server(uuid)    # it runs already
        wait_until(lambda: uuid in host.observe().samples, 5, "the guest is seen")
        start = host.observe().samples[uuid].start
        host.suspend_server(uuid, start)
        wait_until(lambda: host.observe().infos[uuid].status == "paused", 5, "the guest is suspended")
        host.resume_server(uuid, start)
        assert host.probe(uuid, start, AgentAnswers()) == "its guest agent does not answer"
        host.stop_server(uuid, start, at_once=True)
        wait_until(lambda: host.observe().infos[uuid].status == "shut-off", 5, "the guest has ended")
        with pytest.raises(ServerGone):
            host.stop_server(uuid, start)
        assert domain.isPersistent() and domain.XMLDesc(inactive) == before
    finally:
        host.close()
        guests.remove()


@contextmanager
def agent(lab: Lab, words: str = "") -> Iterator[tuple[Guest, Callable[[Readiness], str | None]]]:
    """A guest whose agent answers; and why it is not ready by some measure, None: it is. `words`: see `Lab.linux`."""
    guest = lab.linux("agent", load="idle", agent=True, words=words)
    host = LibvirtHypervisor("qemu:///system")
    try:
        wait_until(lambda: guest.uuid in host.observe().samples, 5, "the guest is seen")
        start = host.observe().samples[guest.uuid].start
        wait_until(lambda: host.probe(guest.uuid, start, AgentAnswers()) is None, 30, "the agent answers")
        yield guest, lambda how: host.probe(guest.uuid, start, how)
    finally:
        host.close()
        guest.destroy()


def test_a_guest_agent_tells_whether_a_guest_is_ready(lab: Lab) -> None:
    with agent(lab) as (guest, probe):
        beat = HeartbeatFile("/beat", 60)
        told = "it has no file /beat"    # a guest that is short of CPU takes its time to run a program
        wait_until(lambda: probe(beat) == told, 20, "the agent tells that there is none")
        command(lab, guest.uuid, "guest-exec", path="touch", arg=["/beat"])
        wait_until(lambda: probe(beat) is None, 5, "the heartbeat is seen")
        old = HeartbeatFile("/beat", 1)
        wait_until(lambda: "was written" in (probe(old) or ""), 10, "the heartbeat is old")


@pytest.mark.parametrize("blocked", ["guest-exec", "guest-exec,guest-file-open"])
def test_a_heartbeat_of_an_agent_that_may_run_no_programs_is_what_the_file_says(lab: Lab, blocked: str) -> None:
    with agent(lab, f"lab_blocked={blocked}") as (guest, probe):
        beat = HeartbeatFile("/beat", 60)
        why = probe(beat)
        assert why is not None and "guest-exec" in why and "guest-file-open" in why
        if "file" in blocked:
            return
        assert "No such file" in why

        def write(text: str) -> None:
            handle = command(lab, guest.uuid, "guest-file-open", path="/beat", mode="w")
            encoded = base64.b64encode(text.encode()).decode()
            command(lab, guest.uuid, "guest-file-write", **{"handle": handle, "buf-b64": encoded})
            command(lab, guest.uuid, "guest-file-close", handle=handle)

        write("alive\n")
        assert "does not hold the seconds since 1970" in (probe(beat) or "")
        now = int(command(lab, guest.uuid, "guest-get-time")) // 10**9
        write(f"{now}\n")
        assert probe(beat) is None
        write(f"{now - 100}\n")
        assert "was written 10" in (probe(beat) or "")


def command(lab: Lab, uuid: str, execute: str, **arguments: object) -> Any:
    """Have a guest's agent do something."""
    import libvirt_qemu

    text = json.dumps({"execute": execute, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuAgentCommand(lab.conn.lookupByUUIDString(uuid), text, 5, 0))["return"]


def start_of(lab: Lab, uuid: str) -> float:
    """When a guest's process began, in seconds since the host booted."""
    name = lab.conn.lookupByUUIDString(uuid).name()
    pid = Path(f"/run/libvirt/qemu/{name}.pid").read_text()
    return int(Path(f"/proc/{int(pid)}/stat").read_text().rpartition(") ")[2].split()[19]) / 100
