"""Queries over requests: people who have asked for a course by the form and have not confirmed it yet.

    waiting ─→ asking ─→ asked ─→ confirmed          asking, for too long: waiting again
       └──────── quiet: no mail goes for it (it is only counted)

Nothing here is kept for longer than KEPT_FOR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from drip.store.once import insert_into
from drip.store.tables import request

#: A request is confirmed within this, or forgotten.
KEPT_FOR = timedelta(days=7)
WAITING, ASKING, ASKED, CONFIRMED, QUIET = "waiting", "asking", "asked", "confirmed", "quiet"
#: Those for which a mail has gone, or is about to go.
_MAILED = (WAITING, ASKING, ASKED, CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One of them. `text` is what they agreed to, `text_version` its name, `source` where the form stood."""

    id: int
    nonce: str
    asked_at: datetime
    course_id: str
    email: str
    first_name: str
    language: str
    text: str
    text_version: str
    source: str
    state: str
    attempts: int

    @property
    def check(self) -> int:
        """What its link carries besides its number, which SQLite gives to another once this one is forgotten."""
        return int.from_bytes(sha256(self.nonce.encode()).digest()[:4], "big")


def add(conn: Connection, values: Mapping[str, object]) -> bool:
    """Write a request down, once for each `nonce`. False where that page has asked before."""
    query = insert_into(conn, request).values(attempts=0, answer="", **values)
    return (
        conn.execute(query.on_conflict_do_nothing(index_elements=["nonce"]).returning(request.c.id)).first() is not None
    )


def asked_for(conn: Connection, nonce: str) -> str | None:
    """The hash of the address for which that page has asked."""
    return conn.execute(select(request.c.address_hash).where(request.c.nonce == nonce)).scalar_one_or_none()


def mails_to(conn: Connection, address_hash: str, *, since: datetime) -> int:
    """How many mails an address has got, or is about to get, for requests made since then."""
    mine = (request.c.address_hash == address_hash, request.c.asked_at > since, request.c.state.in_(_MAILED))
    return conn.execute(select(func.count()).select_from(request).where(*mine)).scalar_one()


def count(conn: Connection, *, since: datetime) -> int:
    """How many requests there have been since then, whatever became of them."""
    return conn.execute(select(func.count()).select_from(request).where(request.c.asked_at > since)).scalar_one()


def by_id(conn: Connection, request_id: int, *, lock: bool = False) -> Request | None:
    """One request; with `lock`, nobody else confirms it meanwhile."""
    query = select(request).where(request.c.id == request_id)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _to_request(row)


def anything_to_do(conn: Connection, *, now: datetime) -> bool:
    """Whether a mail is to go, or something is to be forgotten: two looks at indexes."""
    due = select(request.c.id).where(request.c.due_at <= now).limit(1)
    old = select(request.c.id).where(request.c.asked_at <= now - KEPT_FOR).limit(1)
    return conn.execute(due).first() is not None or conn.execute(old).first() is not None


def to_go(conn: Connection) -> int:
    """How many wait for their mail to go."""
    return conn.execute(select(func.count()).where(request.c.due_at.is_not(None))).scalar_one()


def take(conn: Connection, *, now: datetime, again_at: datetime | None, limit: int) -> list[Request]:
    """Take requests whose mail is due: until `again_at` nobody else takes them (None: nobody ever does)."""
    due = select(request).where(request.c.due_at <= now).order_by(request.c.due_at, request.c.id).limit(limit)
    rows = conn.execute(due.with_for_update(skip_locked=True)).all()
    taken = [row.id for row in rows]
    values = {"state": ASKING, "due_at": again_at, "attempts": request.c.attempts + 1}
    conn.execute(update(request).where(request.c.id.in_(taken)).values(**values))
    return [_to_request(row) for row in rows]


def write(conn: Connection, request_id: int, *, state: str, due_at: datetime | None, answer: str) -> None:
    """Write what became of its mail; who has confirmed meanwhile has."""
    mine = (request.c.id == request_id, request.c.state != CONFIRMED)
    conn.execute(update(request).where(*mine).values(state=state, due_at=due_at, answer=answer))


def confirm(conn: Connection, request_id: int) -> None:
    """It is confirmed: no mail goes for it any more."""
    conn.execute(update(request).where(request.c.id == request_id).values(state=CONFIRMED, due_at=None))


def forget(conn: Connection, *, now: datetime) -> int:
    """Remove what was asked too long ago. Returns how many."""
    return conn.execute(delete(request).where(request.c.asked_at <= now - KEPT_FOR)).rowcount


def _to_request(row: Any) -> Request:
    return Request(
        id=row.id,
        nonce=row.nonce,
        asked_at=row.asked_at,
        course_id=row.course_id,
        email=row.email,
        first_name=row.first_name,
        language=row.language,
        text=row.text,
        text_version=row.text_version,
        source=row.source,
        state=row.state,
        attempts=row.attempts,
    )
