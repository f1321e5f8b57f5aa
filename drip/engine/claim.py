"""Claim what is due: one short transaction in which every rule is looked at again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from drip.engine.sending import BATCH, Sending, facts_of
from drip.errors import ExpressionError
from drip.people import Enrolment, Facts, Learner, State
from drip.plan.choice import choose
from drip.plan.model import Mail, Plan, Variant
from drip.schedule.advance import Next, Note, closed_days, next_due, slot_of, zone_of
from drip.store import breaker, enrolments, learners, ledger
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery

#: Why an enrolment ends when its address is on the suppression list.
SUPPRESSED = "the address is on the suppression list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A claimed delivery with all that rendering needs. `date` is the same on every retry."""

    delivery_id: int
    enrolment: Enrolment
    learner: Learner
    plan: Plan
    mail: Mail
    variant: str
    language: str
    facts: Facts
    attempts: int
    date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one claim did: the parcels that it took, and how many due rows it looked at (0: nothing is due)."""

    parcels: tuple[Parcel, ...]
    looked_at: int


def claim_due(sending: Sending, *, now: datetime, limit: int = BATCH) -> Claimed:
    """Claim what is due at `now`. Steps that need no mail are passed, shifts are written, the suppressed end here."""
    with sending.store.write() as conn:
        lease = sending.lease(conn)
        ledger.expire(conn, lease, now=now, in_doubt_for=sending.in_doubt_after)
        ledger.settle_doubts(conn, now=now, resend=sending.in_doubt == "resend")
        trouble = breaker.read(conn, sending.transport.name)
        if trouble is not None and trouble.until > now:
            return Claimed(parcels=(), looked_at=0)
        again = ledger.due_again(conn, now=now, limit=limit)
        new = enrolments.due(conn, now=now, limit=limit - len(again))
        if not again and not new:
            return Claimed(parcels=(), looked_at=0)
        facts, rows = facts_of(conn, [s.enrolment.id for _, s in again] + [s.enrolment.id for s in new])
        barred = _barred(sending, conn, [s for _, s in again] + list(new))
        parcels = _claim_again(sending, conn, lease, again, facts, barred, now=now)
        parcels += _claim_new(sending, conn, lease, new, facts, rows, barred, now=now)
        return Claimed(parcels=tuple(parcels), looked_at=len(again) + len(new))


def _barred(sending: Sending, conn: Connection, standings: Sequence[Standing]) -> set[int]:
    """The learners among these whose address is on the suppression list."""
    hashes = {learners.suppression_hash(sending.suppression_key, s.learner.email): s.learner.id for s in standings}
    return {hashes[found] for found in learners.suppressed(conn, list(hashes))}


def _claim_again(
    sending: Sending,
    conn: Connection,
    lease: ledger.Lease,
    again: Sequence[tuple[Delivery, Standing]],
    facts: Mapping[int, Facts],
    barred: set[int],
    *,
    now: datetime,
) -> list[Parcel]:
    """Rows to be tried again: cancelled where the learner is gone, shifted where the window is shut, or claimed."""
    parcels: list[Parcel] = []
    for row, standing in again:
        enrolment, learner = standing.enrolment, standing.learner
        if learner.id in barred or enrolment.state is not State.ACTIVE:
            ledger.cancel(conn, [enrolment.id], answer=enrolment.ended_by or SUPPRESSED)
            enrolments.end(conn, [enrolment.id], state=State.LEFT, ended_by=SUPPRESSED)
            continue
        plan = sending.library.plan(conn, row.revision)
        mail = plan.step(row.step)
        assert isinstance(mail, Mail), f"{row.step} of {row.revision} is in the ledger, so it is a mail"
        zone = zone_of(learner, plan)
        closed = closed_days(plan.limit, facts[enrolment.id], zone)
        try:
            slot, target = slot_of(mail, enrolment, zone, now, closed)
        except (ValueError, ArithmeticError) as error:
            ledger.give_up(conn, row.id, answer=str(error))
            continue
        if slot.at > now:
            ledger.shift(conn, row.id, due_at=slot.at, answer=slot.reason)
            enrolments.save(conn, [(replace(enrolment, target=target), None, slot.reason)])
            continue
        parcels.append(
            _parcel(plan, mail, row.id, enrolment, learner, facts, row.variant, row.attempts, row.claimed_at)
        )
    ledger.claim_again(conn, lease, [parcel.delivery_id for parcel in parcels])
    return parcels


def _claim_new(
    sending: Sending,
    conn: Connection,
    lease: ledger.Lease,
    new: Sequence[Standing],
    facts: Mapping[int, Facts],
    rows: Mapping[int, list[Delivery]],
    barred: set[int],
    *,
    now: datetime,
) -> list[Parcel]:
    """Enrolments whose time has come: each is moved as far as it goes without a mail, then gets a row in the ledger."""
    moved: list[tuple[Enrolment, datetime | None, str]] = []
    traced: list[tuple[int, datetime, str, str, str]] = []
    sends: list[tuple[Plan, Mail, Next, Learner, Variant]] = []
    for standing in new:
        enrolment, learner = standing.enrolment, standing.learner
        if learner.id in barred:
            enrolments.end(conn, [enrolment.id], state=State.LEFT, ended_by=SUPPRESSED)
            continue
        plan = sending.library.plan(conn, enrolment.revision)
        try:
            then = next_due(plan, enrolment, learner, facts[enrolment.id], now)
        except (ExpressionError, LookupError, ValueError, ArithmeticError) as error:
            enrolments.hold(conn, enrolment.id, str(error))
            continue
        traced += [trace_line(enrolment.id, note) for note in then.notes]
        if then.send is None:
            moved.append((then.enrolment, then.due_at, then.reason))
        elif any(row.step == then.send.id for row in rows[enrolment.id]):
            enrolments.hold(conn, enrolment.id, f"{then.send.id} has a ledger row already")
        else:
            moved.append((then.enrolment, None, then.reason))
            variant = choose(then.send.variants, course_id=plan.course_id, step=then.send.id, ref=learner.ref)
            sends.append((plan, then.send, then, learner, variant))
    enrolments.save(conn, moved)
    enrolments.add_trace(conn, traced)
    ids = ledger.claim_new(
        conn,
        lease,
        [
            {
                "enrolment_id": then.enrolment.id,
                "learner_id": learner.id,
                "step": mail.id,
                "revision": plan.revision,
                "language": plan.language,
                "variant": variant.name,
            }
            for plan, mail, then, learner, variant in sends
        ],
        now=now,
    )
    return [
        _parcel(plan, mail, id_, then.enrolment, learner, facts, variant.name, 0, now)
        for id_, (plan, mail, then, learner, variant) in zip(ids, sends, strict=True)
    ]


def _parcel(
    plan: Plan,
    mail: Mail,
    delivery_id: int,
    enrolment: Enrolment,
    learner: Learner,
    facts: Mapping[int, Facts],
    variant: str,
    attempts: int,
    date: datetime,
) -> Parcel:
    return Parcel(
        delivery_id=delivery_id,
        enrolment=enrolment,
        learner=learner,
        plan=plan,
        mail=mail,
        variant=variant,
        language=plan.language,
        facts=facts[enrolment.id],
        attempts=attempts,
        date=date.replace(microsecond=0),
    )


def trace_line(enrolment_id: int, note: Note) -> tuple[int, datetime, str, str, str]:
    """A note as a line for the trace table."""
    return enrolment_id, note.at, str(note.kind), note.step, note.reason
