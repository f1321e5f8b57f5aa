"""Send every step due. Calling it twice sends nothing twice.

    claim (one transaction) → render → hand (one commit for at most 50) → transport → mark and advance (one commit)

No database work happens while the network is busy, and nothing is marked as sent before the other side has it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from sqlalchemy import Connection

from drip.engine.claim import LOOK_AGAIN, SUPPRESSED, Parcel, claim_due
from drip.engine.enrol import come_in
from drip.engine.follow import catch_up
from drip.engine.mark import Tally, due_since, mark
from drip.engine.sending import GROUP, Sending
from drip.errors import DripError, SenderTrouble, StoreError
from drip.people import State
from drip.render.message import Message, build_message
from drip.schedule.acts import tracks_opens
from drip.schedule.advance import scope
from drip.store import breaker, enrolments, learners, ledger, queue
from drip.transports import Result

log = logging.getLogger("drip.deliver")

_GUARDED = "DRIP_ONLY_TO does not name this address"
#: Seconds between two attempts to write down what became of a group, when the database does not take it.
MARK_AGAIN_SECONDS = 1.0
#: After a request to stop, so many more attempts are made; then the group is left in doubt.
MARK_AGAIN_TIMES = 10


def deliver_due(sending: Sending, *, stop: Callable[[], bool] = lambda: False) -> Tally:
    """Send every step due now. Calling it twice sends nothing twice.

    Whoever comes in by a date of theirs is enrolled first, and whoever stands in an earlier revision is moved. Ends
    when nothing is due, when `stop()` says so (what is under way is finished and marked, nothing new is claimed), or
    when the sender itself is in trouble (everything claimed goes back to the queue).
    """
    total = Tally()
    come_in(sending.store, now=sending.clock(), suppression_key=sending.suppression_key)
    catch_up(sending.store, now=sending.clock(), library=sending.library)
    while not stop() and total.trouble is None:
        claimed = claim_due(sending, now=sending.clock())
        if not claimed.looked_at:
            break
        left = list(claimed.parcels)
        with _renewing(sending, [parcel.delivery_id for parcel in left]):
            try:
                while left and not stop() and total.trouble is None:
                    group, left = left[:GROUP], left[GROUP:]
                    total += _send_group(sending, group, stop)
            finally:
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
            held = ledger.anyone_holds(conn) or queue.claimable(conn, now=sending.clock())
        if trouble is not None and trouble.until > sending.clock():
            raise SenderTrouble(
                f"{sending.transport.name}: {trouble.words}\n  nobody's mail has failed; all of it waits"
            )
        if not held:
            break
        wait(min(0.2, sending.lease_for.total_seconds() / 4))
    return total


def _send_group(sending: Sending, group: Sequence[Parcel], stop: Callable[[], bool]) -> Tally:
    """Render, hand, send and mark at most GROUP parcels."""
    meant = [parcel for parcel in group if _is_meant(sending, parcel)]
    messages, broken = _render(sending, meant)
    by_id = {parcel.delivery_id: parcel for parcel in group}
    with sending.store.write() as conn:
        for parcel in group:
            if parcel not in meant:  # they wait until the guard is lifted
                later = sending.clock() + LOOK_AGAIN
                ledger.unclaim(conn, sending.worker, parcel.delivery_id, due_at=later, answer=_GUARDED)
        for delivery_id, words in broken.items():
            ledger.hold(conn, sending.worker, delivery_id, answer=words)
        handed = _hand(sending, conn, [by_id[message.delivery_id] for message in messages])
    result = sending.transport.send([message for message in messages if message.delivery_id in handed])
    return Tally(held=len(broken), retried=len(group) - len(meant)) + _mark_for_sure(sending, by_id, result, stop)


def _mark_for_sure(sending: Sending, parcels: dict[int, Parcel], result: Result, stop: Callable[[], bool]) -> Tally:
    """Write down what became of a group, and go on trying while the database does not take it.

    The mails have gone: what is not written now would be in doubt, and sent again. Our leases are renewed meanwhile.
    """
    left = MARK_AGAIN_TIMES
    now = sending.clock()
    while True:
        try:
            return mark(sending, parcels, result, now=now)
        except StoreError as error:
            log.error("what became of %d mails is not written yet: %s", len(parcels), error)
            left -= stop()
            if left <= 0:
                raise
            Event().wait(MARK_AGAIN_SECONDS)


def _is_meant(sending: Sending, parcel: Parcel) -> bool:
    """Whether the staging guard lets this address pass."""
    return not sending.only_to or learners.address_of(parcel.learner.email) in sending.only_to


def _render(sending: Sending, group: Sequence[Parcel]) -> tuple[list[Message], dict[int, str]]:
    """Messages, and for those that cannot be made, delivery → why."""
    messages: list[Message] = []
    broken: dict[int, str] = {}
    with sending.store.read() as conn:  # asked only for templates that this worker has not met yet
        for parcel in group:
            try:
                messages.append(message_for(sending, conn, parcel))
            except (DripError, ValueError) as error:
                broken[parcel.delivery_id] = f"cannot be rendered: {error}"
    return messages, broken


def message_for(sending: Sending, conn: Connection, parcel: Parcel) -> Message:
    """The message of one parcel. A retry has the same Message-ID, Date, revision, variant and language."""
    plan, library = parcel.plan, sending.library
    template = library.template(conn, plan.revision, parcel.step, parcel.language, parcel.variant)
    cards = [library.card(conn, plan.revision, question, parcel.language) for question in parcel.riders]
    return build_message(
        template,
        plan=plan,
        learner=parcel.learner,
        variables=scope(plan, parcel.learner, parcel.enrolment, parcel.facts, parcel.date),
        delivery_id=parcel.delivery_id,
        date=parcel.date,
        ring=sending.ring,
        base_url=sending.base_url,
        track_opens=tracks_opens(plan, parcel.learner),
        track_clicks=plan.tracking.clicks == "always",
        cards=cards,
    )


def _hand(sending: Sending, conn: Connection, parcels: Sequence[Parcel]) -> set[int]:
    """Mark parcels as handed, after one more look at leaving (it cancels rows) and at the suppression list."""
    hashes = [learners.suppression_hash(sending.suppression_key, parcel.learner.email) for parcel in parcels]
    found = learners.suppressed(conn, hashes)
    barred = [parcel.enrolment.id for parcel, hash_ in zip(parcels, hashes, strict=True) if hash_ in found]
    ledger.cancel(conn, barred, answer=SUPPRESSED)
    enrolments.end(conn, barred, state=State.LEFT, ended_by=SUPPRESSED)
    return ledger.hand(conn, sending.lease(conn), [p.delivery_id for p in parcels], now=sending.clock())


def _give_back(sending: Sending, parcels: Sequence[Parcel]) -> None:
    """Return what was claimed and will not be handed now."""
    now = sending.clock()
    with sending.store.write() as conn:
        for parcel in parcels:
            ledger.unclaim(conn, sending.worker, parcel.delivery_id, due_at=due_since(parcel, now))


@contextmanager
def _renewing(sending: Sending, ids: Sequence[int]) -> Iterator[None]:
    """Renew the leases on these rows while the network is busy: a slow server must not make us look dead."""
    done = Event()

    def renew() -> None:
        while not done.wait(sending.lease_for.total_seconds() / 3):
            try:
                with sending.store.write() as conn:
                    ledger.renew(conn, sending.lease(conn), ids)
            except DripError as error:
                log.error("the lease could not be renewed: %s", error)

    thread = Thread(target=renew, name="drip-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
