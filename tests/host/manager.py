"""hpm as it runs on the host inside: a unit of its systemd, spoken to by the command line there."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any

from tests.lab.errors import LabError, wait_until

from .guest import RUN
from .host import Host
from .machine import Answer

UNIT = "hpm"
URI = "qemu:///system"
STARTING = 60.0  # seconds; what takes one elsewhere takes several among guests that want all CPU of an emulated host
STOPPING = 60.0


class HostManager:
    """A context manager: `hpm serve` with a state directory of its own, made new when this is entered.

    Raises LabError if it does not start, LabTimeoutError if it does not answer.
    """

    def __init__(self, host: Host, interval: float = 3.0) -> None:
        self._host = host
        self._interval = interval
        self._state = f"{RUN}/state"

    def __enter__(self) -> HostManager:
        self._host.run(["rm", "-rf", self._state])
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; returns when it answers."""
        self._host.run([
            "systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "hpm", "serve", "--connect", URI,
            "--state-dir", self._state, "--interval", str(self._interval), "--no-web",
        ])  # fmt: skip
        wait_until(self._answers, STARTING, "the manager answers", 0.2)

    def stop(self) -> None:
        """A clean stop, if it runs. With a machine that ended it ended, too."""
        if self._host.usable and self._active():
            self._host.run(["systemctl", "stop", UNIT], seconds=STOPPING)

    def kill(self) -> None:
        """SIGKILL; returns when it is dead."""
        self._host.run(["systemctl", "kill", "--signal=KILL", UNIT])
        wait_until(lambda: not self._active(), STOPPING, "the manager is dead", 0.1)

    def hpm(self, *words: str, stdin: str = "", check: bool = True) -> Answer:
        """Run the command line; raises LabError if it fails and `check` is set."""
        return self._host.run(["hpm", *words], stdin=stdin, check=check)

    def json(self, *words: str) -> Any:
        """What a command gives programs."""
        return json.loads(self.hpm(*words, "--json").stdout)

    def restore(self) -> Answer:
        """`hpm restore`, which needs no running manager."""
        return self.hpm("restore", "--connect", URI, "--state-dir", self._state)

    def log(self) -> str:
        """What it has logged since the machine started, and its predecessors."""
        return self._host.run(["journalctl", "--no-pager", "--output=cat", f"--unit={UNIT}"]).stdout

    def _active(self) -> bool:
        return self._host.run(["systemctl", "is-active", "--quiet", UNIT], check=False).exit == 0

    def _answers(self) -> bool:
        if not self._active():
            raise LabError(f"the manager ended: {self.log()[-2000:]}")
        return self.hpm("version", check=False).exit == 0
