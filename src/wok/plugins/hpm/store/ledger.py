"""What pollers have been told of each server, so that a restart of hpm does not tell it again.

Nothing here is precious: what is lost is told once more.
"""

from __future__ import annotations

import msgspec

from .catalog_store import load_setting, save_setting
from .database import Database

_NAME = "sync-ledger"


class KeptServer(msgspec.Struct, frozen=True, array_like=True):
    """A server: its number in answers, the generation at which each section changed, and a digest of what it was."""

    uuid: str
    number: int
    changed: tuple[int, ...]
    digests: tuple[bytes, ...]


class KeptLedger(msgspec.Struct, frozen=True):
    """All of it: an id that tells this host's tokens from others', the generation, the next server's number, the
    generation of what is forgotten, servers that went and when, and those that are there."""

    instance: str
    generation: int
    next_number: int
    forgotten: int
    gone: tuple[tuple[str, int], ...]
    servers: tuple[KeptServer, ...]


def load_ledger(database: Database) -> KeptLedger | None:
    """What was kept; None: nothing, or nothing that this version can read. Raises `StoreError`."""
    text = load_setting(database, _NAME)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=KeptLedger)
    except msgspec.MsgspecError:
        return None


def save_ledger(database: Database, ledger: KeptLedger) -> None:
    """Keep it. Raises `StoreError`."""
    save_setting(database, _NAME, msgspec.json.encode(ledger).decode(), worth=False)
