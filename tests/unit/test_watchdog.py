"""What systemd is told: ready after the first cycle, alive as long as cycles end, and why not."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from hpm.backend.simulated.hypervisor import SimulatedHypervisor
from hpm.backend.simulated.machine import Scenario
from hpm.errors import HypervisorUnreachable, StoreDamaged, StoreError
from hpm.host.front.process import _alive
from hpm.host.front.settings import FrontSettings
from hpm.host.systemd import Supervisor
from hpm.host.watchdog import Watchdog
from hpm.manager.manager import Manager
from hpm.store.database import Database
from tests.lab.errors import wait_until

from .builders import guest

#: Seconds of the watchdog here; of those, a cycle may be late by half.
SECONDS = 0.8


class Systemd:
    """Listens as systemd does; `told` are the lines so far."""

    def __init__(self, address: str | None = None) -> None:
        self.address = address or f"@hpm-test-{secrets.token_hex(8)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address.replace("@", "\0", 1) if self.address[0] == "@" else self.address)
        self.told: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (message := self._socket.recv(65536)) != b"end":
            self.told += message.decode().split("\n")

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.sendto(b"end", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def wait_for(self, line: str, seconds: float = 10.0, number: int = 1) -> None:
        """Until so many lines begin so."""
        wait_until(lambda: self.count(line) >= number, seconds, f"{number} times {line}", 0.02)

    def count(self, line: str) -> int:
        return sum(one.startswith(line) for one in self.told)


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    listening = Systemd()
    yield listening
    listening.close()


class Service:
    """A manager with its loop and its watchdog, on a host that can be made to hang, or to fail."""

    def __init__(
        self, directory: Path, systemd: Systemd, interval: float = 1.0, fails: Exception | None = None
    ) -> None:
        self.host = SimulatedHypervisor(Scenario(cores=2, servers=(guest("one"),)), time.monotonic_ns)
        self.gate = threading.Event()
        self.database = Database(directory / "hpm.db")
        self.manager = Manager(
            self.host, self.database, interval, time.monotonic_ns, lambda: datetime.now(timezone.utc)
        )
        environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": str(int(SECONDS * 1e6))}
        self.watchdog = Watchdog(Supervisor(environment), self.manager)
        if fails is not None:
            self.fail(fails)
        self.manager.start()
        self.watchdog.start()

    def hang(self) -> None:
        """From now on, whoever asks the host waits."""
        def waiting(_: float) -> None:
            self.gate.wait(30.0)

        self.host.faults.sleep = waiting
        self.host.faults.slow_s = 1.0

    def fail(self, error: Exception) -> None:
        """From now on, who asks the host gets this."""
        def raising(_: float) -> None:
            raise error

        self.host.faults.sleep, self.host.faults.slow_s = raising, 1.0

    def well(self) -> None:
        """No more."""
        self.host.faults.slow_s = 0.0
        self.gate.set()

    def close(self) -> None:
        self.well()
        self.watchdog.stopping()
        self.manager.stop()
        self.watchdog.stop()
        self.database.close()


@pytest.fixture
def service(tmp_path: Path, systemd: Systemd) -> Iterator[Service]:
    made = Service(tmp_path, systemd)
    yield made
    made.close()


# -- the messages


def test_who_is_not_started_by_systemd_tells_nobody() -> None:
    for environment in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}):
        supervisor = Supervisor(environment)
        supervisor.ready()
        assert not supervisor.there and supervisor.watchdog is None


def test_children_are_not_the_service(systemd: Systemd) -> None:
    ours = {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}
    environment = {"NOTIFY_SOCKET": systemd.address, **ours, "A": "b"}
    assert Supervisor(environment).watchdog == 2.0
    assert environment == {"A": "b"}


def test_the_watchdog_of_another_process_is_not_ours(systemd: Systemd) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}
    assert Supervisor(environment).watchdog is None


def test_a_socket_may_be_a_file(tmp_path: Path) -> None:
    systemd = Systemd(str(tmp_path / "notify"))
    Supervisor({"NOTIFY_SOCKET": systemd.address}).extend(1.5)
    systemd.wait_for("EXTEND_TIMEOUT_USEC=1500000")
    systemd.close()


def test_a_name_in_a_problem_can_say_nothing_to_systemd(systemd: Systemd) -> None:
    """The text of a problem may have what a guest or libvirt says in it."""
    supervisor = Supervisor({"NOTIFY_SOCKET": systemd.address})
    supervisor.status("all well\nWATCHDOG=1\nMAINPID=1")
    supervisor.status("all well\nWATCHDOG=1\nMAINPID=1")
    supervisor.stopping()
    systemd.wait_for("STOPPING=1")
    assert systemd.told == ["STATUS=all well WATCHDOG=1 MAINPID=1", "STOPPING=1"]


def test_a_systemd_that_is_gone_ends_nothing(systemd: Systemd, tmp_path: Path) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).alive()


# -- the manager


def test_it_is_ready_after_its_first_cycle_and_then_alive(service: Service, systemd: Systemd) -> None:
    systemd.wait_for("WATCHDOG=1", number=4)
    assert systemd.count("READY=1") == 1
    assert service.manager.loop.completed >= 1
    status = next(line for line in systemd.told if "last cycle 2" in line)
    assert status.startswith("STATUS=0 of 1 running servers managed; CPU off, memory off; last cycle ")


def test_a_loop_that_hangs_is_not_alive_and_one_that_goes_on_is(service: Service, systemd: Systemd) -> None:
    systemd.wait_for("WATCHDOG=1", number=2)
    service.hang()
    wait_until(lambda: service.manager.loop.since_well() > 1.0 + 0.5 * SECONDS, 10.0, "the loop is late", 0.02)
    before = systemd.count("WATCHDOG=1")
    time.sleep(2 * SECONDS)    # that nothing is said cannot be polled for
    assert systemd.count("WATCHDOG=1") <= before + 1
    service.well()
    systemd.wait_for("WATCHDOG=1", number=before + 3)


def test_a_host_that_cannot_be_reached_is_no_reason_to_start_anew(service: Service, systemd: Systemd) -> None:
    systemd.wait_for("READY=1")
    service.fail(HypervisorUnreachable("libvirt does not answer"))
    wait_until(lambda: service.manager.loop.lost >= 3, 10.0, "three cycles are lost", 0.02)
    before = systemd.count("WATCHDOG=1")
    systemd.wait_for("WATCHDOG=1", number=before + 3)
    systemd.wait_for("STATUS=0 of 1 running servers managed; CPU off, memory off")
    assert any(line.endswith("PROBLEM: libvirt does not answer") for line in systemd.told)


def test_who_loses_every_cycle_for_a_reason_that_is_known_can_be_asked_all_the_same(
    tmp_path: Path, systemd: Systemd
) -> None:
    """A disk that is full from the start on: the web front waits for READY."""
    service = Service(tmp_path, systemd, fails=StoreError("the disk is full"))
    try:
        systemd.wait_for("READY=1")
        assert service.manager.loop.lost >= 1 and service.manager.loop.completed == 0
    finally:
        service.close()


@pytest.mark.parametrize("error", [ZeroDivisionError("a fault of ours"), StoreDamaged("the store is damaged")])
def test_what_another_start_may_help_against_in_every_cycle_is_one(
    service: Service, systemd: Systemd, error: Exception
) -> None:
    systemd.wait_for("READY=1")
    service.fail(error)
    wait_until(lambda: service.manager.loop.since_well() > 1.0 + 0.5 * SECONDS, 10.0, "no cycle ends well", 0.02)
    before = systemd.count("WATCHDOG=1")
    assert service.manager.loop.cycles > service.manager.loop.completed + service.manager.loop.lost
    time.sleep(2 * SECONDS)
    assert systemd.count("WATCHDOG=1") <= before + 1


def test_a_long_interval_is_waited_for(tmp_path: Path, systemd: Systemd) -> None:
    service = Service(tmp_path, systemd, 3600.0)
    try:
        systemd.wait_for("READY=1")
        cycles = service.manager.loop.cycles
        systemd.wait_for("WATCHDOG=1", number=12)    # three times of the watchdog
        assert service.manager.loop.cycles == cycles
    finally:
        service.close()


def test_a_manager_as_a_service(tmp_path: Path, systemd: Systemd) -> None:
    environment = {**os.environ, "NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "2000000"}
    command = [
        sys.executable, "-m", "hpm.cli.main", "serve", "--connect", "simulated:3", "--state-dir", str(tmp_path),
        "--socket", str(tmp_path / "s"), "--interval", "1", "--no-web",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        systemd.wait_for("WATCHDOG=1", 30.0, number=3)
        assert systemd.count("READY=1") == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20.0) == 0
    finally:
        process.kill()
        process.wait()
    systemd.wait_for("STOPPING=1")
    assert systemd.told.index("READY=1") < systemd.told.index("STOPPING=1")
    systemd.wait_for("EXTEND_TIMEOUT_USEC=")


def test_a_front_as_a_service(systemd: Systemd) -> None:
    with TemporaryDirectory() as directory:    # pytest's own is not for everybody
        Path(directory).chmod(0o755)
        _front_as_a_service(Path(directory), systemd)


def _front_as_a_service(directory: Path, systemd: Systemd) -> None:
    nobody = pwd.getpwnam("nobody")
    user = (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else None
    settings = FrontSettings(
        manager_socket="/nowhere", directory=str(directory / "web"), listen="127.0.0.1:0", user=user
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "hpm.host.front", msgspec.json.encode(settings).decode()],
        env={**os.environ, "NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "1000000"}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        systemd.wait_for("WATCHDOG=1", 30.0, number=3)
        assert systemd.told[0] == "READY=1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20.0) == 0
    finally:
        process.kill()
        process.wait()
    systemd.wait_for("STOPPING=1")


def test_a_front_whose_event_loop_hangs_is_not_alive(systemd: Systemd) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "200000"})

    async def play() -> tuple[int, int]:
        telling = asyncio.create_task(_alive(supervisor))
        while systemd.count("WATCHDOG=1") < 3:
            await asyncio.sleep(0.02)
        before = systemd.count("WATCHDOG=1")
        time.sleep(1.0)    # five times of the watchdog
        within = systemd.count("WATCHDOG=1")
        while systemd.count("WATCHDOG=1") < within + 2:    # it goes on
            await asyncio.sleep(0.02)
        telling.cancel()
        return before, within

    before, within = asyncio.run(asyncio.wait_for(play(), 30.0))
    assert within <= before + 1    # what was told just before
