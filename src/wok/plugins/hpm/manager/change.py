"""A change of the catalog that is under way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import HpmError
from ..policy.catalog import Catalog

log = logging.getLogger(__name__)

#: Seconds that a request waits for the loop, or for others, before it is told to try again.
PATIENCE = 15.0


class Busy(HpmError):
    """Another change is under way; try again (HTTP 409, reason 1)."""

    id = "busy"


class CatalogChange:
    """A catalog being changed: set `catalog`. `renamed` names policies by (group, old name), so that their revisions
    stay theirs. `deeds` are done to the host once the catalog is checked, before it is committed: one that raises ends
    the change. Each gives what undoes it, if anything can."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.renamed: dict[tuple[str, str], str] = {}
        self.deeds: list[Callable[[], Callable[[], object] | None]] = []
        #: What undoes what was done on the host for this change, in the order in which that was done.
        self.undoing: list[Callable[[], object]] = []

    @contextmanager
    def done(self) -> Iterator[None]:
        """Do the deeds; and undo them where one of them, or what follows, raises."""
        try:
            for deed in self.deeds:
                step = deed()
                self.undoing += [] if step is None else [step]
            yield
        except BaseException:
            undo(self.undoing)
            raise

    def undoing_later(self) -> list[Callable[[], object]]:
        """Leave to the caller to `undo` what was done on the host: whether it is to be is not known yet."""
        steps, self.undoing[:] = list(self.undoing), ()
        return steps


def undo(steps: list[Callable[[], object]]) -> None:
    """Put the host back, the last one first. What cannot be put back is told in the log: it is not the error that led
    here."""
    while steps:
        step = steps.pop()
        try:
            step()
        except HpmError as error:
            log.warning("what was done for a change that failed could not be undone: %s", error)
