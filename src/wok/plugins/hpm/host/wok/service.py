"""The manager inside Wok: started when it may be, and who answers while it is not there.

Only one manager has a host, whoever hosts it. While another one has this host, reads are passed on to it and
writes are refused, saying who has it. When it ends, ours takes over. Nothing that goes wrong here stops Wok.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from ...control.activity import Deed, Recorder
from ...control.api import Api
from ...control.caller import Door
from ...control.routes import routes
from ...errors import HpmError, ManagerBusy
from ...manager.manager import Manager
from ..running import RunningManager
from .elsewhere import Down, Elsewhere
from .settings import Settings
from .streaming import Streaming

log = logging.getLogger(__name__)

#: Seconds between two looks at whether ours may run: another one ended, libvirt came, somebody edited `hpm.conf`.
LOOK_SECONDS = 5.0
#: Seconds that Wok's end waits for a start that is under way.
PATIENCE = 30.0


class Answerer(Protocol):
    """Answers the current CherryPy request."""

    def answer(self) -> bytes | Iterable[bytes]:
        """The body; status and headers are set."""


class Service:
    """Runs the manager while it is enabled and nobody else does. `settings` reads the configuration anew.

    `recorder` makes who is told of writes to a manager; `tell` is told of those that no manager gets.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        door: Door,
        recorder: Callable[[Manager], Recorder],
        tell: Callable[[Deed], None],
    ) -> None:
        self.answerer: Answerer = Down(door, tell, "hpm is starting; try again in a moment")
        self.served: Manager | None = None    # whose API it is that answers here
        self.streaming = Streaming()
        self._settings = settings
        self._door = door
        self._recorder = recorder
        self._tell = tell
        self.running: RunningManager | None = None    # while it runs here
        self._said = ""
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread: libvirt may keep us waiting, and Wok need not wait too."""
        if self._thread is None:
            self._end.clear()
            self.streaming.over = False
            self._thread = threading.Thread(target=self._watch, name="hpm-service", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, and put everything back. Never raises."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)
            self._thread = None
        self._put_down("Wok is ending")

    def look(self) -> None:
        """Start or stop the manager, whatever is right now. Never raises."""
        try:
            settings = self._settings()
            if not settings.enabled:
                self._put_down("hpm is switched off in Wok; switch it on in Wok's settings, or in hpm.conf")
            elif self.running is None:
                self._take_up(settings)
        except ManagerBusy as error:
            self._say(logging.WARNING, error.message)
            self.answerer = Elsewhere(self._door, self._tell, error.message)
        except (HpmError, OSError) as error:
            self._failed(str(error))
        except Exception as error:
            self._failed(f"there is a fault here ({type(error).__name__}); Wok's error log says more")
            log.exception("hpm's manager")

    def serve(self, manager: Manager) -> None:
        """Answer for this manager from now on."""
        self.answerer = Api(
            routes(manager), self._door, manager, self._recorder(manager), carry=self.streaming.carry
        )
        self.served = manager

    def _watch(self) -> None:
        self.look()
        while not self._end.wait(LOOK_SECONDS):
            self.look()

    def _take_up(self, settings: Settings) -> None:
        with self._lock:
            if self._end.is_set():
                return
            running = RunningManager(
                settings.connect, settings.state, settings.socket, settings.interval, settings.mom_rpc,
                settings.plots,
            )
            self.running = running
        self.serve(running.manager)
        self._said = ""
        running.greet("it ends with Wok, and then puts everything back")

    def _put_down(self, why: str) -> None:
        with self._lock:
            running, self.running = self.running, None
        self.answerer, self.served = Down(self._door, self._tell, why), None
        if running is None:
            return
        log.info("stopping, and putting everything back: %s", why)
        try:
            running.stop()
        except Exception:
            log.exception("hpm's manager did not stop cleanly; 'hpm restore' puts back what it left")

    def _failed(self, why: str) -> None:
        if self.running is None:    # one that runs goes on, whatever has become of its configuration
            self.answerer = Down(self._door, self._tell, f"hpm's manager does not run: {why}")
        self._say(logging.ERROR, f"hpm's manager cannot be started: {why}")

    def _say(self, level: int, words: str) -> None:
        """Log once, not at each look."""
        if words != self._said:
            self._said = words
            log.log(level, "%s", words)
