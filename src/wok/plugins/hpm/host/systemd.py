"""What a service tells systemd of itself: that it is ready, alive, what it does, that it stops (sd_notify(3)).

A datagram with lines ``NAME=value`` to the socket that systemd names, so it is written here: libsystemd would have to
be there, and its headers where hpm is installed.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping

log = logging.getLogger(__name__)

#: Seconds that a message may wait for systemd to read those before it.
PATIENCE = 1.0


class Supervisor:
    """Who started this process as a service, if anybody did (`there`). Nothing is raised: that systemd cannot be told
    is no reason to end. `watchdog` is the time (seconds) after which the service is ended when it does not say that it
    is alive; None: it need not.

    What it is found by is taken out of `environment`: children are not the service, and must not speak for it.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "")
        for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):    # of a socket that is none of ours
            environment.pop(name, None)    # cheroot would take it in the place of its own
        whose, every = environment.pop("WATCHDOG_PID", ""), environment.pop("WATCHDOG_USEC", "")
        ours = whose in ("", str(os.getpid())) and every.isdigit() and int(every) > 0
        self.watchdog = int(every) / 1e6 if ours and self.there else None
        self._said: str | None = None
        self._failing = False

    @property
    def there(self) -> bool:
        """Whether anybody listens. Only paths and abstract names are addresses of ours."""
        return self._address[:1] in ("/", "@")

    def ready(self) -> None:
        """The service can be used."""
        self._tell("READY=1")

    def alive(self) -> None:
        """The service does what it is for."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The service has begun to stop."""
        self._tell("STOPPING=1")

    def extend(self, seconds: float) -> None:
        """Starting or stopping goes on, and takes so much longer from now on at most."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def status(self, text: str) -> None:
        """What `systemctl status` shows in one line. Told when it is another one."""
        line = "".join(c if c.isprintable() else " " for c in text)
        if line != self._said:
            self._said = line
            self._tell(f"STATUS={line}")

    def _tell(self, message: str) -> None:
        if not self.there:
            return
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.settimeout(PATIENCE)
                speaker.sendto(message.encode(errors="replace"), address)
        except OSError as error:
            if not self._failing:
                log.warning("systemd cannot be told %s: %s", message.partition("=")[0], error)
            self._failing = True
        else:
            self._failing = False
