"""The manager's side of its helpers."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from ...backend.ports import TOGETHER, PortQuestion
from ...manager.notify.channels import Outcome, Parcel
from ..delivery.job import Job, place
from .network import PortAnswer

log = logging.getLogger(__name__)

#: Sockets in the directory of helpers, as the units of systemd have them.
NETWORK, PASSWORDS = "network.sock", "passwords.sock"
#: Seconds for a helper to be started, and to look up a name.
STARTING = 10.0
#: Bytes of an answer.
LARGEST = 65536
#: Connections for ports that are kept for the next question.
KEPT = 16

_STOPPING = Outcome(False, "hpm is stopping")


class NetworkHelper:
    """Asks the helper at a socket. Any thread may; it is a `Courier`, and `ask_port` is a `PortAsked`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: list[socket.socket] = []
        self._delivering: set[socket.socket] = set()
        self._closed = False

    def ask_port(self, question: PortQuestion) -> str | None:
        """See `PortAsked`."""
        with self._lock:
            kept = self._kept.pop() if self._kept else None
        if kept is not None:
            # a helper ends that has had nothing to do for long
            with suppress(OSError, msgspec.MsgspecError):
                return self._asked(kept, question)
        try:
            return self._asked(connect(self._path), question)
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s does not try ports: %s", self._path, error)
            return f"its port {question.port} cannot be tried: {self._path} does not answer (hpm-network.socket)"

    def deliver(self, parcel: Parcel, seconds: float) -> Outcome:
        """See `Courier`."""
        until = time.monotonic() + seconds
        try:
            connection = connect(self._path)
        except OSError as error:
            return Outcome(False, f"{self._path} (hpm-network.socket) cannot be reached: {error.strerror or error}")
        with connection:
            with self._lock:
                if self._closed:
                    return _STOPPING
                self._delivering.add(connection)
            try:
                connection.sendall(_line(Job(parcel, seconds)))
                return msgspec.json.decode(read_line(connection, until), type=Outcome)
            except TimeoutError:
                return Outcome(False, f"{place(parcel)} took longer than {seconds:g} s")
            except (OSError, msgspec.MsgspecError):
                return _STOPPING if self._closed else Outcome(False, "the process that delivers broke")
            finally:
                with self._lock:
                    self._delivering.discard(connection)

    def close(self) -> None:
        """See `Courier`. A helper that delivers may do so first: nobody hears of it."""
        with self._lock:
            self._closed = True
            while self._kept:
                self._kept.pop().close()
            for connection in self._delivering:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _asked(self, connection: socket.socket, question: PortQuestion) -> str | None:
        """Raises `OSError`, `msgspec.MsgspecError`; the connection is closed then."""
        try:
            connection.sendall(_line(question))
            answer = msgspec.json.decode(
                read_line(connection, time.monotonic() + TOGETHER + STARTING), type=PortAnswer
            )
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if self._closed or len(self._kept) >= KEPT:
                connection.close()
            else:
                self._kept.append(connection)
        return answer.why_not


def connect(path: Path) -> socket.socket:
    """A connection to a helper. Raises `OSError`."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(STARTING)    # systemd has as many as it may
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def read_line(connection: socket.socket, until: float) -> bytes:
    """What comes until a line or the connection ends. Raises `OSError`; `TimeoutError` if that is not so by then."""
    read = b""
    while b"\n" not in read:
        left = until - time.monotonic()
        if left <= 0.0:
            raise TimeoutError("it took too long")
        connection.settimeout(left)
        piece = connection.recv(LARGEST)
        if not piece:
            break
        read += piece
        if len(read) > LARGEST:
            raise OSError("it said more than an answer has")
    return read


def _line(question: PortQuestion | Job) -> bytes:
    return msgspec.json.encode(question) + b"\n"
