"""A limit of the memory that all guests together may take, as an administrator sets it on their cgroup."""

from __future__ import annotations

from pathlib import Path

from .errors import LabError

PLACES = ("memory/machine.slice", "memory/machine", "machine.slice", "unified/machine.slice")


class MachineLimit:
    """The cgroup that libvirt's guests stand in. Raises LabError if there is none with a memory controller."""

    def __init__(self) -> None:
        for place in PLACES:
            folder = Path("/sys/fs/cgroup") / place
            for limit, usage, none in (("memory.limit_in_bytes", "memory.usage_in_bytes", "-1"),
                                       ("memory.max", "memory.current", "max")):  # fmt: skip
                if (folder / limit).exists():
                    self._limit, self._usage, self._none = folder / limit, folder / usage, none
                    return
        raise LabError("no cgroup of libvirt's guests with a memory controller")

    def leave(self, part: float) -> None:
        """Limit the guests so that this part of the limit is left."""
        self._limit.write_text(str(int(self.held() / (1 - part))))

    def lower(self, aim: int, part: float) -> int:
        """Lower the limit towards `aim` (bytes) as far as this part of it is left; the limit that stands then. The
        kernel takes nothing that guests hold, so they have to give first. Also raises it where less is left."""
        limit = max(aim, int(self.held() / (1 - part)))
        self._limit.write_text(str(limit))
        return limit

    def held(self) -> int:
        """What the guests and their QEMUs take together, in bytes."""
        return int(self._usage.read_text())

    def available(self) -> float:
        """The part of the limit that is left."""
        return 1 - self.held() / int(self._limit.read_text())

    def lift(self) -> None:
        """No limit any more."""
        self._limit.write_text(self._none)
