"""All guests are read at once, and each gets what is its own, whoever comes, goes or fails meanwhile."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from bench.pretended import PLAIN_FILES
from hpm.backend import sampling
from hpm.backend.cgroups import GuestCgroup
from hpm.backend.sampling import Sampler

SECOND = 1_000_000_000


class Host:
    """Guests of plain files: the counters of each thread are its number, and twice that."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sampler = Sampler(directory / "proc")
        self.now = 0
        self.threads: dict[str, list[int]] = {}
        self._last = 1000

    def start(self, name: str, vcpus: int = 1) -> None:
        """Start a guest, or start it anew."""
        scope = self.directory / f"{name}-{self._last}"
        scope.mkdir()
        for file, text in PLAIN_FILES.items():
            (scope / file).write_text(text)
        self.threads[name] = []
        cgroup = GuestCgroup(1, scope, scope, "machine")
        for _ in range(vcpus):
            self.plug(name, scope)
        self.sampler.open(name, scope.name, cgroup)

    def plug(self, name: str, scope: Path) -> None:
        """One more vCPU."""
        self._last += 1
        thread = self.directory / f"proc/{self._last}"
        thread.mkdir(parents=True)
        (thread / "schedstat").write_text(f"{self._last} {2 * self._last} 7\n")
        (thread / "stat").write_text(f"{self._last} (CPU 0/KVM) S 1")
        vcpu = scope / f"vcpu{len(self.threads[name])}"
        vcpu.mkdir()
        (vcpu / "tasks").write_text(f"{self._last}\n")
        self.threads[name].append(self._last)

    def end(self, name: str) -> None:
        """A guest ends, and only its counters tell."""
        files = self.sampler.guest(name)
        assert files is not None
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)    # which cannot be read as a file
        os.dup2(directory, files.schedstats[-1])
        os.close(directory)
        del self.threads[name]

    def check(self) -> list[str]:
        """Sample; all that run have their own counters. Gives those that were found to have ended."""
        self.now += SECOND
        samples, counters, gone = self.sampler.sample(self.now)
        assert {name: list(s.threads) for name, s in samples.items()} == self.threads
        assert {name: list(c.run_ns) for name, c in counters.items()} == self.threads
        assert {name: [d // 2 for d in c.delay_ns] for name, c in counters.items()} == self.threads
        return gone


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.sampler.close()


def test_a_guest_whose_counters_cannot_be_read_any_more_is_gone_and_the_others_are_not(host: Host) -> None:
    for name in "abc":
        host.start(name, 2)
    assert host.check() == []
    host.end("b")
    assert host.check() == ["b"]
    assert host.check() == []


def test_a_guest_that_was_started_anew_does_not_get_mixed_up_with_others(host: Host) -> None:
    for name in "abc":
        host.start(name)
    host.check()
    host.start("a")    # is the last one now
    host.check()
    host.end("b")
    assert host.check() == ["b"]


@pytest.mark.parametrize("room", [True, False])
def test_a_starving_guest_is_seen_where_few_files_may_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not room:    # enough for the counters of all, not for the states too
        monkeypatch.setattr(sampling, "SPARE_FILES", soft - 30)
    host = Host(tmp_path)
    try:
        for number in range(20):
            host.start(f"g{number}")
        for threads in host.threads.values():
            (tmp_path / f"proc/{threads[0]}/stat").write_text(f"{threads[0]} (CPU 0/KVM) R 1")
        host.check()
        before = sum(1 for _ in Path("/proc/self/fd").iterdir())
        host.check()
        host.now += SECOND    # waiting for a while now
        _, counters, _ = host.sampler.sample(host.now)
        assert counters.starving.all()
        assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before + (20 if room else 0)
    finally:
        host.sampler.close()


def test_a_glance_reads_the_same_counters_and_says_when_it_cannot(host: Host) -> None:
    host.start("a", 2)
    host.start("b")
    assert host.sampler.glance() is None, "nothing was sampled yet"
    host.check()
    seen = host.sampler.glance()
    assert seen is not None
    assert {name: list(counted.run_ns) for name, counted in seen.items()} == host.threads
    host.end("b")
    assert host.sampler.glance() is None
    assert host.check() == ["b"]
    seen = host.sampler.glance()
    assert seen is not None and set(seen) == {"a"}


def test_no_guest_at_all(host: Host) -> None:
    assert host.check() == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_each_guest_gets_its_own(host: Host, seed: int) -> None:
    random = Random(seed)
    for _ in range(60):
        name = random.choice("abcdef")
        ended: list[str] = []
        match random.randrange(5):
            case 0 | 1:
                host.start(name, random.randint(1, 3))
            case 2 if name in host.threads:
                host.plug(name, host.directory / host.sampler.sample(host.now).samples[name].start)
            case 3 if name in host.threads:
                host.end(name)
                ended = [name]
            case 4:
                host.sampler.drop(name)
                host.threads.pop(name, None)
        assert host.check() == ended
