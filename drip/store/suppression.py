"""Queries over the suppression list: addresses that get no mail from this workspace, as keyed hashes.

An address stands there once. What weighs more goes over what weighs less: a complaint over anything, anything for ever
over a leaving, and a leaving over what ends some day. That somebody has left is kept through all of it (`left_at`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, case, delete, func, or_, select, update

from drip.store.among import among
from drip.store.learners import CHUNK
from drip.store.once import insert_into
from drip.store.tables import suppression

#: Why the address of somebody who has left is on the list. Only this reason is theirs to lift, and only theirs.
UNSUBSCRIBED = "unsubscribed"
#: The learner has called a mail spam.
COMPLAINED = "complained"
#: The address is dead.
BOUNCED = "bounced"
#: The mailbox has taken nothing for a while.
SOFT_BOUNCES = "soft-bounces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An address on the list. `expires_at` is None for ever; `left_at` is when its learner has left, if they have."""

    address_hash: str
    reason: str
    at: datetime
    source: str = ""
    expires_at: datetime | None = None
    left_at: datetime | None = None


def suppress(
    conn: Connection,
    address_hash: str,
    *,
    reason: str,
    now: datetime,
    source: str = "",
    expires_at: datetime | None = None,
) -> None:
    """Put an address on the list. One that is there keeps its reason, unless the new one weighs more."""
    suppress_all(conn, [Entry(address_hash=address_hash, reason=reason, at=now, source=source, expires_at=expires_at)])


def suppress_all(conn: Connection, entries: Iterable[Entry]) -> None:
    """Put these on the list. In the order of their hashes, so that two who do so at once do not block."""
    rows = [_values(entry) for entry in sorted(entries, key=lambda entry: entry.address_hash)]
    if not rows:
        return
    query = insert_into(conn, suppression)
    new, there = query.excluded, suppression.c
    weighs_more = case(
        (new.expires_at.is_not(None), and_(there.expires_at.is_not(None), there.expires_at < new.expires_at)),
        (there.expires_at.is_not(None), True),
        (new.reason == UNSUBSCRIBED, False),
        (new.reason == COMPLAINED, there.reason != COMPLAINED),
        else_=there.reason == UNSUBSCRIBED,
    )
    values: dict[str, Any] = {
        name: case((weighs_more, new[name]), else_=there[name]) for name in ("reason", "at", "source", "expires_at")
    }
    values["left_at"] = func.coalesce(there.left_at, new.left_at)
    conn.execute(query.on_conflict_do_update(index_elements=["address_hash"], set_=values), rows)


def _values(entry: Entry) -> dict[str, Any]:
    left_at = entry.at if entry.reason == UNSUBSCRIBED and entry.left_at is None else entry.left_at
    return {
        "address_hash": entry.address_hash,
        "reason": entry.reason,
        "at": entry.at,
        "source": entry.source,
        "expires_at": entry.expires_at,
        "left_at": left_at,
    }


_STANDS = or_(suppression.c.expires_at.is_(None), suppression.c.expires_at > bindparam("now"))
_SUPPRESSED = select(suppression).where(among(suppression.c.address_hash, "hashes"), _STANDS)


def suppressed(conn: Connection, address_hashes: Sequence[str], *, now: datetime) -> dict[str, str]:
    """hash → reason, for those that are on the list at `now`."""
    return {hash_: entry.reason for hash_, entry in entries_of(conn, address_hashes, now=now).items()}


def entries_of(conn: Connection, address_hashes: Sequence[str], *, now: datetime) -> dict[str, Entry]:
    """hash → its entry, for those that are on the list at `now`."""
    found: dict[str, Entry] = {}
    for start in range(0, len(address_hashes), CHUNK):
        rows = conn.execute(_SUPPRESSED, {"hashes": list(address_hashes[start : start + CHUNK]), "now": now})
        found.update({row.address_hash: _to_entry(row) for row in rows})
    return found


def listed(conn: Connection, *, now: datetime) -> Iterator[Entry]:
    """Everything on the list at `now`, the oldest first."""
    query = select(suppression).where(_STANDS).order_by(suppression.c.at, suppression.c.address_hash)
    return (_to_entry(row) for row in conn.execute(query, {"now": now}))


def counted(conn: Connection, *, now: datetime) -> dict[str, int]:
    """reason → how many addresses are on the list for it at `now`."""
    query = select(suppression.c.reason, func.count()).where(_STANDS).group_by(suppression.c.reason)
    return {row[0]: row[1] for row in conn.execute(query.order_by(suppression.c.reason), {"now": now})}


def remove(conn: Connection, address_hash: str) -> None:
    """Take an address off the list; that its learner has left stays (`drip.store.returns.lift` lifts that)."""
    mine = suppression.c.address_hash == address_hash
    conn.execute(delete(suppression).where(mine, suppression.c.left_at.is_(None)))
    conn.execute(
        update(suppression)
        .where(mine)
        .values(reason=UNSUBSCRIBED, at=suppression.c.left_at, source="", expires_at=None)
    )


def _to_entry(row: Row[Any]) -> Entry:
    return Entry(
        address_hash=row.address_hash,
        reason=row.reason,
        at=row.at,
        source=row.source,
        expires_at=row.expires_at,
        left_at=row.left_at,
    )
