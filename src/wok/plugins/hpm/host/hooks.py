"""libvirt's hook for guests that start: written, looked at and taken away again.

libvirt 6.5 and later runs all programs in `/etc/libvirt/hooks/qemu.d`, so that other hooks stay what they are. An
earlier one knows the program `/etc/libvirt/hooks/qemu` alone. Either looks whether there are hooks at all only when its
daemon starts; hpm says so, and never restarts it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import msgspec

from ..errors import Conflict
from ..store.backups import sync_directory, sync_file
from . import libvirt_hook

#: The first libvirt with directories of hooks.
DIRECTORIES_SINCE = (6, 5)
#: Daemons that run QEMU guests, as the kernel names their processes.
DAEMONS = ("libvirtd", "virtqemud")
#: What tells a hook of ours from others.
OURS = b"hpm hooks-install"
TICKS = os.sysconf("SC_CLK_TCK")


class HookState(msgspec.Struct, frozen=True):
    """`path` is where the hook is, or would be; `installed`: it is there, and `current`: as this version writes it.
    `seen`: libvirt's daemon has looked for hooks since there are some; None: no daemon runs. `others` are other hooks.
    """

    path: Path
    installed: bool
    current: bool
    seen: bool | None
    others: tuple[Path, ...]

    def sentences(self) -> list[str]:
        """The same in words."""
        if not self.installed:
            found = [f"{self.path} is not installed: libvirt does not ask hpm."]
        elif not self.current:
            found = [f"{self.path} is installed, but not as this hpm writes it; run hpm hooks-install again."]
        else:
            found = [f"{self.path} is installed."]
        if self.installed and self.seen is False:
            found.append(
                "libvirt's daemon has run since before there was any hook, and does not look again: restart it"
                " (libvirtd or virtqemud) once, when it suits you. Guests go on meanwhile."
            )
        if self.installed and self.seen is None:
            found.append("libvirt's daemon does not run; it looks for hooks when it starts.")
        if self.others:
            found.append(f"Other hooks stay as they are: {', '.join(map(str, self.others))}.")
        return found


class Hooks:
    """The hook below `root`, which asks hpm at `socket`. `version` of libvirt None: that of the daemon's program."""

    def __init__(self, root: Path, socket: Path, version: tuple[int, int] | None = None) -> None:
        self._root, self._socket = root, socket
        self._hooks = root / "etc/libvirt/hooks"
        known = version or libvirt_version()
        self._alone = known is not None and known < DIRECTORIES_SINCE
        self.path = self._hooks / "qemu" if self._alone else self._hooks / "qemu.d" / "hpm"

    def install(self) -> HookState:
        """Write it, or write it anew. Raises `Conflict` where it would take another hook's place, `OSError`."""
        foreign = self.path.exists() and not self._is_ours()
        if foreign and not self._alone:
            raise Conflict(f"{self.path} is another hook, not hpm's; rename it, and libvirt runs both")
        if foreign:
            raise Conflict(
                f"this libvirt is older than 6.5 and knows one hook alone, and {self.path} is another one; have that"
                " one run hpm's: write it elsewhere with --root, and call it with the same arguments and input"
            )
        before = self.path.stat().st_mtime if self.path.exists() else None
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = self._hooks / ".hpm.new"    # libvirt must not run half of it
        new.write_text(self.text())
        new.chmod(0o755)
        if before is not None:
            os.utime(new, (before, before))    # so that it is known since when libvirt could have seen it
        sync_file(new)    # nor an empty file, which is what a rename alone can leave where power fails
        os.replace(new, self.path)    # noqa: PTH105 (its faults are tried)
        for directory in (self.path.parent, self._hooks, self._hooks.parent):    # their names, which may be new, too
            sync_directory(directory)
        return self.state()

    def remove(self) -> bool:
        """Take it away; False: it was not there. Raises `Conflict` if it is not ours, `OSError`."""
        if not self.path.exists():
            return False
        if not self._is_ours():
            raise Conflict(f"{self.path} is not hpm's; it stays")
        self.path.unlink()
        sync_directory(self.path.parent)
        return True

    def state(self) -> HookState:
        """How it stands."""
        installed = self.path.exists() and self._is_ours()
        current = installed and self.path.read_text() == self.text() and os.access(self.path, os.X_OK)
        known = list(self._known())
        begun = self._daemon_begun()
        oldest = min((path.stat().st_mtime for path in known), default=None)
        seen = None if begun is None else oldest is not None and begun >= oldest
        return HookState(self.path, installed, current, seen, tuple(path for path in known if path != self.path))

    def text(self) -> str:
        """The program. Raises `Conflict` where this Python cannot be named in its first line."""
        python = os.path.realpath(sys.executable)
        if re.search(r"\s", python) or len(python) > 120:
            raise Conflict(f"{python} cannot stand in the first line of a program; install hpm with another Python")
        source = Path(libvirt_hook.__file__).read_text()
        for name, value in (
            ("SOCKET", self._socket), ("MARKS", self._root / "run/hpm/hooks"),
            ("DEFINITIONS", self._root / "etc/libvirt/qemu"),
        ):  # fmt: skip
            source = re.sub(rf'^{name} = ".*"$', lambda _, n=name, v=value: f"{n} = {str(v)!r}", source,  # type: ignore[misc]
                            count=1, flags=re.MULTILINE)  # fmt: skip
        # isolated from the environment, and without anybody's packages
        return f"#!{python} -IS\n# Written by hpm hooks-install; hpm hooks-remove takes it away.\n{source}"

    def _is_ours(self) -> bool:
        return OURS in self.path.read_bytes()[:4096]

    def _known(self) -> Iterator[Path]:
        """All hooks for QEMU that libvirt would run."""
        directory = self._hooks / "qemu.d"
        for path in (self._hooks / "qemu", *(sorted(directory.iterdir()) if directory.is_dir() else ())):
            if path.is_file() and os.access(path, os.X_OK):
                yield path

    def _daemon_begun(self) -> float | None:
        """When the newest of libvirt's daemons was started (unix time); None: none runs."""
        found = []
        for process in (self._root / "proc").glob("[0-9]*"):
            try:
                if (process / "comm").read_text().strip() in DAEMONS:
                    found.append(int((process / "stat").read_text().rpartition(") ")[2].split()[19]) / TICKS)
            except (OSError, ValueError, IndexError):
                continue    # it has ended
        if not found:
            return None
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + max(found)


def libvirt_version() -> tuple[int, int] | None:
    """Of the daemon's program; None: there is none that tells."""
    for name in DAEMONS:
        program = which(name) or which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
        if program is None:
            continue
        try:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        found = re.search(r"(\d+)\.(\d+)\.\d+", said.stdout)
        if found is not None:
            return int(found[1]), int(found[2])
    return None
