"""Send every step due. Calling it twice sends nothing twice.

    claim (one transaction) → render → hand (one commit for at most 50) → transport → mark and advance (one commit)

No database work happens while the network is busy, and nothing is marked as sent before the other side has it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, Thread

from sqlalchemy import Connection

from drip.engine.claim import SUPPRESSED, Parcel, claim_due, trace_line
from drip.engine.sending import GROUP, Sending
from drip.errors import DripError, SenderTrouble
from drip.people import State
from drip.render.message import Message, build_message
from drip.schedule.advance import Next, after_send, look_ahead, scope
from drip.schedule.backoff import pause_after, retry_after
from drip.store import breaker, enrolments, learners, ledger
from drip.transports import Outcome, Receipt

log = logging.getLogger("drip.deliver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a run of `deliver_due` did, in mails. `trouble` is the sender's own trouble, if it met any."""

    sent: int = 0
    retried: int = 0
    held: int = 0
    failed: int = 0
    in_doubt: int = 0
    trouble: str | None = None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            sent=self.sent + other.sent,
            retried=self.retried + other.retried,
            held=self.held + other.held,
            failed=self.failed + other.failed,
            in_doubt=self.in_doubt + other.in_doubt,
            trouble=other.trouble or self.trouble,
        )


def deliver_due(sending: Sending, *, stop: Callable[[], bool] = lambda: False) -> Tally:
    """Send every step due now. Calling it twice sends nothing twice.

    Ends when nothing is due, when `stop()` says so (what is under way is finished and marked, nothing new is claimed),
    or when the sender itself is in trouble (everything claimed goes back to the queue).
    """
    total = Tally()
    while not stop() and total.trouble is None:
        claimed = claim_due(sending, now=sending.clock())
        if not claimed.looked_at:
            break
        with _renewing(sending):
            left = list(claimed.parcels)
            while left and not stop() and total.trouble is None:
                group, left = left[:GROUP], left[GROUP:]
                total += _send_group(sending, group)
            if left:
                _give_back(sending, left)
    return total


def until_idle(
    sending: Sending, *, stop: Callable[[], bool] = lambda: False, pause: Callable[[float], object] | None = None
) -> Tally:
    """Send until nothing is due and nobody holds a lease. Raises SenderTrouble where nothing can be sent at all.

    A lease that a dead worker left runs out by itself; `pause(seconds)` is how to wait for that.
    """
    wait = pause or Event().wait
    total = Tally()
    while not stop():
        total += deliver_due(sending, stop=stop)
        with sending.store.read() as conn:
            trouble = breaker.read(conn, sending.transport.name)
            held_elsewhere = ledger.anyone_holds(conn, sending.worker)
        if trouble is not None and trouble.until > sending.clock():
            raise SenderTrouble(
                f"{sending.transport.name}: {trouble.words}\n  nobody's mail has failed; all of it waits"
            )
        if not held_elsewhere:
            break
        wait(min(0.2, sending.lease_for.total_seconds() / 4))
    return total


def _send_group(sending: Sending, group: Sequence[Parcel]) -> Tally:
    """Render, hand, send and mark at most GROUP parcels."""
    messages, broken = _render(sending, group)
    by_id = {parcel.delivery_id: parcel for parcel in group}
    with sending.store.write() as conn:
        for delivery_id, words in broken.items():
            ledger.hold(conn, sending.worker, delivery_id, answer=words)
        handed = _hand(sending, conn, [by_id[message.delivery_id] for message in messages])
    result = sending.transport.send([message for message in messages if message.delivery_id in handed])
    tally = Tally(held=len(broken), trouble=result.trouble)
    now = sending.clock()
    sent = [by_id[receipt.delivery_id] for receipt in result.receipts if receipt.outcome is Outcome.SENT]
    ahead = {parcel.delivery_id: _ahead(parcel, now) for parcel in sent}  # nobody waits for the database meanwhile
    with sending.store.write() as conn:
        tally += _mark(sending, conn, by_id, result.receipts, ahead, now=now)
        if result.trouble is not None:
            _trip(sending, conn, result.trouble, now=now)
        elif any(receipt.outcome is Outcome.SENT for receipt in result.receipts):
            breaker.close(conn, sending.transport.name)
    return tally


def _render(sending: Sending, group: Sequence[Parcel]) -> tuple[list[Message], dict[int, str]]:
    """Messages, and for those that cannot be made, delivery → why."""
    messages: list[Message] = []
    broken: dict[int, str] = {}
    with sending.store.read() as conn:  # asked only for templates that this worker has not met yet
        for parcel in group:
            if sending.only_to and learners.address_of(parcel.learner.email) not in sending.only_to:
                broken[parcel.delivery_id] = "DRIP_ONLY_TO does not name this address"
                continue
            try:
                messages.append(message_for(sending, conn, parcel))
            except (DripError, ValueError) as error:
                broken[parcel.delivery_id] = f"cannot be rendered: {error}"
    return messages, broken


def message_for(sending: Sending, conn: Connection, parcel: Parcel) -> Message:
    """The message of one parcel; every retry makes the same one."""
    template = sending.library.template(conn, parcel.plan.revision, parcel.mail.id, parcel.language, parcel.variant)
    return build_message(
        template,
        plan=parcel.plan,
        learner=parcel.learner,
        variables=scope(parcel.plan, parcel.learner, parcel.enrolment, parcel.facts, parcel.date),
        delivery_id=parcel.delivery_id,
        date=parcel.date,
        ring=sending.ring,
        base_url=sending.base_url,
    )


def _hand(sending: Sending, conn: Connection, parcels: Sequence[Parcel]) -> set[int]:
    """Mark parcels as handed, after one more look at leaving (it cancels rows) and at the suppression list."""
    hashes = {learners.suppression_hash(sending.suppression_key, p.learner.email): p for p in parcels}
    barred = [hashes[found] for found in learners.suppressed(conn, list(hashes))]
    ledger.cancel(conn, [parcel.enrolment.id for parcel in barred], answer=SUPPRESSED)
    enrolments.end(conn, [parcel.enrolment.id for parcel in barred], state=State.LEFT, ended_by=SUPPRESSED)
    return ledger.hand(conn, sending.lease(conn), [p.delivery_id for p in parcels], now=sending.clock())


def _ahead(parcel: Parcel, now: datetime) -> Next:
    """Where the enrolment stands once this mail was sent at `now`.

    The mail has gone, whatever its plan says of the next: a time that cannot be found is left to the next claim, which
    holds this enrolment alone.
    """
    facts = replace(parcel.facts, sent={**parcel.facts.sent, parcel.mail.id: now})
    stands = after_send(parcel.enrolment, parcel.mail, now)
    try:
        return look_ahead(parcel.plan, stands, parcel.learner, facts, now)
    except (DripError, LookupError, ValueError, ArithmeticError) as error:
        return Next(enrolment=stands, due_at=now, reason=str(error))


def _mark(
    sending: Sending,
    conn: Connection,
    parcels: Mapping[int, Parcel],
    receipts: Sequence[Receipt],
    ahead: Mapping[int, Next],
    *,
    now: datetime,
) -> Tally:
    """Write every outcome; whoever got their mail moves on in the same transaction, unless they have ended."""
    worker = sending.worker
    sent = {receipt.delivery_id: receipt.answer for receipt in receipts if receipt.outcome is Outcome.SENT}
    marked = ledger.mark_sent(conn, list(sent), sent, now=now)
    moved = [ahead[id_] for id_ in sorted(marked)]
    enrolments.save(conn, [(then.enrolment, then.due_at, then.reason) for then in moved])
    enrolments.add_trace(conn, [trace_line(then.enrolment.id, note) for then in moved for note in then.notes])
    tally = Tally(sent=len(marked))
    for receipt in receipts:
        id_, parcel = receipt.delivery_id, parcels[receipt.delivery_id]
        match receipt.outcome:
            case Outcome.SENT:
                continue
            case Outcome.UNTRIED:
                ledger.put_back(conn, worker, id_, due_at=now, answer=receipt.answer, tried=False)
            case Outcome.IN_DOUBT:
                ledger.doubt(conn, worker, id_, due_at=now + sending.in_doubt_after, answer=receipt.answer)
                tally += Tally(in_doubt=1)
            case Outcome.RETRY:
                wait = retry_after(id_, parcel.attempts + 1)
                if wait is None:
                    ledger.hold(conn, worker, id_, answer=receipt.answer)
                    tally += Tally(held=1)
                else:
                    ledger.put_back(conn, worker, id_, due_at=now + wait, answer=receipt.answer)
                    tally += Tally(retried=1)
            case Outcome.REFUSED if receipt.dead_address:
                ledger.fail(conn, worker, id_, answer=receipt.answer)
                _bury(conn, parcel, receipt.answer)
                tally += Tally(failed=1)
            case Outcome.REFUSED:
                ledger.hold(conn, worker, id_, answer=receipt.answer)
                tally += Tally(held=1)
    return tally


def _bury(conn: Connection, parcel: Parcel, words: str) -> None:
    """The address is dead: all of the learner's enrolments end, with the reason."""
    ids = [standing.enrolment.id for standing in enrolments.of_learner(conn, parcel.learner.id)]
    enrolments.end(conn, ids, state=State.FAILED, ended_by=f"the address is dead: {words}")
    ledger.cancel(conn, ids, answer="the address is dead")


def _give_back(sending: Sending, parcels: Sequence[Parcel]) -> None:
    """Return what was claimed and will not be handed now."""
    now = sending.clock()
    with sending.store.write() as conn:
        for parcel in parcels:
            ledger.unclaim(conn, sending.worker, parcel.delivery_id, due_at=now)


def _trip(sending: Sending, conn: Connection, words: str, *, now: datetime) -> None:
    """The sender's own trouble: leave the transport alone for a while, and say so loudly."""
    before = breaker.read(conn, sending.transport.name)
    trips = 1 if before is None else before.trips + 1
    until = now + pause_after(trips)
    breaker.trip(
        conn,
        breaker.Trouble(
            transport=sending.transport.name,
            words=words,
            since=now if before is None else before.since,
            until=until,
            trips=trips,
        ),
    )
    log.error("nothing goes out over %s until %s: %s", sending.transport.name, until.isoformat(), words)


@contextmanager
def _renewing(sending: Sending) -> Iterator[None]:
    """Renew this worker's leases while its network is busy: a slow server must not make it look dead."""
    done = Event()

    def renew() -> None:
        while not done.wait(sending.lease_for.total_seconds() / 3):
            try:
                with sending.store.write() as conn:
                    ledger.renew(conn, sending.lease(conn))
            except DripError as error:
                log.error("the lease could not be renewed: %s", error)

    thread = Thread(target=renew, name="drip-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
