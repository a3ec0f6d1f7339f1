"""MOM's RPC: XML-RPC on a unix socket, for programs that talk to MOM and shall go on to do so.

A door of its own beside the API, with threads of its own. It is for root (and the user who started hpm): the socket has
mode 0600, and each connection's peer is asked for. A connection is one request, as with MOM. It must be there whole
within seconds and has a bounded length; a document type declaration is refused where it begins, so there are no
entities that could grow.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xmlrpc.client import Error as XmlRpcError
from xmlrpc.client import Fault, Marshaller, Unmarshaller

from ..control.activity import Deed, ManagerRecorder
from ..control.caller import Caller
from ..control.http_errors import http_error
from ..errors import HpmError, InvalidValue
from ..manager.manager import Manager
from ..model.mom_rpc import MomRpcModel
from ..peers import peer_of
from .connections import TimedSocket
from .peer import caller_of
from .server import free_socket

log = logging.getLogger(__name__)

#: Requests that are answered at once; more wait for their turn, and of these so many.
THREADS, WAITING = 2, 16
#: Bytes of a request: the longest policy, with what XML adds to it.
MAX_BODY = 4 * 1024 * 1024
#: Seconds for a request to arrive, and for the answer to be taken.
REQUEST_SECONDS, ANSWER_SECONDS = 10.0, 10.0
#: Seconds until accepting is tried again where the process or the system has no more open files.
PAUSE_SECONDS = 0.5
#: Characters of what is wrong with a call: Python's own words have the whole of a number that is none.
MAX_TOLD = 200
#: Elements within each other; the deepest request of MOM's has six.
MAX_DEPTH = 32

_PATHS = ("/", "/RPC2")
_WHERE = "/RPC2"
#: What XML 1.0 cannot say.
_UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadCall(HpmError):
    """A call that is none of MOM's, or not XML-RPC."""

    id = "bad-call"


class MomRpc:
    """Answers at a socket, from `start` to `stop`. Raises `SocketInUse` if something else is there."""

    def __init__(self, manager: Manager, path: Path) -> None:
        self.path = path
        self._calls = _Calls(manager)
        free_socket(path, "--mom-rpc")
        self._listener = socket.socket(socket.AF_UNIX)
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()

    def start(self) -> None:
        """Listen, and answer in threads. Raises `OSError` if the socket cannot be made."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        mask = os.umask(0o177)
        try:
            self._listener.bind(str(self.path))
        finally:
            os.umask(mask)
        self._listener.listen(WAITING)
        for number in range(THREADS):
            thread = threading.Thread(target=self._work, name=f"hpm-mom-rpc-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        log.info("answering programs that talk to MOM at %s", self.path)

    def stop(self) -> None:
        """Finish what is under way, then close."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)    # whoever waits for a connection is told
        for thread in self._threads:
            thread.join(5.0)
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def _work(self) -> None:
        told = False
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if not told and not self._over.is_set():
                    log.warning("MOM's RPC: no connection can be accepted now: %s", error)
                told = True
                self._over.wait(PAUSE_SECONDS)
                continue
            told = False
            with connection:
                try:
                    self._serve(connection)
                except (OSError, ValueError) as error:    # the client hung up, or was too slow
                    log.debug("MOM's RPC: %s", error)
                except Exception:    # a thread that is gone would be missed only when all are
                    log.exception("MOM's RPC")

    def _serve(self, connection: socket.socket) -> None:
        peer = peer_of(connection)
        if not peer.is_ours:
            log.warning("MOM's RPC is for root; uid %d (pid %d) was refused", peer.uid, peer.pid)
            return
        who = caller_of(peer.uid, peer.gid)
        timed = TimedSocket(connection)
        timed.allow(REQUEST_SECONDS)
        _Conversation(timed, lambda body: self._calls.answer(body, who))


class _Pipe(io.RawIOBase):
    """A socket with a deadline, as a file."""

    def __init__(self, timed: TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)

    def write(self, data: Any) -> int:
        whole = memoryview(data)
        sent = 0
        while sent < len(whole):
            sent += self._timed.send(whole[sent:])    # type: ignore[arg-type]
        return sent


class _Conversation(BaseHTTPRequestHandler):
    """One request and its answer; all of it happens when one is made."""

    server_version, sys_version = "hpm", ""

    def __init__(self, timed: TimedSocket, answer: Callable[[bytes], bytes]) -> None:
        self._timed, self._answer = timed, answer
        super().__init__(timed, ("", 0), None)    # type: ignore[arg-type]

    def setup(self) -> None:
        pipe = _Pipe(self._timed)
        self.rfile, self.wfile = io.BufferedReader(pipe), pipe    # type: ignore[assignment]

    def finish(self) -> None:
        pass

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("MOM's RPC: " + format, *args)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path not in _PATHS:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif "Transfer-Encoding" in self.headers or self.headers.get("Content-Encoding", "identity") != "identity":
            self._refuse(HTTPStatus.NOT_IMPLEMENTED)
        elif not re.fullmatch("[0-9]{1,9}", length):
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):    # else it hung up
                self._say(HTTPStatus.OK, self._answer(body), "text/xml")

    def _refuse(self, status: HTTPStatus) -> None:
        self._say(status, f"{status} {status.phrase}\n".encode(), "text/plain")

    def _say(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self._timed.allow(ANSWER_SECONDS)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Calls:
    """Calls as XML, done, and their answers as XML. What changes anything is noted in the activity log."""

    def __init__(self, manager: Manager) -> None:
        self._recorder = ManagerRecorder(manager)
        model = MomRpcModel(manager)
        self._reads: dict[str, Callable[[], object]] = {
            "ping": model.ping, "getPolicy": model.get_policy, "getNamedPolicies": model.get_named_policies,
            "getStatistics": model.get_statistics, "getActiveGuests": model.get_active_guests,
            "system.listMethods": lambda: sorted([*self._reads, *self._writes]),
        }  # fmt: skip
        self._writes: dict[str, tuple[tuple[Any, ...], Callable[..., bool]]] = {
            "setPolicy": ((str,), model.set_policy), "setNamedPolicy": ((str, str | None), model.set_named_policy),
            "resetPolicies": ((), lambda _who: model.reset_policies()),
            "setVerbosity": ((str | int,), lambda _who, verbosity: model.set_verbosity(str(verbosity))),
        }  # fmt: skip

    def answer(self, body: bytes, caller: Caller) -> bytes:
        """The answer to a request of that caller; what is wrong with it is an answer too, a fault."""
        value: object
        try:
            given, method = _call(body)
            value = self._done(method, given, caller)
        except HpmError as error:
            value = Fault(1, error.message)
        except Exception:
            log.exception("MOM's RPC")
            value = Fault(1, "hpm has a fault here; its log says more")
        return _text(value)

    def _done(self, method: str, given: tuple[Any, ...], caller: Caller) -> object:
        if method in self._writes:
            return self._write(method, given, caller)
        if method not in self._reads:
            raise BadCall(f'method "{method[:64]}" is not supported')
        if given:
            raise BadCall(f"{method} takes no arguments")
        return self._reads[method]()

    def _write(self, method: str, given: tuple[Any, ...], caller: Caller) -> bool:
        kinds, write = self._writes[method]
        if len(given) != len(kinds) or not all(map(isinstance, given, kinds)):
            raise BadCall(f"{method} takes {len(kinds)} arguments, which are texts")
        about = f": {str(given[0])[:64]}" if method in ("setNamedPolicy", "setVerbosity") else ""
        summary = f"MOM's RPC {method}{about}"
        try:
            done = write(caller.user, *given)
        except HpmError as error:
            told = http_error(error)
            self._note(caller, summary, told.status, told.reason, told.message)
            if not isinstance(error, InvalidValue):
                raise
            log.warning("%s: %s", summary, error)    # of a bad policy MOM says no more than that it is not taken
            return False
        self._note(caller, summary, 200, 0, None)
        return done

    def _note(self, caller: Caller, summary: str, status: int, reason: int, message: str | None) -> None:
        self._recorder.record(Deed(caller, None, "POST", _WHERE, summary, status, reason, message))


def _call(body: bytes) -> tuple[tuple[Any, ...], str]:
    """Arguments and name of a call. Raises `BadCall`."""
    made = Unmarshaller()
    made.xml("", True)    # what expat gives is text, and need not be decoded
    parser = expat.ParserCreate()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise BadCall(f"there are more than {MAX_DEPTH} elements within each other")
        made.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        made.end(tag)

    def refuse(*_: object) -> None:
        raise BadCall("a document type declaration is not taken")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = made.data, refuse
    parser.buffer_text = True
    try:
        parser.Parse(body, True)
        parameters, method = made.close(), made.getmethodname()
    except expat.ExpatError as error:
        raise BadCall(f"this is not XML: {error}") from None
    except (XmlRpcError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        why = str(error) or type(error).__name__
        raise BadCall(f"this is no call by XML-RPC: {why[:MAX_TOLD]}") from None
    if not method:
        raise BadCall("this is no call by XML-RPC: no method is named")
    return parameters, method


def _whole(self: Marshaller, value: int, write: Callable[[str], object]) -> None:
    kind = "int" if -(2**31) <= value < 2**31 else "i8"
    write(f"<value><{kind}>{value}</{kind}></value>\n")


class _Marshaller(Marshaller):
    """With integers of any size, as MOM has them."""

    dispatch = {**Marshaller.dispatch, int: _whole}    # noqa: RUF012


def _text(value: object) -> bytes:
    """An answer as XML: of a call, or a fault."""
    marshaller = _Marshaller("utf-8", allow_none=True)
    body = marshaller.dumps(value if isinstance(value, Fault) else (_sayable(value),))
    return f"<?xml version='1.0'?>\n<methodResponse>\n{body}</methodResponse>\n".encode(errors="replace")


def _sayable(value: Any) -> Any:
    """Without signs that XML cannot say."""
    if isinstance(value, str):
        return _UNSAYABLE.sub("�", value)
    if isinstance(value, dict):
        return {_sayable(str(name)): _sayable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_sayable(one) for one in value]
    return value
