"""Files of the kernel: schedstat, cgroups, /proc and /sys. Some of their text is anybody's: names of mounts, of
processes and of cgroups. What cannot be read is one guest's `OSError`, or one error of the host's."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import msgspec

from hpm.backend.cgroups import GuestCgroup, find_controller, find_mount, guest_cgroup, own_directory
from hpm.backend.guest import GuestFiles
from hpm.backend.host_files import HostFiles
from hpm.backend.machine_slice import MachineSlice
from hpm.backend.memory_nodes import MemoryNodes
from hpm.backend.partitions.cgroup1 import CgroupV1Partitions
from hpm.backend.partitions.cgroup2 import V2Tree
from hpm.backend.partitions.names import from_plain, plain_directory
from hpm.backend.processes import QemuFiles
from hpm.backend.rivals import Rivals
from hpm.backend.sampling import Sampler
from hpm.backend.topology import read_topology
from hpm.backend.watch import Watch
from hpm.errors import HypervisorError, InvalidValue, ServerGone

from ..target import Target

PID: Final = 4242
_V1: Final = "sys/fs/cgroup/cpu"
_QEMU1: Final = f"{_V1}/machine/qemu-1-a.libvirt-qemu"
_V2: Final = "sys/fs/cgroup/unified"
_SCOPE: Final = rf"{_V2}/machine.slice/machine-qemu\x2d1\x2da.scope"

#: Every file, by its place, as a kernel writes it. An input says which reads otherwise.
USUAL: Final[Mapping[str, str]] = {
    "proc/self/mounts": "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\n"
                        "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
                        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
    "proc/sys/kernel/random/boot_id": "0f2a5e4b-8e4f-0c9d-0e6d-1f0c3f7a12aa\n",
    "proc/stat": "cpu  10 2 30 400 5 6 7 8 0 0\ncpu0 5 1 15 200 2 3 3 4 0 0\ncpu1 5 1 15 200 3 3 4 4 0 0\nintr 1 2\n",
    "proc/meminfo": "MemTotal:  16000000 kB\nMemFree: 100 kB\nMemAvailable: 900 kB\nHugePages_Total: 0\n",
    "proc/vmstat": "nr_free_pages 5\npswpin 12\npswpout 13\n",
    "proc/pressure/cpu": "some avg10=1.50 avg60=0.00 avg300=0.00 total=5\n",
    "proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0 total=1\n",
    "proc/30/comm": "ksmd\n",
    "proc/30/stat": "30 (ksmd) S 2 0 0 0 -1 2097216 0 0 0 0 5 6 0 0 25 5 1 0 30 0 0\n",
    f"proc/{PID}/cgroup": "3:cpu,cpuacct:/machine/qemu-1-a.libvirt-qemu/emulator\n2:memory:/machine/qemu-1-a\n0::/x\n",
    f"proc/{PID}/statm": "1000 200 30 4 0 500 0\n",
    f"proc/{PID}/stat": "4242 (qemu) x) S 1 0 0 0 -1 0 0 0 0 0 77 88 0 0 20 0 3 0 9999 0 0\n",
    f"proc/{PID}/cmdline": "/usr/bin/python3\0-E\0/usr/sbin/momd\0",
    "proc/51/schedstat": "123456789 987654321 42\n", "proc/52/schedstat": "5 6 7\n",
    "proc/51/stat": "51 (CPU 0/TCG) R 1 0 0\n", "proc/52/stat": "52 (CPU 1/TCG) S 1 0 0\n",
    f"{_QEMU1}/cpu.shares": "1024\n", f"{_QEMU1}/cpu.cfs_quota_us": "-1\n", f"{_QEMU1}/cpu.cfs_period_us": "100000\n",
    f"{_QEMU1}/cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 5000\n",
    f"{_QEMU1}/vcpu0/tasks": "51\n", f"{_QEMU1}/vcpu1/tasks": "52\n", f"{_QEMU1}/emulator/tasks": "4242\n",
    f"{_QEMU1}/cpuacct.stat": "user 12\nsystem 3\n",
    "sys/fs/cgroup/memory/machine/memory.limit_in_bytes": "1000000\n",
    "sys/fs/cgroup/memory/machine/memory.usage_in_bytes": "5000\n",
    "sys/fs/cgroup/memory/machine/memory.stat": "cache 1\ntotal_inactive_file 77\n",
    "sys/fs/cgroup/memory/machine/qemu-1-a/memory.numa_stat": "total=9 N0=9\nhierarchical_anon=5 N0=4 N1=1\n",
    f"{_V2}/cgroup.controllers": "cpu io memory\n",
    f"{_SCOPE}/cpu.weight": "100\n", f"{_SCOPE}/libvirt/cpu.max": "max 100000\n",
    f"{_SCOPE}/libvirt/cpu.stat": "usage_usec 9\nuser_usec 5\nsystem_usec 4\nthrottled_usec 7\n",
    f"{_SCOPE}/libvirt/vcpu0/cgroup.threads": "51\n",
    f"{_SCOPE}/cpu.stat": "usage_usec 9\nuser_usec 5\nsystem_usec 4\n",
    f"{_SCOPE}/cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n",
    f"{_SCOPE}/memory.numa_stat": "anon N0=4096 N1=8192\nshmem N0=1\n",
    f"{_V2}/machine/gold.partition/cpu.weight": "300\n", f"{_V2}/machine/gold.partition/cpu.max": "50000 100000\n",
    f"{_V2}/machine/gold.partition/memory.max": "max\n", f"{_V2}/machine/gold.partition/memory.high": "1048576\n",
    f"{_V2}/machine/gold.partition/io.max": "8:0 rbps=1000 wbps=max riops=max wiops=10\n",
    f"{_V2}/machine/gold.partition/io.weight": "default 100\n8:0 50\n",
    f"{_V2}/machine/gold.partition/cpuset.cpus": "0-1\n", f"{_V2}/machine/gold.partition/memory.current": "5\n",
    f"{_V1}/machine/gold.partition/cpu.shares": "300\n", f"{_V1}/machine/gold.partition/cpu.cfs_quota_us": "-1\n",
    "sys/dev/block/8:0/uevent": "MAJOR=8\nMINOR=0\nDEVNAME=sda\n",
    "sys/devices/system/cpu/online": "0-1\n", "sys/devices/system/cpu/cpu0/topology/core_cpus_list": "0\n",
    "sys/devices/system/cpu/cpu0/cache/index0/level": "3\n",
    "sys/devices/system/cpu/cpu0/cache/index0/type": "Unified\n",
    "sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_list": "0-1\n",
    "sys/kernel/mm/ksm/run": "1\n", "sys/kernel/mm/ksm/pages_shared": "7\n", "sys/kernel/mm/ksm/general_profit": "-5\n",
    "sys/kernel/mm/ksm/advisor_mode": "[none] scan-time\n",
}  # fmt: skip
_ROOT: Final = Path(mkdtemp(prefix="hpm-fuzz-kernel-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
_SECTION: Final = re.compile(rb"^@([^\n]*)\n", re.MULTILINE)
_changed: set[str] = set()
_OF_52: Final = {"proc/52/schedstat"}
#: Files with names, in which the kernel has no NUL.
_NAMES: Final = ("proc/self/mounts", f"proc/{PID}/cgroup")


def run(data: bytes) -> None:
    """A line ``@place`` begins what reads otherwise than usual: the file of that place, or of that number."""
    for name in _changed:
        (_ROOT / name).write_text(USUAL[name])
    _changed.clear()
    first, *parts = _SECTION.split(data)
    for name, text in zip([b"proc/stat", *parts[::2]], [first, *parts[1::2]], strict=True):
        place = _place(name.decode(errors="replace"))
        if place is not None and (text or name != b"proc/stat"):
            (_ROOT / place).write_bytes(text.replace(b"\0", b" ") if place in _NAMES else text)
            _changed.add(place)
    for reader, reads in _READERS:
        if any(map(reads.search, _changed)):
            reader()


def _place(name: str) -> str | None:
    if name in USUAL:
        return name
    return list(USUAL)[int(name) % len(USUAL)] if name.isascii() and name.isdigit() and len(name) < 10 else None


def _host() -> None:
    host = HostFiles(_ROOT)
    try:
        told = host.read()
    except HypervisorError:
        return
    finally:
        host.close()
    msgspec.json.encode(told)


def _guest_v1() -> None:
    found = None
    with suppress(OSError):
        found = guest_cgroup(_ROOT, find_mount(_ROOT), PID)
    if found is None or found.version != 1:
        return
    sampler = _SAMPLER
    try:
        sampler.open("a", "1", found)
        for later in (1_000_000_000, 2_000_000_000, 5_000_000_000):
            sampler.touch("a")
            sampled = sampler.sample(later)
            threads = sum(len(sample.threads) for sample in sampled.samples.values())
            assert len(sampled.counters.run_ns) == len(sampled.counters.delay_ns) == threads
            if "a" in sampled.samples and sampled.samples["a"].threads[-1:] == (52,) and not _OF_52 & _changed:
                assert sampled.counters["a"].run_ns[-1] == 5, "a thread has another one's counters"
            sampler.glance()
    except ServerGone:
        pass
    finally:
        sampler.drop("a")
    _figures(lambda: QemuFiles(_ROOT, PID, found, find_controller(_ROOT, "cpuacct")))
    MemoryNodes(_ROOT, 1).read(PID, found)
    with suppress(OSError):
        own_directory(_ROOT, _ROOT / "sys/fs/cgroup/memory", "memory", PID)


def _guest_v2() -> None:
    cgroup = GuestCgroup(2, _ROOT / _SCOPE, _ROOT / _SCOPE / "libvirt", "machine.slice")
    try:
        guest = GuestFiles("b", "1", cgroup, _ROOT / "proc", _WATCH)
    except ServerGone:
        return
    try:
        for act in (guest.look, guest.throttled_ns, lambda: [guest.runnable(n) for n in range(len(guest.schedstats))]):
            with suppress(OSError):
                act()
    finally:
        guest.close()
    _figures(lambda: QemuFiles(_ROOT, PID, cgroup, None))
    MemoryNodes(_ROOT, 2).read(PID, cgroup)


def _figures(made: Callable[[], QemuFiles]) -> None:
    try:
        files = made()
    except OSError:
        return
    try:
        assert len(files.read()) == 6
    except OSError:
        pass
    finally:
        files.close()


def _partitions() -> None:
    msgspec.json.encode(CgroupV1Partitions(_ROOT).states())
    tree = V2Tree(_ROOT, _ROOT / _V2, plain_directory, from_plain)
    msgspec.json.encode((tree.lacking, tree.states()))
    with suppress(InvalidValue):
        tree.devices.numbers(tree.devices.name("8:0"))


def _others() -> None:
    MachineSlice(_ROOT).read(1 << 34)
    read_topology(_ROOT)
    Rivals(_ROOT, lambda: 0).look()


#: And which files they look at.
_READERS: Final = tuple((reader, re.compile(reads)) for reader, reads in (
    (_host, "^proc/(?!5|4|self)|ksm|machine/memory|boot_id"), (_guest_v1, "^proc/(5|4|self)|qemu-1"),
    (_guest_v2, "^proc/(5|4)|scope"), (_partitions, "mounts|partition|block|controllers"),
    (_others, "machine/memory|system/cpu|cmdline|4242/cgroup"),
))  # fmt: skip

for _name, _text in USUAL.items():
    (_ROOT / _name).parent.mkdir(parents=True, exist_ok=True)
    (_ROOT / _name).write_text(_text)
# Closing one takes the kernel milliseconds.
_SAMPLER: Final = Sampler(_ROOT / "proc")
_WATCH: Final = Watch()


def remove() -> None:
    """Remove the files."""
    shutil.rmtree(_ROOT, ignore_errors=True)


TARGET = Target(run, tuple(word.encode() for word in (
    *(f"\n@{name}\n" for name in USUAL), "cpu ", "cpu0 ", "intr", "max", "some avg10=1.00", "full avg10=", "total=",
    "throttled_usec ", "N0=", "N1=", "anon", "(a) b) ", "ksmd\n", "cgroup2 ", "cgroup ", "rw,cpu", "vcpu0", "[none]",
    "\n", " ", ":", "\0", "18446744073709551615", "-5",
)), longest=2048)  # fmt: skip
