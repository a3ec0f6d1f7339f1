"""Units of systemd: stopping those of other managers of memory, and starting them again (their files stay); and what
systemd has in mind with one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ..errors import HypervisorError, InvalidValue

#: Seconds that are waited for systemd; clients wait for 30. It gives a service 90 to end, and goes on without us.
PATIENCE = 20.0

_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,240}\.service")


class Units:
    """The units of the host whose files are below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def why_not(self) -> str | None:
        """Why they cannot be stopped here; None: they can."""
        if not (self._root / "run/systemd/system").is_dir():
            return "this host does not run systemd"
        return None if shutil.which("systemctl") else "there is no systemctl here"

    def enabled(self, unit: str) -> bool:
        """Whether it starts with the host. Raises `HypervisorError`."""
        return self._run("is-enabled", unit).stdout.strip() in ("enabled", "enabled-runtime")

    def stop(self, unit: str) -> None:
        """Stop it, and have it not start with the host. Raises `HypervisorError`."""
        self._done("stop", unit)
        if self.enabled(unit):
            self._done("disable", unit)

    def start(self, unit: str, enabled: bool) -> None:
        """Start it; `enabled`: and have it start with the host. Raises `HypervisorError`."""
        if enabled:
            self._done("enable", unit)
        self._done("start", unit)

    def is_stopped(self, unit: str) -> bool:
        """Whether somebody stops it now, or the whole host; not so while systemd starts it anew, as after a crash.
        Raises `HypervisorError`."""
        jobs = [line.split() for line in self._done("list-jobs", unit).splitlines()]
        return any(words[1:3] == [unit, "stop"] for words in jobs)

    def _done(self, verb: str, unit: str) -> str:
        ended = self._run(verb, unit)
        if ended.returncode:
            said = " ".join(ended.stderr.split())[:300]
            raise HypervisorError(f"systemctl {verb} {unit} failed: {said or f'exit code {ended.returncode}'}")
        return ended.stdout

    def _run(self, verb: str, unit: str) -> subprocess.CompletedProcess[str]:
        if _UNIT.fullmatch(unit) is None or unit.startswith("-"):
            raise InvalidValue(f"{unit!r} is no name of a service")
        if self.why_not is not None:
            raise HypervisorError(f"{unit} cannot be stopped or started: {self.why_not}")
        try:
            return subprocess.run(
                ["systemctl", "--no-ask-password", verb, "--", unit], stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise HypervisorError(f"systemctl {verb} {unit} did not end in {PATIENCE:g} s; systemd goes on with it,"
                                  " so look what became of it ('systemctl status'), and say it again") from None
        except OSError as error:
            raise HypervisorError(f"systemctl cannot be run: {error.strerror}") from None
