"""The machine with systemd that tests share, and how they are tried on it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from tests.host import Host, HostGuest
from tests.host.manager import HostManager
from tests.host.trial import SECONDS
from tests.lab.errors import LabError

#: Weights that nobody would have chosen: putting them back cannot pass by accident.
ORIGINAL = (100, 150, 333, 200, 77, 1024)
TRIES = 3


class Machines:
    """The machine that the tests share, with six guests that spin: a new one once the last one is not usable."""

    def __init__(self, *, apparmor: bool = False) -> None:
        self._apparmor = apparmor
        self._stack = contextlib.ExitStack()
        self._host: Host | None = None
        self._spinners: list[HostGuest] = []
        self._spoilt = False

    def host(self) -> Host:
        """A machine that is usable; raises LabError."""
        if self._host is None or self._spoilt or not self._host.usable:
            self.stop()
            self._host = self._stack.enter_context(Host(apparmor=self._apparmor))
        return self._host

    def six(self) -> list[HostGuest]:
        """Its six guests, with their own weights, whatever the test before did. Each is paused while the next ones
        start."""
        host = self.host()
        if not self._spinners:
            started = []
            try:
                for number, shares in enumerate(ORIGINAL):
                    started.append(host.guest(f"six{number}", shares=shares))
                    started[-1].suspend()
                for guest in started:
                    guest.resume()
            except LabError:
                self._spoilt = True  # some have started, and have their names
                raise
            self._spinners = started
        for guest, weight, shares in zip(self._spinners, host.weights(self._spinners), ORIGINAL, strict=True):
            if weight != shares:
                guest.set_shares(shares)
        assert host.weights(self._spinners) == list(ORIGINAL)
        return self._spinners

    def stop(self) -> None:
        """End it, if there is one."""
        self._host, self._spinners, self._spoilt = None, [], False
        self._stack.close()


#: Ends and forgets all guests.
CLEARED = """for guest in $(virsh list --all --name); do
virsh --quiet destroy "$guest"; virsh --quiet undefine "$guest" --managed-save
done 2>/dev/null; true"""


def on_a_machine(test: Callable[[Host, HostManager], None]) -> Callable[[Machines], None]:
    """A test that gets a machine on which there are no guests, and a manager on it. It is tried anew on a new machine
    if that machine ended or got stuck, which emulated ones do by themselves: what was tried then has no result. It
    never passes so."""

    def on_it(host: Host, machines: Machines) -> None:
        host.run(CLEARED)
        with HostManager(host) as manager:
            test(host, manager)

    return tried(test, on_it)


def on_a_machine_with_six(
    test: Callable[[Host, HostManager, list[HostGuest]], None]
) -> Callable[[Machines], None]:
    """The same with six guests, `Machines.six`."""

    def on_it(host: Host, machines: Machines) -> None:
        six = machines.six()
        with HostManager(host, SECONDS) as manager:
            test(host, manager, six)

    return tried(test, on_it)


def tried(test: Callable[..., None], on_it: Callable[[Host, Machines], None]) -> Callable[[Machines], None]:
    """The test as pytest calls it: by `on_it`, and anew where the machine failed."""

    def trying(machines: Machines) -> None:
        for number in range(1, TRIES + 1):
            host = machines.host()
            try:
                on_it(host, machines)
                return
            except (LabError, AssertionError) as error:
                if host.usable:
                    raise
                print(f"try {number} of {TRIES} has no result, because the emulated machine failed:\n{error}")
        pytest.fail(f"no result: the emulated machine failed in each of {TRIES} tries; see above for how")

    # Not functools.wraps: pytest would look for fixtures with the names of the test's own arguments.
    trying.__name__, trying.__doc__ = test.__name__, test.__doc__
    return trying
