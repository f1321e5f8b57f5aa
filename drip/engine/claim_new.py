"""A claim meets an enrolment whose time has come, or questions that come back."""

from __future__ import annotations

from dataclasses import replace

from drip.engine.claim_work import Claim, filled_days, paced_until, stands_today
from drip.engine.effects import carry_out
from drip.engine.parcel import LOOK_AGAIN, SUPPRESSED, Parcel
from drip.engine.sending import PERSONAL
from drip.engine.shifts import in_order, lets_others_go, place_has_come, still_waits, was_held_up
from drip.people import Facts, Learner, State
from drip.plan.choice import choose
from drip.plan.model import Plan
from drip.schedule.advance import Next, next_due, scope
from drip.schedule.gates import shut
from drip.schedule.reviews import REVIEW, due_questions, next_review_at, recap_now
from drip.schedule.slots import on_this_day, zone_of
from drip.store import enrolments
from drip.store.enrolments import Standing
from drip.store.ledger import UNDER_WAY, Phase
from drip.store.pace import WAITS


def advance(claim: Claim, standing: Standing) -> None:
    """An enrolment whose time has come: it is moved as far as it goes without a mail, or its mail is claimed."""
    enrolment, learner, now = standing.enrolment, standing.learner, claim.now
    if learner.id in claim.barred:
        enrolments.end(claim.conn, [enrolment.id], state=State.LEFT, ended_by=SUPPRESSED)
        return
    try:
        enrolment, facts, plan = stands_today(claim, standing)
        again = claim.repeats.get(plan.course_id, frozenset())
        zone = zone_of(learner, plan)
        full = filled_days(claim, standing, zone)
        then = next_due(plan, enrolment, learner, facts, now, again=again, also_closed=full)
        if place_has_come(standing.due_reason, then.reason) or was_held_up(claim.sending.pace, then.reason, then.notes):
            meant = on_this_day(enrolment, zone, now)
            then = next_due(plan, meant, learner, facts, now, again=again, also_closed=full)
            if then.send is None and standing.due_reason.startswith(WAITS):
                then = replace(then, reason=still_waits(standing.due_reason, then.reason))
        if then.send is not None and then.send.id not in again and then.send.id in _mailed(claim, standing):
            raise LookupError(f"{then.send.id} has a ledger row already")
        if then.send is not None and claim.cap is not None:
            then = in_order(claim.cap, standing, plan, then, zone)
        if then.send is not None:
            later = paced_until(claim, standing, standing.due_at, standing.due_reason)
            then = then if later is None else lets_others_go(then, later.at, later.reason, now)
        riders = due_questions(plan, facts, zone, now, enrolment.wish) if then.send is not None else ()
        review_at = next_review_at(plan, then.enrolment, facts, zone, now, then.due_at)
    except PERSONAL as error:
        enrolments.hold(claim.conn, enrolment.id, str(error))
        return
    claim.traced += [(enrolment.id, note) for note in then.notes]
    carry_out(claim.conn, plan, enrolment, learner, then.notes, now=now)
    if plan.reviews is not None or standing.review_due_at is not None:
        claim.reviews[enrolment.id] = review_at
    if then.send is None:
        claim.moved.append((then.enrolment, then.due_at, then.reason))
    else:
        if not then.notes and enrolment.revision == standing.enrolment.revision and enrolment.held_since is None:
            claim.parked.append((enrolment.id, then.enrolment.target, then.reason))  # it stands where it stood
        else:
            claim.moved.append((then.enrolment, None, then.reason))
        claim.new.append(_parcel(claim, plan, then, learner, facts, riders))


def recap(claim: Claim, standing: Standing) -> None:
    """An enrolment with questions that come back on a day without a tip: they get a mail of their own."""
    enrolment, learner, now = standing.enrolment, standing.learner, claim.now
    if learner.id in claim.barred:
        enrolments.plan_reviews(claim.conn, {enrolment.id: None})
        return
    try:
        _, facts, plan = stands_today(claim, standing)
        zone = zone_of(learner, plan)
        at = next_review_at(plan, enrolment, facts, zone, now, standing.due_at)
        gate = shut(plan, enrolment, scope(plan, learner, enrolment, facts, now), now)
        planned_at = standing.review_due_at or now
        questions = recap_now(
            plan, facts, zone, now, planned_at=planned_at, next_mail_at=standing.due_at, wish=enrolment.wish
        )
    except PERSONAL as error:
        enrolments.plan_reviews(claim.conn, {enrolment.id: None})
        enrolments.hold(claim.conn, enrolment.id, str(error))
        return
    under_way = any(row.state in UNDER_WAY for row in claim.rows[enrolment.id])
    if gate is not None and gate.ends:
        claim.reviews[enrolment.id] = None  # a goal or a stop: nothing comes back any more
    elif gate is not None or enrolment.held_since is not None or under_way:
        claim.reviews[enrolment.id] = now + LOOK_AGAIN
    elif at is None or not questions:
        claim.reviews[enrolment.id] = at if at is None or at > now else now + LOOK_AGAIN
    elif (later := paced_until(claim, standing, None, None)) is not None:
        claim.reviews[enrolment.id] = later.at
    else:
        claim.reviews[enrolment.id] = None
        claim.new.append(
            Parcel(
                delivery_id=0,
                step=REVIEW,
                enrolment=enrolment,
                learner=learner,
                plan=plan,
                mail=None,
                variant="default",
                language=plan.language_for(learner.language),
                facts=facts,
                attempts=0,
                date=now.replace(microsecond=0),
                riders=questions,
            )
        )


def _mailed(claim: Claim, standing: Standing) -> set[str]:
    """The steps that have a ledger row, under today's names; one that a person left out may come at its new place."""
    names = claim.names[standing.current]
    return {names.step(row.step) for row in claim.rows[standing.enrolment.id] if row.state is not Phase.CANCELLED}


def _parcel(claim: Claim, plan: Plan, then: Next, learner: Learner, facts: Facts, riders: tuple[str, ...]) -> Parcel:
    """The mail that goes now; its ledger row is still to be written."""
    mail = then.send
    assert mail is not None
    return Parcel(
        delivery_id=0,
        step=mail.id,
        enrolment=then.enrolment,
        learner=learner,
        plan=plan,
        mail=mail,
        variant=choose(mail.variants, course_id=plan.course_id, step=mail.id, ref=learner.ref).name,
        language=plan.language_for(learner.language),
        facts=facts,
        attempts=0,
        date=claim.now.replace(microsecond=0),
        riders=tuple(question for question in riders if mail.question is None or question != mail.question.id),
    )
