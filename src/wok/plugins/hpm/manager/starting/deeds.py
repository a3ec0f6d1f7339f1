"""What is done to servers for jobs: each deed in a thread of its own, with what came of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from ...backend.hypervisor import Hypervisor
from ...errors import HpmError, HypervisorUnreachable, ServerGone
from ..snapshot import Snapshot
from .progress import Act
from .workers import Workers
from .world import name_of

log = logging.getLogger(__name__)

#: Starts and stops under way at once. Each guest that starts takes CPU and disk from all others.
MOST = 8
#: Seconds after which a host that did not answer is asked again.
AGAIN = 1.0


class Deeds:
    """Deeds under way, and how those that ended did. `ended` is called, in any thread, when one has; `goes_on(job)`
    says whether that job is still to be done.

    `at_start` are asked, one after another, for the definition (XML) with which a server (UUID) starts this time.
    """

    def __init__(self, hypervisor: Hypervisor, ended: Callable[[], None], goes_on: Callable[[int], bool]) -> None:
        self.at_start: list[Callable[[str, str], str]] = []
        self.workers = Workers("hpm-start", MOST)
        #: UUIDs of the servers to which something is being done.
        self.busy: set[str] = set()
        self._hypervisor, self._ended, self._goes_on = hypervisor, ended, goes_on
        self._lock = threading.Lock()
        self._outcomes: dict[int, dict[str, str]] = {}

    def outcomes(self, number: int) -> Mapping[str, str]:
        """How the last deed to each server of a job has failed, in words; empty: it has not."""
        return self._outcomes.get(number, {})

    def forget(self, number: int) -> None:
        """That job is over."""
        with self._lock:
            self._outcomes.pop(number, None)

    def do(self, number: int, uuid: str, act: Act, snapshot: Snapshot, patience: float) -> None:
        """Have something done for a job; where all hands are full, nothing comes of it. `patience`: seconds in which it
        is tried again where libvirt does not answer."""
        with self._lock:
            self.busy.add(uuid)
            self._outcomes.setdefault(number, {}).pop(uuid, None)
        if not self.workers.run(lambda: self._do(number, uuid, act, snapshot, patience)):
            with self._lock:
                self.busy.discard(uuid)

    def _do(self, number: int, uuid: str, act: Act, snapshot: Snapshot, patience: float) -> None:
        failed = self._tried(number, uuid, act, snapshot, patience)
        if failed:
            log.warning("%s of %s: %s", act, name_of(snapshot, uuid), failed)
        with self._lock:
            if self._goes_on(number):
                self._outcomes.setdefault(number, {})[uuid] = failed
            self.busy.discard(uuid)
        self._ended()

    def _tried(self, number: int, uuid: str, act: Act, snapshot: Snapshot, patience: float) -> str:
        """How it failed; empty: it has not."""
        deadline = time.monotonic() + patience
        while True:
            try:
                self._act(uuid, act, snapshot)
                return ""
            except HypervisorUnreachable as error:    # libvirt's daemon may just be started anew
                if not self.workers.threaded or not self._goes_on(number) or time.monotonic() + AGAIN > deadline:
                    return str(error)
                time.sleep(AGAIN)
            except ServerGone as error:
                return "" if act in ("shut-down", "destroy") else str(error)
            except HpmError as error:
                return str(error)
            except Exception as error:    # a deed that never ends would be waited for for ever
                log.exception("%s of %s", act, uuid)
                return f"hpm failed: {error}"

    def _act(self, uuid: str, act: Act, snapshot: Snapshot) -> None:
        host, sample = self._hypervisor, snapshot.sample.samples.get(uuid)
        start = "" if sample is None else sample.start
        if act == "start":
            host.start_server(uuid, self._definition(uuid) if self.at_start else None)
        elif act == "resume":
            host.resume_server(uuid, start)
        elif act == "suspend":
            host.suspend_server(uuid, start)
        else:
            host.stop_server(uuid, start, at_once=act == "destroy")

    def _definition(self, uuid: str) -> Callable[[str], str]:
        def changed(xml: str) -> str:
            for change in self.at_start:
                xml = change(uuid, xml)
            return xml

        return changed
