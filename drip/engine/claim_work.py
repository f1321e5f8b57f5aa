"""One claim at work: what it reads once, what every rule asks of it, and what it writes in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from drip.engine.cap import Cap
from drip.engine.follow import followed
from drip.engine.parcel import Parcel
from drip.engine.sending import Sending
from drip.engine.taking import Later, Taking
from drip.people import Enrolment, Facts
from drip.plan.model import Plan
from drip.plan.renames import Renames
from drip.schedule.advance import Note
from drip.store import enrolments, ledger, traces
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery


@dataclass(slots=True)
class Claim:
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


def stands_today(claim: Claim, standing: Standing) -> tuple[Enrolment, Facts, Plan]:
    """Where the enrolment stands in the plan that is published now, and its facts under today's names."""
    names, facts = claim.names[standing.current], claim.facts[standing.enrolment.id]
    return followed(claim.conn, claim.sending.library, standing, facts, names, now=claim.now)


def filled_days(claim: Claim, standing: Standing, zone: ZoneInfo) -> Callable[[date], bool] | None:
    """The days on which the workspace's cap lets nothing more through to this learner."""
    return None if claim.cap is None else claim.cap.closed(standing.learner.id, zone)


def paced_until(claim: Claim, standing: Standing, due_at: datetime | None, reason: str | None) -> Later | None:
    """When to look again, where a mail to this learner would go too fast for their domain."""
    if claim.taking is None:
        return None
    return claim.taking.place(standing.learner.email, due_at=due_at, reason=reason)


def write(claim: Claim) -> tuple[Parcel, ...]:
    """Write everything that the claim decided; the parcels with their ledger rows' ids."""
    conn = claim.conn
    enrolments.save(conn, claim.moved)
    enrolments.park(conn, claim.parked)
    traces.add(conn, claim.traced)
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
