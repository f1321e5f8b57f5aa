"""Queries over what requests to the API were answered under their Idempotency-Keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from drip.store.once import add_new
from drip.store.personal import names, naming
from drip.store.tables import idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was answered. `body` is JSON; None: somebody whom it named has been erased since."""

    fingerprint: str
    status: int
    body: str | None
    made_at: datetime


def find(conn: Connection, token_id: int, key: str) -> Answered | None:
    """What this key of this token was answered, if it was."""
    mine = (idempotency.c.token_id == token_id, idempotency.c.key == key)
    row = conn.execute(select(idempotency).where(*mine)).one_or_none()
    if row is None:
        return None
    return Answered(fingerprint=row.fingerprint, status=row.status, body=row.body, made_at=row.made_at)


def take(conn: Connection, token_id: int, key: str, *, fingerprint: str, now: datetime) -> bool:
    """Take a key for this transaction. False where it is taken: whoever takes it at the same moment waits for that."""
    values = {"token_id": token_id, "key": key, "fingerprint": fingerprint, "status": 0, "body": None, "made_at": now}
    return add_new(conn, idempotency, values, key=("token_id", "key"))


def answer(conn: Connection, token_id: int, key: str, *, status: int, body: str) -> None:
    """Write what is answered, in the transaction that has taken the key."""
    mine = (idempotency.c.token_id == token_id, idempotency.c.key == key)
    conn.execute(update(idempotency).where(*mine).values(status=status, body=body))


def let_go(conn: Connection, token_id: int, key: str) -> None:
    """Take one answer away, and let its key be used again."""
    conn.execute(delete(idempotency).where(idempotency.c.token_id == token_id, idempotency.c.key == key))


def forget(conn: Connection, before: datetime) -> int:
    """Take away what was answered before that time; how many."""
    return conn.execute(delete(idempotency).where(idempotency.c.made_at < before)).rowcount


def forget_naming(conn: Connection, *words: str) -> int:
    """Take the answers away that name one of these words (an erased person's address, or ref); how many.

    Their keys stay taken, so that a request that is sent again does not bring the person back. It reads the whole
    table, which holds a day's requests.
    """
    query = select(idempotency.c.token_id, idempotency.c.key, idempotency.c.body)
    said = [row for row in conn.execute(query.where(naming(idempotency.c.body, words))) if names(row.body, words)]
    for row in said:
        mine = (idempotency.c.token_id == row.token_id, idempotency.c.key == row.key)
        conn.execute(update(idempotency).where(*mine).values(body=None))
    return len(said)
