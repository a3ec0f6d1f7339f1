"""While a guest waits in libvirt's hook, libvirt lists nobody: all others are seen and managed all the same."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hpm.backend import libvirt_inventory
from hpm.client.connection import connect
from hpm.host.running import RunningManager
from hpm.policy.start_policies import Dependency, StartPolicy
from tests.lab import Lab
from tests.lab.errors import wait_until
from tests.system.starting import Defined, hook, say

pytestmark = pytest.mark.lab

#: Seconds within which a change is seen.
SOON = 4.0


def test_a_start_that_waits_in_the_hook_hides_no_other_server(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libvirt_inventory, "RESYNC", 1.0)    # else no listing would hang for a minute
    guests = Defined(lab, "patient", "other", "wanted")
    patient, other, wanted = (guests.uuids[name] for name in ("patient", "other", "wanted"))
    say(tmp_path, {
        patient: StartPolicy(depends_on=(Dependency(virtual_server=wanted),), not_ready="wait", timeout_seconds=30)
    })
    socket = tmp_path / "s"
    try:
        with (
            hook(lab, socket), RunningManager("qemu:///system", tmp_path, socket, 1.0) as running,
            connect(socket) as client,
        ):  # fmt: skip
            changes: list[float] = []
            running.hypervisor.on_change(lambda: changes.append(time.monotonic()))
            busy = lab.tiny("busy", load="spin")
            client.set_management_levels({"cpu-mgmt": "on"})

            def status(uuid: str) -> str:
                return client.server(uuid).value.status

            waits = guests.begin_virsh_start("patient")
            wait_until(lambda: client.server(patient).value.stale_since, 2 * SOON, "the guest is said to be unknown")
            assert any("tells nothing of this server" in said for said in client.explain(patient).value.sentences)
            lab.conn.lookupByUUIDString(other).create()
            wait_until(lambda: status(other) == "running", SOON, "a start is seen")
            guests.destroy("other")
            wait_until(lambda: status(other) == "shut-off", SOON, "an end is seen")
            client.update_guest_policy(busy.uuid, {"cpu-weight": 333})
            wait_until(lambda: busy.cpu_shares() == 333, SOON, "a weight is set")
            found = {server.object_id: server for server in client.servers_detail().value.virtual_servers}
            assert found[patient].stale_since and not found[busy.uuid].stale_since and not found[other].stale_since
            assert client.servers_detail().value.problem is None and waits.poll() is None
            lab.conn.lookupByUUIDString(wanted).create()    # what it waits for is seen, too
            assert waits.wait(2 * SOON) == 0
            wait_until(lambda: status(patient) == "running", SOON, "the guest is seen to run")
            wait_until(lambda: client.server(patient).value.stale_since is None, SOON, "the guest is known")
            assert not client.server(wanted).value.stale_since
            assert len(changes) < 100    # nobody asks again and again meanwhile
    finally:
        lab.destroy_all()
        guests.remove()
