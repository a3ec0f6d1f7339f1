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

    @contextmanager
    def done(self) -> Iterator[None]:
        """Do the deeds; and undo them where one of them, or what follows, raises."""
        undo: list[Callable[[], object]] = []
        try:
            for deed in self.deeds:
                step = deed()
                undo += [] if step is None else [step]
            yield
        except BaseException:
            for step in reversed(undo):
                try:
                    step()
                except HpmError as error:    # not the one that led here
                    log.warning("what was done for a change that failed could not be undone: %s", error)
            raise
