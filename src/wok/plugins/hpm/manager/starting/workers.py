"""Work that may take long, each piece in a thread of its own: no start and no probe delays another one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Workers:
    """At most `most` pieces at once. Until `threaded` is set, work is done at once by whoever asks for it."""

    def __init__(self, name: str, most: int) -> None:
        self.threaded = False
        self._name = name
        self._lock = threading.Lock()
        self._free = most

    @property
    def free(self) -> int:
        """How many more may begin now."""
        return self._free

    def run(self, work: Callable[[], None]) -> bool:
        """Have it done; False: all hands are full, or there is no thread to be had; ask again later. It must not raise.
        """
        with self._lock:
            if self._free == 0:
                return False
            self._free -= 1
        if self.threaded:
            # A daemon: what hangs in libvirt or in a resolver must not keep hpm from ending.
            try:
                threading.Thread(target=self._work, args=(work,), name=self._name, daemon=True).start()
            except RuntimeError as error:    # no memory, or too many of them
                log.warning("%s: %s", self._name, error)
                with self._lock:
                    self._free += 1
                return False
        else:
            self._work(work)
        return True

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("%s", self._name)
        finally:
            with self._lock:
                self._free += 1
