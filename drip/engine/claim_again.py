"""A claim meets a mail that is to be tried again."""

from __future__ import annotations

from dataclasses import replace

from drip.engine.claim_work import Claim, filled_days, paced_until, stands_today
from drip.engine.effects import carry_out
from drip.engine.follow import CHANGED
from drip.engine.parcel import LOOK_AGAIN, SUPPRESSED, Parcel
from drip.engine.sending import PERSONAL
from drip.engine.shifts import place_has_come, still_waits, was_held_up
from drip.people import State
from drip.plan.model import Mail
from drip.schedule.advance import Did, Note, scope
from drip.schedule.civil import first_allowed, still_open
from drip.schedule.gates import LAST_STEP, shut
from drip.schedule.reviews import REVIEW, rule_of
from drip.schedule.slots import closed_days, either, on_this_day, slot_of, zone_of
from drip.store import edits, enrolments, ledger
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery
from drip.store.pace import WAITS


def try_again(claim: Claim, row: Delivery, standing: Standing) -> None:
    """A row to be tried again: cancelled where the learner is gone, shifted where it may not go now, or claimed."""
    enrolment, conn, now = standing.enrolment, claim.conn, claim.now
    if standing.learner.id in claim.barred:
        ledger.cancel(conn, [enrolment.id], answer=SUPPRESSED)
        enrolments.end(conn, [enrolment.id], state=State.LEFT, ended_by=SUPPRESSED)
        return
    if enrolment.state is State.PAUSED:
        ledger.shift(conn, row.id, due_at=now + LOOK_AGAIN, answer="the enrolment is paused")
        return
    reviews_go_on = row.step == REVIEW and enrolment.ended_by == LAST_STEP
    if enrolment.state is not State.ACTIVE and not reviews_go_on:
        ledger.cancel(conn, [enrolment.id], answer=enrolment.ended_by or str(enrolment.state))
        return
    if row.attempts == 0 and row.step != REVIEW and enrolment.revision != standing.current:
        edits.forget_claims(conn, [enrolment.id])  # never handed: it is claimed anew, as the course is now
        claim.moved.append((enrolment, now, CHANGED))
        return
    try:
        _, facts, today = stands_today(claim, standing)
        gate = shut(today, enrolment, scope(today, standing.learner, enrolment, facts, now), now)
        if gate is not None and gate.ends:
            ledger.cancel(conn, [enrolment.id], answer=gate.reason)
            claim.moved.append((gate.enrolment, None, gate.reason))
            over = Note(at=now, kind=Did.FINISH, step="", reason=gate.reason)
            claim.traced.append((enrolment.id, over))
            carry_out(conn, today, enrolment, standing.learner, [over], now=now)
            return
        if gate is not None:
            ledger.shift(conn, row.id, due_at=now + LOOK_AGAIN, answer=gate.reason)
            return
        plan, facts = claim.sending.library.plan(conn, row.revision), claim.facts[enrolment.id]
        mail = plan.step(row.step)
        zone = zone_of(standing.learner, plan)
        if row.step == REVIEW:
            rule = rule_of(plan, row.riders[0], enrolment.wish)
            if not still_open(rule, zone, row.claimed_at, now):
                later = first_allowed(rule, zone, now)
                if later.at > now:
                    ledger.shift(conn, row.id, due_at=later.at, answer=later.reason)
                    return
        if isinstance(mail, Mail):
            closed = either(closed_days(plan.limit, facts, zone), filled_days(claim, standing, zone))
            due, why = slot_of(mail, enrolment, zone, now, closed), ""
            if place_has_come(row.answer, due.reason) or was_held_up(claim.sending.pace, due.reason, ()):
                due = slot_of(mail, on_this_day(enrolment, zone, now), zone, now, closed)
                why = still_waits(row.answer, due.reason) if row.answer.startswith(WAITS) else ""
            if due.at > now:
                ledger.shift(conn, row.id, due_at=due.at, answer=why or due.reason)
                claim.moved.append((replace(enrolment, target=due.target), None, due.reason))
                return
    except PERSONAL as error:
        ledger.give_up(conn, row.id, answer=str(error))
        return
    if (paced := paced_until(claim, standing, row.due_at, row.answer)) is not None:
        ledger.shift(conn, row.id, due_at=paced.at, answer=paced.reason)
        return
    if claim.cap is not None and isinstance(mail, Mail):
        claim.cap.took(standing.learner.id)
    claim.again.append(
        Parcel(
            delivery_id=row.id,
            step=row.step,
            enrolment=enrolment,
            learner=standing.learner,
            plan=plan,
            mail=mail if isinstance(mail, Mail) else None,
            variant=row.variant,
            language=row.language,
            facts=facts,
            attempts=row.attempts,
            date=row.claimed_at.replace(microsecond=0),
            riders=row.riders,
        )
    )
