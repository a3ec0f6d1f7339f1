"""What MOM's RPC does, on hpm: the same names, arguments and values. What cannot be done is raised."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidValue
from ..manager.manager import Manager
from ..memory.mom import UNNAMED
from ..store.settings import MomPolicy
from ..wire.mom import LONGEST_NAME, LONGEST_TEXT, NAME_PATTERN
from ..wire.times import rfc3339

#: Degrees of MOM's verbosity, by number and name. What is none of them is the first, as with MOM.
_LEVELS: Mapping[str, int] = {
    "5": logging.DEBUG, "debug": logging.DEBUG, "4": logging.INFO, "info": logging.INFO,
    "3": logging.WARNING, "warn": logging.WARNING, "2": logging.ERROR, "error": logging.ERROR,
    "1": logging.CRITICAL, "critical": logging.CRITICAL,
}  # fmt: skip


class MomRpcModel:
    """The methods by MOM's names. `who` is the user who changes policies."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def ping(self) -> bool:
        """Whether somebody is there."""
        return True

    def set_policy(self, who: str, text: str) -> bool:
        """Have this policy, which has no name, and no other. Raises `PolicyTextError`; all stay then."""
        with self._manager.memory.policies({UNNAMED: text}, replace=True) as kept:
            kept.replace({UNNAMED: self._policy(UNNAMED, text, who)})
        self._manager.loop.wake()
        return True

    def set_named_policy(self, who: str, name: str, text: str | None) -> bool:
        """Have this policy; None: no longer. Raises `PolicyTextError`, `InvalidValue`; all stay as they are then."""
        if len(name) > LONGEST_NAME or re.fullmatch(NAME_PATTERN, name) is None:
            raise InvalidValue(f"{name[:80]!r} cannot be the name of a memory policy: letters, digits, _ . - , at most"
                               f" {LONGEST_NAME}")  # fmt: skip
        with self._manager.memory.policies(None if text is None else {name: text}) as kept:
            if text is not None:
                kept.put(self._policy(name, text, who))
            elif name in kept.policies:
                kept.delete(name)
        self._manager.loop.wake()
        return True

    def reset_policies(self) -> bool:
        """Have no policy."""
        with self._manager.memory.policies() as kept:
            kept.replace({})
        self._manager.loop.wake()
        return True

    def get_policy(self) -> str:
        """All policies as one text; ``0`` if there are none."""
        return "\n".join(self.get_named_policies().values()) or "0"

    def get_named_policies(self) -> dict[str, str]:
        """The texts by name, in their order."""
        with self._manager.memory.policies() as kept:
            return {policy.name: policy.text for policy in kept.policies.values()}

    def get_statistics(self) -> dict[str, Any]:
        """The newest fields of the ``host``, and of each of the ``guests`` by name."""
        host, guests = self._manager.memory.statistics()
        return {"host": host, "guests": {name: fields for name, fields in guests.items() if fields}}

    def get_active_guests(self) -> list[str]:
        """The names of the guests that run."""
        sample = self._manager.snapshot.sample
        return sorted(sample.infos[uuid].name for uuid in sample.samples)

    def set_verbosity(self, verbosity: str) -> bool:
        """Log from this degree on, until hpm is started anew."""
        ours = (__package__ or "hpm").rpartition(".")[0]
        logging.getLogger(ours).setLevel(_LEVELS.get(verbosity.lower(), logging.DEBUG))
        return True

    def _policy(self, name: str, text: str, who: str) -> MomPolicy:
        if len(text) > LONGEST_TEXT:
            raise InvalidValue(f"a memory policy has at most {LONGEST_TEXT} characters")
        return MomPolicy(name, text, rfc3339(self._manager.now()), who)
