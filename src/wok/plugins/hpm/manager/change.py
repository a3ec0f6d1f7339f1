"""A change of the catalog that is under way."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import HpmError
from ..policy.catalog import Catalog

#: Seconds that a request waits for the loop, or for others, before it is told to try again.
PATIENCE = 15.0


class Busy(HpmError):
    """Another change is under way; try again (HTTP 409, reason 1)."""

    id = "busy"


class CatalogChange:
    """A catalog being changed: set `catalog`. `renamed` names policies by (group, old name), so that their revisions
    stay theirs. `deeds` are done to the host once the catalog is checked, before it is committed: one that raises ends
    the change."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.renamed: dict[tuple[str, str], str] = {}
        self.deeds: list[Callable[[], None]] = []

    def do(self) -> None:
        """Do the deeds."""
        for deed in self.deeds:
            deed()
