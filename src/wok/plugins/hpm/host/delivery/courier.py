"""Hands each delivery to a process of its own.

A name server, a mail server or a web server may hang, and what they answer is read by libraries that see the network.
None of that is to be in a process with root's rights, nor to outlive its time.
"""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import suppress

import msgspec

from ... import child
from ...manager.notify.channels import MailParcel, Outcome, Parcel
from .job import Job, place

#: What of our environment is no secret and is needed: where certificates of authorities are.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: Bytes of an outcome.
_LARGEST = 4096
_STOPPING = Outcome(False, "hpm is stopping")


class ProcessCourier:
    """See `manager.notify.channels.Courier`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def deliver(self, parcel: Parcel, seconds: float) -> Outcome:
        """See `Courier`."""
        try:
            process = self._start()
        except OSError as error:
            return Outcome(False, f"the process that delivers cannot be started: {error.strerror}")
        if process is None:
            return _STOPPING
        over = threading.Event()

        def end() -> None:
            over.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        try:
            timer.start()
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(msgspec.json.encode(Job(parcel, seconds)))
            process.stdin.close()
            # Bounded: what reads the network may not be what it was any more.
            return msgspec.json.decode(process.stdout.read(_LARGEST), type=Outcome)
        except RuntimeError as error:    # no thread is left
            return Outcome(False, f"the process that delivers cannot be watched: {error}")
        except (msgspec.MsgspecError, OSError):
            if self._closed:
                return _STOPPING
            kind = "mail" if isinstance(parcel, MailParcel) else "webhook"
            late = f"{place(parcel)} took longer than {seconds:g} s"
            return Outcome(False, late if over.is_set() else f"the process that delivers by {kind} broke")
        finally:
            timer.cancel()
            self._end(process)

    def close(self) -> None:
        """See `Courier`."""
        with self._lock:
            self._closed = True
            for process in self._running:
                with suppress(ProcessLookupError):
                    process.kill()

    def _start(self) -> subprocess.Popen[bytes] | None:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        command = child.command(f"{__package__}.child", "-s")
        with self._lock:
            if self._closed:
                return None
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
                env={**environment, "PYTHONDONTWRITEBYTECODE": "1"}, start_new_session=True,
            )  # fmt: skip
            self._running.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)
            process.kill()    # does nothing to one that has ended and was waited for
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()
