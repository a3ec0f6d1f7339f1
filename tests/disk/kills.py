"""``python -m tests.disk.kills``: a manager's writes, killed at each of their steps, one process after the other.

A step is the moment before or after a value of the host is set, and before each write, cut, fsync, creation, renaming
and deletion of a file, SQLite's or Python's own. In the forked process that dies, all controls of a simulated host are
changed as the manager changes them (`Actuator`), changed again, noticed and put back; a backup is made; libvirt's hook
is installed. What it did to the host stands in a file, so the host outlives it. The next manager must find, of every
control, the original value to put back, and must not take any of hpm's own values for an administrator's.

Prints JSON: the steps, the kills, and what was wrong.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from hpm.backend.simulated import Idle, Scenario, SimulatedHypervisor, from_scenario, uuid_of
from hpm.engine.samples import HostSample
from hpm.host.hooks import Hooks
from hpm.manager.actuator import Actuator
from hpm.manager.controls import changing, in_force, is_back
from hpm.manager.observer import observe_with_memory
from hpm.store.backups import make_backup
from hpm.store.journal import HOST, Control, Journal
from hpm.store.recovery import open_store
from tests.sqlite_library import why_not
from tests.unit.builders import guest

from .files import watch
from .vfs import OK, Faults, FaultyVfs

UUID, PARTITION = uuid_of("a"), "/apps"
#: By control: what it is about, and the values that it is set to, one after the other.
VALUES: Mapping[Control, tuple[str, tuple[str, ...]]] = {
    "cpu-shares": (UUID, ("2000", "700", "900")),
    "cpu-quota": (UUID, ("50000 100000", "70000 100000", "max 100000")),
    "balloon": (UUID, (str(800 << 20), str(900 << 20), str(700 << 20))),
    "stats-period": (UUID, ("5", "7", "9")),
    "ksm": (HOST, ("1 200 20 1", "1 300 20 1", "1 400 20 1")),
    "vcpu-quota": (UUID, ("40000 100000", "60000 100000", "max 100000")),
    "io-tune": (UUID, (
        '{"vda":[1000000,0,0,0,0,0]}', '{"vda":[2000000,0,0,0,0,0]}', '{"vda":[0,0,0,500,0,0]}',
    )),
    "vcpu-pins": (UUID, ('["0"]', '["1"]', '["0-1","1"]')),
    "emulator-pin": (UUID, ("0", "1", "0-1")),
    "blkio-weight": (UUID, ("200", "300", "400")),
    "swap-limit": (UUID, ("2097152 4194304", "3145728 4194304", "2097152 max")),
    "partition-shares": (PARTITION, ("300", "400", "500")),
}  # fmt: skip
#: What changes the host, or has time pass on it.
CALLS = (
    "set_cpu_shares", "set_cpu_quota", "set_balloon", "set_stats_period", "set_ksm", "set_vcpu_quota", "set_io_limits",
    "set_vcpu_pins", "set_emulator_pin", "set_blkio_weight", "set_swap_limit", "advance",
)  # fmt: skip


class Steps(Faults):
    """Counts steps, and dies at the one that was chosen (0: none)."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.count = 0
        self.told: list[str] = []

    def step(self, what: str) -> None:
        """A moment at which the process may die."""
        self.count += 1
        self.told.append(what)
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def opening(self, path: str, *, creates: bool) -> int:
        if creates:
            self.step(f"create {Path(path).name}")
        return OK

    def writing(self, path: str, offset: int, data: bytes) -> tuple[int, bytes]:
        self.step(f"write {Path(path).name}")
        return OK, data

    def truncating(self, path: str, size: int) -> int:
        self.step(f"cut {Path(path).name}")
        return OK

    def syncing(self, path: str) -> tuple[int, bool]:
        self.step(f"sync {Path(path).name}")
        return OK, False    # the machine goes on

    def deleting(self, path: str) -> int:
        self.step(f"delete {Path(path).name}")
        return OK

    def creating(self, path: str) -> int:
        return self.opening(path, creates=True)

    def renaming(self, source: str, to: str) -> int:
        self.step(f"rename {Path(to).name}")
        return OK

    def removing(self, path: str) -> int:
        return self.deleting(path)

    def making(self, path: str) -> int:
        self.step(f"mkdir {Path(path).name}")
        return OK


def new_host() -> SimulatedHypervisor:
    """The host, as it was before hpm came."""
    host = from_scenario(Scenario(cores=2, servers=(guest("a", load=Idle(), vcpus=2),), memory_mib=8192))
    host.partitions.create(PARTITION)
    return host


def observed(host: SimulatedHypervisor) -> HostSample:
    """As the manager's observer gives it."""
    return observe_with_memory(host, [UUID], 1.0)


def change(host: SimulatedHypervisor, actuator: Actuator, number: int) -> None:
    """What a cycle does: look, and set each control to its next value. Raises `StoreError`."""
    sample = observed(host)
    actuator.notice(sample)
    changes = [changing(sample, uuid, control, values[number]) for control, (uuid, values) in VALUES.items()]
    errors = actuator.apply(changes)
    assert not errors, errors
    host.advance(40.0)    # a balloon takes a while


def put_back(host: SimulatedHypervisor, actuator: Actuator) -> None:
    """What a stop does. Raises `StoreError`."""
    for _ in range(3):
        actuator.notice(observed(host))
        actuator.restore(observed(host))
        host.advance(40.0)


def live(host: SimulatedHypervisor, directory: Path) -> None:
    """All that a manager writes."""
    database, _ = open_store(directory / "hpm.db")
    actuator = Actuator(host, Journal(database))
    for number in range(3):
        change(host, actuator, number)
        if number == 1:
            make_backup(directory / "hpm.db")
            Hooks(directory / "root", directory / "s", (9, 0)).install()
    put_back(host, actuator)
    database.close()


def dies(directory: Path, at: int, vfs: FaultyVfs) -> Steps:
    """Live as a process of its own that dies at that step; returns when it has. Of one that does not die, its steps."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            steps = Steps(at)
            vfs.faults = steps
            host = new_host()
            _watched(host, steps, (directory / "host").open("ab", buffering=0))
            live(host, directory)
            os.write(write, json.dumps(steps.told).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    steps = Steps(at)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        steps.count = at
        return steps
    assert os.waitstatus_to_exitcode(status) == 0, "the life itself failed"
    steps.told = json.loads(told)
    steps.count = len(steps.told)
    return steps


def _watched(host: SimulatedHypervisor, steps: Steps, log: Any) -> None:
    """Have what is done to the host be steps, and written down once it is done."""

    def around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if name != "advance":
                steps.step(f"before {name}")
            result = function(*args, **options)
            log.write(pickle.dumps((name, args, options)))
            if name != "advance":
                steps.step(f"after {name}")
            return result

        return call

    for name in CALLS:
        setattr(host, name, around(name, getattr(host, name)))
    host.partitions.configure = around("configure", host.partitions.configure)  # type: ignore[method-assign]
    watch(pytest.MonkeyPatch(), steps)    # for good: this process ends


def host_of(directory: Path) -> SimulatedHypervisor:
    """The host, as the process left it that died."""
    host = new_host()
    with (directory / "host").open("rb") as log:
        while True:
            try:
                name, args, options = pickle.load(log)
            except EOFError:
                return host
            getattr(host.partitions if name == "configure" else host, name)(*args, **options)


def forgotten(host: SimulatedHypervisor, journal: Journal) -> list[str]:
    """The controls that are not as they were, and whose original value nobody knows."""
    before, now, found = observed(new_host()), observed(host), []
    for control, (uuid, _) in VALUES.items():
        entry, original = journal.get(uuid, control), str(in_force(before, uuid, control))
        value = str(in_force(now, uuid, control))
        if value != original and (entry is None or not is_back(
            host.observe(), msgspec.structs.replace(entry, intended=entry.original), original, 2
        )):  # fmt: skip
            found.append(f"{control} {value}: its original {original} is forgotten")
    return found


def not_back(host: SimulatedHypervisor) -> list[str]:
    """The controls that are not as they were."""
    before, now, found = observed(new_host()), observed(host), []
    for control, (uuid, _) in VALUES.items():
        value, original = str(in_force(now, uuid, control)), str(in_force(before, uuid, control))
        if value != original:
            found.append(f"{control} is {value}, and was {original}")
    return found


def wrong_after(directory: Path) -> list[str]:
    """What the next manager finds wrong, and what it leaves wrong after it has put everything back."""
    host = host_of(directory)
    wrong: list[str] = []
    database, recovered = open_store(directory / "hpm.db")
    if recovered is not None:
        wrong.append(f"the store was damaged: {recovered.why}")
    if database.rows("PRAGMA integrity_check") != [("ok",)]:
        wrong.append("the store is not whole")
    journal = Journal(database)
    actuator = Actuator(host, journal)
    wrong += forgotten(host, journal)
    now = observed(host)
    wrong += [f"{entry.control} is taken for an administrator's" for entry in actuator.notice(now)]
    put_back(host, actuator)
    wrong += not_back(host)
    wrong += [f"an entry of {entry.control} is left" for entry in journal.entries.values()]
    database.close()
    for backup in (directory / "backups").glob("*.db"):
        with closing(sqlite3.connect(backup)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                wrong.append(f"{backup.name} is not whole")
    hook = Hooks(directory / "root", directory / "s", (9, 0))
    if hook.path.exists() and not hook.state().current:
        wrong.append("libvirt's hook is not whole")
    return wrong


def main(stride: int = 1) -> int:
    """Kill at every `stride`-th step; gives the exit code."""
    assert set(VALUES) == set(get_args(Control)), "each control has its values"
    if (reason := why_not()) is not None:
        print(json.dumps({"skipped": reason}))
        return 0
    vfs = FaultyVfs()
    vfs.install()
    kills, wrong, at = 0, {}, 1
    with tempfile.TemporaryDirectory() as base:
        whole = Path(base) / "whole"
        whole.mkdir()
        told = dies(whole, 0, vfs).told
        if found := wrong_after(whole):
            wrong["without a kill"] = found
        for at in range(1, len(told) + 1, stride):
            directory = Path(base) / str(at)
            directory.mkdir()
            steps = dies(directory, at, vfs)
            vfs.faults = Faults()
            kills += steps.count == at
            if found := wrong_after(directory):
                wrong[f"{at}: {told[at - 1]}"] = found
    print(json.dumps({"steps": len(told), "kills": kills, "wrong": wrong}, indent=1))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
