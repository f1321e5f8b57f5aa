"""Claim what is due: one short transaction in which every rule is looked at again.

One person's problem stays theirs: what cannot be decided for a row holds that row, with the reason, and the rest go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import TypeVar

from sqlalchemy import Connection

from drip.engine.cap import cap_of
from drip.engine.claim_again import try_again
from drip.engine.claim_new import advance, recap
from drip.engine.claim_work import Claim, write
from drip.engine.parcel import Claimed
from drip.engine.sending import BATCH, Sending, facts_of
from drip.engine.taking import Taking, take_up
from drip.store import breaker, courses, enrolments, learners, ledger, suppression, turns, wishes
from drip.store.enrolments import Standing
from drip.store.troubles import tried_again

T = TypeVar("T")


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
    claim = Claim(
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
        try_again(claim, row, standing)
    at_work = {standing.enrolment.id for standing in standings[: len(again) + len(new)]}
    for standing in _while_room(taking, new):
        advance(claim, standing)
    for standing in _while_room(taking, recaps):
        if standing.enrolment.id not in at_work:  # its reviews are planned anew once its own mail is decided
            recap(claim, standing)
    since = [*(row.due_at for row, _ in again), *(one.due_at for one in new), *(one.review_due_at for one in recaps)]
    oldest_at = min((at for at in since if at is not None), default=None)
    return Claimed(parcels=write(claim), looked_at=len(standings), oldest_at=oldest_at)


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


def _barred(sending: Sending, conn: Connection, standings: Sequence[Standing], now: datetime) -> set[int]:
    """The learners among these whose address is on the suppression list."""
    hashes = {learners.suppression_hash(sending.suppression_key, s.learner.email): s.learner.id for s in standings}
    return {hashes[found] for found in suppression.suppressed(conn, list(hashes), now=now)}
