"""hpm as the browser's tests run it: ``python -m tests.browser.program 0 serve …``; `tests.program`, with own users.

They log in with passwords that tests know, instead of PAM's: `root` as admin, `bob` as user (see `ACCOUNTS`). And
``simulated:NxV`` is a host of N guests with V vCPUs whose figures nearly all move, without a scheduler: to simulate ten
thousand takes more than a CPU. ``simulated:N+momd+ksmtuned`` is a simulated host on which these manage memory, too.
``simulated:N<>`` is one on which all that a guest says, and what it is called, is HTML.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from functools import partial

import msgspec

from bench.walking import WalkingHost
from hpm.backend import simulated
from hpm.backend.hypervisor import Hypervisor
from hpm.backend.rivals import Rival
from hpm.backend.simulated import SimulatedHypervisor
from hpm.backend.simulated.demo import scenario
from hpm.host import running
from hpm.host.access import front_socket
from hpm.host.access.door import FrontDoor
from hpm.host.access.passwords import WrongPassword
from hpm.host.peer import Account

#: Number and role by name; the password is the name and this word.
ACCOUNTS = {"root": Account(0, "admin"), "ann": Account(5001, "admin"), "bob": Account(5002, "user")}
WORD = "'s own"
#: An element whose script runs as soon as there is one.
MARKUP = "<img src=x onerror=\"document.title='taken'\">"
#: The part of the guests of a large host that work.
MOVING = 0.95


class Passwords:
    """What PAM would know."""

    def check(self, user: str, password: str, address: str) -> str:
        """See `PasswordChecker`."""
        if user not in ACCOUNTS or password != user + WORD:
            raise WrongPassword
        return user


def open_simulated(uri: str, clock: Callable[[], int]) -> Hypervisor:
    """A simulated host, one with other managers of memory, or a large one."""
    plain, *rivals = uri.split("+")
    if rivals:
        host = from_uri(plain, clock)
        host.faults.rivals = [Rival(name, 4711 + number, f"{name}.service") for number, name in enumerate(rivals)]
        host.faults.units = {f"{name}.service": True for name in rivals}
        return host
    if uri.endswith("<>"):
        return marked(uri, clock)
    match = re.fullmatch(r"simulated:([0-9]+)x([0-9]+)", uri)
    if match is None:
        return from_uri(uri, clock)
    return WalkingHost(int(match[1]), int(match[2]), clock, moving=MOVING)


def marked(uri: str, clock: Callable[[], int]) -> Hypervisor:
    """A simulated host whose first guest is called `MARKUP`, the others that and a number."""
    plain = scenario(int(re.sub("[^0-9]", "", uri)))
    facts = {**dict.fromkeys(("title", "hostname", "os-name", "os-level"), MARKUP), "metadata": (MARKUP,)}
    servers = tuple(
        msgspec.structs.replace(spec, name=f"{MARKUP}{number or ''}", facts={**spec.facts, **facts})
        for number, spec in enumerate(plain.servers)
    )
    return SimulatedHypervisor(msgspec.structs.replace(plain, servers=servers), clock, uri)


from_uri = simulated.from_uri

if __name__ == "__main__":
    running.Pam = lambda **_: Passwords()  # type: ignore[assignment,misc]
    front_socket.FrontDoor = partial(FrontDoor, account=ACCOUNTS.get)  # type: ignore[assignment,misc]
    simulated.from_uri = open_simulated  # type: ignore[assignment]
    runpy.run_module("tests.program", run_name="__main__")
