"""Enrolments follow their course: after a publish, everybody on the way is moved to where they stand in the new plan.

Where a mail has left, or may have, its enrolment stays with that mail's plan until its fate is known; whoever touches
it next (a claim) moves it then. So nothing depends on this pass but how soon a shortened delay is seen.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from drip.engine.library import Library
from drip.engine.sending import PERSONAL, facts_of
from drip.people import Enrolment, Facts, State
from drip.plan.model import Plan
from drip.plan.renames import Renames, called_now
from drip.schedule.advance import look_ahead
from drip.schedule.migrate import follow, place_of
from drip.store import Store, courses, edits
from drip.store.enrolments import Standing
from drip.store.troubles import tried_again

#: So many enrolments are worked out in one transaction.
BATCH = 500
#: Why an enrolment is looked at, where no time was due.
CHANGED = "the course has changed"


def catch_up(store: Store, *, now: datetime, library: Library | None = None) -> int:
    """Move everybody who stands in an earlier revision of a course. Calling it twice moves nobody twice.

    Those for whom nothing changes are moved a step at a time, the others one by one, in short transactions. Returns
    how many were worked out anew.
    """
    library = library or Library()
    with store.read() as conn:
        waiting = courses.catching_up(conn)
    return sum(_catch_up(store, course_id, now=now, library=library) for course_id in waiting)


def followed(
    conn: Connection, library: Library, standing: Standing, facts: Facts, names: Renames, *, now: datetime
) -> tuple[Enrolment, Facts, Plan]:
    """The enrolment, and its facts under today's names, in the plan that is published now."""
    new = library.plan(conn, standing.current)
    if standing.enrolment.revision == standing.current:
        return standing.enrolment, facts, new
    old = library.plan(conn, standing.enrolment.revision)
    facts = called_now(facts, names)
    if standing.enrolment.state not in (State.ACTIVE, State.PAUSED):
        return standing.enrolment, facts, new
    return follow(old, new, standing.enrolment, standing.learner, facts, names, now), facts, new


def _catch_up(store: Store, course_id: str, *, now: datetime, library: Library) -> int:
    _carry_over(store, course_id, library)
    looked_at: set[int] = set()
    while batch := _move_some(store, course_id, library, after_id=max(looked_at, default=0), now=now):
        looked_at.update(batch)
    _mark_caught_up(store, course_id, looked_at)
    return len(looked_at)


@tried_again
def _move_some(store: Store, course_id: str, library: Library, *, after_id: int, now: datetime) -> list[int]:
    """Move the next of those who are behind. Returns whom it looked at, in order."""
    with store.write() as conn:
        revision = courses.current_revisions(conn, [course_id])[course_id]
        batch = edits.stale(conn, course_id, revision, after_id=after_id, limit=BATCH)
        ids = [standing.enrolment.id for standing in batch]
        names = courses.names_of(conn, {revision})[revision]
        edits.forget_claims(conn, ids)
        facts, _ = facts_of(conn, [standing.enrolment for standing in batch])
        for standing in batch:
            _move(conn, library, standing, facts[standing.enrolment.id], names, now=now)
    return ids


@tried_again
def _mark_caught_up(store: Store, course_id: str, looked_at: Collection[int]) -> None:
    """Say that nobody is left to be moved, unless somebody else was just writing to one: they are met next time.

    Of those whom we looked at, some stay behind (nothing can be worked out for them): a claim holds them.
    """
    with store.write() as conn:
        revision = courses.current_revisions(conn, [course_id])[course_id]
        if not set(edits.behind(conn, course_id, revision)).difference(looked_at):
            courses.caught_up(conn, course_id, revision)


def _carry_over(store: Store, course_id: str, library: Library) -> None:
    """Those who wait for a step that is as it was: they need no working out."""
    with store.read() as conn:
        revision = courses.current_revisions(conn, [course_id])[course_id]
        names = courses.names_of(conn, {revision})[revision]
        places = edits.stale_places(conn, course_id, revision)
        new = library.plan(conn, revision)
        plans = {old: library.plan(conn, old) for old, _ in places}
    for old, step in places:
        before = plans[old]
        place = place_of(before, new, step, names)
        if place.retimed or (before.timezone, before.limit) != (new.timezone, new.limit):
            continue
        with store.write() as conn:
            edits.carry_over(conn, course_id, (old, step), (revision, place.step))


def _move(
    conn: Connection, library: Library, standing: Standing, facts: Facts, names: Renames, *, now: datetime
) -> None:
    """Write where one enrolment stands now. What cannot be worked out is left to the next claim, which holds it."""
    try:
        stands, facts, plan = followed(conn, library, standing, facts, names, now=now)
        if stands.held_out or stands.state is State.PAUSED:
            due_at, reason = None, standing.due_reason
        elif stands.held_since is not None or standing.problem is not None or stands.next_step is None:
            due_at, reason = now, CHANGED
        else:
            then = look_ahead(plan, stands, standing.learner, facts, now)
            stands, due_at, reason = then.enrolment, then.due_at, then.reason
    except PERSONAL:
        stands, due_at, reason = standing.enrolment, now, CHANGED
    edits.move(conn, stands, due_at=due_at, reason=reason)
