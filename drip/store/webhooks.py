"""Queries over the outbox of webhooks: a row for each event and endpoint, leased while it is posted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql import Select

from drip.store.learners import CHUNK
from drip.store.ledger import Lease
from drip.store.once import insert_into
from drip.store.tables import learner, outbox, webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Something to be told to one endpoint, with the learner as they are now (None: it is about nobody who is here).

    `payload` holds what else is told; `attempts` counts those before.
    """

    id: int
    key: str
    name: str
    payload: Mapping[str, object]
    webhook: str
    learner_id: int | None
    ref: str | None
    email: str | None
    happened_at: datetime
    created_at: datetime
    attempts: int
    tried_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the log. `due_at`: it waits until then; `sent_at`: it was taken; neither: it failed for good."""

    id: int
    key: str
    name: str
    endpoint: str
    webhook: str
    learner: str | None
    happened_at: datetime
    attempts: int
    tried_at: datetime | None
    due_at: datetime | None
    sent_at: datetime | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waits for an endpoint, since when the oldest of it, and how much has failed for good."""

    waiting: int = 0
    oldest_at: datetime | None = None
    failed: int = 0


#: What is said of a new row.
_NAMES = ("key", "name", "payload", "webhook", "learner_id", "happened_at", "created_at", "due_at")
_TIMES = ("happened_at", "created_at", "due_at")


def _from_sqlite() -> Select[Any]:
    each = func.json_each(bindparam("rows", type_=String())).table_valued("value")
    return select(*(func.json_extract(each.c.value, f"$.{name}") for name in _NAMES)).where(text("true"))


def _from_postgresql() -> Select[Any]:
    rows = func.json_to_recordset(cast(bindparam("rows", type_=String()), JSON()))
    given = rows.table_valued(*(column(name, outbox.c[name].type) for name in _NAMES))
    return select(*given.render_derived(name="given", with_types=True).c)


_GIVEN: dict[str, Select[Any]] = {"sqlite": _from_sqlite(), "postgresql": _from_postgresql()}
_INSERTS: dict[tuple[str, bool], Any] = {}


def write(conn: Connection, rows: Sequence[Mapping[str, object]], *, looked_at_again: bool = False) -> None:
    """Write what is to be told, once for each `key`: mappings of key, name, payload, webhook, learner_id, happened_at,
    created_at and due_at. One statement, however many there are.

    With `looked_at_again`, whoever is just deciding on a row of that key waits until this transaction has ended: there
    is something new to look at.
    """
    if not rows:
        return
    dialect = conn.dialect.name
    if (dialect, looked_at_again) not in _INSERTS:
        query = insert_into(conn, outbox).from_select(_NAMES, _GIVEN[dialect], include_defaults=False)
        _INSERTS[dialect, looked_at_again] = (
            query.on_conflict_do_update(
                index_elements=["key"], set_={"name": outbox.c.name}, where=outbox.c.sent_at.is_(None)
            )
            if looked_at_again
            else query.on_conflict_do_nothing(index_elements=["key"])
        )
    written = sorted((_as_json(row, dialect) for row in rows), key=lambda row: str(row["key"]))
    conn.execute(_INSERTS[dialect, looked_at_again], {"rows": json.dumps(written)})


def _as_json(row: Mapping[str, object], dialect: str) -> dict[str, object]:
    def when(at: object) -> str | None:
        if not isinstance(at, datetime):
            return None
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if dialect == "sqlite" else at.isoformat()

    return {**row, **{name: when(row[name]) for name in _TIMES}}


def waiting(conn: Connection) -> int:
    """How many have not been sent, and may be: also those that no endpoint has wanted yet."""
    waits = or_(outbox.c.due_at.is_not(None), outbox.c.webhook.is_(None))
    return conn.execute(select(func.count()).select_from(outbox).where(waits)).scalar_one()


def nobodys(conn: Connection, names: Sequence[str] | None, *, limit: int) -> list[dict[str, Any]]:
    """What no endpoint has wanted, of these names (None: any), the oldest first; locked for whoever gives it out."""
    query = select(outbox.c.id, *(outbox.c[name] for name in _NAMES)).where(outbox.c.webhook.is_(None))
    if names is not None:
        query = query.where(outbox.c.name.in_(names))
    query = query.order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
    return [dict(row._mapping) for row in conn.execute(query)]


def nobodys_are_there(conn: Connection, names: Sequence[str] | None) -> bool:
    """Whether there is anything that no endpoint has wanted, of these names."""
    query = select(outbox.c.id).where(outbox.c.webhook.is_(None))
    if names is not None:
        query = query.where(outbox.c.name.in_(names))
    return conn.execute(query.limit(1)).first() is not None


def _free(clock: ColumnElement[Any] | float) -> ColumnElement[bool]:
    return or_(outbox.c.lease_until.is_(None), outbox.c.lease_until < clock)


def due_endpoints(conn: Connection, *, now: datetime, clock: float) -> list[str]:
    """The endpoints for which something is due, and at which it may be tried now. `clock` is that of leases."""
    here = exists().where(outbox.c.webhook == webhook.c.id, outbox.c.due_at <= now, _free(clock))
    open_ = (webhook.c.paused_at.is_(None), or_(webhook.c.quiet_until.is_(None), webhook.c.quiet_until <= now))
    return list(conn.execute(select(webhook.c.id).where(*open_, here).order_by(webhook.c.name)).scalars())


def lease(conn: Connection, webhook_id: str, held: Lease, *, now: datetime, limit: int) -> list[Post]:
    """What is due for this endpoint, in the order in which it was written, held by this worker until its lease ends.

    What another worker holds is left alone (SKIP LOCKED where the database can).
    """
    query = (
        select(outbox, learner.c.ref, learner.c.email)
        .join(learner, learner.c.id == outbox.c.learner_id, isouter=True)
        .where(outbox.c.webhook == webhook_id, outbox.c.due_at.is_not(None), outbox.c.due_at <= now, _free(held.now))
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)
    )
    posts = [_post(row) for row in conn.execute(query)]
    if posts:
        mine = outbox.c.id.in_([post.id for post in posts])
        conn.execute(update(outbox).where(mine).values(leased_by=held.worker, lease_until=held.until))
    return posts


def renew(conn: Connection, held: Lease, ids: Sequence[int]) -> None:
    """Hold on to these rows, as far as this worker still holds them."""
    mine = (outbox.c.id.in_(ids), outbox.c.leased_by == held.worker)
    conn.execute(update(outbox).where(*mine).values(lease_until=held.until))


_FREED: dict[str, Any] = {"leased_by": None, "lease_until": None}
_SENT = (
    update(outbox)
    .where(outbox.c.id == bindparam("the_id"))
    .values(sent_at=bindparam("at"), tried_at=bindparam("at"), due_at=None, answer=bindparam("words"), **_FREED)
    .values(attempts=outbox.c.attempts + 1)
)


def mark_sent(conn: Connection, answers: Mapping[int, str], *, now: datetime) -> None:
    """These were taken, whatever became of our lease meanwhile."""
    if answers:
        conn.execute(_SENT, [{"the_id": id_, "at": now, "words": words} for id_, words in answers.items()])


def try_again(conn: Connection, worker: str, id_: int, *, due_at: datetime | None, answer: str, now: datetime) -> None:
    """One was not taken: it is tried again at `due_at`, or (None) never by itself."""
    mine = (outbox.c.id == id_, outbox.c.leased_by == worker)
    values = {"due_at": due_at, "answer": answer, "tried_at": now, "attempts": outbox.c.attempts + 1}
    conn.execute(update(outbox).where(*mine).values(**values, **_FREED))


def put_back(conn: Connection, worker: str, id_: int, *, due_at: datetime) -> None:
    """One that was leased and not tried is due at `due_at`."""
    conn.execute(update(outbox).where(outbox.c.id == id_, outbox.c.leased_by == worker).values(due_at=due_at, **_FREED))


def happened(conn: Connection, id_: int, at: datetime) -> None:
    """What one tells of has happened at that time."""
    conn.execute(update(outbox).where(outbox.c.id == id_).values(happened_at=at))


def drop(conn: Connection, ids: Sequence[int]) -> None:
    """Take rows away that are not to be told after all."""
    for start in range(0, len(ids), CHUNK):
        conn.execute(delete(outbox).where(outbox.c.id.in_(ids[start : start + CHUNK])))


def hurry(conn: Connection, webhook_id: str, *, now: datetime) -> None:
    """An endpoint is back: what waited since it failed is due now, in its old order."""
    waits = (outbox.c.webhook == webhook_id, outbox.c.due_at > now, outbox.c.attempts > 0)
    conn.execute(update(outbox).where(*waits).values(due_at=now))


def replay(
    conn: Connection,
    webhook_id: str,
    *,
    now: datetime,
    since: datetime | None = None,
    ids: Sequence[int] | None = None,
    failed: bool = False,
) -> int:
    """Send rows of this endpoint once more, under the id that they had: those that happened `since` then, those of
    these `ids`, or those that `failed` for good. Returns how many.
    """
    chosen = [outbox.c.webhook == webhook_id, outbox.c.due_at.is_(None)]
    if since is not None:
        chosen.append(outbox.c.happened_at >= since)
    if ids is not None:
        chosen.append(outbox.c.id.in_(ids))
    if failed:
        chosen.append(outbox.c.sent_at.is_(None))
    again = {"due_at": now, "sent_at": None, "attempts": 0, "answer": "to be sent again"}
    return conn.execute(update(outbox).where(*chosen).values(**again, **_FREED)).rowcount


def lines(conn: Connection, webhook_id: str | None, *, limit: int) -> list[Line]:
    """The log, the newest first: what waits and why, what was sent, what failed."""
    query = (
        select(
            outbox.c.id,
            outbox.c.key,
            outbox.c.name,
            webhook.c.name.label("endpoint"),
            outbox.c.webhook,
            learner.c.email.label("learner"),
            outbox.c.happened_at,
            outbox.c.attempts,
            outbox.c.tried_at,
            outbox.c.due_at,
            outbox.c.sent_at,
            outbox.c.answer,
        )
        .join(webhook, webhook.c.id == outbox.c.webhook)
        .join(learner, learner.c.id == outbox.c.learner_id, isouter=True)
        .order_by(outbox.c.id.desc())
        .limit(limit)
    )
    if webhook_id is not None:
        query = query.where(outbox.c.webhook == webhook_id)
    return [Line(**row._mapping) for row in conn.execute(query)]


def standing(conn: Connection) -> dict[str, Waiting]:
    """endpoint → what waits for it and what has failed. Found by index, without what was sent."""
    waits = (
        select(outbox.c.webhook, func.count(), func.min(outbox.c.happened_at))
        .where(outbox.c.webhook.is_not(None), outbox.c.due_at.is_not(None))
        .group_by(outbox.c.webhook)
    )
    found: dict[str, Waiting] = {row[0]: Waiting(waiting=row[1], oldest_at=row[2]) for row in conn.execute(waits)}
    failed = (
        select(outbox.c.webhook, func.count())
        .where(outbox.c.webhook.is_not(None), outbox.c.due_at.is_(None), outbox.c.sent_at.is_(None))
        .group_by(outbox.c.webhook)
    )
    for id_, number in conn.execute(failed):
        before = found.get(id_, Waiting())
        found[id_] = Waiting(waiting=before.waiting, oldest_at=before.oldest_at, failed=number)
    return found


def forget_sent(conn: Connection, before: datetime) -> int:
    """Take away what was written before then and is not tried any more: sent, failed, wanted by nobody, or meant for
    an endpoint that is gone, or that was paused before then too. Returns how many rows.
    """
    gone = outbox.c.webhook.not_in(select(webhook.c.id))
    asleep = outbox.c.webhook.in_(select(webhook.c.id).where(webhook.c.paused_at < before))
    over = or_(outbox.c.due_at.is_(None), outbox.c.webhook.is_(None), gone, asleep)
    return conn.execute(delete(outbox).where(outbox.c.created_at < before, over)).rowcount


def forget_learner(conn: Connection, learner_id: int) -> int:
    """Take away whatever is about this learner: they are being erased. Returns how many rows."""
    return conn.execute(delete(outbox).where(outbox.c.learner_id == learner_id)).rowcount


def _post(row: Any) -> Post:
    return Post(
        id=row.id,
        key=row.key,
        name=row.name,
        payload=row.payload,
        webhook=row.webhook,
        learner_id=row.learner_id,
        ref=row.ref,
        email=row.email,
        happened_at=row.happened_at or row.created_at,
        created_at=row.created_at,
        attempts=row.attempts,
        tried_at=row.tried_at,
    )
