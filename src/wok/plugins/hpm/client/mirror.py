"""A copy of all virtual servers of a host, kept current by the sync protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..wire.sections import Configuration, Devices, GuestDetails, Status
from ..wire.sync import Runtime, Sync
from .errors import BadAnswer

if TYPE_CHECKING:
    from .rest import Client

#: The columns of figures.
_FIGURES = ("velocity", "using", "delay", "cpu_user", "cpu_sys", "memory_use", "memory", "memory_used", "shares")


@dataclass
class MirroredServer:
    """A virtual server as the host told it last; see `wire.sync.Runtime` for the figures, None: not known.

    The times say when a section was sampled: of a server that does not answer they stay old. `stale_since`: since when
    the hypervisor, although it answers, tells nothing of it; None: it does.
    """

    object_id: str
    name: str
    state: str = "unknown"
    velocity: float | None = None
    using: float | None = None
    delay: float | None = None
    cpu_user: float | None = None
    cpu_sys: float | None = None
    memory_use: float | None = None
    memory: int | None = None
    memory_used: int | None = None
    shares: int | None = None
    stale_since: str | None = None
    status: Status | None = None
    configuration: Configuration | None = None
    devices: Devices | None = None
    guest_details: GuestDetails | None = None
    sampled: dict[str, str | None] = field(default_factory=dict)


class Mirror:
    """`servers` by UUID are those of the host as of `snapshot_time`; call `poll` as often as they shall be current.

    Not thread-safe.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._token: str | None = None
        self._numbers: dict[int, MirroredServer] = {}
        self.servers: dict[str, MirroredServer] = {}
        self.snapshot_time: str | None = None
        self.problem: str | None = None

    def poll(self) -> set[str]:
        """Ask what changed; gives the UUIDs of servers that are others than before, those that went too.

        Raises `ClientError`, and the mirror stays as it was: the next poll goes on from there. After an answer that
        does not fit together (`BadAnswer`) it reads everything anew.
        """
        answer = self._client.sync(self._token)
        if answer.nothing:
            return set()
        told = answer.value
        try:
            changed = self._apply(told)
        except (LookupError, ValueError) as error:
            self._token = None
            raise BadAnswer(f"the answer tells of servers that it does not name, or not all of one: {error}") from None
        self._token, self.snapshot_time, self.problem = told.token, told.snapshot_time, told.problem
        return changed

    def _apply(self, told: Sync) -> set[str]:
        """Gives what changed. Raises `LookupError`, `ValueError` where it does not fit together."""
        changed = self._begin() if told.resync else set()
        for uuid in told.removed:
            if self.servers.pop(uuid, None) is not None:
                changed.add(uuid)
        changed |= self._sections(told)
        if len(self._numbers) > len(self.servers):    # no number is used again: of who went, or came back with another
            newest = {one.object_id: number for number, one in self._numbers.items()}
            self._numbers = {newest[uuid]: one for uuid, one in self.servers.items()}
        return changed | self._figures(told.runtime) | self._stale(told)

    def _begin(self) -> set[str]:
        """Forget everything; gives what there was."""
        there = set(self.servers)
        self.servers, self._numbers = {}, {}
        return there

    def _sections(self, told: Sync) -> set[str]:
        seen: set[str] = set()
        for one in told.changed.configuration:    # first, for it names a server that is new
            server = self.servers.setdefault(one.object_id, MirroredServer(one.object_id, one.name))
            server.name, server.configuration = one.name, one.configuration
            self._numbers[one.number] = server
            seen.add(one.object_id)
        for status in told.changed.status:
            self.servers[status.object_id].status = status.status
            self.servers[status.object_id].sampled["status"] = status.sampled
            seen.add(status.object_id)
        for devices in told.changed.devices:
            self.servers[devices.object_id].devices = devices.devices
            self.servers[devices.object_id].sampled["devices"] = devices.sampled
            seen.add(devices.object_id)
        for details in told.changed.guest_details:
            self.servers[details.object_id].guest_details = details.guest_details
            self.servers[details.object_id].sampled["guest-details"] = details.sampled
            seen.add(details.object_id)
        return seen

    def _stale(self, told: Sync) -> set[str]:
        since = {one.object_id: one.since for one in told.stale}
        seen: set[str] = set()
        for uuid, server in self.servers.items():
            if server.stale_since != since.get(uuid):
                server.stale_since = since.get(uuid)
                seen.add(uuid)
        return seen

    def _figures(self, runtime: Runtime) -> set[str]:
        seen: set[str] = set()
        columns = [getattr(runtime, name) for name in _FIGURES]
        for number, state, *figures in zip(runtime.server, runtime.state, *columns, strict=True):
            server = self._numbers[number]
            server.state = state
            for name, figure in zip(_FIGURES, figures, strict=True):
                setattr(server, name, figure)
            seen.add(server.object_id)
        return seen
