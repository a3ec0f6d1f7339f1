"""Sessions of people who logged in.

Kept in memory alone, so a restart of hpm ends them all, and by a hash of their secret, so that a dump of the memory
or a debugger's view shows none that can be used.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ...control.caller import SessionExpired

#: Seconds without a request after which a session is over: somebody has left the browser open.
IDLE = 30 * 60.0
#: Seconds after which it is over whatever is done in it: a page that asks by itself would keep it alive for ever.
LONGEST = 12 * 3600.0
#: Seconds for which a session that is over is remembered, so that its owner is told so.
REMEMBERED = 24 * 3600.0
#: Sessions of one user; the oldest ends when there is one more.
SESSIONS_PER_USER = 20


@dataclass
class Session:
    """One session. `began` and `used` are seconds of the sessions' clock, `ends` (at the latest) is UTC, `uid` is the
    user's number when it began."""

    user: str
    uid: int
    began: float
    used: float
    ends: datetime

    def over(self, now: float) -> bool:
        """Whether it has expired."""
        return now >= self.used + IDLE or now >= self.began + LONGEST


class Sessions:
    """All sessions. `clock` gives monotonic seconds. Any thread may ask."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}    # in the order in which they began

    def begin(self, user: str, uid: int) -> str:
        """A new session; gives its secret, 256 random bits."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._sessions = {k: s for k, s in self._sessions.items() if now < s.began + REMEMBERED}
            of_user = [key for key, session in self._sessions.items() if session.user == user]
            for key in of_user[: max(0, len(of_user) + 1 - SESSIONS_PER_USER)]:
                del self._sessions[key]
            ends = datetime.now(timezone.utc) + timedelta(seconds=LONGEST)
            self._sessions[_digest(secret)] = Session(user, uid, now, now, ends)
        return secret

    def find(self, secret: str) -> Session | None:
        """The session with this secret; None: there is none. Raises `SessionExpired`."""
        with self._lock:
            session = self._sessions.get(_digest(secret))
            if session is not None and session.over(self._clock()):
                raise SessionExpired("your session is over; log in again", session.user)
            return session

    def use(self, session: Session) -> None:
        """Something is done in it."""
        session.used = self._clock()

    def end(self, secret: str) -> None:
        """End a session, if there is one with this secret."""
        with self._lock:
            self._sessions.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
