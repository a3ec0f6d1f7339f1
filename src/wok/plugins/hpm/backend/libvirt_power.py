"""Starting and stopping guests through libvirt, and asking them whether they are ready.

A start may take tens of seconds (memory to be allocated, hooks, a starved host), and a guest's agent may never answer.
So each of these calls has a connection of its own, which nobody else waits for.
"""

from __future__ import annotations

import base64
import binascii
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import libvirt
import msgspec

from ..errors import HypervisorError
from ..policy.start_policies import AgentAnswers, HeartbeatFile, PortAnswers, Readiness, Running
from .agent_answers import reachable
from .extras import Sections
from .libvirt_connection import Connection, answered
from .ports import MOST, PortAsked, PortQuestion, port_answers

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds that a start, and whatever else, may take. Then it may still happen, and the inventory will show it.
START_TIMEOUT: Final = 120.0
STOP_TIMEOUT: Final = 30.0
#: Seconds in which an agent answers one question.
AGENT_TIMEOUT: Final = 2
#: Seconds that a program of the agent's may take.
PROGRAM_TIMEOUT: Final = 1.5
#: What comes of reading an answer that has not the shape of one, or is nested without end (`RecursionError`).
_NONSENSE: Final = (
    msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
#: Bytes of a heartbeat file that are read: one number.
MOST_READ: Final = 64


class LibvirtPower:
    """Any thread may call. Each call raises `ServerGone`, `HypervisorUnreachable`, `HypervisorError`. `check(uuid,
    start)` raises `ServerGone` where that start of a guest is over; `touch(uuid)` is called after what changes one;
    `ask_port` tries ports."""

    def __init__(
        self, uri: str, check: Callable[[str, str], None], touch: Callable[[str], None],
        ask_port: PortAsked = port_answers,
    ) -> None:  # fmt: skip
        self._uri, self._check, self._touch, self._ask_port = uri, check, touch, ask_port

    def start(self, uuid: str, change: Callable[[str], str] | None) -> None:
        """See `Hypervisor.start_server`."""

        def deed(domain: Any) -> None:
            try:
                # What was saved is restored with the definition that was saved with it.
                if change is None or domain.hasManagedSaveImage():
                    domain.create()
                else:
                    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
                    # libvirt keeps the definition of a persistent domain that is created from another one.
                    domain.connect().createXML(change(domain.XMLDesc(flags)))
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID or not domain.isActive():
                    raise
                log.debug("%s runs already: %s", uuid, error)

        self._ask(uuid, "starting", deed, START_TIMEOUT)
        self._touch(uuid)

    def stop(self, uuid: str, start: str, at_once: bool) -> None:
        """See `Hypervisor.stop_server`."""
        self._check(uuid, start)

        def deed(domain: Any) -> None:
            try:
                if at_once:
                    domain.destroy()
                else:
                    domain.shutdown()
            except libvirt.libvirtError:
                if domain.isActive():
                    raise

        self._ask(uuid, "ending" if at_once else "shutting down", deed, STOP_TIMEOUT)
        self._touch(uuid)

    def suspend(self, uuid: str, start: str) -> None:
        """See `Hypervisor.suspend_server`."""
        self._check(uuid, start)
        self._ask(uuid, "suspending", lambda domain: domain.suspend(), STOP_TIMEOUT)

    def resume(self, uuid: str, start: str) -> None:
        """See `Hypervisor.resume_server`."""
        self._check(uuid, start)
        self._ask(uuid, "resuming", lambda domain: domain.resume(), STOP_TIMEOUT)

    def probe(self, uuid: str, start: str, how: Readiness, sections: Sections | None) -> str | None:
        """See `Hypervisor.probe`. `sections` have the addresses that agent or leases say."""
        self._check(uuid, start)
        if isinstance(how, Running):
            return None
        if isinstance(how, PortAnswers):
            if how.address is not None:
                return self._ask_port(PortQuestion((how.address,), how.port, theirs=False))
            interfaces = () if sections is None else sections.guest_details.net_ifaces or ()
            # A guest says what it likes: this host is not asked in its place, nor thousands of others.
            known = reachable([address for one in interfaces for address in (*one.inet, *one.inet6)])
            return self._ask_port(PortQuestion(known[:MOST], how.port, theirs=True))
        ask = _ping if isinstance(how, AgentAnswers) else lambda domain: _heartbeat(domain, how)
        try:
            return self._ask(uuid, "asking the agent", ask, 2 * AGENT_TIMEOUT + PROGRAM_TIMEOUT)
        except HypervisorError as error:
            log.debug("%s", error)
            return "its guest agent does not answer"
        except _NONSENSE as error:
            log.debug("the agent of %s: %r", uuid, error)
            return "its guest agent answers what no agent does"

    def _ask(self, uuid: str, what: str, deed: Callable[[Any], T], timeout: float) -> T:
        said = f"{what} {uuid}"

        def asked(conn: Any) -> T:
            domain = conn.lookupByUUIDString(uuid)
            try:
                return deed(domain)
            except libvirt.libvirtError as error:
                if answered(error):    # asked again, it would be the same
                    raise HypervisorError(f"{said}: {error}") from None
                raise

        connection = Connection(self._uri, lambda _uuid: None, (), "libvirt-power")
        try:
            connection.ensure()
            return connection.call(asked, said, timeout)
        finally:
            connection.close()


def _command(domain: Any, execute: str, arguments: dict[str, object] | None = None) -> Any:
    """One question to an agent (QEMU Guest Agent protocol); gives what is below `return`."""
    import libvirt_qemu

    asked: dict[str, object] = {"execute": execute}
    if arguments is not None:
        asked["arguments"] = arguments
    text = libvirt_qemu.qemuAgentCommand(domain, msgspec.json.encode(asked).decode(), AGENT_TIMEOUT, 0)
    return msgspec.json.decode(text)["return"]


def _ping(domain: Any) -> str | None:
    _command(domain, "guest-ping")
    return None


def _heartbeat(domain: Any, how: HeartbeatFile) -> str | None:
    """How old the file is by the guest's own clock: the host's may be another one. When it was written `stat` in the
    guest tells; where the agent may not, or cannot, run that, the file itself has to."""
    refused = []
    for written_at in (_by_stat, _by_content):
        try:
            written = written_at(domain, how.path)
            break
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_INTERNAL_ERROR:
                raise
            refused.append(str(error))    # the agent answers, and does not do that
    else:
        return f"its agent does not tell when {how.path} was written: {'; '.join(refused)}"
    if isinstance(written, str):
        return written
    age = _command(domain, "guest-get-time") / 1e9 - written
    if abs(age) <= how.max_age_seconds:    # one of the future, of a clock that was set back, says nothing of now
        return None
    when = f"{age:.0f} s ago" if age > 0 else f"{-age:.0f} s ahead of its clock"
    return f"its file {how.path} was written {when}, and {how.max_age_seconds} s are allowed"


def _by_stat(domain: Any, path: str) -> float | str:
    """When a file was written (unix time by the guest's clock), or why that is not known."""
    asked = {"path": "stat", "arg": ["-c", "%Y", path], "capture-output": True}
    begun = _command(domain, "guest-exec", asked)
    deadline = time.monotonic() + PROGRAM_TIMEOUT
    while not (status := _command(domain, "guest-exec-status", {"pid": begun["pid"]}))["exited"]:
        if time.monotonic() > deadline:
            return f"its agent does not tell when {path} was written"
        time.sleep(0.05)
    if status.get("exitcode") != 0:
        return f"it has no file {path}"
    written = _number(status.get("out-data", ""))
    return f"its agent does not tell when {path} was written" if written is None else written


def _by_content(domain: Any, path: str) -> float | str:
    """The same, as the file says it."""
    handle = _command(domain, "guest-file-open", {"path": path, "mode": "r"})
    try:
        read = _command(domain, "guest-file-read", {"handle": handle, "count": MOST_READ})
    finally:
        _command(domain, "guest-file-close", {"handle": handle})
    written = _number(read.get("buf-b64", ""))
    if written is None:
        return f"its agent cannot run stat, and its file {path} does not hold the seconds since 1970 (date +%s)"
    return written


def _number(data: str) -> float | None:
    try:
        number = float(base64.b64decode(data))
    except (binascii.Error, ValueError):
        return None
    return number if math.isfinite(number) else None
