"""Queries over enrolments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from drip.people import AS_PLANNED, Enrolment, Learner, State, Wish
from drip.schedule.gates import SILENT
from drip.store.at_once import AtOnce, same_id
from drip.store.at_once import Row as Write
from drip.store.learners import CHUNK
from drip.store.many import Many
from drip.store.tables import course, delivery, enrolment, learner

_FIELDS = tuple(f.name for f in fields(Enrolment))
#: A row of the enrolment table → the fields of an Enrolment, in order.
_OF_ENROLMENT = itemgetter(*map([column.name for column in enrolment.c].index, _FIELDS))
_NOT_AT_ALL = timedelta()
#: field of a Learner → the name of its column in a row that joins both.
_PERSON = {f.name: f"person_{f.name}" for f in fields(Learner)}
_PERSON_FIELDS = tuple(_PERSON)
#: The columns that moving along a plan changes.
_MOVES = (
    "revision", "state", "next_step", "target", "reached_at", "last_mail_at", "floor_at", "waited", "ended_by",
    "held_since", "held_for", "paused_by", "hurried_at",
)  # fmt: skip
_NEW_MOVES = tuple(f"new_{name}" for name in _MOVES)
_THE_MOVES = attrgetter(*_MOVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An enrolment with its learner and what the queue knows about it. `current` is the course's revision now."""

    enrolment: Enrolment
    learner: Learner
    due_at: datetime | None
    due_reason: str
    problem: str | None
    current: str
    review_due_at: datetime | None = None


def to_enrolment(row: Row[Any]) -> Enrolment:
    """A row of the enrolment table as the core's value; more columns may stand behind it."""
    values = dict(zip(_FIELDS, _OF_ENROLMENT(row), strict=True))
    values["state"] = State(values["state"])
    values["held_for"] = timedelta(seconds=values["held_for"]) if values["held_for"] else _NOT_AT_ALL
    values["wish"] = AS_PLANNED if values["wish"] is None else Wish.from_text(values["wish"])
    return Enrolment(**values)


def _columns(one: Enrolment, names: Sequence[str]) -> dict[str, Any]:
    """These fields as the table knows them."""
    values = {name: getattr(one, name) for name in names}
    values["held_for"] = one.held_for.total_seconds()
    if "wish" in values:
        values["wish"] = wish_text(one.wish)
    return values


def wish_text(wish: Wish) -> str | None:
    """A wish as the table knows it: nothing where nothing is wished."""
    return None if wish is AS_PLANNED or wish == AS_PLANNED else wish.to_text()


#: The names of the columns of `standings`, in order.
_STANDS = (*(column.name for column in enrolment.c), *_PERSON.values(), "current")
_OF_LEARNER = itemgetter(*map(_STANDS.index, _PERSON.values()))
_OF_QUEUE = itemgetter(*map(_STANDS.index, ("due_at", "due_reason", "problem", "current", "review_due_at")))


def standings() -> Any:
    """The query of enrolments with their learners; `to_standing` reads its rows."""
    own = {"language": func.coalesce(learner.c.own_language, learner.c.language)}
    people = [own.get(name, learner.c[name]).label(label) for name, label in _PERSON.items()]
    return (
        select(enrolment, *people, course.c.revision.label("current"))
        .join(learner, learner.c.id == enrolment.c.learner_id)
        .join(course, course.c.id == enrolment.c.course_id)
    )


def add(conn: Connection, rows: Sequence[tuple[Enrolment, datetime | None, str]]) -> list[int]:
    """New enrolments with their due times and the reasons; returns their ids in the same order."""
    values = [
        {**_columns(one, [name for name in _FIELDS if name != "id"]), "due_at": due_at, "due_reason": reason}
        for one, due_at, reason in rows
    ]
    if not values:
        return []
    returned = conn.execute(insert(enrolment).returning(enrolment.c.id, sort_by_parameter_order=True), values)
    return list(returned.scalars())


_KEY = {"key": enrolment.c.id.type}
_WRITTEN = (*_MOVES, "due_at", "due_reason")
#: Why an enrolment is due whose learner's zone has changed while their mail was on its way.
KNOWN_ANEW = "what is known of the learner has changed"
#: What says that an enrolment is paused: it stays so, where its learner has paused it while their mail was on its way.
_PAUSE = ("state", "held_since", "paused_by")


def _saved(row: Write) -> Update:
    """Where an enrolment stands now, with what its learner has asked for while their mail was on its way.

    A pause stays. Another wish than the one by which the due time was worked out, or another zone, lets it be worked
    out anew, at once.
    """
    goes_on = and_(enrolment.c.state == "paused", row["new_state"] == "active")
    changed = or_(enrolment.c.wish.is_distinct_from(row["seen_wish"]), enrolment.c.due_reason == KNOWN_ANEW)
    wishes_else = and_(row["new_due_at"].is_not(None), changed)
    values = {name: row[f"new_{name}"] for name in _WRITTEN}
    values |= {name: case((goes_on, enrolment.c[name]), else_=row[f"new_{name}"]) for name in _PAUSE}
    stays = or_(goes_on, row["new_state"] == "paused")  # what is paused has no time
    values["due_at"] = case((stays, null()), (wishes_else, row["new_reached_at"]), else_=row["new_due_at"])
    values["target"] = case((wishes_else, null()), else_=row["new_target"])
    on_the_way = or_(enrolment.c.state == "active", enrolment.c.state == "paused")  # no IN: Many compiles once
    return update(enrolment).where(same_id(enrolment, row), on_the_way).values(values)


_SAVE = AtOnce(
    _saved,
    _KEY | {f"new_{name}": enrolment.c[name].type for name in _WRITTEN} | {"seen_wish": enrolment.c.wish.type},
)
_PARK = AtOnce(
    lambda row: (
        update(enrolment)
        .where(same_id(enrolment, row), enrolment.c.state == "active")
        .values(due_at=None, target=row["new_target"], due_reason=row["new_due_reason"])
    ),
    _KEY | {"new_target": enrolment.c.target.type, "new_due_reason": enrolment.c.due_reason.type},
)


def save(conn: Connection, rows: Sequence[tuple[Enrolment, datetime | None, str]]) -> None:
    """Write where these enrolments stand now, and when to look at each again. One that ended meanwhile stays ended."""
    _SAVE(
        conn,
        (
            {
                **dict(zip(_NEW_MOVES, _THE_MOVES(one), strict=True)),
                "new_held_for": one.held_for.total_seconds(),
                "new_due_at": due_at,
                "new_due_reason": reason,
                "seen_wish": wish_text(one.wish),
                "key": one.id,
            }
            for one, due_at, reason in rows
        ),
    )


def park(conn: Connection, rows: Iterable[tuple[int, str | None, str]]) -> None:
    """Take enrolments whose mail is claimed out of the queue: (enrolment, its target, why it was due then)."""
    _PARK(conn, ({"key": id_, "new_target": target, "new_due_reason": why} for id_, target, why in rows))


def of_learner(conn: Connection, learner_id: int, course_id: str | None = None) -> list[Standing]:
    """A learner's enrolments, oldest first."""
    query = standings().where(enrolment.c.learner_id == learner_id).order_by(enrolment.c.id)
    if course_id is not None:
        query = query.where(enrolment.c.course_id == course_id)
    return [to_standing(row) for row in conn.execute(query)]


def by_id(conn: Connection, enrolment_id: int) -> Standing | None:
    """One enrolment with its learner."""
    row = conn.execute(standings().where(enrolment.c.id == enrolment_id)).one_or_none()
    return None if row is None else to_standing(row)


def by_ids(conn: Connection, enrolment_ids: Sequence[int]) -> dict[int, Standing]:
    """id → enrolment with its learner."""
    found: dict[int, Standing] = {}
    for start in range(0, len(enrolment_ids), CHUNK):
        query = standings().where(enrolment.c.id.in_(enrolment_ids[start : start + CHUNK]))
        found.update({row.id: to_standing(row) for row in conn.execute(query)})
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
    """Look at this enrolment at `at`, if that is sooner than planned: something that it may wait for has happened.

    One that is held is looked at again, and one that `silent` paused goes on: there is a sign of life.
    """
    this = enrolment.c.id == enrolment_id
    quiet = (enrolment.c.state == "paused", enrolment.c.paused_by == SILENT)
    conn.execute(update(enrolment).where(this, *quiet).values(state="active", due_at=at))
    sooner = or_(enrolment.c.due_at > at, enrolment.c.held_since.is_not(None) & enrolment.c.due_at.is_(None))
    conn.execute(update(enrolment).where(this, enrolment.c.state == "active", sooner).values(due_at=at))


def know_anew(conn: Connection, learner_ids: Sequence[int]) -> None:
    """What comes after a mail that is on its way to these learners is worked out anew, once it has gone: it was worked
    out, or will be, by what was known of them before.
    """
    for start in range(0, len(learner_ids), CHUNK):
        parked = (enrolment.c.learner_id.in_(learner_ids[start : start + CHUNK]), enrolment.c.due_at.is_(None))
        under_way = delivery.c.state.in_(("claimed", "handed", "in_doubt"))
        goes = select(delivery.c.id).where(delivery.c.enrolment_id == enrolment.c.id, under_way).exists()
        conn.execute(
            update(enrolment).where(*parked, enrolment.c.state == "active", goes).values(due_reason=KNOWN_ANEW)
        )


def reconsider(conn: Connection, learner_ids: Sequence[int], *, now: datetime) -> None:
    """Look at what these learners wait for at once: something that is known of them has changed, such as their zone.

    Every instant is derived again, those of mails to be tried again too, though no server is pressed sooner. What
    waited for a person because something could not be worked out, or filled in, is tried with what is known now.
    """
    know_anew(conn, learner_ids)  # before the rest: who marks a mail meanwhile leaves a time that is found below
    waits = or_(enrolment.c.due_at > now, enrolment.c.held_since.is_not(None) & enrolment.c.due_at.is_(None))
    for start in range(0, len(learner_ids), CHUNK):
        chosen = learner_ids[start : start + CHUNK]
        mine = enrolment.c.learner_id.in_(chosen)
        _look_again(conn, mine, now=now)
        conn.execute(
            update(delivery)
            .where(delivery.c.learner_id.in_(chosen), delivery.c.state == "held", delivery.c.attempts == 0)
            .values(state="retry", due_at=now)
        )
        conn.execute(update(enrolment).where(mine, enrolment.c.state == "active", waits).values(due_at=now))
        conn.execute(update(enrolment).where(mine, enrolment.c.review_due_at > now).values(review_due_at=now))
        again = case((delivery.c.not_before > now, delivery.c.not_before), else_=now)
        conn.execute(
            update(delivery)
            .where(delivery.c.learner_id.in_(chosen), delivery.c.state == "retry", delivery.c.due_at > now)
            .values(due_at=again)
        )


_REVIEWS_DUE = (
    standings()
    .where(
        enrolment.c.review_due_at <= bindparam("now"),
        enrolment.c.state.in_(("active", "finished")),
        course.c.paused_at.is_(None),
    )
    .order_by(enrolment.c.review_due_at, enrolment.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True, of=(enrolment, learner))
)


def reviews_due(conn: Connection, *, now: datetime, limit: int) -> list[Standing]:
    """Enrolments, active or finished, with questions that may come back now; those of paused courses are left alone."""
    return [to_standing(row) for row in conn.execute(_REVIEWS_DUE, {"now": now, "most": limit})]


_PLAN_REVIEWS = Many(
    update(enrolment).where(enrolment.c.id == bindparam("the_id")).values(review_due_at=bindparam("at"))
)


def plan_reviews(conn: Connection, times: Mapping[int, datetime | None]) -> None:
    """Write when to look at each enrolment's reviews again (None: not before something else has happened)."""
    _PLAN_REVIEWS(conn, ({"the_id": id_, "at": at} for id_, at in times.items()))


def hold(conn: Connection, enrolment_id: int, problem: str) -> None:
    """Take an enrolment out of the queue until a person has looked: `problem` says at what."""
    conn.execute(update(enrolment).where(enrolment.c.id == enrolment_id).values(due_at=None, problem=problem))


def release(conn: Connection, enrolment_id: int, *, now: datetime) -> None:
    """Look again at an enrolment that waited for a person."""
    _look_again(conn, enrolment.c.id == enrolment_id, now=now)


def _look_again(conn: Connection, chosen: ColumnElement[bool], *, now: datetime) -> None:
    """Put what waited for a person back into the queue: the enrolment itself, or its reviews if it has finished."""
    stuck_ = (chosen, enrolment.c.problem.is_not(None))
    conn.execute(
        update(enrolment).where(*stuck_, enrolment.c.state == "finished").values(review_due_at=now, problem=None)
    )
    conn.execute(update(enrolment).where(*stuck_, enrolment.c.state == "active").values(due_at=now, problem=None))


def stuck(conn: Connection) -> list[Standing]:
    """Enrolments that wait for a person, with the reason; a finished one may, for its reviews."""
    query = standings().where(enrolment.c.problem.is_not(None), enrolment.c.state.in_(("active", "finished")))
    return [to_standing(row) for row in conn.execute(query.order_by(enrolment.c.id))]


def end(
    conn: Connection, enrolment_ids: Sequence[int], *, state: State, ended_by: str, also_finished: bool = False
) -> None:
    """End these enrolments, if they have not ended yet (or have finished, where that is meant). Nothing comes back."""
    states = ("active", "paused", "finished") if also_finished else ("active", "paused")
    for start in range(0, len(enrolment_ids), CHUNK):
        chosen = enrolment.c.id.in_(enrolment_ids[start : start + CHUNK])
        conn.execute(update(enrolment).where(chosen).values(review_due_at=None))
        conn.execute(
            update(enrolment)
            .where(chosen, enrolment.c.state.in_(states))
            .values(state=str(state), ended_by=ended_by, due_at=None, target=None, problem=None)
        )


def lengthen_holds(conn: Connection, course_id: str, *, paused_at: datetime, now: datetime) -> None:
    """A whole course's pause is over: its time does not count against what fell due meanwhile.

    One that was held or paused by itself counts all of that time when it is looked at.
    """
    query = select(enrolment.c.id, enrolment.c.due_at, enrolment.c.held_for).where(
        enrolment.c.course_id == course_id,
        enrolment.c.state == "active",
        enrolment.c.due_at <= now,
        enrolment.c.held_since.is_(None),
    )
    query = query.order_by(enrolment.c.id).with_for_update(key_share=True)
    lengthened = [
        {"the_id": row.id, "held": row.held_for + (now - max(paused_at, row.due_at)).total_seconds()}
        for row in conn.execute(query)
    ]
    if lengthened:
        change = update(enrolment).where(enrolment.c.id == bindparam("the_id")).values(held_for=bindparam("held"))
        conn.execute(change, lengthened)


_EARLIEST = select(
    func.min(
        select(func.min(enrolment.c.due_at))
        .where(enrolment.c.course_id == course.c.id, enrolment.c.due_at.is_not(None))
        .correlate(course)
        .scalar_subquery()
    )
).where(course.c.paused_at.is_(None))
_EARLIEST_REVIEW = (
    select(enrolment.c.review_due_at)
    .join(course, course.c.id == enrolment.c.course_id)
    .where(
        course.c.paused_at.is_(None),
        enrolment.c.review_due_at.is_not(None),
        enrolment.c.state.in_(("active", "finished")),
    )
    .order_by(enrolment.c.review_due_at)
    .limit(1)
)

#: When the next pause ends by itself.
_EARLIEST_END = select(func.min(enrolment.c.paused_until)).where(
    enrolment.c.paused_until.is_not(None), enrolment.c.state == "paused"
)


def next_due_at(conn: Connection) -> datetime | None:
    """When the next enrolment, or its reviews, fall due, over all courses that are not paused; or a pause ends."""
    times = [conn.execute(query).scalar_one_or_none() for query in (_EARLIEST, _EARLIEST_REVIEW, _EARLIEST_END)]
    return min((at for at in times if at is not None), default=None)


def to_standing(row: Row[Any]) -> Standing:
    """A row of `standings`."""
    due_at, due_reason, problem, current, review_due_at = _OF_QUEUE(row)
    return Standing(
        enrolment=to_enrolment(row),
        learner=Learner(**dict(zip(_PERSON_FIELDS, _OF_LEARNER(row), strict=True))),
        due_at=due_at,
        due_reason=due_reason,
        problem=problem,
        current=current,
        review_due_at=review_due_at,
    )
