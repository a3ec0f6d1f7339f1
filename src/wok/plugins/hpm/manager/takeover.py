"""Other programs that manage memory here: named, stopped when somebody asks for that, and started again.

What is stopped is kept in the store before it is, so that it can be put back whatever happens.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from ..backend.hypervisor import Hypervisor
from ..backend.rivals import Rival
from ..errors import Conflict, HypervisorError, InvalidValue
from ..store.catalog_store import load_setting, save_setting
from ..store.database import Database
from ..store.settings import Stopped
from .change import Busy

log = logging.getLogger(__name__)

_STOPPED = "stopped-rivals"


class Takeover:
    """Stops other managers of memory, and starts them again. `time` gives the time in RFC 3339."""

    def __init__(self, hypervisor: Hypervisor, database: Database, time: Callable[[], str]) -> None:
        self._hypervisor, self._database, self._time = hypervisor, database, time
        saved = load_setting(database, _STOPPED)
        self.stopped: Sequence[Stopped] = msgspec.json.decode(saved, type=list[Stopped]) if saved else []
        self._lock = threading.Lock()

    def rivals(self, *, now: bool = False) -> Sequence[Rival]:
        """Those that run; `now`: look at once."""
        return self._hypervisor.rivals(now=now)

    def check(self) -> None:
        """Raises `Conflict`, with what to do, if another program manages memory here."""
        rivals = self.rivals(now=True)
        if rivals:
            one = len(rivals) == 1
            raise Conflict(
                f"{', '.join(map(named, rivals))} {'manages' if one else 'manage'} memory here, too:"
                f" {'; '.join(dict.fromkeys(self.advice(rival) for rival in rivals))}"
            )

    def why_not(self, rival: Rival) -> str | None:
        """Why hpm does not stop it; None: it can."""
        if rival.name == "vdsmd":
            return "oVirt would fence the host"
        return "systemd did not start it" if rival.unit is None else self._hypervisor.why_no_units()

    def advice(self, rival: Rival) -> str:
        """What an administrator can do about it."""
        why_not = self.why_not(rival)
        if rival.name == "vdsmd":
            return (
                "VDSM is oVirt's: put the host into maintenance and remove it there; hpm does not stop it, because"
                f" {why_not}"
            )
        if why_not is not None:
            return f"stop it yourself (kill {rival.pid}); hpm cannot, because {why_not}"
        return (
            f"stop it (systemctl stop {str(rival.unit).removesuffix('.service')}) or let hpm take over:"
            f" hpm mom-import --takeover{' mom.conf' if rival.name == 'momd' else ''}"
        )

    def take_over(self, user: str) -> None:
        """Stop all that can be stopped. Raises `Conflict` if one cannot after all, `StoreError`, `Busy`."""
        with self._working():
            for rival in self.rivals(now=True):
                unit = rival.unit
                if unit is None or self.why_not(rival) is not None:
                    continue
                known = next((one for one in self.stopped if one.unit == unit), None)
                enabled = self._hypervisor.unit_enabled(unit) or (known is not None and known.enabled)
                others = [one for one in self.stopped if one.unit != unit]
                self._keep([*others, Stopped(rival.name, unit, enabled, self._time(), user)])
                self._hypervisor.stop_unit(unit)
                log.info("%s: stopped, so that hpm can manage memory", named(rival))
            self.rivals(now=True)

    def give_back(self) -> None:
        """Start again what was stopped. Raises `Conflict` if nothing was, or it cannot be; `StoreError`,
        `Busy`."""
        with self._working():
            if not self.stopped:
                raise Conflict("there is nothing to give back: hpm has stopped no other manager of memory")
            for one in list(self.stopped):
                self._hypervisor.start_unit(one.unit, one.enabled)
                self._keep([other for other in self.stopped if other is not one])
                log.info("%s (%s): started again", one.name, one.unit)
            self.rivals(now=True)

    def _keep(self, stopped: Sequence[Stopped]) -> None:
        save_setting(self._database, _STOPPED, msgspec.json.encode(stopped).decode())
        self.stopped = stopped

    @contextmanager
    def _working(self) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise Busy("other managers of memory are being stopped or started just now; try again")
        try:
            yield
        except (HypervisorError, InvalidValue) as error:    # systemd refused, and will again until somebody helps
            raise Conflict(error.message) from None
        finally:
            self._lock.release()


def named(rival: Rival) -> str:
    """A rival, as messages name it: ``momd (pid 123, mom-vdsm.service)``."""
    return f"{rival.name} (pid {rival.pid}{f', {rival.unit}' if rival.unit else ''})"
