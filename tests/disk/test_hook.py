"""libvirt's hook is there whole, as it was, or not at all, whatever the disk does: with half of one no guest starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.host.hooks import Hooks

from .disk import KINDS, LOSES, STRIKES, Disk, Kind, faulty, tell

OLD = "#!/bin/sh\n# Written by hpm hooks-install, of an earlier version\n" + "# of its lines\n" * 200


@pytest.mark.parametrize("before", [None, OLD], ids=["none", "an older one"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_leaves_half_of_a_hook(tmp_path: Path, kind: Kind, before: str | None) -> None:
    at, struck = 0, True
    while struck:
        at += 1
        root = tmp_path / str(at)
        hook = Hooks(root, root / "s", (9, 0))
        (root / "etc/libvirt").mkdir(parents=True)
        if before is not None:
            hook.path.parent.mkdir(parents=True)
            hook.path.write_text(before)
            hook.path.chmod(0o755)
        with faulty(Disk(kind, at, loses=True)) as disk:
            done = True
            try:
                hook.install()
            except OSError:
                done = False
            struck = disk.came
            for ends in (True,) if kind in LOSES else (False, True):    # the machine, after whatever came
                if ends:
                    disk.lose_power()
                found = hook.path.read_text() if hook.path.exists() else None
                assert found in ((hook.text(),) if done else (before, hook.text())), (disk.where, ends)
                assert found is None or hook.path.stat().st_mode & 0o777 == 0o755, (disk.where, ends)
        assert Hooks(root, root / "s", (9, 0)).install().current, disk.where    # and the next time it is installed
    tell("hook", kind, at - 1)
    assert at > 1, "a write"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in STRIKES])
def test_a_hook_that_was_removed_does_not_come_back_and_a_fault_leaves_it_whole(tmp_path: Path, kind: Kind) -> None:
    at, struck = 0, True
    while struck:
        at += 1
        root = tmp_path / str(at)
        hook = Hooks(root, root / "s", (9, 0))
        hook.install()
        with faulty(Disk(kind, at, loses=True)) as disk:
            done = True
            try:
                hook.remove()
            except OSError:
                done = False
            struck = disk.came
            disk.lose_power()
        assert not hook.path.exists() or (not done and hook.state().current), disk.where
    tell("hook removed", kind, at - 1)
    assert at > 2, "a name, and a sync"
