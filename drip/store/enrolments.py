"""Queries over enrolments, and the trace of what each passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from drip.people import Enrolment, Learner, State
from drip.store.learners import CHUNK
from drip.store.tables import course, enrolment, learner, trace

_FIELDS = tuple(f.name for f in fields(Enrolment))
#: field of a Learner → the name of its column in a row that joins both.
_PERSON = {f.name: f"person_{f.name}" for f in fields(Learner)}
#: The columns that moving along a plan changes.
_MOVES = ("state", "next_step", "target", "reached_at", "last_mail_at", "floor_at", "waited", "ended_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An enrolment with its learner and what the queue knows about it."""

    enrolment: Enrolment
    learner: Learner
    due_at: datetime | None
    due_reason: str
    problem: str | None


def to_enrolment(row: Row[Any] | Mapping[str, Any]) -> Enrolment:
    """A row of the enrolment table as the core's value."""
    values = row if isinstance(row, Mapping) else dict(row._mapping)
    return Enrolment(**{name: values[name] for name in _FIELDS} | {"state": State(values["state"])})


def add(conn: Connection, rows: Sequence[tuple[Enrolment, datetime | None, str]]) -> list[int]:
    """New enrolments with their due times and the reasons; returns their ids in the same order."""
    values = [
        {**{name: getattr(one, name) for name in _FIELDS if name != "id"}, "due_at": due_at, "due_reason": reason}
        for one, due_at, reason in rows
    ]
    if not values:
        return []
    returned = conn.execute(insert(enrolment).returning(enrolment.c.id, sort_by_parameter_order=True), values)
    return list(returned.scalars())


def save(conn: Connection, rows: Sequence[tuple[Enrolment, datetime | None, str]]) -> None:
    """Write where these enrolments stand now, and when to look at each again. One that ended meanwhile stays ended."""
    if rows:
        columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*_MOVES, "due_at", "due_reason")}
        conn.execute(
            update(enrolment)
            .where(enrolment.c.id == bindparam("the_id"), enrolment.c.state == "active")
            .values(**columns),
            [
                {f"new_{name}": getattr(one, name) for name in _MOVES}
                | {"new_due_at": due_at, "new_due_reason": reason, "the_id": one.id}
                for one, due_at, reason in rows
            ],
        )


def due(conn: Connection, *, now: datetime, limit: int) -> list[Standing]:
    """Active enrolments whose time has come, the longest due first; those of paused courses are left alone.

    Locks their rows where the database can (SKIP LOCKED); on SQLite the caller's transaction holds the only pen.
    """
    query = (
        _standings()
        .join(course, course.c.id == enrolment.c.course_id)
        .where(enrolment.c.due_at <= now, enrolment.c.state == "active", course.c.paused_at.is_(None))
        .order_by(enrolment.c.due_at, enrolment.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=enrolment)
    )
    return [_to_standing(row) for row in conn.execute(query)]


def of_learner(conn: Connection, learner_id: int, course_id: str | None = None) -> list[Standing]:
    """A learner's enrolments, oldest first."""
    query = _standings().where(enrolment.c.learner_id == learner_id).order_by(enrolment.c.id)
    if course_id is not None:
        query = query.where(enrolment.c.course_id == course_id)
    return [_to_standing(row) for row in conn.execute(query)]


def by_id(conn: Connection, enrolment_id: int) -> Standing | None:
    """One enrolment with its learner."""
    row = conn.execute(_standings().where(enrolment.c.id == enrolment_id)).one_or_none()
    return None if row is None else _to_standing(row)


def by_ids(conn: Connection, enrolment_ids: Sequence[int]) -> dict[int, Standing]:
    """id → enrolment with its learner."""
    found: dict[int, Standing] = {}
    for start in range(0, len(enrolment_ids), CHUNK):
        query = _standings().where(enrolment.c.id.in_(enrolment_ids[start : start + CHUNK]))
        found.update({row.id: _to_standing(row) for row in conn.execute(query)})
    return found


def runs(conn: Connection, course_id: str, learner_ids: Sequence[int]) -> dict[int, Enrolment]:
    """learner → their latest run of this course."""
    found: dict[int, Enrolment] = {}
    for start in range(0, len(learner_ids), CHUNK):
        chosen = enrolment.c.learner_id.in_(learner_ids[start : start + CHUNK])
        query = select(enrolment).where(enrolment.c.course_id == course_id, chosen).order_by(enrolment.c.run)
        found.update({row.learner_id: to_enrolment(row) for row in conn.execute(query)})
    return found


def wake(conn: Connection, enrolment_id: int, at: datetime) -> None:
    """Look at this enrolment at `at`, if that is sooner than planned: something that it may wait for has happened."""
    conn.execute(
        update(enrolment)
        .where(enrolment.c.id == enrolment_id, enrolment.c.state == "active", enrolment.c.due_at > at)
        .values(due_at=at)
    )


def reconsider(conn: Connection, learner_ids: Sequence[int], *, now: datetime) -> None:
    """Look at what these learners wait for at once: their zone has changed, so every instant is derived again."""
    for start in range(0, len(learner_ids), CHUNK):
        chosen = enrolment.c.learner_id.in_(learner_ids[start : start + CHUNK])
        conn.execute(
            update(enrolment).where(chosen, enrolment.c.state == "active", enrolment.c.due_at > now).values(due_at=now)
        )


def hold(conn: Connection, enrolment_id: int, problem: str) -> None:
    """Take an enrolment out of the queue until a person has looked: `problem` says at what."""
    conn.execute(update(enrolment).where(enrolment.c.id == enrolment_id).values(due_at=None, problem=problem))


def end(conn: Connection, enrolment_ids: Sequence[int], *, state: State, ended_by: str) -> None:
    """End these enrolments, if they have not ended yet."""
    for start in range(0, len(enrolment_ids), CHUNK):
        conn.execute(
            update(enrolment)
            .where(
                enrolment.c.id.in_(enrolment_ids[start : start + CHUNK]), enrolment.c.state.in_(("active", "paused"))
            )
            .values(state=str(state), ended_by=ended_by, due_at=None, target=None)
        )


def add_trace(conn: Connection, notes: Iterable[tuple[int, datetime, str, str, str]]) -> None:
    """Write (enrolment, at, kind, step, reason) lines."""
    rows = [{"enrolment_id": e, "at": at, "kind": k, "step": s, "reason": r} for e, at, k, s, r in notes]
    if rows:
        conn.execute(insert(trace), rows)


def trace_of(conn: Connection, enrolment_id: int) -> list[tuple[datetime, str, str, str]]:
    """(at, kind, step, reason) in the order in which they were written."""
    rows = conn.execute(select(trace).where(trace.c.enrolment_id == enrolment_id).order_by(trace.c.id))
    return [(row.at, row.kind, row.step, row.reason) for row in rows]


def next_due_at(conn: Connection) -> datetime | None:
    """When the next enrolment falls due, over all courses that are not paused."""
    query = (
        select(enrolment.c.due_at)
        .join(course, course.c.id == enrolment.c.course_id)
        .where(enrolment.c.due_at.is_not(None), enrolment.c.state == "active", course.c.paused_at.is_(None))
        .order_by(enrolment.c.due_at)
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none()


def _standings() -> Any:
    people = [learner.c[name].label(label) for name, label in _PERSON.items()]
    return select(enrolment, *people).join(learner, learner.c.id == enrolment.c.learner_id)


def _to_standing(row: Row[Any]) -> Standing:
    values = dict(row._mapping)
    return Standing(
        enrolment=to_enrolment(values),
        learner=Learner(**{name: values[label] for name, label in _PERSON.items()}),
        due_at=values["due_at"],
        due_reason=values["due_reason"],
        problem=values["problem"],
    )
