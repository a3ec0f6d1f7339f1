"""A manager as systemd runs it: told when it is ready, ended when it hangs, and not because libvirt does."""

from __future__ import annotations

import time

import pytest

from tests.host import Host
from tests.host.guest import RUN
from tests.host.manager import STARTING, UNIT, URI, HostManager
from tests.lab.errors import wait_until
from tests.system.machines import on_a_machine

pytestmark = [pytest.mark.lab, pytest.mark.long]

#: Seconds of the watchdog there.
WATCHDOG = 8


def show(host: Host, name: str) -> str:
    """A property of the unit."""
    return host.run(["systemctl", "show", "--value", f"--property={name}", UNIT]).stdout.strip()


def serve(host: Host) -> None:
    """As the shipped unit does; systemd-run returns when it is ready."""
    properties = (
        "Type=notify", "NotifyAccess=main", f"WatchdogSec={WATCHDOG}", "Restart=on-failure", "RestartSec=1",
        "TimeoutStopSec=5",
    )  # fmt: skip
    host.run([
        "systemd-run", "--quiet", f"--unit={UNIT}", *(f"--property={one}" for one in properties), "hpm", "serve",
        "--connect", URI, "--state-dir", f"{RUN}/watched", "--interval", "1", "--no-web",
    ], seconds=STARTING)  # fmt: skip


@on_a_machine
def test_what_hangs_is_started_anew_and_nothing_else(host: Host, manager: HostManager) -> None:
    manager.stop()
    host.run(["rm", "-rf", f"{RUN}/watched"])
    serve(host)
    assert show(host, "ActiveState") == "active"    # that is: it was ready
    assert "servers managed; CPU off, memory off" in show(host, "StatusText")
    first = show(host, "MainPID")

    host.run(["pkill", "-STOP", "-x", "libvirtd"])
    try:
        time.sleep(3 * WATCHDOG)    # that it is not ended cannot be polled for
        assert (show(host, "NRestarts"), show(host, "MainPID")) == ("0", first)
        assert manager.hpm("version").exit == 0
    finally:
        host.run(["pkill", "-CONT", "-x", "libvirtd"])

    host.run(["kill", "-STOP", first])
    wait_until(lambda: show(host, "NRestarts") == "1", 6 * WATCHDOG, "it is started anew", 0.5)
    wait_until(lambda: show(host, "ActiveState") == "active", STARTING, "it is ready again", 0.5)
    assert show(host, "MainPID") != first
    assert manager.hpm("version").exit == 0
    assert "Watchdog timeout" in manager.log()
    host.run(["systemctl", "stop", UNIT], seconds=STARTING)
    assert show(host, "Result") in ("success", "watchdog")
