"""Starting and stopping simulated servers through the protocol."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import HypervisorError, ServerGone
from ...policy.start_policies import Readiness
from .machine import SimulatedMachine
from .scenario import Scenario


class SimulatedPower(SimulatedMachine):
    """A machine whose servers can be started and stopped as `Hypervisor` has it. `started` are the names of those
    that were, in order, with the definition that was made for that start."""

    def __init__(self, scenario: Scenario, clock: Callable[[], int] | None = None) -> None:
        self.started: list[tuple[str, str]] = []
        super().__init__(scenario, clock)

    def start_server(self, uuid: str, change: Callable[[str], str] | None = None) -> None:
        """See `Hypervisor`."""
        with self._call():
            server = self._servers.get(uuid)
            if server is None:
                raise ServerGone(f"there is no virtual server {uuid}")
            if server.group is not None:
                return
            if uuid in self.faults.broken:
                raise HypervisorError(self.faults.broken[uuid])
            xml = f"<domain><name>{server.spec.name}</name><uuid>{uuid}</uuid></domain>"
            self.started.append((server.spec.name, xml if change is None else change(xml)))
        self.start(uuid)

    def stop_server(self, uuid: str, start: str, *, at_once: bool = False) -> None:
        """See `Hypervisor`. One that is not `deaf` shuts down at once."""
        with self._call():
            self._group(uuid, start)
            if uuid in self.faults.deaf and not at_once:
                return
        self.stop(uuid)

    def suspend_server(self, uuid: str, start: str) -> None:
        """See `Hypervisor`."""
        with self._call():
            self._group(uuid, start)
        self.pause(uuid)

    def resume_server(self, uuid: str, start: str) -> None:
        """See `Hypervisor`."""
        with self._call():
            self._group(uuid, start)
        self.resume(uuid)

    def probe(self, uuid: str, start: str, how: Readiness) -> str | None:
        """What a test says (`faults.unready`); see `Hypervisor`."""
        with self._call():
            if uuid not in self._servers:
                raise ServerGone(f"there is no virtual server {uuid}")
            return self.faults.unready.get(uuid)
