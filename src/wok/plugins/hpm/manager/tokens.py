"""Tokens by which programs show who they are.

A secret is 256 random bits, so nobody can guess it or try all, and a plain SHA-256 is enough to keep: a slow hash
protects secrets that people choose. Who reads the store can use no token.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from ..errors import Conflict, NotFound, StoreError
from ..store.database import Database
from ..store.tokens import TokenRecord, delete_token, load_tokens, save_token
from ..wire.access import Role
from ..wire.times import rfc3339

log = logging.getLogger(__name__)

#: How a secret begins, so that people and scanners of source code know one when they see it.
PREFIX = "hpm_"

#: Tokens that one user may have at a time.
TOKENS_PER_USER = 100

#: A use is written to the store if the last one written is older than this: reading must not write all the time.
USE_KEPT = timedelta(minutes=10)


class Tokens:
    """All tokens, in memory and in the store alike."""

    def __init__(self, database: Database, wall: Callable[[], datetime]) -> None:
        self._database = database
        self._wall = wall
        self._changing = threading.Lock()    # of who makes or revokes one. Held while the store is written
        self._lock = threading.Lock()    # of the tables. Never held for long: who is let in waits for no disk
        self._tokens = {record.id: record for record in load_tokens(database)}
        self._ids = {record.digest: record.id for record in self._tokens.values()}
        self._written = {record.id: record.last_used for record in self._tokens.values()}

    @property
    def records(self) -> Mapping[str, TokenRecord]:
        """All tokens by id, also those that have expired."""
        with self._lock:
            return dict(self._tokens)

    def get(self, token_id: str) -> TokenRecord:
        """One token. Raises `NotFound`."""
        found = self._tokens.get(token_id)
        if found is None:
            raise NotFound("there is no token with this id")    # which might be a secret, given by mistake
        return found

    def name_of(self, token_id: str) -> str | None:
        """The name of a token, if there is one with this id."""
        found = self._tokens.get(token_id)
        return None if found is None else found.name

    def create(
        self, name: str, user: str, role: Role, expires: str | None, uid: int | None = None
    ) -> tuple[TokenRecord, str]:
        """Make a token; gives it and its secret, which is kept nowhere. Raises `Conflict`, `StoreError`."""
        secret = PREFIX + secrets.token_urlsafe(32)
        record = TokenRecord(
            str(uuid.uuid4()), _digest(secret), name, user, role, rfc3339(self._wall()), expires, uid=uid
        )
        with self._changing:
            if sum(other.user == user for other in self.records.values()) >= TOKENS_PER_USER:
                raise Conflict(f"{user} has {TOKENS_PER_USER} tokens, which is as many as may be; revoke one first")
            save_token(self._database, record)
            with self._lock:
                self._tokens[record.id] = record
                self._ids[record.digest] = record.id
        return record, secret

    def revoke(self, token_id: str) -> None:
        """Make a token worth nothing, at once and for ever. Raises `NotFound`, `StoreError`: then it is worth nothing
        before hpm is started anew, and must be revoked again."""
        with self._lock:    # whatever the disk does, also to a use that is being kept
            self._ids.pop(self.get(token_id).digest, None)
        with self._changing:
            self.get(token_id)
            delete_token(self._database, token_id)
            with self._lock:
                del self._tokens[token_id]
                self._written.pop(token_id, None)

    def find(self, secret: str) -> TokenRecord | None:
        """The token with this secret, if it has not expired; notes that it was used.

        A lookup by hash: how long it takes tells nothing of a secret.
        """
        now = rfc3339(self._wall())
        with self._lock:
            token_id = self._ids.get(_digest(secret))
            if token_id is None:
                return None
            found = self._tokens[token_id]
            if found.expires is not None and found.expires <= now:
                return None
            found = self._tokens[token_id] = msgspec.structs.replace(found, last_used=now)
            written = self._written.get(token_id)
            # one of the future was written before somebody set the clock right
            keep = written is None or not rfc3339(self._wall() - USE_KEPT) <= written <= now
            if keep:
                self._written[token_id] = now
        if keep:
            # In a thread of its own: who comes with a token waits for no disk.
            try:
                threading.Thread(target=self._keep_use, args=(found,), name="hpm-token", daemon=True).start()
            except RuntimeError as error:    # no memory, or too many threads
                log.warning("the last use of a token could not be kept: %s", error)
        return found

    def _keep_use(self, used: TokenRecord) -> None:
        with self._changing:
            if used.id not in self._tokens or used.digest not in self._ids:
                return    # it was revoked meanwhile, and is not to come back
            try:
                save_token(self._database, used)
            except StoreError as error:
                log.warning("the last use of a token could not be kept: %s", error)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()
