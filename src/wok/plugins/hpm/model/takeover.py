"""Other managers of memory on this host: who they are, stopping them, and starting them again."""

from __future__ import annotations

from ..errors import Conflict
from ..manager.manager import Manager
from ..wire.mom import MomRival, MomRivals, MomStopped


class TakeoverModel:
    """Requests on other managers of memory."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def rivals(self) -> MomRivals:
        """Those that run now, and those that were stopped."""
        takeover = self._manager.takeover
        return MomRivals(
            [
                MomRival(one.name, one.pid, one.unit, takeover.why_not(one) is None, takeover.advice(one))
                for one in takeover.rivals(now=True)
            ],
            [MomStopped(one.name, one.unit, one.enabled, one.time, one.user) for one in takeover.stopped],
        )

    def take_over(self, who: str) -> MomRivals:
        """Stop those that can be stopped. Raises `Conflict`, `Busy`."""
        self._manager.takeover.take_over(who)
        self._manager.loop.wake()
        return self.rivals()

    def give_back(self) -> MomRivals:
        """Start again what was stopped. Raises `Conflict` while hpm manages memory itself, if nothing was stopped, or
        it cannot be started; `Busy`."""
        if self._manager.snapshot.levels.memory_mgmt == "on":
            raise Conflict("hpm manages memory itself now; switch that off first: hpm config --memory-mgmt off")
        self._manager.takeover.give_back()
        return self.rivals()
