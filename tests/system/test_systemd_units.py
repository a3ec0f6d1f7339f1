"""The units and profiles that hpm ships, on a host with systemd and AppArmor: hpm works as it does without, and is
denied nothing that it needs. The machine is emulated; guests are paused where nothing is measured."""

from __future__ import annotations

import json
import uuid as uuids
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.host import Host
from tests.host import guest as guests
from tests.host.guest import RUN
from tests.host.image import ROOT
from tests.host.requirements import missing
from tests.host.trial import give_goals, servers
from tests.host.units import UnitManager
from tests.lab import domains
from tests.lab.errors import wait_until
from tests.system.machines import CLEARED, Machines, tried

pytestmark = [pytest.mark.lab, pytest.mark.long]

FEW = 120.0    # seconds; what takes two elsewhere
ORIGINAL = [100, 150]


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """As elsewhere, with AppArmor."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    running = Machines(apparmor=True)
    try:
        yield running
    finally:
        running.stop()


def on_a_machine_with_units(test: Callable[[Host, UnitManager], None]) -> Callable[[Machines], None]:
    """A test that gets a machine without guests, on which hpm runs under its units. Nothing may be denied in it."""

    def on_it(host: Host, machines: Machines) -> None:
        host.run(CLEARED)
        with UnitManager(host) as manager:
            test(host, manager)
            assert manager.denied() == []

    return tried(test, on_it)


#: Posts that come, one a line: the number of notifications in it.
RECEIVER = """
import http.server, json
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.send_response(204)
        self.end_headers()
        print(len(body['notifications']), flush=True)
http.server.HTTPServer(('127.0.0.1', 9999), Hook).serve_forever()
"""

#: What the front answers to a login: a line with the status for each password.
LOGINS = """
import http.client, json, ssl, sys
context = ssl.create_default_context(cafile='/var/lib/hpm-web/cert.pem')
context.check_hostname = False
for password in sys.argv[2:]:
    front = http.client.HTTPSConnection('127.0.0.1', 8643, context=context, timeout=60)
    body = json.dumps({'user': sys.argv[1], 'password': password})
    front.request('POST', '/zhpm/wsapi/v1/login', body, {'Content-Type': 'application/json'})
    print(front.getresponse().status)
"""


#: Has the manager simulate the host on standard input, and prints the status of its answer.
SIMULATION = """
import http.client, json, socket, sys
manager = http.client.HTTPConnection('localhost')
manager.sock = socket.socket(socket.AF_UNIX)
manager.sock.settimeout(110)
manager.sock.connect('/run/hpm/hpm.sock')
body = json.dumps({'host': json.load(sys.stdin), 'intervals': 2})
manager.request('POST', '/zhpm/wsapi/v1/simulations', body, {'Content-Type': 'application/json'})
answer = manager.getresponse()
print(answer.status, '' if answer.status == 200 else answer.read().decode())
"""
EXAMPLE = ROOT / "examples/simulations/database-beside-batch.json"


@on_a_machine_with_units
def test_goals_are_kept_and_everything_is_put_back(host: Host, manager: UnitManager) -> None:
    guests = [host.guest(f"one{number}", shares=shares) for number, shares in enumerate(ORIGINAL)]
    for guest in guests:
        guest.suspend()
    give_goals(manager, guests, ((80, "high"), (None, "low")))
    for guest in guests:
        guest.resume()
    manager.hpm("config", "--cpu-mgmt", "on")
    wait_until(lambda: host.weights(guests)[0] > 2 * host.weights(guests)[1], FEW, "a plan is in force", 1.0)
    wait_until(lambda: servers(manager)["one0"]["goal-status"] == "met", FEW, "the goal is met", 1.0)

    for guest in guests:
        guest.suspend()
    manager.killed()
    assert host.weights(guests) != ORIGINAL and manager.json("config")["cpu-mgmt"] == "on"
    manager.kill()
    assert host.weights(guests) != ORIGINAL
    manager.restore()
    assert host.weights(guests) == ORIGINAL
    manager.start()
    manager.hpm("config", "--cpu-mgmt", "off")
    manager.stop()
    assert host.weights(guests) == ORIGINAL
    confined = host.run("aa-status --json", check=False).stdout
    assert '"hpm-web"' in confined


@on_a_machine_with_units
def test_what_takes_the_network_and_passwords_is_done_by_helpers(host: Host, manager: UnitManager) -> None:
    pid = manager.pid()
    devices = host.run(f"nsenter --net --target {pid} cat /proc/net/dev").stdout.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]
    status = dict(line.split(":\t", 1) for line in host.run(f"cat /proc/{pid}/status").stdout.splitlines())
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 1    # CAP_CHOWN
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert host.run(f"cat /proc/{pid}/attr/current").stdout.strip() == "hpm (enforce)"

    host.run("cat > /run/receiver.py", stdin=RECEIVER)
    output = "--property=StandardOutput=file:/run/received --property=StandardError=null"
    host.run(f"systemd-run --quiet --unit=receiver {output} python3 /run/receiver.py")
    try:
        wait_until(lambda: listens(host, 9999), FEW, "the receiver listens", 0.5)
        manager.hpm("notifications", "--webhook", "http://127.0.0.1:9999/hook")
        assert "ok" in manager.hpm("notifications", "--test").stdout
        wait_until(lambda: host.run("cat /run/received").stdout == "1\n", FEW, "one notification has come", 0.5)

        guest = host.guest("db", load="halt")
        define(host, "app")
        needs(manager, "app", guest.uuid)
        for port, want in ((9998, "does not answer"), (9999, None)):
            ready = {"type": "tcp-port", "port": port, "address": "127.0.0.1"}
            manager.hpm("vs-policy", "db", "--file", "-", stdin=json.dumps({"start": {"ready": ready}}))
            wait_until(lambda w=want: not_ready(manager, w), FEW, f"port {port}: {want}", 1.0)  # type: ignore[misc]
        guest.destroy()
    finally:
        host.run("systemctl stop receiver")

    # a process of the manager's own, with less priority and a limit
    host.run("cat > /run/simulation.py", stdin=SIMULATION)
    assert host.run("python3 /run/simulation.py", stdin=EXAMPLE.read_text(), seconds=120).stdout == "200 \n"

    host.run("id ann 2>/dev/null || useradd -G hpmadm ann; echo 'ann:right-horse' | chpasswd")
    wait_until(lambda: listens(host, 8643), FEW, "the front listens", 0.5)
    host.run("cat > /run/logins.py", stdin=LOGINS)
    assert host.run("python3 /run/logins.py ann wrong right-horse", seconds=120).stdout.split() == ["401", "200"]
    left = host.run("systemctl list-units --no-legend 'hpm-passwords@*' 'hpm-network@*'").stdout
    assert left.count("failed") == 0


def listens(host: Host, port: int) -> bool:
    """Whether somebody listens at that port of 127.0.0.1 (see proc(5) for the form)."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in host.run("cat /proc/net/tcp").stdout


def not_ready(manager: UnitManager, why: str | None) -> bool:
    """Whether the guest db is not ready for that reason; None: it is ready."""
    (node,) = [one for one in manager.json("dependencies")["virtual-servers"] if one["name"] == "db"]
    return node["ready"] if why is None else why in (node["reason"] or "")


def define(host: Host, name: str) -> str:
    """Define a guest that does not run; gives its UUID."""
    uuid = str(uuids.uuid4())
    xml = guests.xml(domains.Common(name, uuid, 1, Path(guests.console(name))), "halt")
    host.run(f"cat > {RUN}/{name}.xml && virsh define {RUN}/{name}.xml", stdin=xml)
    return uuid


def needs(manager: UnitManager, name: str, other: str) -> None:
    """Have a guest need another one, and wait for that when it starts."""
    wait_until(lambda: name in servers(manager), FEW, f"{name} is seen", 1.0)
    policy = {"start": {"depends-on": [{"virtual-server": other}], "not-ready": "wait"}}
    manager.hpm("vs-policy", name, "--file", "-", stdin=json.dumps(policy))


@on_a_machine_with_units
def test_the_hook_keeps_a_guest_from_starting_in_its_own_profile(host: Host, manager: UnitManager) -> None:
    manager.hpm("hooks-install")
    host.run("systemctl restart libvirtd")
    db = define(host, "db")
    define(host, "web")
    needs(manager, "web", db)
    host.run("systemd-run --quiet --unit=web virsh start web")
    waiting = "cat /proc/[0-9]*/attr/current 2>/dev/null"
    wait_until(lambda: "hpm-hook (enforce)" in host.run(waiting, check=False).stdout, FEW, "the hook waits", 0.2)
    wait_until(
        lambda: "db" in host.run("journalctl --no-pager --output=cat --unit=web").stdout, FEW,
        "the start is refused, and virsh says why", 1.0,
    )  # fmt: skip
    assert host.run("virsh list --name").stdout.split() == []
    told = host.run("journalctl --no-pager --output=cat --identifier=hpm-hook").stdout
    assert "web was kept from starting" in told and "unasked" not in told
    manager.hpm("hooks-remove")
