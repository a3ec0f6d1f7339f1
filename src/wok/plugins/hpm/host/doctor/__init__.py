"""What works on this host, what does not, and how to mend it: `hpm doctor`. It changes nothing, and needs no hpm that
runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ...wire.findings import Finding
from .kernel import kernel_findings
from .libvirt import libvirt_findings
from .neighbours import neighbour_findings
from .setup import setup_findings

log = logging.getLogger(__name__)

#: Headings, and what looks for what stands below them on the host whose files are below a directory.
_PARTS: Final[tuple[tuple[str, Callable[[Path], Iterator[Finding]]], ...]] = (
    ("Kernel", kernel_findings),
    ("libvirt and its guests", libvirt_findings),
    ("Other programs that manage guests", neighbour_findings),
    ("How hpm is set up", setup_findings),
)


def examine(root: Path = Path("/")) -> Iterator[tuple[str, list[Finding]]]:
    """Heading by heading, what was found. What goes wrong in a part is a finding of its own: the rest is told all the
    same."""
    for heading, look in _PARTS:
        found: list[Finding] = []
        try:
            found.extend(look(root))
        except Exception as error:
            log.debug("looking at %s", heading, exc_info=True)
            found.append(Finding("bad", f"this could not be looked at: {type(error).__name__}: {error}",
                                 "please report it, with 'hpm report'"))    # fmt: skip
        yield heading, found
