"""Enrolments follow their course: after a publish, everybody on the way is moved to where they stand in the new plan.

Where a mail has left, or may have, its enrolment stays with that mail's plan until its fate is known; whoever touches
it next (a claim) moves it then. So nothing depends on this pass but how soon a shortened delay is seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection

from drip.engine.library import Library
from drip.engine.sending import PERSONAL, facts_of
from drip.people import Enrolment, Facts, State
from drip.plan.model import Plan
from drip.plan.renames import Renames, called_now
from drip.schedule.advance import look_ahead
from drip.schedule.migrate import Place, follow, place_of
from drip.store import Store, courses, edits
from drip.store.enrolments import Standing
from drip.store.troubles import tried_again

#: So many enrolments are worked out in one transaction.
BATCH = 500
#: So many for whom nothing changes are carried over in one.
CARRIED = 5_000
#: Why an enrolment is looked at, where no time was due.
CHANGED = "the course has changed"


def catch_up(store: Store, *, now: datetime, library: Library | None = None) -> int:
    """Move everybody who stands in an earlier revision of a course. Calling it twice moves nobody twice.

    Those for whom nothing changes are carried over as they are, the others are worked out one by one, in short
    transactions. Returns how many were worked out anew.
    """
    library = library or Library()
    with store.read() as conn:
        waiting = courses.catching_up(conn)
    return sum(_catch_up(store, course_id, now=now, library=library) for course_id in waiting)


#: (revision, step, revision now) → where that leads.
Places = dict[tuple[str, str | None, str], Place]


def followed(
    conn: Connection,
    library: Library,
    standing: Standing,
    facts: Facts,
    names: Renames,
    *,
    now: datetime,
    places: Places | None = None,
) -> tuple[Enrolment, Facts, Plan]:
    """The enrolment, and its facts under today's names, in the plan that is published now.

    `places` remembers what was worked out for others who stood there.
    """
    new = library.plan(conn, standing.current)
    if standing.enrolment.revision == standing.current:
        return standing.enrolment, facts, new
    old = library.plan(conn, standing.enrolment.revision)
    facts = called_now(facts, names)
    if standing.enrolment.state not in (State.ACTIVE, State.PAUSED):
        return standing.enrolment, facts, new
    stood = (old.revision, standing.enrolment.next_step, new.revision)
    place = places.get(stood) if places is not None else None
    if place is None:
        place = place_of(old, new, stood[1], names)
    if places is not None:
        places[stood] = place
    return follow(old, new, standing.enrolment, standing.learner, facts, place, now), facts, new


def _catch_up(store: Store, course_id: str, *, now: datetime, library: Library) -> int:
    _carry_over(store, course_id, library)
    looked_at: set[int] = set()
    places: Places = {}
    batch = [0]
    while batch := _move_some(store, course_id, library, places, after_id=batch[-1], now=now):
        looked_at.update(batch)
    _mark_caught_up(store, course_id, looked_at)
    return len(looked_at)


@tried_again
def _move_some(
    store: Store, course_id: str, library: Library, places: Places, *, after_id: int, now: datetime
) -> list[int]:
    """Move the next of those who are behind. Returns whom it looked at, in order."""
    with store.write() as conn:
        revision = courses.current_revisions(conn, [course_id])[course_id]
        batch = edits.stale(conn, course_id, revision, after_id=after_id, limit=BATCH)
        ids = [standing.enrolment.id for standing in batch]
        names = courses.names_of(conn, {revision})[revision]
        edits.forget_claims(conn, ids)
        facts, _ = facts_of(conn, [standing.enrolment for standing in batch])
        edits.move(conn, [_moved(conn, library, one, facts[one.enrolment.id], names, places, now=now) for one in batch])
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
        plans = {old: library.plan(conn, old) for old in places}
    for old, before in plans.items():
        if (before.timezone, before.limit) != (new.timezone, new.limit):
            continue
        found = {step: place_of(before, new, step, names) for step in places[old]}
        same = {step: place.step for step, place in found.items() if place.step is not None and not place.retimed}
        last: int | None = 0
        while same and last is not None:
            last = _carry_some(store, course_id, (old, revision), same, after_id=last)


@tried_again
def _carry_some(
    store: Store, course_id: str, revisions: tuple[str, str], places: Mapping[str, str], *, after_id: int
) -> int | None:
    with store.write() as conn:
        return edits.carry_over(conn, course_id, revisions, places, after_id=after_id, limit=CARRIED)


def _moved(
    conn: Connection,
    library: Library,
    standing: Standing,
    facts: Facts,
    names: Renames,
    places: Places,
    *,
    now: datetime,
) -> tuple[Enrolment, datetime | None, str]:
    """(where one enrolment stands now, when to look at it, why then).

    What cannot be worked out is left to the next claim, which holds it.
    """
    try:
        stands, facts, plan = followed(conn, library, standing, facts, names, now=now, places=places)
        if stands.held_out or stands.state is State.PAUSED:
            return stands, None, standing.due_reason
        if stands.held_since is not None or standing.problem is not None or stands.next_step is None:
            return stands, now, CHANGED
        then = look_ahead(plan, stands, standing.learner, facts, now)
        return then.enrolment, then.due_at, then.reason
    except PERSONAL:
        return standing.enrolment, now, CHANGED
