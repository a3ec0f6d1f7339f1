"""A connection to libvirt that comes back: event loop, keep-alive, events, reconnect.

libvirt's Python binding has one event loop for the whole process, which must run before the first
connection is opened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import libvirt

from ..errors import HypervisorError, HypervisorUnreachable, ServerGone
from .calls import Calls

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds a call may take. Ordinary ones take milliseconds; a daemon that starts up needs longer.
CALL_TIMEOUT = 5.0
CONNECT_TIMEOUT = 10.0
#: Seconds after which its event loop goes on where that failed.
EVENTS_AGAIN = 0.2

_UNREACHABLE = {
    libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_CONN, libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_RPC,
    libvirt.VIR_ERR_INTERNAL_ERROR,
}  # fmt: skip

#: Of these, what libvirt also says where it answers well and a guest cannot do what is asked.
_MAYBE_REFUSED = {libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_INTERNAL_ERROR}

#: What the list of servers is kept current by.
INVENTORY_EVENTS = (
    libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
    libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE,
    libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
    libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
    libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
)

_loop_lock = threading.Lock()
_loop_running = False


def _run_event_loop() -> None:
    global _loop_running
    with _loop_lock:
        if _loop_running:
            return
        libvirt.registerErrorHandler(lambda *_: None, None)    # errors come as exceptions; keep stderr clean
        libvirt.virEventRegisterDefaultImpl()

        threading.Thread(target=_turn, name="libvirt-events", daemon=True).start()
        _loop_running = True


def _turn() -> None:
    """The event loop. Without it no connection would be found to be lost, and so none be made anew."""
    failing = False
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
            failing = False
        except libvirt.libvirtError as error:    # the kernel had no memory for `poll`, say
            (log.debug if failing else log.error)("libvirt's events: %s", error)
            failing = True
            time.sleep(EVENTS_AGAIN)


def translate(error: libvirt.libvirtError, what: str) -> HypervisorError:
    """The error of ours that a libvirt error means."""
    code, text = error.get_error_code(), f"{what}: {error}"
    if code == libvirt.VIR_ERR_NO_DOMAIN:
        return ServerGone(text)
    if code in _UNREACHABLE:
        return HypervisorUnreachable(text)
    return HypervisorError(text)


def version_text(number: int) -> str:
    """A version as libvirt has it, as people write it."""
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


def answered(error: libvirt.libvirtError) -> bool:
    """Whether this is libvirt's answer to what was asked of a guest (QEMU does not start, say), although an error of
    its code may mean that nobody answers. What the connection itself reports is of the domain RPC (virterror.h)."""
    return error.get_error_code() in _MAYBE_REFUSED and error.get_error_domain() != libvirt.VIR_FROM_RPC


class Connection:
    """Calls and events of one libvirt URI. Call `ensure` before using it and after any failure.

    `on_event(uuid)` is called from the event loop's thread when something of a domain changed, with
    None when the connection was lost. It must not block and must not call libvirt. `events` are those that are
    wanted; `told` are others, and who is told the UUID and what else the event says, in that thread too; `name` is that
    of the threads that make the calls.
    """

    def __init__(
        self, uri: str, on_event: Callable[[str | None], None], events: Sequence[int] = INVENTORY_EVENTS,
        name: str = "libvirt-calls", told: Mapping[int, Callable[[str, tuple[Any, ...]], None]] | None = None,
    ) -> None:  # fmt: skip
        self.uri = uri
        self._on_event = on_event
        self._events = events
        self._told = told or {}
        self._calls = Calls(name)
        self._conn: Any = None
        self._alive = False

    @property
    def alive(self) -> bool:
        """Whether the connection was open when last heard of."""
        return self._alive

    def ensure(self) -> bool:
        """Connect if that is needed; true if a new connection was made. Raises `HypervisorUnreachable`."""
        if self._alive:
            return False
        _run_event_loop()
        self._conn = self._call(self._open, f"connecting to {self.uri}", CONNECT_TIMEOUT)
        self._alive = True
        return True

    def call(self, function: Callable[[Any], T], what: str, timeout: float = CALL_TIMEOUT) -> T:
        """Give `function(virConnect)`. Raises `HypervisorUnreachable`, `ServerGone`, `HypervisorError`."""
        conn = self._conn
        if conn is None or not self._alive:
            raise HypervisorUnreachable(f"{what}: not connected to {self.uri}")
        return self._call(lambda: function(conn), what, timeout)

    def close(self) -> None:
        """Close; guests go on."""
        self._alive = False
        conn, self._conn = self._conn, None
        if conn is not None:
            try:
                self._calls.run(conn.close, "closing", CALL_TIMEOUT)
            except (HypervisorError, libvirt.libvirtError) as error:
                log.debug("closing the connection: %s", error)
        self._calls.close()

    def _call(self, function: Callable[[], T], what: str, timeout: float) -> T:
        try:
            return self._calls.run(function, what, timeout)
        except libvirt.libvirtError as error:
            raise translate(error, what) from None

    def _open(self) -> Any:
        conn = libvirt.open(self.uri)
        try:
            if conn.getType() != "QEMU":
                raise HypervisorUnreachable(
                    f"{self.uri} is a {conn.getType()} hypervisor; hpm manages QEMU/KVM (qemu:///system)"
                )
            conn.setKeepAlive(5, 3)
            conn.registerCloseCallback(self._closed, None)
            for event in self._events:
                conn.domainEventRegisterAny(None, event, self._changed, None)
            for event, tell in self._told.items():
                conn.domainEventRegisterAny(None, event, _teller(tell), None)
        except BaseException:
            conn.close()
            raise
        return conn

    def _changed(self, _conn: Any, domain: Any, *_details: Any) -> None:
        self._on_event(domain.UUIDString())

    def _closed(self, conn: Any, _reason: int, _opaque: Any) -> None:
        if conn is self._conn or self._conn is None:
            self._alive = False
            self._on_event(None)


def _teller(tell: Callable[[str, tuple[Any, ...]], None]) -> Callable[..., None]:
    def told(_conn: Any, domain: Any, *details: Any) -> None:
        tell(domain.UUIDString(), details[:-1])    # the last one is what was given at registering

    return told
