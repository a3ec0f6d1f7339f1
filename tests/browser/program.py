"""hpm as the browser's tests run it: ``python -m tests.browser.program 0 serve …``; `tests.program`, with own users.

They log in with passwords that tests know, instead of PAM's: `root` as admin, `bob` as user (see `ACCOUNTS`).
"""

from __future__ import annotations

import runpy
from functools import partial

from hpm.host.access import front_socket
from hpm.host.access.door import FrontDoor
from hpm.host.access.passwords import WrongPassword
from hpm.host.peer import Account

#: Number and role by name; the password is the name and this word.
ACCOUNTS = {"root": Account(0, "admin"), "ann": Account(5001, "admin"), "bob": Account(5002, "user")}
WORD = "'s own"


class Passwords:
    """What PAM would know."""

    def check(self, user: str, password: str, address: str) -> str:
        """See `PasswordChecker`."""
        if user not in ACCOUNTS or password != user + WORD:
            raise WrongPassword
        return user


if __name__ == "__main__":
    front_socket.Pam = Passwords  # type: ignore[assignment,misc]
    front_socket.FrontDoor = partial(FrontDoor, account=ACCOUNTS.get)  # type: ignore[assignment,misc]
    runpy.run_module("tests.program", run_name="__main__")
