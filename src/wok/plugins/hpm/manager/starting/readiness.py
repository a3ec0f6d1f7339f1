"""Which servers are ready for those that need them: the newest answers of probes, asked for in threads.

How long a server has been running is in each sample. Everything else is asked of the host, and may take as long as the
host gives it (`Hypervisor.probe`); an answer is of one start of a server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable

import msgspec

from ...backend.hypervisor import Hypervisor
from ...errors import HpmError
from ...policy.start_policies import Readiness, Running
from ..snapshot import Snapshot
from .workers import Workers

#: Probes under way at once.
MOST = 16
#: Seconds between two probes of a server that is waited for, and of one that was ready.
WAITED_FOR, AT_REST = 0.5, 10.0
#: An answer of a server that was ready is so long as good as a new one (s).
FRESH = 1.0


class Answer(msgspec.Struct, frozen=True):
    """What came of a probe at a moment (monotonic ns); `why_not` None: it was ready."""

    at: int
    start: str
    how: Readiness
    why_not: str | None


class Probes:
    """Answers by UUID. `clock` gives monotonic nanoseconds; `answered` is called, in any thread, when one is new."""

    def __init__(self, hypervisor: Hypervisor, clock: Callable[[], int], answered: Callable[[], None]) -> None:
        self.workers = Workers("hpm-probe", MOST)
        self._hypervisor, self._clock, self._answered = hypervisor, clock, answered
        self._lock = threading.Lock()
        self._answers: dict[str, Answer] = {}
        self._asking: set[str] = set()

    def why_not(self, snapshot: Snapshot, uuid: str) -> str | None:
        """Why a server is not ready, as far as is known, in words after its name; None: it is."""
        info, sample = snapshot.sample.infos.get(uuid), snapshot.sample.samples.get(uuid)
        if info is None:
            return "this host does not have it"
        if info.status != "running" or sample is None:
            return "it is paused" if info.status == "paused" else "it does not run"
        how = readiness(snapshot, uuid)
        if isinstance(how, Running):
            ran = (self._clock() - sample.started_ns) / 1e9 if sample.started_ns else float(how.seconds)
            return None if ran >= how.seconds else f"it has been running for {ran:.0f} of {how.seconds} s"
        answer = self._answers.get(uuid)
        if answer is None or (answer.start, answer.how) != (sample.start, how):
            return "it was not asked yet whether it is ready"
        return answer.why_not

    def ask(self, snapshot: Snapshot, uuids: Iterable[str], *, now: bool = False) -> None:
        """Have those probed that run and whose last answer is older than it should be; `now`: somebody waits for it, so
        that only one of ready servers counts, and that for a second."""
        for uuid in uuids:
            sample = snapshot.sample.samples.get(uuid)
            info = snapshot.sample.infos.get(uuid)
            how = readiness(snapshot, uuid)
            if isinstance(how, Running) or sample is None or info is None or info.status != "running":
                continue
            answer = self._answers.get(uuid)
            if answer is not None and (answer.start, answer.how) == (sample.start, how):
                ready = answer.why_not is None
                apart = (FRESH if ready else 0.0) if now else AT_REST if ready else WAITED_FOR
                if self._clock() - answer.at < apart * 1e9:
                    continue
            with self._lock:
                if uuid in self._asking:
                    continue
                self._asking.add(uuid)
            if not self.workers.run(lambda u=uuid, s=sample.start, h=how: self._probe(u, s, h)):  # type: ignore[misc]
                with self._lock:
                    self._asking.discard(uuid)

    def asking(self, uuids: Iterable[str]) -> bool:
        """Whether one of these is being probed now."""
        return any(uuid in self._asking for uuid in uuids)

    def forget(self, present: Container[str]) -> None:
        """Keep the answers of these servers alone."""
        for uuid in [uuid for uuid in list(self._answers) if uuid not in present]:
            self._answers.pop(uuid, None)

    def _probe(self, uuid: str, start: str, how: Readiness) -> None:
        try:
            why_not = self._hypervisor.probe(uuid, start, how)
        except HpmError as error:
            why_not = str(error)
        finally:
            with self._lock:
                self._asking.discard(uuid)
        self._answers[uuid] = Answer(self._clock(), start, how, why_not)
        self._answered()


def readiness(snapshot: Snapshot, uuid: str) -> Readiness:
    """When a server is ready."""
    assignment = snapshot.assignments.get(uuid)
    start = None if assignment is None else assignment.guest.policy.start
    return Running() if start is None or start.ready is None else start.ready
