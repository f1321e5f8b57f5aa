"""Claim what is due: one short transaction in which every rule is looked at again.

One person's problem stays theirs: what cannot be decided for a row holds that row, with the reason, and the rest go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from drip.engine.cap import Cap, cap_of
from drip.engine.effects import carry_out
from drip.engine.follow import CHANGED, followed
from drip.engine.sending import BATCH, PERSONAL, Sending, facts_of
from drip.engine.taking import Later, Taking, take_up
from drip.people import Enrolment, Facts, Learner, State
from drip.plan.choice import choose
from drip.plan.model import Mail, Plan
from drip.plan.renames import Renames
from drip.schedule.advance import STALE, Did, Next, Note, next_due, scope
from drip.schedule.civil import first_allowed, still_open
from drip.schedule.gates import LAST_STEP, shut
from drip.schedule.reviews import REVIEW, due_questions, next_review_at, recap_now, rule_of
from drip.schedule.slots import LATE, closed_days, either, on_this_day, slot_of, zone_of
from drip.store import breaker, courses, edits, enrolments, learners, ledger, suppression, turns, wishes
from drip.store.enrolments import Standing
from drip.store.ledger import UNDER_WAY, Delivery, Phase
from drip.store.pace import WAITS
from drip.store.troubles import tried_again

T = TypeVar("T")

#: Why an enrolment ends when its address is on the suppression list.
SUPPRESSED = "the address is on the suppression list"
#: How long a mail to be tried again waits when its enrolment is held, before that is looked at again.
LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A claimed delivery with all that rendering needs. `date` is the same on every retry.

    `mail` is None for a recap. `riders` are the questions that come back with it.
    """

    delivery_id: int
    step: str
    enrolment: Enrolment
    learner: Learner
    plan: Plan
    mail: Mail | None
    variant: str
    language: str
    facts: Facts
    attempts: int
    date: datetime
    riders: tuple[str, ...] = ()

    def numbered(self, delivery_id: int) -> Parcel:
        """The same, once its ledger row is written."""
        return Parcel(
            delivery_id=delivery_id,
            step=self.step,
            enrolment=self.enrolment,
            learner=self.learner,
            plan=self.plan,
            mail=self.mail,
            variant=self.variant,
            language=self.language,
            facts=self.facts,
            attempts=self.attempts,
            date=self.date,
            riders=self.riders,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one claim did: the parcels that it took, and how many due rows it looked at (0: nothing is due).

    `oldest_at` is since when the longest of those had been due. What the pace says: `again_at` is when to claim again
    though nothing was looked at, `connections` how many there may be from now on, `stalled` the domains whose queues
    are to be spread anew. `in_trouble`: the way out is left alone for now.
    """

    parcels: tuple[Parcel, ...]
    looked_at: int
    oldest_at: datetime | None = None
    at: datetime | None = None
    again_at: datetime | None = None
    connections: int | None = None
    stalled: frozenset[str] = frozenset()
    in_trouble: bool = False


@dataclass(slots=True)
class _Claim:
    """One claim at work: what it reads once, and what it will write."""

    sending: Sending
    conn: Connection
    lease: ledger.Lease
    now: datetime
    facts: Mapping[int, Facts]
    rows: Mapping[int, list[Delivery]]
    barred: set[int]
    names: Mapping[str, Renames]
    repeats: Mapping[str, frozenset[str]]
    cap: Cap | None
    taking: Taking | None
    moved: list[tuple[Enrolment, datetime | None, str]] = field(default_factory=list)
    parked: list[tuple[int, str | None, str]] = field(default_factory=list)
    traced: list[tuple[int, Note]] = field(default_factory=list)
    reviews: dict[int, datetime | None] = field(default_factory=dict)
    again: list[Parcel] = field(default_factory=list)
    new: list[Parcel] = field(default_factory=list)


@tried_again
def claim_due(sending: Sending, *, now: datetime, limit: int = BATCH) -> Claimed:
    """Claim what is due at `now`. Steps that need no mail are passed, shifts are written, the suppressed end here."""
    with sending.store.write() as conn:
        lease = sending.lease(conn)
        taking = take_up(sending, conn, lease, now=now)
        if taking is None:
            return _claim_due(sending, conn, lease, None, now=now, limit=limit)
        return _paced(conn, taking, _claim_due(sending, conn, lease, taking, now=now, limit=taking.look(limit)))


def _claim_due(
    sending: Sending, conn: Connection, lease: ledger.Lease, taking: Taking | None, *, now: datetime, limit: int
) -> Claimed:
    """Claim at most `limit`, in the caller's transaction."""
    ledger.expire(conn, lease, now=now, in_doubt_for=sending.in_doubt_after)
    ledger.settle_doubts(conn, now=now, resend=sending.in_doubt == "resend")
    wishes.end_pauses(conn, now=now)
    trouble = breaker.read(conn, sending.transport.name)
    if trouble is not None and trouble.until > now:
        return Claimed(parcels=(), looked_at=0, in_trouble=True)
    if not limit:
        return Claimed(parcels=(), looked_at=0)
    again = ledger.due_again(conn, now=now, limit=limit - limit // 2)  # the other half is for what is new
    new = turns.due(conn, now=now, limit=limit - len(again))
    if taking is not None:
        placed = taking.placed(conn, limit - len(again))
        new = list({one.enrolment.id: one for one in (*placed, *new)}.values())[: limit - len(again)]
    recaps = enrolments.reviews_due(conn, now=now, limit=limit - len(again) - len(new))
    standings = [*(standing for _, standing in again), *new, *recaps]
    if not standings:
        return Claimed(parcels=(), looked_at=0)
    facts, rows = facts_of(conn, [standing.enrolment for standing in standings])
    barred = _barred(sending, conn, standings, now)
    claim = _Claim(
        sending=sending,
        conn=conn,
        lease=lease,
        now=now,
        facts=facts,
        rows=rows,
        barred=barred,
        names=courses.names_of(conn, {standing.current for standing in standings}),
        repeats=courses.repeats_of(conn, {standing.enrolment.course_id for standing in standings}),
        cap=cap_of(sending.limit, conn, sending.library, standings, now),
        taking=taking,
    )
    if taking is not None:
        taking.meet(conn, standings)
    for row, standing in _while_room(taking, again):
        _try_again(claim, row, standing)
    at_work = {standing.enrolment.id for standing in standings[: len(again) + len(new)]}
    for standing in _while_room(taking, new):
        _advance(claim, standing)
    for standing in _while_room(taking, recaps):
        if standing.enrolment.id not in at_work:  # its reviews are planned anew once its own mail is decided
            _recap(claim, standing)
    since = [*(row.due_at for row, _ in again), *(one.due_at for one in new), *(one.review_due_at for one in recaps)]
    oldest_at = min((at for at in since if at is not None), default=None)
    return Claimed(parcels=_write(claim), looked_at=len(standings), oldest_at=oldest_at)


def _paced(conn: Connection, taking: Taking, claimed: Claimed) -> Claimed:
    """Write what was taken, and say what the pace asks for."""
    taking.write(conn, claimed.looked_at)
    return replace(
        claimed,
        at=taking.now,
        again_at=None if claimed.looked_at or claimed.in_trouble else taking.again_at(conn),
        connections=taking.connections,
        stalled=taking.stalled,
    )


def _while_room(taking: Taking | None, found: Iterable[T]) -> Iterator[T]:
    """These, as long as anything more may go; the others stay as they are."""
    return iter(found) if taking is None else takewhile(lambda _one: not taking.full, found)


def _paced_until(claim: _Claim, standing: Standing, due_at: datetime | None, reason: str | None) -> Later | None:
    """When to look again, where a mail to this learner would go too fast for their domain."""
    if claim.taking is None:
        return None
    return claim.taking.place(standing.learner.email, due_at=due_at, reason=reason)


def _barred(sending: Sending, conn: Connection, standings: Sequence[Standing], now: datetime) -> set[int]:
    """The learners among these whose address is on the suppression list."""
    hashes = {learners.suppression_hash(sending.suppression_key, s.learner.email): s.learner.id for s in standings}
    return {hashes[found] for found in suppression.suppressed(conn, list(hashes), now=now)}


def _try_again(claim: _Claim, row: Delivery, standing: Standing) -> None:
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
        _, facts, today = _today(claim, standing)
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
            closed = either(closed_days(plan.limit, facts, zone), _full(claim, standing, zone))
            due, why = slot_of(mail, enrolment, zone, now, closed), ""
            if _place_has_come(row.answer, due.reason) or _was_held_up(claim, due.reason, ()):
                due = slot_of(mail, on_this_day(enrolment, zone, now), zone, now, closed)
                why = _still_waits(row.answer, due.reason) if row.answer.startswith(WAITS) else ""
            if due.at > now:
                ledger.shift(conn, row.id, due_at=due.at, answer=why or due.reason)
                claim.moved.append((replace(enrolment, target=due.target), None, due.reason))
                return
    except PERSONAL as error:
        ledger.give_up(conn, row.id, answer=str(error))
        return
    if (paced := _paced_until(claim, standing, row.due_at, row.answer)) is not None:
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


def _advance(claim: _Claim, standing: Standing) -> None:
    """An enrolment whose time has come: it is moved as far as it goes without a mail, or its mail is claimed."""
    enrolment, learner, now = standing.enrolment, standing.learner, claim.now
    if learner.id in claim.barred:
        enrolments.end(claim.conn, [enrolment.id], state=State.LEFT, ended_by=SUPPRESSED)
        return
    try:
        enrolment, facts, plan = _today(claim, standing)
        again = claim.repeats.get(plan.course_id, frozenset())
        zone = zone_of(learner, plan)
        full = _full(claim, standing, zone)
        then = next_due(plan, enrolment, learner, facts, now, again=again, also_closed=full)
        if _place_has_come(standing.due_reason, then.reason) or _was_held_up(claim, then.reason, then.notes):
            meant = on_this_day(enrolment, zone, now)
            then = next_due(plan, meant, learner, facts, now, again=again, also_closed=full)
            if then.send is None and standing.due_reason.startswith(WAITS):
                then = replace(then, reason=_still_waits(standing.due_reason, then.reason))
        if then.send is not None and then.send.id not in again and then.send.id in _mailed(claim, standing):
            raise LookupError(f"{then.send.id} has a ledger row already")
        if then.send is not None and claim.cap is not None:
            then = _in_order(claim.cap, standing, plan, then, zone)
        if then.send is not None:
            later = _paced_until(claim, standing, standing.due_at, standing.due_reason)
            then = then if later is None else _lets_others_go(then, later.at, later.reason, now)
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


def _today(claim: _Claim, standing: Standing) -> tuple[Enrolment, Facts, Plan]:
    """Where the enrolment stands in the plan that is published now, and its facts under today's names."""
    names, facts = claim.names[standing.current], claim.facts[standing.enrolment.id]
    return followed(claim.conn, claim.sending.library, standing, facts, names, now=claim.now)


def _full(claim: _Claim, standing: Standing, zone: ZoneInfo) -> Callable[[date], bool] | None:
    """The days on which the workspace's cap lets nothing more through to this learner."""
    return None if claim.cap is None else claim.cap.closed(standing.learner.id, zone)


def _in_order(cap: Cap, standing: Standing, plan: Plan, then: Next, zone: ZoneInfo) -> Next:
    """A mail that may go now, or the time at which to look again since a mail of another course comes first."""
    later = cap.goes_after(standing, plan.priority, zone)
    if later is None:
        cap.took(standing.learner.id)
        return then
    return _lets_others_go(then, *later, cap.now)


def _place_has_come(waited_for: str, reason: str) -> bool:
    """Whether a mail whose place in a domain's line has come is late by its own day. It is on time on the place's."""
    return waited_for.startswith(WAITS) and reason.startswith(LATE)


def _was_held_up(claim: _Claim, reason: str, notes: Sequence[Note]) -> bool:
    """Whether a mail may be late, or stale, since a quota of all mail let nothing through: it is on time on any allowed
    day.

    Nothing marks whom a quota holds up, so where there is one this holds for whoever is late.
    """
    pace = claim.sending.pace
    late = reason.startswith(LATE) or any(note.reason.startswith(STALE) for note in notes)
    return late and pace is not None and pace.has_quota


def _still_waits(waited_for: str, reason: str) -> str:
    """Why it goes later where that day's window is shut: it keeps what it has waited for, and goes before newcomers."""
    return f"{waited_for.partition('; ')[0]}; {reason}"


def _lets_others_go(then: Next, at: datetime, reason: str, now: datetime) -> Next:
    """The same mail, later. The time until then makes no mail stale: a cap and the pace shift, and drop nothing."""
    waits = replace(then.enrolment, held_for=then.enrolment.held_for + (at - now))
    return replace(then, enrolment=waits, send=None, due_at=at, reason=reason)


def _mailed(claim: _Claim, standing: Standing) -> set[str]:
    """The steps that have a ledger row, under today's names; one that a person left out may come at its new place."""
    names = claim.names[standing.current]
    return {names.step(row.step) for row in claim.rows[standing.enrolment.id] if row.state is not Phase.CANCELLED}


def _parcel(claim: _Claim, plan: Plan, then: Next, learner: Learner, facts: Facts, riders: tuple[str, ...]) -> Parcel:
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


def _recap(claim: _Claim, standing: Standing) -> None:
    """An enrolment with questions that come back on a day without a tip: they get a mail of their own."""
    enrolment, learner, now = standing.enrolment, standing.learner, claim.now
    if learner.id in claim.barred:
        enrolments.plan_reviews(claim.conn, {enrolment.id: None})
        return
    try:
        _, facts, plan = _today(claim, standing)
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
    elif (later := _paced_until(claim, standing, None, None)) is not None:
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


def _write(claim: _Claim) -> tuple[Parcel, ...]:
    """Write everything that the claim decided; the parcels with their ledger rows' ids."""
    conn = claim.conn
    enrolments.save(conn, claim.moved)
    enrolments.park(conn, claim.parked)
    enrolments.add_trace(conn, claim.traced)
    enrolments.plan_reviews(conn, claim.reviews)
    ledger.claim_again(conn, claim.lease, [parcel.delivery_id for parcel in claim.again])
    before = Counter((row.enrolment_id, row.step) for p in claim.new for row in claim.rows[p.enrolment.id])
    ids = ledger.claim_new(
        conn,
        claim.lease,
        [
            {
                "enrolment_id": parcel.enrolment.id,
                "learner_id": parcel.learner.id,
                "step": parcel.step,
                "occurrence": 1 + before[parcel.enrolment.id, parcel.step],
                "revision": parcel.plan.revision,
                "language": parcel.language,
                "variant": parcel.variant,
                "riders": list(parcel.riders),
            }
            for parcel in claim.new
        ],
        now=claim.now,
    )
    return (*claim.again, *(parcel.numbered(id_) for parcel, id_ in zip(claim.new, ids, strict=True)))
