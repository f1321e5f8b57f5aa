"""What happened elsewhere: it is evidence, may end or begin a course, and wakes whoever waits for it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from drip.engine.directory import whom
from drip.engine.enrol import enrol_one
from drip.engine.learners import find
from drip.errors import NotFound, UserError
from drip.people import Learner
from drip.store import Store, courses, enrolments, evidence, learners
from drip.store.joined import Joined
from drip.store.troubles import tried_again
from drip.track.evidence import Evidence, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What an outcome event did. `new` is false for a replay; `enrolled` names the courses that it began."""

    email: str
    name: str
    new: bool
    enrolled: tuple[str, ...]


@tried_again
def happened(
    store: Store,
    email: str,
    name: str,
    *,
    at: datetime,
    data: Mapping[str, object] | None = None,
    source_id: str | None = None,
    suppression_key: bytes,
) -> Happened:
    """Write down that `name` happened to a learner at `at`. The same `source_id` twice is once.

    Enrols them, from `at` on and in the same transaction, in every course that starts by this event. Raises NotFound
    for a stranger.
    """
    with store.write() as conn:
        learner = find(conn, email)
        learners.lock(conn, [learner.id])
        event = Evidence(
            kind=Kind.EVENT,
            at=at,
            source="event",
            source_id=source_id or secrets.token_urlsafe(16),
            learner_id=learner.id,
            item=name,
            data=data or {},
        )
        new = evidence.add(conn, event)
        if new:
            for standing in enrolments.of_learner(conn, learner.id):
                enrolments.wake(conn, standing.enrolment.id, at)
        begun = [
            course_id
            for course_id in (courses.started_by_event(conn, name) if new else [])
            if enrol_one(conn, course_id, learner, at=at, suppression_key=suppression_key)
        ]
    return Happened(email=learner.email, name=name, new=new, enrolled=tuple(begun))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event that another system tells of: to whom (address or ref), what, when, and by which id it is known."""

    who: str
    name: str
    at: datetime
    data: Mapping[str, object] = field(default_factory=dict)
    source_id: str | None = None


@tried_again
def happened_all(store: Store, events: Sequence[Told], *, suppression_key: bytes) -> list[Happened | UserError]:
    """Write down several, in the given order and in one transaction; for each, what it did or why it is refused."""
    found: list[Happened | UserError] = []
    with store.write() as conn:
        known = {who: _known(conn, who) for who in dict.fromkeys(event.who for event in events)}
        learners.lock(conn, [one.id for one in known.values() if not isinstance(one, NotFound)])
        within = Joined(store, conn)
        for event in events:
            one = known[event.who]
            if isinstance(one, NotFound):
                found.append(one)
                continue
            try:
                done = happened(
                    within,
                    one.email,
                    event.name,
                    at=event.at,
                    data=event.data,
                    source_id=event.source_id,
                    suppression_key=suppression_key,
                )
                found.append(done)
            except UserError as error:
                found.append(error)
    return found


def _known(conn: Connection, who: str) -> Learner | NotFound:
    try:
        return whom(conn, who)
    except NotFound as error:
        return error
