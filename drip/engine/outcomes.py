"""What happened elsewhere: it is evidence, may end or begin a course, and wakes whoever waits for it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from drip.engine.enrol import enrol_one
from drip.engine.learners import find
from drip.store import Store, courses, enrolments, evidence, learners
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
