"""Mails to people who have been erased: nothing but a keyed hash of the address, so that their links still leave."""

from __future__ import annotations

from sqlalchemy import Connection, insert, literal, select

from drip.store.tables import delivery, former


def keep(conn: Connection, learner_id: int, address_hash: str) -> None:
    """Keep what the links of this learner's mails need, before the mails themselves are forgotten (erasing does)."""
    mails = select(delivery.c.id, literal(address_hash)).where(delivery.c.learner_id == learner_id)
    conn.execute(insert(former).from_select(["delivery_id", "address_hash"], mails))


def address_hash_of(conn: Connection, delivery_id: int) -> str | None:
    """What stands for the address that this mail went to, if it went to somebody who has been erased."""
    return conn.execute(select(former.c.address_hash).where(former.c.delivery_id == delivery_id)).scalar_one_or_none()
