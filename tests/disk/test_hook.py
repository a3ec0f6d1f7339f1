"""libvirt's hook is there whole, as it was, or not at all, whatever the disk does: with half of one no guest starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpm.host.hooks import Hooks

from .disk import KINDS, STRIKES, Disk, Kind, faulty, tell

OLD = "#!/bin/sh\n# Written by hpm hooks-install, of an earlier version\n" + "# of its lines\n" * 200


@pytest.mark.parametrize("before", [None, OLD], ids=["none", "an older one"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_leaves_half_of_a_hook(tmp_path: Path, kind: Kind, before: str | None) -> None:
    at, struck = 0, True
    while struck:
        at += 1
        root = tmp_path / str(at)
        hook = Hooks(root, root / "s", (9, 0))
        hook.path.parent.mkdir(parents=True)
        if before is not None:
            hook.path.write_text(before)
            hook.path.chmod(0o755)
        with faulty(Disk(kind, at, root)) as disk:
            done = True
            try:
                hook.install()
            except OSError:
                done = False
            struck = disk.came
            disk.lose_power()    # of what was done, too
        found = hook.path.read_text() if hook.path.exists() else None
        where = disk.where
        assert found in ((hook.text(),) if done else (before, hook.text())), where
        if found is not None:
            assert hook.path.stat().st_mode & 0o777 == 0o755, where
        assert Hooks(root, root / "s", (9, 0)).install().current, where    # and the next time it is installed
    tell("hook", kind, at - 1)
    assert at > 2 or kind in STRIKES, "a sync and a name"
