"""Pretended guests that the kernel cannot tell from real ones: processes with a thread for each vCPU, in
cgroups as libvirt makes them; and a `Hypervisor` that reads and writes them as hpm does real guests."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hpm.backend.cgroups import GuestCgroup, Mount, find_mount
from hpm.backend.extras import NO_EXTRAS, Extras
from hpm.backend.guest import GuestFiles
from hpm.backend.hypervisor import Ability, HostDescription, HostSample, ServerInfo
from hpm.backend.partitions.finding import find_partitions
from hpm.backend.sampling import Sampler
from hpm.engine.samples import Glance
from hpm.policy.guest_policies import GuestPolicy

#: The benchmark's own directory below the cpu controller's mount.
NAME = "hpm-bench"
#: For programs and stores: on disk, so that fsync costs what it costs.
SCRATCH = Path("/var/tmp")
#: Process ids that are left to everybody else.
SPARE_PIDS = 6000
PATIENCE = 60.0
#: Idle threads that wake up in a second: more of them a small machine cannot serve, and they would starve. That is what
#: 1,000 guests of 4 vCPUs do when each wakes up once a second.
WAKES = 4000
#: As in a v1 cgroup, for a host where the benchmark cannot make real ones.
PLAIN_FILES = {
    "cpu.shares": "1024", "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000", "cpu.stat": "nr_periods 0",
}  # fmt: skip


class SharedCgroup(GuestCgroup, frozen=True):
    """A guest some of whose vCPUs share a thread, because the host has not enough process ids."""

    vcpus: int

    def vcpu_threads(self) -> dict[int, int]:
        found = super().vcpu_threads()
        return {number: found[number % len(found)] for number in range(self.vcpus)}


class PretendedHost:
    """`Hypervisor` made of a `Sampler`: what `LibvirtHypervisor` does between libvirt's events, without libvirt.
    `tick` are the seconds between two times that an idle thread wakes up."""

    def __init__(
        self, cgroups: Sequence[GuestCgroup], vcpus: int, proc: Path = Path("/proc"), tick: float = 1.0
    ) -> None:
        self.tick = tick
        self.writes = 0
        self.infos: dict[str, ServerInfo] = {}
        self.sampler = Sampler(proc)
        for number, cgroup in enumerate(cgroups):
            uuid = f"00000000-0000-4000-8000-{number:012d}"
            name = f"pretended{number}"
            self.infos[uuid] = ServerInfo(uuid, name, "running", vcpus, 2, {"name": name})
            self.sampler.open(uuid, f"bench-{number}", cgroup)
        self.partitions = find_partitions(Path("/"), find_mount(Path("/")))
        self._proc_stat = os.open("/proc/stat", os.O_RDONLY | os.O_CLOEXEC)

    def describe(self) -> HostDescription:
        ability = Ability(True, "the cgroup's file")
        controls = {"cpu-shares": ability, "cpu-quota": ability}
        return HostDescription("pretended:", "none", "", "", platform.release(), 1, 1024, controls)

    def observe(self) -> HostSample:
        now = time.monotonic_ns()
        samples, counters, _ = self.sampler.sample(now)
        fields = os.pread(self._proc_stat, 512, 0).split(b"\n", 1)[0].split()
        idle, steal = (int(fields[4]) + int(fields[5])) * 10_000_000, int(fields[8]) * 10_000_000
        return HostSample(now, os.cpu_count() or 1, idle, steal, self.infos, samples, counters)

    def glance(self) -> Glance | None:
        counters = self.sampler.glance()
        return None if counters is None else Glance(time.monotonic_ns(), counters)

    def extras(self) -> Extras:
        return NO_EXTRAS

    def set_interval(self, seconds: float) -> None:
        pass

    def set_balloons_interval(self, seconds: float) -> None:
        pass

    def set_devices_interval(self, seconds: float) -> None:
        pass

    def files(self, uuid: str) -> GuestFiles:
        """The files of one guest."""
        found = self.sampler.guest(uuid)
        assert found is not None
        return found

    def set_cpu_shares(self, uuid: str, start: str, shares: int) -> None:
        self.writes += 1
        self.files(uuid).write_shares(shares)

    def set_cpu_quota(self, uuid: str, start: str, quota_us: int | None, period_us: int = 100000) -> None:
        self.files(uuid).write_quota(quota_us, period_us)
        self.sampler.touch(uuid)

    def set_partition(self, uuid: str, path: str | None) -> None:
        pass

    def define_policy(self, uuid: str, policy: GuestPolicy, pins: Sequence[str]) -> None:
        raise NotImplementedError

    def on_change(self, callback: Callable[[], None]) -> None:
        pass

    def close(self) -> None:
        self.sampler.close()
        os.close(self._proc_stat)


def raise_open_files() -> None:
    """As many files as the kernel lets us keep open: a guest needs one for each vCPU, better two."""
    most = int(Path("/proc/sys/fs/nr_open").read_text())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def real_threads(guests: int, vcpus: int) -> int:
    """How many threads of its own each guest can have; 0: not even one."""
    used = int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])
    room = int(Path("/proc/sys/kernel/pid_max").read_text()) - used - SPARE_PIDS
    return min(vcpus, room // guests)


def real_cgroups() -> Mount | None:
    """The v1 cpu controller if cgroups can be made there, or None: plain files have to do."""
    mount = find_mount(Path("/"))
    return mount if mount.version == 1 and os.access(mount.path, os.W_OK) else None


@contextmanager
def pretended(guests: int, vcpus: int, busy: int) -> Iterator[PretendedHost]:
    """A host of so many guests, `busy` of which work. Everything is gone afterwards, also what a killed
    predecessor left. Raises `OSError` or `RuntimeError` if the host has no room for it."""
    files, most = guests * vcpus + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files > most:
        raise RuntimeError(f"needs {files} open files, the limit is {most}")
    threads = real_threads(guests, vcpus)
    if threads < 1:
        raise RuntimeError(f"{guests} guests need more process ids than kernel.pid_max leaves")
    mount, tick = real_cgroups(), max(1.0, guests * threads / WAKES)
    with ExitStack() as stack:
        lock = stack.enter_context(Path(f"{SCRATCH}/{NAME}.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in SCRATCH.glob(f"{NAME}-*"):    # by a predecessor that was killed: we have the lock
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{NAME}-", dir=SCRATCH)))
        base = scratch / NAME if mount is None else mount.path / NAME
        if mount is not None:
            _remove(base)
            stack.callback(_remove, base)
        base.mkdir()
        if mount is not None:    # other work on this machine is not to turn idle guests into waiting ones
            (base / "cpu.shares").write_text("8192")
        cgroups: list[GuestCgroup] = []
        tids = stack.enter_context(_helper(scratch, guests, threads, busy, tick))
        for number, own in enumerate(tids):
            scope = base / f"guest{number}"
            _make(scope, own, plain=mount is None)
            shared = SharedCgroup(1, scope, scope, NAME, vcpus)
            cgroups.append(GuestCgroup(1, scope, scope, NAME) if threads == vcpus else shared)
        host = PretendedHost(cgroups, vcpus, tick=tick)
        stack.callback(host.close)
        yield host


@contextmanager
def _helper(scratch: Path, guests: int, threads: int, busy: int, tick: float) -> Iterator[list[list[int]]]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("a C compiler is needed (Debian packages gcc and libc6-dev)")
    program = scratch / "threads"
    subprocess.run([compiler, "-O1", "-pthread", "-o", program, Path(__file__).with_name("threads.c")], check=True)
    command = [str(program), str(guests), str(threads), str(busy), str(round(tick * 1e3))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        lines = [process.stdout.readline().split() for _ in range(guests)]
        if not lines[-1]:
            raise RuntimeError(f"{guests} × {threads} threads could not be started")
        yield [[int(tid) for tid in line] for line in lines]
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(PATIENCE)


def _make(scope: Path, tids: Sequence[int], *, plain: bool) -> None:
    scope.mkdir()
    if plain:
        for name, text in PLAIN_FILES.items():
            (scope / name).write_text(text)
    for number, tid in enumerate(tids):
        (scope / f"vcpu{number}").mkdir()
        (scope / f"vcpu{number}/tasks").write_text(str(tid))


def _remove(base: Path) -> None:
    """Remove the cgroups, as soon as the threads in them are gone (they end with their benchmark)."""
    if not base.exists():
        return
    deadline = time.monotonic() + PATIENCE
    for directory, _, _ in os.walk(base, topdown=False):
        while True:
            with contextlib.suppress(FileNotFoundError):
                try:
                    Path(directory).rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
                    continue
            break
