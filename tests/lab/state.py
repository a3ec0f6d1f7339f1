"""What outlives a lab's process: the lock, and the record of the daemons and guests that it started."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from .errors import LabBusyError
from .process import Process

DEFAULT_DIR = Path("/run/hpm-lab")


@dataclass
class Record:
    """Contents of the state file.

    daemons: those that a lab started, by name.
    lasting: the names of those that the shell started and that outlive its commands.
    shell_guests: UUIDs of the guests that the shell started.
    """

    daemons: dict[str, Process] = field(default_factory=dict)
    lasting: set[str] = field(default_factory=set)
    shell_guests: set[str] = field(default_factory=set)


class State:
    """The directory of one lab: `lock`, `state.json`, `console/`, `log/`. Not safe without the lock held."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.console = directory / "console"
        self.log = directory / "log"
        self._lock: IO[str] | None = None
        self.record = Record()

    def acquire(self, wait: float) -> None:
        """Take the lock and read the record; raises LabBusyError naming the holder's pid after `wait` seconds."""
        for directory in (self.directory, self.console, self.log):
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        deadline = time.monotonic() + wait
        # Opened for appending: a truncated file would hide the holder's pid from those who wait.
        handle = (self.directory / "lock").open("a+", encoding="ascii")
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    handle.seek(0)
                    holder = handle.read().strip() or "unknown"
                    handle.close()
                    raise LabBusyError(
                        f"another lab runs on this machine (pid {holder}, lock {self.directory / 'lock'}); "
                        f"waited {wait:g} s"
                    ) from None
                time.sleep(0.05)
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        self._lock = handle
        self.record = self._read()

    def release(self) -> None:
        """Give the lock back; harmless if it is not held."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def console_of(self, name: str) -> Path:
        """Where the serial console of the guest with this full name goes."""
        return self.console / f"{name}.log"

    def add_shell_guest(self, uuid: str) -> None:
        """Record a guest of the shell."""
        self.record.shell_guests.add(uuid)
        self.save()

    def save(self) -> None:
        """Write the record, whole or not at all."""
        text = json.dumps(
            {
                "daemons": {name: asdict(process) for name, process in self.record.daemons.items()},
                "lasting": sorted(self.record.lasting),
                "shell_guests": sorted(self.record.shell_guests),
            },
            indent=1,
        )
        temporary = self.directory / "state.json.new"
        temporary.write_text(text + "\n")
        temporary.rename(self.directory / "state.json")

    def _read(self) -> Record:
        try:
            raw = json.loads((self.directory / "state.json").read_text())
            return Record(
                {name: Process(int(p["pid"]), int(p["started"])) for name, p in raw["daemons"].items()},
                set(raw["lasting"]),
                set(raw["shell_guests"]),
            )
        except FileNotFoundError:
            return Record()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LabBusyError(f"{self.directory / 'state.json'} is damaged ({error}); remove it") from error
