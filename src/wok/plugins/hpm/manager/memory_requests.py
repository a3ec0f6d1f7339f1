"""What requests ask of memory management: its settings, and policies of MOM's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ..store.journal import Control
from ..store.settings import MemorySettings, MomPolicy
from .memory import MemoryManagement
from .mom import MomDecision, MomPolicies
from .mom_statistics import Fields
from .snapshot import Snapshot
from .trials import Trials


class Lead(Protocol):
    """What is needed of the manager."""

    @property
    def interval(self) -> float:
        """Seconds between two cycles."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""

    def writing(self) -> AbstractContextManager[None]:
        """Hold the lock. Raises `Busy`."""

    def renew(self, put_back: frozenset[Control] = frozenset()) -> None:
        """Have a change seen and planned for; those controls are put back first."""


class MemoryRequests:
    """Asks `management` under the manager's lock."""

    def __init__(self, management: MemoryManagement, lead: Lead) -> None:
        self._management, self._lead = management, lead
        self._trials = Trials(lead.writing)

    @property
    def settings(self) -> MemorySettings:
        """What decides on memory."""
        return self._management.settings

    def set(self, settings: MemorySettings) -> None:
        """Have memory decided on so from now on, and after later starts. KSM that is no longer managed is put back, and
        an administrator's change of it forgotten. Raises `Busy`, `StoreError`."""
        with self._lead.writing():
            let_go = self._management.settings.manage_ksm and not settings.manage_ksm
            self._management.set(settings)
            self._lead.renew(frozenset({"ksm"}) if let_go else frozenset())

    @property
    def kept_policies(self) -> Mapping[str, MomPolicy]:
        """The policies of MOM's language by name, in their order. Never waits."""
        return self._management.policies.policies

    @contextmanager
    def policies(self, texts: Mapping[str, str] | None = None, *, replace: bool = False) -> Iterator[MomPolicies]:
        """The policies of MOM's language, to be changed. `texts`, by name, are what will be put there (`replace`: and
        no others): they are read before anybody is held up. Raises `Busy`, and for texts as `MomPolicies.replace`."""
        if texts:
            self._management.policies.read(texts, replace=replace)
        with self._lead.writing():
            yield self._management.policies

    def evaluate(self, policies: Mapping[str, str] | None = None) -> MomDecision:
        """What memory policies would do now, with why: those that are kept, or others. Changes nothing. Raises
        `InvalidValue`, `PolicyTextError`, `Conflict`, `Busy`."""
        return self._trials.decide(
            policies, lambda program: self._management.trial(self._lead.snapshot, self._lead.interval, program)
        )

    def statistics(self) -> tuple[Fields, dict[str, Fields]]:
        """What memory policies see now: the fields of the host, and of each guest by name. Raises `Busy`."""
        with self._lead.writing():
            return self._management.statistics(self._lead.snapshot)
