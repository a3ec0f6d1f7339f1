"""The front as a process: what it gives up, what it starts, and when it ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from ...heap import GIVING, give_memory_back, keep_one_heap
from ...version import VERSION
from ..log_lines import to_stderr
from ..rights import give_up, own_directory
from ..systemd import Supervisor
from .certificate import BadCertificate, Certificate, own
from .conversation import Shared
from .headers import security_headers
from .limits import Share, Turns
from .listening import Listener, keep_connections_small, open_listener, where
from .pages import Pages
from .refusals import MAX_BODY, MAX_FILE
from .settings import FrontSettings
from .upstream import Upstream

log = logging.getLogger(__name__)

#: Requests that the manager has at once, of one client and of all; those with a password have turns of their own, so
#: that who guesses passwords holds up nobody who is logged in. Together they are less than the manager's threads.
TURNS_PER_CLIENT, TURNS = 8, 12
PASSWORD_TURNS_PER_CLIENT, PASSWORD_TURNS = 3, 6

#: Bytes of bodies that are kept while they arrive, of one client and of all.
BODIES_PER_CLIENT = MAX_FILE + 4 * MAX_BODY
BODIES = 4 * MAX_FILE

#: Seconds between two looks at the files of a given certificate, and at the end of an own one.
GIVEN_SECONDS = 60.0
OWN_SECONDS = 12 * 3600.0

#: Seconds between two thoughts of a watchdog where there is none.
LOOK = 3600.0

_ENDING = (signal.SIGTERM, signal.SIGINT)


def run(settings: FrontSettings) -> None:
    """Serve until SIGTERM, SIGINT, or the end of who started it. Raises `HpmError` or `OSError` if it cannot start."""
    told = "%(levelname)s %(message)s" if settings.until_stdin_ends else "%(asctime)s %(levelname)s web: %(message)s"
    to_stderr(logging.DEBUG if settings.verbose else logging.INFO, told)
    keep_one_heap()
    keep_connections_small()
    # What may take root: a port below 1024, a key that only root reads, a directory. Nothing is served before
    # `give_up`, and nothing is imported after it: root's interpreter may be where others cannot read.
    listener = _listener(settings)
    if settings.tls_cert is None:
        own_directory(Path(settings.directory), settings.user)
        give_up(settings.user)
        certificate, context = _loaded(settings)
    else:
        certificate, context = _loaded(settings)
        give_up(settings.user)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)    # the manager, which waits for them, has them blocked
    asyncio.run(_serve(settings, listener, context, certificate))


def _loaded(settings: FrontSettings) -> tuple[Certificate, ssl.SSLContext]:
    certificate = _certificate(settings)
    context = certificate.context()
    log.info("the certificate's SHA-256 fingerprint is %s", certificate.fingerprint())
    return certificate, context


def _listener(settings: FrontSettings) -> socket.socket:
    if settings.listen_fd is None:
        return open_listener(settings.listen)
    return socket.socket(fileno=settings.listen_fd)


async def _serve(
    settings: FrontSettings, listener: socket.socket, context: ssl.SSLContext, certificate: Certificate
) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in _ENDING:
        loop.add_signal_handler(number, over.set)
    if settings.until_stdin_ends:
        loop.add_reader(0, over.set)    # nothing is ever written there: it is readable when the other end is closed
    kind = "own certificate" if certificate.own else "certificate"
    log.info("hpm %s at %s, %s %s", VERSION, where(listener), kind, certificate.cert)
    strict = not certificate.own and listener.getsockname()[1] == 443
    upstream = Upstream(settings.manager_socket)
    pages = Pages()
    if not pages.built:
        log.warning("the pages have not been built: `make ui` does it, which takes Node.js; the API is served")
    shared = Shared(
        upstream=upstream,
        pages=pages,
        turns=Turns(TURNS_PER_CLIENT, TURNS),
        password_turns=Turns(PASSWORD_TURNS_PER_CLIENT, PASSWORD_TURNS),
        bodies=Share(BODIES_PER_CLIENT, BODIES),
        security=security_headers(strict),
        request_seconds=settings.request_seconds,
    )
    server = Listener(listener, context, shared)
    supervisor = Supervisor()
    tasks = (server.run(), _renew(settings, certificate, server.use), _alive(supervisor), _give_back())
    work = [loop.create_task(task) for task in tasks]
    ended = loop.create_task(over.wait())
    await asyncio.wait([ended, *work], return_when=asyncio.FIRST_COMPLETED)
    supervisor.stopping()
    await server.stop()
    for task in [ended, *work]:
        if task.done() and not task.cancelled():
            task.result()    # a fault of ours is to be seen
        task.cancel()
    upstream.close()


async def _alive(supervisor: Supervisor) -> None:
    """Tell systemd that we are ready, and as long as this event loop turns that we are alive. Beside a manager, which
    has an eye on us, there is nobody to tell."""
    supervisor.ready()
    while True:
        if supervisor.watchdog is not None:
            supervisor.alive()
        await asyncio.sleep((supervisor.watchdog or LOOK) / 4)


async def _give_back() -> None:
    """Give back what crowds of clients left free between what lives on."""
    while True:
        await asyncio.sleep(GIVING)
        give_memory_back()


async def _renew(
    settings: FrontSettings, certificate: Certificate, use: Callable[[ssl.SSLContext], None]
) -> None:
    """Have new connections `use` a certificate that somebody replaced, or that is made anew before its end."""
    state, told = certificate.state(), ""
    while True:
        await asyncio.sleep(OWN_SECONDS if certificate.own else GIVEN_SECONDS)
        try:
            _certificate(settings, settled=True)    # takes 50 ms where an own one is made anew, once a year
            now = certificate.state()
            if now != state:
                use(_loaded(settings)[1])
                state, told = now, ""
        except BadCertificate as error:
            if error.message != told:    # it may stay so for months
                told = error.message
                log.warning("the certificate in use stays: %s", error)


def _certificate(settings: FrontSettings, *, settled: bool = False) -> Certificate:
    if settings.tls_cert is None:
        return own(Path(settings.directory), settled=settled)
    return Certificate(Path(settings.tls_cert), Path(settings.tls_key or settings.tls_cert), own=False)
