"""Queries over evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from drip.store.among import among
from drip.store.learners import CHUNK
from drip.store.once import add_new, insert_into
from drip.store.tables import evidence
from drip.track.evidence import Evidence, Kind


def add(conn: Connection, event: Evidence) -> bool:
    """Store one piece of evidence; False where (source, source_id) was there already: a replay is free."""
    values = {**asdict(event), "kind": str(event.kind), "data": dict(event.data)}
    return add_new(conn, evidence, values, key=("source", "source_id"))


def add_all(conn: Connection, events: Sequence[Evidence]) -> set[tuple[str, str]]:
    """Store these; returns (source, source_id) of those that were new. In the order of their keys, so that two who
    store the same at once do not block.
    """
    if not events:
        return set()
    rows = [{**asdict(event), "kind": str(event.kind), "data": dict(event.data)} for event in events]
    rows.sort(key=lambda row: (row["source"], row["source_id"]))
    query = insert_into(conn, evidence).on_conflict_do_nothing(index_elements=["source", "source_id"])
    added = conn.execute(query.returning(evidence.c.source, evidence.c.source_id), rows)
    return {(row.source, row.source_id) for row in added}


def add_data(conn: Connection, source: str, source_id: str, data: Mapping[str, object]) -> None:
    """Add to the data of one piece of evidence."""
    this = (evidence.c.source == source, evidence.c.source_id == source_id)
    conn.execute(update(evidence).where(*this).values(data={**data_of(conn, source, source_id), **data}))


#: What only somebody does who reads their mail.
_ALIVE = ("click", "answer", "rating", "change", "consent", "return")


def signs_of(conn: Connection, learner_id: int) -> list[Evidence]:
    """Mails of a learner's that came back or were delivered, and signs that they read their mail; oldest first."""
    kinds = ("bounce", "delivered", *_ALIVE)
    query = select(evidence).where(evidence.c.learner_id == learner_id, evidence.c.kind.in_(kinds))
    return [to_evidence(row) for row in conn.execute(query.order_by(evidence.c.at, evidence.c.id))]


def data_of(conn: Connection, source: str, source_id: str) -> dict[str, Any]:
    """The data of one piece of evidence that is stored."""
    query = select(evidence.c.data).where(evidence.c.source == source, evidence.c.source_id == source_id)
    return dict(conn.execute(query).scalar_one())


def answers_to(conn: Connection, enrolment_id: int, item: str, *, delivery_id: int | None = None) -> int:
    """How many answers (or ratings) to a question (or survey) this enrolment has given, in all or in one mail."""
    mine = (evidence.c.enrolment_id == enrolment_id, evidence.c.item == item)
    query = select(func.count()).where(*mine, evidence.c.kind.in_(("answer", "rating")))
    if delivery_id is not None:
        query = query.where(evidence.c.delivery_id == delivery_id)
    return conn.execute(query).scalar_one()


_ID = attrgetter("id")
#: Put in order here: told to order by id, SQLite would walk the whole table in that order instead of its index.
_OF_ENROLMENTS = select(evidence).where(among(evidence.c.enrolment_id))
_EVENTS_OF = select(evidence).where(
    among(evidence.c.learner_id), evidence.c.kind == "event", (evidence.c.enrolment_id + 0).is_(None)
)


def of_enrolments(conn: Connection, enrolment_ids: Sequence[int]) -> dict[int, list[Evidence]]:
    """enrolment → its evidence, oldest first."""
    found: dict[int, list[Evidence]] = {id_: [] for id_ in enrolment_ids}
    for start in range(0, len(enrolment_ids), CHUNK):
        rows = conn.execute(_OF_ENROLMENTS, {"ids": list(enrolment_ids[start : start + CHUNK])})
        for row in sorted(rows, key=_ID):
            found[row.enrolment_id].append(to_evidence(row))
    return found


def events_of(conn: Connection, learner_ids: Sequence[int]) -> dict[int, list[Evidence]]:
    """learner → what happened to them elsewhere (`drip event`), oldest first. It belongs to no enrolment."""
    found: dict[int, list[Evidence]] = {}
    for start in range(0, len(learner_ids), CHUNK):
        rows = conn.execute(_EVENTS_OF, {"ids": list(learner_ids[start : start + CHUNK])})
        for row in sorted(rows, key=attrgetter("at", "id")):
            found.setdefault(row.learner_id, []).append(to_evidence(row))
    return found


def of_learner(conn: Connection, learner_id: int) -> list[Evidence]:
    """All evidence of a learner, oldest first."""
    query = select(evidence).where(evidence.c.learner_id == learner_id).order_by(evidence.c.at, evidence.c.id)
    return [to_evidence(row) for row in conn.execute(query)]


def to_evidence(row: Row[Any]) -> Evidence:
    """A row of the evidence table as the core's value."""
    return Evidence(
        kind=Kind(row.kind),
        at=row.at,
        source=row.source,
        source_id=row.source_id,
        learner_id=row.learner_id,
        enrolment_id=row.enrolment_id,
        delivery_id=row.delivery_id,
        step=row.step,
        item=row.item,
        method=row.method,
        user_agent=row.user_agent,
        data=row.data,
        network=row.network,
        judged=row.judged,
    )
