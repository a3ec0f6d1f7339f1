"""Entries of the journal that the store could not take: kept aside for the next start, as JSON in a small file.

The file is where the store's disk is not (of a real host: the run directory, which is memory): that one is full, or
hangs. It need not outlast the host's boot: the starts of servers that it tells of do not either.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from .journal import JournalEntry

log = logging.getLogger(__name__)


def read_aside(path: Path, kind: type[JournalEntry]) -> list[JournalEntry]:
    """What an earlier process has kept aside. A file that is not whole is none: what it said is not known any more."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[kind])    # type: ignore[valid-type]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("what was put back without the journal is not known: %s: %s", path, error)
        return []


def write_aside(path: Path, entries: Iterable[JournalEntry]) -> None:
    """Keep these aside and no others. Where that fails, a next start does not know of them."""
    kept = list(entries)
    try:
        if not kept:
            path.unlink(missing_ok=True)
            return
        beside = path.with_name(path.name + ".new")
        beside.write_bytes(msgspec.json.encode(kept))
        beside.replace(path)
    except OSError as error:
        log.warning("what is put back without the journal is not kept for a next start: %s: %s", path, error)
