"""Passwords as the host's PAM knows them, each checked by a process of its own (`pam_child`).

A module of PAM may hang on a directory that does not answer, change the process it runs in, or crash. So it runs in
a child that can be killed. That costs some 50 ms a login.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from ...control.caller import Unavailable
from ..helpers.asking import connect, read_line
from .passwords import AccountClosed, WrongPassword

#: The service in /etc/pam.d that says how passwords are checked, and what stands in for it where it is not installed.
SERVICE = "hpm"
STAND_IN = "login"

#: Where services are; the later ones are the vendor's.
DIRECTORIES = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"))

#: Seconds that PAM has for one password.
SECONDS = 15.0

_CHILD = Path(__file__).with_name("pam_child.py")

#: Results of PAM (security/_pam_types.h).
_SUCCESS = 0
_WRONG = {6, 7, 8, 10, 11}    # PERM_DENIED, AUTH_ERR, CRED_INSUFFICIENT, USER_UNKNOWN, MAXTRIES
_CLOSED = {
    12: "your password has expired; set a new one on the host itself",    # NEW_AUTHTOK_REQD
    13: "your account has expired; ask who looks after this host",    # ACCT_EXPIRED
}


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See `pam_child`."""

    result: int
    stage: str
    user: str
    said: str


class Pam:
    """Asks PAM: by a process of ours, or by the helper at that socket (`hpm-passwords.socket`). `directory` of services
    instead of the host's (tests)."""

    def __init__(
        self, service: str | None = None, directory: Path | None = None, seconds: float = SECONDS,
        helper: Path | None = None,
    ) -> None:  # fmt: skip
        self._service = service
        self._helper = helper
        self._directory = directory
        self._seconds = seconds

    def check(self, user: str, password: str, address: str) -> str:
        """See `PasswordChecker`."""
        question = {
            "service": self._service or service(), "directory": self._directory and str(self._directory),
            "user": user, "password": password, "address": address,
        }  # fmt: skip
        text = json.dumps(question).encode()
        answer = self._run(text) if self._helper is None else self._ask(self._helper, text)
        result, said = answer.result, answer.said
        if result == _SUCCESS:
            return answer.user
        if answer.stage == "account":    # whoever has the password may know what is wrong with the account
            raise AccountClosed(_CLOSED.get(result, f"this host does not let you log in: {said}"))
        if result in _WRONG:
            raise WrongPassword
        raise Unavailable(f"this host's PAM cannot check passwords now: {said}")

    def _ask(self, helper: Path, question: bytes) -> _Answer:
        try:
            with connect(helper) as connection:
                connection.sendall(question)
                connection.shutdown(socket.SHUT_WR)
                return _decoded(read_line(connection, time.monotonic() + self._seconds))
        except TimeoutError:
            raise _late(self._seconds) from None
        except (OSError, msgspec.MsgspecError) as error:
            raise Unavailable(f"{helper} (hpm-passwords.socket) cannot check passwords: {error}; try again") from None

    def _run(self, question: bytes) -> _Answer:
        try:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        except OSError as error:
            raise Unavailable(f"PAM cannot be asked now ({error.strerror}); try again") from None
        try:
            text, _ = child.communicate(question, self._seconds)
            return _decoded(text)
        except subprocess.TimeoutExpired:
            raise _late(self._seconds) from None
        except (OSError, msgspec.MsgspecError):
            raise Unavailable(f"this host's PAM failed (the check ended with {child.returncode}); try again") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)    # with what its modules started, if it stayed in the group
            for pipe in (child.stdin, child.stdout):    # not read to its end: what left the group may hold it open
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            child.wait()


def _decoded(text: bytes) -> _Answer:
    """Raises `msgspec.MsgspecError`: a module may have changed the process that it runs in."""
    try:
        return msgspec.json.decode(text, type=_Answer)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None


def _late(seconds: float) -> Unavailable:
    return Unavailable(f"this host's PAM has not answered for {seconds:g} s; try again")


def service() -> str:
    """The service to ask for, as this host has it. libpam itself goes on to `other`, which refuses, as a rule."""
    return SERVICE if any((directory / SERVICE).exists() for directory in DIRECTORIES) else STAND_IN
