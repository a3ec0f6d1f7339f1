"""Tokens of programs in the store: who may what until when, and a hash to know the secret by."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from ..wire.access import Role
from .database import Database


class TokenRecord(msgspec.Struct, frozen=True, rename="kebab"):
    """One token. `digest` is the SHA-256 of its secret, in hex; times are RFC 3339 UTC.

    `uid`: the user's number when it was made; None where that was not known.
    """

    id: str
    digest: str
    name: str
    user: str
    role: Role
    created: str
    expires: str | None
    last_used: str | None = None
    uid: int | None = None


def load_tokens(database: Database) -> list[TokenRecord]:
    """All tokens. Raises `StoreError`."""
    return list(database.bodies("SELECT id, body FROM tokens", TokenRecord, "token ").values())


def save_token(database: Database, record: TokenRecord) -> None:
    """Keep a new token, or what has changed of one. Raises `StoreError`."""
    with database.transaction() as connection:
        body = msgspec.json.encode(record).decode()
        connection.execute("INSERT OR REPLACE INTO tokens (id, body) VALUES (?, ?)", (record.id, body))


def delete_token(database: Database, token_id: str) -> None:
    """Forget a token. Raises `StoreError`."""
    with database.transaction() as connection:
        connection.execute("DELETE FROM tokens WHERE id = ?", (token_id,))


def write_tokens(connection: sqlite3.Connection, records: Sequence[TokenRecord]) -> None:
    """Have these and no others in an open file. Raises `sqlite3.Error`."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM tokens")
    rows = [(record.id, msgspec.json.encode(record).decode()) for record in records]
    connection.executemany("INSERT INTO tokens (id, body) VALUES (?, ?)", rows)
    connection.execute("COMMIT")
