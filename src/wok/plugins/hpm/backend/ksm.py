"""Kernel same-page merging: reading and setting `/sys/kernel/mm/ksm`.

Format: Documentation/admin-guide/mm/ksm.rst of the kernel.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from ..engine.samples import KsmState
from ..errors import HypervisorError
from ..memory.state import KsmSettings

_STATE = (
    "run", "pages_to_scan", "sleep_millisecs", "merge_across_nodes", "pages_shared", "pages_sharing", "pages_unshared",
    "pages_volatile", "full_scans",
)  # fmt: skip


class Ksm:
    """The files of one host's kernel below `root`. Not every kernel has them, nor every file of them."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "sys/kernel/mm/ksm"

    @property
    def why_not(self) -> str | None:
        """Why it cannot be set here; None: it can."""
        run = self._folder / "run"
        if not run.exists():
            return "this kernel has no KSM (CONFIG_KSM)"
        if not os.access(run, os.W_OK):
            return f"{run} is not ours to write"
        return None

    def read(self) -> KsmState | None:
        """As it is now; None: this kernel has none."""
        try:
            # merge_across_nodes is missing where the kernel knows no NUMA
            numbers = {name: self._read(name, default=1 if name == "merge_across_nodes" else 0) for name in _STATE[1:]}
            run = int((self._folder / "run").read_text())
            profit = self._folder / "general_profit"    # since kernel 6.4
            return KsmState(run, **numbers, general_profit=int(profit.read_text()) if profit.exists() else None,
                            page_size=os.sysconf("SC_PAGE_SIZE"), advised=self._advised())  # fmt: skip
        except (OSError, ValueError):
            return None

    def write(self, wanted: KsmSettings) -> None:
        """Set what differs. Merging across NUMA nodes or not can only be changed while nothing is merged: then all is
        unmerged first. How many pages are scanned is left to the kernel's advisor while that is on: it refuses another
        number. Raises `HypervisorError`."""
        now = self.read()
        if now is None:
            raise HypervisorError("this kernel has no KSM")
        try:
            run = now.run
            if wanted.merge_across_nodes != now.merge_across_nodes:
                try:
                    self._write("merge_across_nodes", wanted.merge_across_nodes)
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    run = 2
                    self._write("run", 2)
                    self._write("merge_across_nodes", wanted.merge_across_nodes)
            if wanted.pages_to_scan not in (None, now.pages_to_scan) and not now.advised:
                self._write("pages_to_scan", wanted.pages_to_scan)
            if wanted.sleep_millisecs != now.sleep_millisecs:
                self._write("sleep_millisecs", wanted.sleep_millisecs)
            if wanted.run != run:
                self._write("run", wanted.run)
        except OSError as error:
            self._undo(now)
            raise HypervisorError(f"KSM could not be set: {error}") from None

    def _undo(self, before: KsmState) -> None:
        """Have it as it was: half of what was wanted would look as if somebody else had set it."""
        for name in ("merge_across_nodes", "pages_to_scan", "sleep_millisecs", "run"):
            value = getattr(before, name)
            with suppress(OSError, ValueError):
                if self._read(name, value) != value:
                    self._write(name, value)

    def _advised(self) -> bool:
        """Whether the kernel's advisor is on. The file names all modes, the one in force in brackets."""
        mode = self._folder / "advisor_mode"    # since kernel 6.7
        return mode.exists() and "[none]" not in mode.read_text()

    def _read(self, name: str, default: int) -> int:
        path = self._folder / name
        return int(path.read_text()) if path.exists() else default

    def _write(self, name: str, value: int) -> None:
        (self._folder / name).write_text(str(value))
