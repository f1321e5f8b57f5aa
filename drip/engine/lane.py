"""One lane of sending: group after group is rendered, handed, sent and marked.

    render → [mark the group before, hand this one: one commit] → transport → …

No database work happens while the network is busy, nothing is marked as sent before the other side has it, and at any
moment a lane has one group of at most GROUP mails whose outcome is not written yet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event

from sqlalchemy import Connection

from drip.engine.account import Stage, Stopwatch
from drip.engine.library import Lost, card_of
from drip.engine.mark import Gone, Tally, came_back, write_down
from drip.engine.parcel import LOOK_AGAIN, SUPPRESSED, Parcel
from drip.engine.sending import GROUP, Sending
from drip.errors import DripError, StoreError
from drip.people import State
from drip.render.message import Message, build_message
from drip.schedule.acts import tracks_opens
from drip.schedule.advance import scope
from drip.store import enrolments, guard, learners, ledger, suppression
from drip.store.troubles import LETS_THE_OTHER_GO_SECONDS, Undone
from drip.transports import Outcome, Result

log = logging.getLogger("drip.deliver")

#: Seconds between two attempts to write down what became of a group, when the database does not take it.
MARK_AGAIN_SECONDS = 1.0
#: After a request to stop, so many more attempts are made; then the group is left in doubt.
MARK_AGAIN_TIMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A group with its messages; `broken` says which cannot be made, and why; the `barred` may not be mailed now."""

    parcels: dict[int, Parcel]
    messages: list[Message]
    broken: dict[int, str]
    barred: list[Parcel]


def lanes_of(sending: Sending) -> int:
    """How many lanes may run at once: what is in doubt after a kill stays within connections + GROUP (promise 3)."""
    return max(1, (sending.transport.connections + GROUP) // GROUP)


def run_lane(
    sending: Sending,
    take: Callable[[], Sequence[Parcel]],
    stop: Callable[[], bool],
    watch: Stopwatch | None = None,
    spared: Callable[[Parcel], object] = lambda _parcel: None,
) -> Tally:
    """Send the groups that `take` gives (each of at most GROUP, none at the end). Stops at the sender's own trouble.

    `spared` hears of each mail of which the other side saw nothing: it takes no room in the pace.
    """
    total, gone, watch = Tally(), None, watch or Stopwatch()
    try:
        while group := take():
            with watch.on(Stage.RENDER):
                ready = _prepare(sending, group)
            with watch.on(Stage.MARK):
                done, handed = _exchange(sending, gone, ready, stop)
            total, gone = total + done, None
            with watch.on(Stage.SEND):
                result = sending.transport.send([one for one in ready.messages if one.delivery_id in handed])
            gone = came_back(ready.parcels, result, now=sending.clock())
            for delivery_id in ready.parcels.keys() - _tried(result):
                spared(ready.parcels[delivery_id])
            if result.trouble is not None:
                break
    finally:
        if gone is not None:
            with watch.on(Stage.MARK):
                total += _exchange(sending, gone, None, stop)[0]
    return total


def _tried(result: Result) -> set[int]:
    """The mails that were really tried."""
    return {receipt.delivery_id for receipt in result.receipts if receipt.outcome is not Outcome.UNTRIED}


def _prepare(sending: Sending, group: Sequence[Parcel]) -> _Ready:
    """Render a group, before the database is held. Raises StoreError where it does not answer."""
    messages: list[Message] = []
    broken: dict[int, str] = {}
    barred = [parcel for parcel in group if not sending.means(parcel.learner.email)]
    for parcel in group:
        if parcel in barred:
            continue
        try:
            messages.append(message_for(sending, parcel))
        except (DripError, ValueError) as error:
            if isinstance(error, StoreError) and not isinstance(error, Lost):
                raise
            broken[parcel.delivery_id] = f"cannot be rendered: {error}"
    return _Ready(
        parcels={parcel.delivery_id: parcel for parcel in group}, messages=messages, broken=broken, barred=barred
    )


def message_for(sending: Sending, parcel: Parcel) -> Message:
    """The message of one parcel. A retry has the same Message-ID, Date, revision, variant and language."""
    plan, language = parcel.plan, parcel.language
    found = partial(sending.library.template_from, sending.store, plan.revision)
    return build_message(
        found(parcel.step, language, parcel.variant),
        plan=plan,
        learner=parcel.learner,
        variables=scope(plan, parcel.learner, parcel.enrolment, parcel.facts, parcel.date),
        delivery_id=parcel.delivery_id,
        date=parcel.date,
        ring=sending.ring,
        base_url=sending.base_url,
        enrolment_id=parcel.enrolment.id,
        track_opens=not sending.no_pixels and tracks_opens(plan, parcel.learner),
        track_clicks=plan.tracking.clicks == "always",
        cards=[found(card_of(question), language, "default") for question in parcel.riders],
    )


def _exchange(
    sending: Sending, gone: Gone | None, ready: _Ready | None, stop: Callable[[], bool]
) -> tuple[Tally, set[int]]:
    """In one commit: write down what became of the last group, and hand the next. Returns the rows that were handed.

    Mails that have gone and are not marked would be in doubt, and sent again: while the database does not take it, this
    goes on trying, and our leases are renewed meanwhile.
    """
    left = MARK_AGAIN_TIMES
    while True:
        try:
            with sending.store.write() as conn:
                done = write_down(sending, conn, gone) if gone is not None else Tally()
                return (done, set()) if ready is None else (done + _turned_away(ready), _hand(sending, conn, ready))
        except Undone:
            Event().wait(LETS_THE_OTHER_GO_SECONDS)
        except StoreError as error:
            if gone is None:
                raise
            log.error("what became of %d mails is not written yet: %s", len(gone.parcels), error)
            left -= stop()
            if left <= 0:
                raise
            Event().wait(MARK_AGAIN_SECONDS)


def _turned_away(ready: _Ready) -> Tally:
    return Tally(held=len(ready.broken), retried=len(ready.barred))


def _hand(sending: Sending, conn: Connection, ready: _Ready) -> set[int]:
    """Mark rows as handed, after one more look at leaving (it cancels rows) and at the suppression list."""
    now = sending.clock()
    for parcel in ready.barred:  # they wait until the guard is lifted
        later = now + LOOK_AGAIN
        ledger.unclaim(conn, sending.worker, parcel.delivery_id, due_at=later, answer=guard.ANSWER)
    for delivery_id, words in ready.broken.items():
        ledger.hold(conn, sending.worker, delivery_id, answer=words)
    parcels = [ready.parcels[message.delivery_id] for message in ready.messages]
    if not parcels:
        return set()
    hashes = [learners.suppression_hash(sending.suppression_key, parcel.learner.email) for parcel in parcels]
    if found := suppression.suppressed(conn, hashes, now=now):
        left = [parcel.enrolment.id for parcel, hash_ in zip(parcels, hashes, strict=True) if hash_ in found]
        ledger.cancel(conn, left, answer=SUPPRESSED)
        enrolments.end(conn, left, state=State.LEFT, ended_by=SUPPRESSED)
    return ledger.hand(conn, sending.lease(conn), [parcel.delivery_id for parcel in parcels], now=now)
