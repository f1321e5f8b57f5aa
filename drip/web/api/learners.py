"""Learners over the API: put one, put many, look at one, walk over all, erase one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from drip.engine import directory
from drip.engine.erase import erase
from drip.engine.export import export_learner as export
from drip.engine.learners import import_rows
from drip.engine.learners import plain as plain_learner
from drip.errors import NotFound, UserError
from drip.people import Learner as Person
from drip.store import Store
from drip.web.api import examples
from drip.web.api.calls import Called, Done
from drip.web.api.enrolments import After, Limit, number
from drip.web.api.enrolments import told as enrolment_told
from drip.web.api.models import (
    PAGE,
    Erasure,
    Export,
    Learner,
    LearnerIn,
    LearnerKept,
    LearnerRow,
    LearnersIn,
    LearnersKept,
    LearnersPage,
    LearnerWhole,
    RowRefused,
)
from drip.web.api.problems import Problem, Wrong
from drip.web.api.routes import route, router
from drip.web.api.rows import numbered, pairs

learners = router("Learners")


@route(
    learners,
    "PUT",
    "/learners/{who}",
    scope="learners:write",
    answers=LearnerKept,
    example=examples.PUT_LEARNER,
    also=200,
)
def put_learner(call: Called, who: Annotated[str, Path(max_length=400)], said: LearnerIn) -> Response:
    """Add a learner, or update what is known of one.

    By address; by ref, one who is there is updated. The rules are those of a CSV import: what is left out stays as it
    was, and enrolling is another request. 201 says that they are new.
    """

    def work(store: Store) -> Done:
        email = who if "@" in who else directory.one(store, who)[0].email
        done = import_rows(store, [(1, pairs(said, email))], now=call.now, declared=call.desk.declared)
        if done.refused:
            wrong = [Wrong(field=one.column or "", message=one.message) for one in done.refused]
            raise Problem(422, wrong[0].message, errors=wrong)
        learner, _ = directory.one(store, email)
        outcome = "added" if done.added else "updated" if done.updated else "unchanged"
        kept = LearnerKept(email=learner.email, ref=learner.ref, outcome=outcome, notes=_spoken(done.notes))
        return Done(value=kept, status=201 if done.added else 200)

    return call.do(work)


@route(
    learners,
    "POST",
    "/learners/batch",
    scope="learners:write",
    answers=LearnersKept,
    example=examples.POST_LEARNERS,
)
def put_learners(call: Called, said: LearnersIn) -> Response:
    """Add or update up to 1,000 learners.

    Good rows are taken, and bad ones are listed with what is wrong; the answer is 200 for both.
    """

    def work(store: Store) -> Done:
        good, bad = numbered(said.learners, LearnerRow)
        rows = [(number, pairs(row, row.email)) for number, row in good]
        done = import_rows(store, rows, now=call.now, declared=call.desk.declared)
        bad += [RowRefused(row=one.line, field=one.column, message=one.message) for one in done.refused]
        kept = LearnersKept(
            added=done.added,
            updated=done.updated,
            unchanged=done.unchanged,
            refused=sorted(bad, key=lambda one: one.row),
            notes=_spoken(done.notes),
        )
        return Done(value=kept)

    return call.do(work)


@route(learners, "GET", "/learners", scope="learners:read", answers=LearnersPage, example=examples.GET_LEARNERS)
def list_learners(call: Called, after: After = None, limit: Limit = PAGE) -> Response:
    """Walk over all learners, in the order in which they came."""
    found = directory.page(call.desk.store, after=number(after), limit=limit + 1)
    more = str(found[limit - 1].id) if len(found) > limit else None
    return call.show(LearnersPage(learners=[told(one) for one in found[:limit]], next=more))


@route(learners, "GET", "/learners/{who}", scope="learners:read", answers=LearnerWhole, example=examples.GET_LEARNER)
def get_learner(call: Called, who: Annotated[str, Path(max_length=400)]) -> Response:
    """Look at one learner, by address or ref, and at their enrolments."""
    learner, standings = directory.one(call.desk.store, who)
    enrolments = [enrolment_told(one) for one in standings]
    return call.show(LearnerWhole(**told(learner).model_dump(), enrolments=enrolments))


@route(
    learners,
    "GET",
    "/learners/{who}/export",
    scope="learners:read",
    answers=Export,
    example=examples.EXPORT_LEARNER,
)
def export_learner(call: Called, who: Annotated[str, Path(max_length=400)]) -> Response:
    """Export everything that names or points at a learner, over all tables.

    It is what `drip learners export` writes: for a person who asks what is kept of them.
    """
    store = call.desk.store
    email = who if "@" in who else directory.one(store, who)[0].email
    try:
        return call.show(export(store, email, suppression_key=call.desk.suppression_key))
    except UserError:  # its own words name people whose addresses are like this one
        raise NotFound("no learner has that address or ref") from None


@route(
    learners,
    "DELETE",
    "/learners/{who}",
    scope="learners:erase",
    answers=Erasure,
    example=examples.DELETE_LEARNER,
)
def erase_learner(call: Called, who: Annotated[str, Path(max_length=400)]) -> Response:
    """Erase a learner, for ever.

    Everything that names or points at them goes, over all tables; what is counted stays, of nobody. Who is on the
    suppression list (who has left everything, say) stays there, as a keyed hash of the address.
    """

    def work(store: Store) -> Done:
        email = who if "@" in who else directory.one(store, who)[0].email
        try:
            gone = erase(store, email, suppression_key=call.desk.suppression_key, now=call.now)
        except UserError:  # its own words name people whose addresses are like this one
            raise NotFound("no learner has that address or ref") from None
        told = {name: getattr(gone, name) for name in Erasure.model_fields}
        return Done(value=Erasure.model_validate(told))

    return call.do(work)


def told(learner: Person) -> Learner:
    """A learner as the API says them."""
    return Learner.model_validate(plain_learner(learner))


def _spoken(notes: tuple[str, ...]) -> list[str]:
    """Notes of an import in the words of the API: a sheet has columns and lines."""
    found = list(notes)
    for old, new in (("the column ", "the attribute "), (" stands on lines ", " stands in rows ")):
        found = [note.replace(old, new) for note in found]
    return found
