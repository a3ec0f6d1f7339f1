"""A limit of the memory that all guests together may take, as an administrator sets it on their cgroup."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from .errors import LabError

PLACES = ("memory/machine.slice", "memory/machine", "machine.slice", "unified/machine.slice")


class MachineLimit:
    """The cgroup that libvirt's guests stand in. It is there from the first guest on: looked for at the first use,
    which raises LabError if there is none with a memory controller."""

    @cached_property
    def _files(self) -> tuple[Path, Path, str]:
        """What has the limit, what the use, and how no limit is written."""
        for place in PLACES:
            folder = Path("/sys/fs/cgroup") / place
            for limit, usage, none in (("memory.limit_in_bytes", "memory.usage_in_bytes", "-1"),
                                       ("memory.max", "memory.current", "max")):  # fmt: skip
                if (folder / limit).exists():
                    return folder / limit, folder / usage, none
        raise LabError("no cgroup of libvirt's guests with a memory controller")

    def _set(self, limit: int) -> None:
        self._files[0].write_text(str(limit))

    def leave(self, part: float) -> None:
        """Limit the guests so that this part of the limit is left."""
        self._set(int(self.held() / (1 - part)))

    def lower(self, aim: int, part: float) -> int:
        """Lower the limit towards `aim` (bytes) as far as this part of it is left; the limit that stands then. The
        kernel takes nothing that guests hold, so they have to give first. Also raises it where less is left."""
        limit = max(aim, int(self.held() / (1 - part)))
        self._set(limit)
        return limit

    def held(self) -> int:
        """What the guests and their QEMUs take together, in bytes."""
        return int(self._files[1].read_text())

    def available(self) -> float:
        """The part of the limit that is left."""
        return 1 - self.held() / int(self._files[0].read_text())

    def lift(self) -> None:
        """No limit any more; also none of a test that was killed in the middle, if there are guests."""
        self._files[0].write_text(self._files[2])
