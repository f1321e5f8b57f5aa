"""Queries behind an edit of a course: who stands where, who has had what, and carrying them over to the new plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    null,
    or_,
    select,
    update,
)

from drip.people import Enrolment
from drip.schedule.gates import LAST_STEP
from drip.schedule.impact import Group
from drip.schedule.reviews import REVIEW
from drip.store import enrolments
from drip.store.enrolments import Standing
from drip.store.learners import CHUNK
from drip.store.ledger import GONE
from drip.store.many import Many
from drip.store.tables import delivery, enrolment

#: What tells one group of people from another: (revision, step, under way, finished).
Place = tuple[str, str | None, bool, bool]

_ON_THE_WAY = enrolment.c.state.in_(("active", "paused"))
_HAD_THE_LAST = and_(enrolment.c.state == "finished", enrolment.c.ended_by == LAST_STEP)
_FINISHED = enrolment.c.state == "finished"

#: Why an enrolment that had finished is looked at.
EXTENDED = "the course goes on"


def groups(conn: Connection, course_id: str) -> list[Group]:
    """Everybody who is in the course or whose latest run has finished it, counted by where they stand.

    The held-out are left out.
    """
    stands = _stands()
    query = (
        select(*stands, func.count().label("people"))
        .where(enrolment.c.course_id == course_id, _counts(), enrolment.c.held_out.is_(False))
        .group_by(*stands)
        .order_by(enrolment.c.revision, enrolment.c.next_step)
    )
    return [
        Group(
            revision=row.revision,
            step=row.next_step,
            people=row.people,
            under_way=bool(row.under_way),
            finished=bool(row.finished),
        )
        for row in conn.execute(query)
    ]


def had(conn: Connection, course_id: str, steps: Collection[str]) -> list[tuple[Place, str, int]]:
    """(place, mail, people): how many of those who stand there have had which of these mails."""
    stands = (*_stands(), delivery.c.step)
    query = (
        select(*stands, func.count(enrolment.c.id.distinct()).label("people"))
        .join(delivery, delivery.c.enrolment_id == enrolment.c.id)
        .where(
            enrolment.c.course_id == course_id,
            _counts(),
            enrolment.c.held_out.is_(False),
            delivery.c.step.in_(steps),
            or_(delivery.c.state.in_(GONE), _left(delivery)),
        )
        .group_by(*stands)
    )
    return [
        ((row.revision, row.next_step, bool(row.under_way), bool(row.finished)), row.step, row.people)
        for row in conn.execute(query)
    ]


def stale(conn: Connection, course_id: str, current: str, *, after_id: int, limit: int) -> list[Standing]:
    """Enrolments on their way that stand in a revision other than the current one, whose mail is not under way.

    By id; locked where the database can.
    """
    query = (
        enrolments.standings()
        .where(enrolment.c.id > after_id, *_is_behind(course_id, current))
        .order_by(enrolment.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=enrolment)
    )
    return [enrolments.to_standing(row) for row in conn.execute(query)]


def behind(conn: Connection, course_id: str, current: str) -> list[int]:
    """The ids of all whom `stale` may give now, locked or not, or in a moment: somebody is just sending their mail."""
    *stands, free = _is_behind(course_id, current)
    query = select(enrolment.c.id).where(*stands, or_(free, _has_one(lambda own: own.c.lease_until.is_not(None))))
    return list(conn.execute(query).scalars())


def stale_places(conn: Connection, course_id: str, current: str) -> dict[str, list[str]]:
    """revision → the steps at which people wait for their time there, of the revisions other than the current one."""
    query = (
        select(enrolment.c.revision, enrolment.c.next_step)
        .where(enrolment.c.course_id == course_id, enrolment.c.revision != current, _waits_quietly())
        .distinct()
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in conn.execute(query):
        found[row.revision].append(row.next_step)
    return found


def carry_over(
    conn: Connection,
    course_id: str,
    revisions: tuple[str, str],
    places: Mapping[str, str],
    *,
    after_id: int,
    limit: int,
) -> int | None:
    """Move some of those who wait at these steps of one revision to what they are called in another, by id.

    Nothing changes for them but the name. Returns the last id that was looked at; None when all are carried.
    """
    waits = (
        enrolment.c.course_id == course_id,
        enrolment.c.revision == revisions[0],
        enrolment.c.next_step.in_(places),
        enrolment.c.id > after_id,
        _waits_quietly(),
    )
    some = select(enrolment.c.id).where(*waits).order_by(enrolment.c.id).limit(limit).subquery()
    last = conn.execute(select(func.max(some.c.id))).scalar_one()
    if last is None:
        return None
    renamed = {old: new for old, new in places.items() if old != new}
    step = case(renamed, value=enrolment.c.next_step, else_=enrolment.c.next_step) if renamed else enrolment.c.next_step
    conn.execute(update(enrolment).where(*waits, enrolment.c.id <= last).values(revision=revisions[1], next_step=step))
    return int(last)


_MOVED = ("revision", "next_step", "target", "reached_at")
_MOVE = Many(
    update(enrolment)
    .where(enrolment.c.id == bindparam("the_id"), or_(enrolment.c.state == "active", enrolment.c.state == "paused"))
    .values({**{name: bindparam(f"new_{name}") for name in (*_MOVED, "due_at", "due_reason")}, "problem": null()})
)


def move(conn: Connection, rows: Iterable[tuple[Enrolment, datetime | None, str]]) -> None:
    """Write where these enrolments stand now, paused or not, when to look at each, and why then.

    What troubled one is tried again.
    """
    _MOVE(
        conn,
        (
            {f"new_{name}": getattr(one, name) for name in _MOVED}
            | {"new_due_at": due_at, "new_due_reason": reason, "the_id": one.id}
            for one, due_at, reason in rows
        ),
    )


def forget_claims(conn: Connection, enrolment_ids: Sequence[int]) -> None:
    """Remove the ledger rows of tips that were claimed once and never handed: the new plan claims them anew."""
    never = (delivery.c.state.in_(("retry", "held")), delivery.c.attempts == 0)
    for start in range(0, len(enrolment_ids), CHUNK):
        chosen = delivery.c.enrolment_id.in_(enrolment_ids[start : start + CHUNK])
        conn.execute(delete(delivery).where(chosen, delivery.c.step != REVIEW, *never))


def finished_revisions(conn: Connection, course_id: str) -> list[str]:
    """The revisions in which somebody has finished this course with its last step."""
    query = select(enrolment.c.revision).where(enrolment.c.course_id == course_id, _HAD_THE_LAST).distinct()
    return list(conn.execute(query.order_by(enrolment.c.revision)).scalars())


def extend(conn: Connection, course_id: str, revision: str, *, to: tuple[str, str], now: datetime, limit: int) -> int:
    """Let some of those who finished `revision` go on at `to` (revision, step), from `now`. Returns how many.

    Only a learner's latest run goes on.
    """
    chosen = (
        select(enrolment.c.id)
        .where(enrolment.c.course_id == course_id, _HAD_THE_LAST, enrolment.c.revision == revision, ~_run_again())
        .limit(limit)
    )
    done = conn.execute(
        update(enrolment)
        .where(enrolment.c.id.in_(chosen.scalar_subquery()), _HAD_THE_LAST)
        .values(
            state="active",
            ended_by=None,
            revision=to[0],
            next_step=to[1],
            target=None,
            reached_at=now,
            floor_at=now,
            waited=False,
            due_at=now,
            due_reason=EXTENDED,
        )
    )
    return done.rowcount


def _is_behind(course_id: str, current: str) -> tuple[ColumnElement[bool], ...]:
    free = or_(enrolment.c.due_at.is_not(None), ~_has_left())
    return enrolment.c.course_id == course_id, _ON_THE_WAY, enrolment.c.revision != current, free


def _stands() -> tuple[ColumnElement[Any], ...]:
    """What tells a group from another."""
    under_way = case((enrolment.c.due_at.is_not(None), false()), else_=_has_left())
    return enrolment.c.revision, enrolment.c.next_step, under_way.label("under_way"), _FINISHED.label("finished")


def _counts() -> ColumnElement[bool]:
    """Whom an edit may mean: those on their way, and who has finished and not begun again."""
    return or_(_ON_THE_WAY, and_(_HAD_THE_LAST, ~_run_again()))


def _run_again() -> ColumnElement[bool]:
    """There is a later run of the same learner in the same course."""
    later = enrolment.alias("later")
    same = (later.c.learner_id == enrolment.c.learner_id, later.c.course_id == enrolment.c.course_id)
    return exists().where(*same, later.c.run > enrolment.c.run).correlate(enrolment)


def _has_left() -> ColumnElement[bool]:
    """A mail of the enrolment has left, or may have: it stays as it is, and whoever it is for stays with its plan."""
    return _has_one(_left)


def _has_one(kind: Callable[[FromClause], ColumnElement[bool]]) -> ColumnElement[bool]:
    """The enrolment has a tip in the ledger of this kind; a recap keeps nobody where they stand."""
    own = delivery.alias("own")
    return exists().where(own.c.enrolment_id == enrolment.c.id, own.c.step != REVIEW, kind(own)).correlate(enrolment)


def _left(row: FromClause) -> ColumnElement[bool]:
    tried = and_(row.c.state.in_(("retry", "held")), row.c.attempts > 0)
    return or_(row.c.state.in_(("claimed", "handed", "in_doubt")), tried)


def _waits_quietly() -> ColumnElement[bool]:
    """On the way to a step, with a time and nothing else the matter."""
    return and_(
        enrolment.c.next_step.is_not(None),
        enrolment.c.state == "active",
        enrolment.c.due_at.is_not(None),
        enrolment.c.held_since.is_(None),
        enrolment.c.problem.is_(None),
    )
