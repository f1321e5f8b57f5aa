"""Learners, enrolments and courses as a program asks for them: one by its id, pages of many, in the order of coming.

Whoever asks may have the right to see one person only: no word here names another (`learners.find` does, for people).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from drip.engine.learners import normal_email
from drip.errors import NotFound, Refused
from drip.people import Learner
from drip.store import Store, courses, directory, enrolments, learners
from drip.store.courses import Published
from drip.store.enrolments import Standing

#: Longer texts are neither an address nor a ref.
LONGEST_ID = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A published course, and by which event or which date of the learner's people come in."""

    course: Published
    event: str | None
    date: str | None


def whom(conn: Connection, who: str) -> Learner:
    """The learner of that address, or of that ref. Raises NotFound."""
    found = None
    if len(who) <= LONGEST_ID and "@" in who:
        try:
            address = learners.address_of(normal_email(who))
        except Refused:
            raise NotFound("that is no email address") from None
        found = learners.by_addresses(conn, [address]).get(address)
    elif 0 < len(who) <= LONGEST_ID:
        found = directory.by_ref(conn, who)
    if found is None:
        raise NotFound("no learner has that address or ref")
    return found


def one(store: Store, who: str) -> tuple[Learner, Sequence[Standing]]:
    """A learner, and all of their enrolments, oldest first. Raises NotFound."""
    with store.read() as conn:
        learner = whom(conn, who)
        return learner, enrolments.of_learner(conn, learner.id)


def page(store: Store, *, after: int, limit: int) -> list[Learner]:
    """Learners in the order in which they came, from after the one numbered `after` on."""
    with store.read() as conn:
        return learners.everyone(conn, after_id=after, limit=limit)


def enrolment(store: Store, number: int) -> Standing:
    """One enrolment. Raises NotFound."""
    with store.read() as conn:
        return standing(conn, number)


def standing(conn: Connection, number: int) -> Standing:
    """One enrolment. Raises NotFound."""
    found = enrolments.by_id(conn, number)
    if found is None:
        raise NotFound("there is no such enrolment")
    return found


def enrolments_page(
    store: Store, *, after: int, limit: int, who: str | None = None, course_id: str | None = None
) -> list[Standing]:
    """Enrolments in the order in which they began: all, a learner's, a course's. Raises NotFound."""
    with store.read() as conn:
        learner_id = None if who is None else whom(conn, who).id
        if course_id is not None:
            course(conn, course_id)
        return directory.enrolments_after(conn, after, limit=limit, learner_id=learner_id, course_id=course_id)


def offered(store: Store) -> list[Offered]:
    """Every published course, by its id."""
    with store.read() as conn:
        starts: Mapping[str, tuple[str | None, str | None]] = directory.starts(conn)
        return [Offered(course=one, event=starts[one.id][0], date=starts[one.id][1]) for one in courses.listed(conn)]


def course(conn: Connection, course_id: str) -> Published:
    """A published course. Raises NotFound."""
    found = courses.get(conn, course_id)
    if found is None:
        raise NotFound("no course of that id is published")
    return found


def published(store: Store, course_id: str) -> Published:
    """A published course. Raises NotFound."""
    with store.read() as conn:
        return course(conn, course_id)
