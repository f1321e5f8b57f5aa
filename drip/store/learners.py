"""Queries over learners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from drip.people import Learner
from drip.store import pins
from drip.store.tables import learner
from drip.track.keyed import keyed_hash

#: How many values one `IN (…)` may hold: well under SQLite's own limit of variables.
CHUNK = 500
#: Under this name stands the highest number of a learner who was erased (store/erasing.py), on SQLite.
HIGHEST_ERASED = "highest learner erased"


def address_of(email: str) -> str:
    """The one spelling under which an address compares: two rows never differ by case alone."""
    return email.strip().lower()


def to_learner(row: Row[Any]) -> Learner:
    """A row of the learner table as the core's value."""
    return Learner(
        id=row.id,
        ref=row.ref,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        language=row.own_language or row.language,
        timezone=row.timezone,
        imported_timezone=row.imported_timezone,
        attributes=row.attributes,
        consents_opens=row.consents_opens,
    )


def by_addresses(conn: Connection, emails: Iterable[str]) -> dict[str, Learner]:
    """address → learner, for those that are there."""
    wanted = sorted({address_of(email) for email in emails})
    found: dict[str, Learner] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = conn.execute(select(learner).where(learner.c.address.in_(wanted[start : start + CHUNK])))
        found.update({row.address: to_learner(row) for row in rows})
    return found


def by_ids(conn: Connection, learner_ids: Sequence[int]) -> list[Learner]:
    """The learners of these ids, as far as they are there."""
    found: list[Learner] = []
    for start in range(0, len(learner_ids), CHUNK):
        rows = conn.execute(select(learner).where(learner.c.id.in_(learner_ids[start : start + CHUNK])))
        found += [to_learner(row) for row in rows]
    return found


def everyone(conn: Connection, *, after_id: int = 0, limit: int | None = None) -> list[Learner]:
    """Learners in the order in which they came, from after `after_id` on."""
    query = select(learner).where(learner.c.id > after_id).order_by(learner.c.id).limit(limit)
    return [to_learner(row) for row in conn.execute(query)]


def count(conn: Connection) -> int:
    """How many learners there are."""
    return conn.execute(select(func.count()).select_from(learner)).scalar_one()


def add(conn: Connection, rows: Sequence[Mapping[str, object]], *, now: datetime) -> None:
    """New learners: mappings of ref, email, first_name, last_name, language, imported_timezone, attributes.

    They come in the given order; where several may write at once, in that of their addresses, so that two imports of
    the same people wait for each other, and do not block. Raises IntegrityError where one is there already.
    """
    if rows:
        values = [{**row, "address": address_of(str(row["email"])), "created_at": now} for row in rows]
        if conn.dialect.name != "sqlite":
            conn.execute(insert(learner), sorted(values, key=itemgetter("address")))
            return
        if (erased := pins.get(conn, HIGHEST_ERASED)) is not None:  # SQLite would give its number again
            highest = conn.execute(select(func.max(learner.c.id))).scalar_one() or 0
            conn.execute(insert(learner).values(id=max(highest, int(erased)) + 1, **values.pop(0)))
        if values:
            conn.execute(insert(learner), values)


def change(conn: Connection, learner_id: int, values: Mapping[str, object]) -> None:
    """Write these columns of one learner."""
    conn.execute(update(learner).where(learner.c.id == learner_id).values(**values))


def change_all(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write what an import says of learners: mappings of id, and all the columns that `add` takes but ref and email."""
    if rows:
        columns = [name for name in rows[0] if name != "id"]
        conn.execute(
            update(learner)
            .where(learner.c.id == bindparam("the_id"))
            .values({name: bindparam(f"new_{name}") for name in columns}),
            [
                {"the_id": row["id"], **{f"new_{name}": row[name] for name in columns}}
                for row in sorted(rows, key=itemgetter("id"))
            ],
        )


def lock(conn: Connection, learner_ids: Sequence[int]) -> None:
    """Let nobody else enrol or claim for these learners, or change them, until this transaction has ended.

    On SQLite a writing transaction keeps everybody else out anyway.
    """
    for start in range(0, len(learner_ids), CHUNK):
        chosen = learner.c.id.in_(sorted(learner_ids)[start : start + CHUNK])
        conn.execute(select(learner.c.id).where(chosen).order_by(learner.c.id).with_for_update(key_share=True)).all()


def keep(conn: Connection, learner_ids: Sequence[int]) -> None:
    """Let nobody erase these learners until this transaction has ended; in the way of nobody else's work."""
    for start in range(0, len(learner_ids), CHUNK):
        chosen = learner.c.id.in_(sorted(learner_ids)[start : start + CHUNK])
        share = select(learner.c.id).where(chosen).order_by(learner.c.id).with_for_update(read=True, key_share=True)
        conn.execute(share).all()


def like(conn: Connection, address: str, *, limit: int = 500) -> list[str]:
    """Addresses that begin or end like this one: where to look for what somebody meant to type."""
    name, _, domain = address.rpartition("@")
    begins, ends = (
        learner.c.address.startswith(name[:3], autoescape=True),
        learner.c.address.endswith(domain, autoescape=True),
    )
    query = select(learner.c.address).where(begins | (ends & learner.c.address.startswith(name[:1], autoescape=True)))
    return list(conn.execute(query.order_by(learner.c.address).limit(limit)).scalars())


@lru_cache(maxsize=4096)  # a mail asks twice: when it is claimed, and when it is handed
def suppression_hash(key: bytes, email: str) -> str:
    """What stands for an address in the suppression list: keyed, so that the list alone names nobody."""
    return keyed_hash(key, b"suppression\0" + address_of(email).encode()).hex()
