"""Write down what became of mails, move their enrolments on, and notice the sender's own trouble."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from drip.engine.announce import Announcement, Event, announce, of_mail
from drip.engine.effects import carry_out
from drip.engine.parcel import Parcel
from drip.engine.sending import PERSONAL, Sending
from drip.engine.suppressing import bury
from drip.people import changed
from drip.schedule.advance import Next, after_send, if_behind, look_ahead
from drip.schedule.backoff import CEILING, FIRST, doubt_for, pause_after, retry_after
from drip.schedule.reviews import next_review_at
from drip.schedule.slots import zone_of
from drip.store import breaker, courses, enrolments, learners, ledger, traces
from drip.transports import Outcome, Receipt, Result

log = logging.getLogger("drip.deliver")

#: A mail that has met what looked like the sender's trouble so often, while others went, is its own trouble.
OWN_TROUBLE_AFTER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was done, in mails. `trouble` is the sender's own trouble, if it was met.

    `confirmations` and `fresh_links` went to people who had asked for them, and belong to no course.
    """

    sent: int = 0
    retried: int = 0
    held: int = 0
    failed: int = 0
    in_doubt: int = 0
    confirmations: int = 0
    fresh_links: int = 0
    trouble: str | None = None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            sent=self.sent + other.sent,
            retried=self.retried + other.retried,
            held=self.held + other.held,
            failed=self.failed + other.failed,
            in_doubt=self.in_doubt + other.in_doubt,
            confirmations=self.confirmations + other.confirmations,
            fresh_links=self.fresh_links + other.fresh_links,
            trouble=other.trouble or self.trouble,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """Where an enrolment stands after its mail, and when its reviews are looked at again."""

    then: Next | None
    review_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What came back of a group at `at`, with all that can be worked out before the database is held."""

    parcels: Mapping[int, Parcel]
    result: Result
    at: datetime
    sent: Mapping[int, str]
    ahead: Mapping[int, _Ahead]


def came_back(parcels: Mapping[int, Parcel], result: Result, *, now: datetime) -> Gone:
    """Work out where the enrolments stand after these outcomes."""
    sent = {receipt.delivery_id: receipt.answer for receipt in result.receipts if receipt.outcome is Outcome.SENT}
    ahead = {id_: _ahead(parcels[id_], now) for id_ in sent}
    return Gone(parcels=parcels, result=result, at=now, sent=sent, ahead=ahead)


def write_down(sending: Sending, conn: Connection, gone: Gone) -> Tally:
    """Write every outcome; whoever got their mail moves on in the same transaction, unless they have ended.

    Calling it again with the same outcomes changes nothing more.
    """
    now, result, parcels = gone.at, gone.result, gone.parcels
    trouble = breaker.read(conn, sending.transport.name)
    others_went = bool(gone.sent) or trouble is None
    marked = ledger.mark_sent(conn, gone.sent, now=now)
    announce(conn, (_of_sent(id_, parcels[id_]) for id_ in marked), now=now)
    _move_on(conn, {id_: parcels[id_] for id_ in marked}, gone.ahead, now=now)
    tally = Tally(sent=len(marked), trouble=result.trouble)
    for receipt in result.receipts:
        if receipt.outcome is not Outcome.SENT:
            tally += _not_sent(sending, conn, parcels[receipt.delivery_id], receipt, others_went, now=now)
    if result.trouble is not None:
        _trip(sending, conn, result, None if gone.sent else trouble, now=now)
    elif gone.sent and trouble is not None:
        breaker.close(conn, sending.transport.name)
        fields = {"event": "breaker_closed", "transport": trouble.transport, "since": trouble.since}
        log.warning("mail goes out over %s again", trouble.transport, extra={"fields": fields})
    return tally


def _ahead(parcel: Parcel, now: datetime) -> _Ahead:
    """Where the enrolment stands once this mail was sent at `now`.

    The mail has gone, whatever its plan says of the next: a time that cannot be found is left to the next claim, which
    holds this enrolment alone. A recap moves nothing but the reviews.
    """
    facts = parcel.facts
    if parcel.riders:
        again = {question: (*facts.offered.get(question, ()), now) for question in parcel.riders}
        facts = changed(facts, offered={**facts.offered, **again})
    then, stands, next_at = None, parcel.enrolment, None
    if parcel.mail is not None:
        facts = facts.sent_now(parcel.mail.id, now)
        if stands.revision != parcel.plan.revision:
            stands = changed(stands, revision=parcel.plan.revision)
        stands = after_send(stands, parcel.mail, now)
        try:
            then = look_ahead(parcel.plan, stands, parcel.learner, facts, now)
        except PERSONAL as error:
            then = Next(enrolment=stands, due_at=now, reason=str(error))
        stands, next_at = then.enrolment, then.due_at
    try:
        review_at = next_review_at(parcel.plan, stands, facts, zone_of(parcel.learner, parcel.plan), now, next_at)
    except PERSONAL as error:
        log.error("the reviews of enrolment %d cannot be planned: %s", stands.id, error)
        review_at = None
    return _Ahead(then=then, review_at=review_at)


def _move_on(conn: Connection, parcels: Mapping[int, Parcel], ahead: Mapping[int, _Ahead], *, now: datetime) -> None:
    """Write where the enrolments of sent mails stand."""
    moved = [(parcels[id_], then) for id_ in sorted(parcels) if (then := ahead[id_].then) is not None]
    current = courses.current_revisions(conn, {then.enrolment.course_id for _, then in moved})
    moved = [(parcel, if_behind(then, current[then.enrolment.course_id], now)) for parcel, then in moved]
    enrolments.save(conn, [(then.enrolment, then.due_at, then.reason) for _, then in moved])
    traces.add(conn, [(then.enrolment.id, note) for _, then in moved for note in then.notes])
    for parcel, then in moved:
        carry_out(conn, parcel.plan, parcel.enrolment, parcel.learner, then.notes, now=now)
    with_reviews = {p.enrolment.id: ahead[id_].review_at for id_, p in parcels.items() if p.plan.reviews is not None}
    enrolments.plan_reviews(conn, with_reviews)


def _not_sent(
    sending: Sending, conn: Connection, parcel: Parcel, receipt: Receipt, others_went: bool, *, now: datetime
) -> Tally:
    """Write the outcome of one mail that the other side did not take.

    While nobody else's mail goes either (`others_went` is false), none is held: that would be the sender's trouble.
    """
    id_, worker, answer = receipt.delivery_id, sending.worker, receipt.answer
    attempts = parcel.attempts + 1
    outcome = receipt.outcome
    if outcome is Outcome.UNTRIED and receipt.met_trouble:  # behind the others, until it is known whose trouble it is
        its_own = others_went and attempts >= OWN_TROUBLE_AFTER
        outcome = Outcome.REFUSED if its_own else Outcome.RETRY
    match outcome:
        case Outcome.UNTRIED:
            due_at = now + FIRST if receipt.goes_behind else due_since(parcel, now)
            ledger.put_back(conn, worker, id_, due_at=due_at, answer=answer, tried=False)
            return Tally()
        case Outcome.IN_DOUBT if (again := doubt_for(id_, attempts, sending.in_doubt_after)) is not None:
            ledger.doubt(conn, worker, id_, due_at=now + again, answer=answer)
            return Tally(in_doubt=1)
        case Outcome.RETRY if (again := retry_after(id_, attempts)) is not None or not others_went:
            ledger.put_back(conn, worker, id_, due_at=now + (again or CEILING), answer=answer)
            return Tally(retried=1)
        case Outcome.REFUSED if receipt.dead_address:
            ledger.fail(conn, worker, id_, answer=answer)
            key = learners.suppression_hash(sending.suppression_key, parcel.learner.email)
            bury(conn, parcel.learner.id, key, words=answer, source=sending.transport.name, now=now)
            back = of_mail(Event.BOUNCED, str(id_), parcel.enrolment, parcel.step, verdict="hard", said=answer)
            announce(conn, [back], now=now)
            return Tally(failed=1)
        case Outcome.RETRY | Outcome.IN_DOUBT:
            ledger.hold(conn, worker, id_, answer=f"handed over {attempts} times, the last answer: {answer}")
            return Tally(held=1)
        case _:
            ledger.hold(conn, worker, id_, answer=answer)
            return Tally(held=1)


def _of_sent(delivery_id: int, parcel: Parcel) -> Announcement:
    how = {"variant": parcel.variant, "language": parcel.language}
    return of_mail(Event.SENT, str(delivery_id), parcel.enrolment, parcel.step, **how)


def due_since(parcel: Parcel, now: datetime) -> datetime:
    """When to call a mail due that goes back untried: whoever was never tried goes before whoever was."""
    return now if parcel.attempts else min(now, parcel.date)


def _trip(sending: Sending, conn: Connection, met: Result, before: breaker.Trouble | None, *, now: datetime) -> None:
    """The sender's own trouble: leave the transport alone for a while, as long as it asks at least, and say so loudly.

    Several workers who meet the same one at once are one trip.
    """
    words = met.trouble or ""
    trips = 1 if before is None else before.trips + (before.until <= now)
    until = now + max(pause_after(trips), met.pause or timedelta())
    since = now if before is None else before.since
    name = sending.transport.name
    breaker.trip(conn, breaker.Trouble(transport=name, words=words, since=since, until=until, trips=trips))
    fields = {"event": "breaker_open", "transport": name, "since": since, "until": until, "trips": trips}
    log.error("nothing goes out over %s until %s: %s", name, until.isoformat(), words, extra={"fields": fields})
