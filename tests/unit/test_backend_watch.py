"""What changes seldom is noticed although it is not read each time: weights, and plugged vCPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.pretended import PLAIN_FILES
from hpm.backend.cgroups import GuestCgroup
from hpm.backend.sampling import Sampler
from hpm.backend.watch import LOOK_AT_ALL

SECOND = 1_000_000_000


class Guest:
    """A guest made of plain files; `sample` reads it as a host does, every second."""

    def __init__(self, directory: Path) -> None:
        self.scope, self.proc = directory / "guest", directory / "proc"
        self.scope.mkdir()
        for name, text in PLAIN_FILES.items():
            (self.scope / name).write_text(text)
        self.now = SECOND
        self.directory(0)
        self.thread(0, 100)
        self.sampler = Sampler(self.proc)
        self.open()

    def open(self) -> None:
        self.sampler.open("u", "s", GuestCgroup(1, self.scope, self.scope, "machine"))

    def directory(self, vcpu: int) -> None:
        (self.scope / f"vcpu{vcpu}").mkdir()
        (self.scope / f"vcpu{vcpu}/tasks").write_text("")

    def thread(self, vcpu: int, tid: int) -> None:
        (self.proc / str(tid)).mkdir(parents=True)
        (self.proc / f"{tid}/schedstat").write_text("5 6 7\n")
        (self.proc / f"{tid}/stat").write_text(f"{tid} (CPU 0/KVM) S 1")
        (self.scope / f"vcpu{vcpu}/tasks").write_text(f"{tid}\n")

    def sample(self, later: int = SECOND) -> tuple[int | None, tuple[int, ...]]:
        """Weight and threads."""
        self.now += later
        seen = self.sampler.sample(self.now).samples["u"]
        return seen.shares, seen.threads


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    made = Guest(tmp_path)
    yield made
    made.sampler.close()


def test_a_guest_that_was_found_between_two_looks_shows_its_weight(guest: Guest) -> None:
    guest.sampler.drop("u")
    assert not guest.sampler.sample(guest.now).samples
    guest.open()
    assert guest.sample() == (1024, (100,))


def test_a_weight_that_somebody_wrote_shows_in_the_next_sample(guest: Guest) -> None:
    for shares in (1024, 512, 511, 2000):
        (guest.scope / "cpu.shares").write_text(str(shares))
        assert guest.sample() == (shares, (100,))
        assert guest.sample() == (shares, (100,))


def test_a_weight_that_hpm_wrote_shows_in_the_next_sample(guest: Guest) -> None:
    guest.sample()
    files = guest.sampler.guest("u")
    assert files is not None
    files.write_shares(3000)
    assert guest.sample() == (3000, (100,))


def test_a_plugged_vcpu_is_seen_even_if_its_thread_comes_a_moment_after_its_directory(guest: Guest) -> None:
    guest.sample()
    guest.sample()
    guest.directory(1)
    assert guest.sample() == (1024, (100,))
    guest.thread(1, 101)
    assert guest.sample() == (1024, (100, 101))
    assert guest.sample() == (1024, (100, 101))


def test_too_many_changes_to_tell_are_no_change_missed(guest: Guest) -> None:
    guest.sample()
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(limit + 10):    # the kernel merges an event with an equal one before it
        os.close(os.open(guest.scope / f"f{number % 2}", os.O_CREAT | os.O_WRONLY))
        (guest.scope / f"f{number % 2}").unlink()
    (guest.scope / "cpu.shares").write_text("77")
    assert guest.sample() == (77, (100,))


def test_what_no_event_tells_is_seen_within_a_minute(guest: Guest) -> None:
    guest.sample()
    guest.sampler._watched.clear()    # as if the kernel kept silent
    (guest.scope / "cpu.shares").write_text("88")
    assert guest.sample() == (1024, (100,))
    assert guest.sample(LOOK_AT_ALL) == (88, (100,))


def test_without_inotify_each_sample_looks(guest: Guest) -> None:
    guest.sampler._watch.close()
    (guest.scope / "cpu.shares").write_text("55")
    assert guest.sample() == (55, (100,))
    (guest.scope / "cpu.shares").write_text("56")
    assert guest.sample() == (56, (100,))
