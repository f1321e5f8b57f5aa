"""Whoever has an old link to their page gets a fresh one, by mail, at the address on file and nowhere else.

The press writes a row (one commit); the next tick of a worker takes it, sends its mail and writes what became of it.
Who dies in between leaves a row that is taken again a little later: the same mail, with the same Message-ID. These
mails stand in no ledger and take no room in the pace; a learner gets one an hour and three a day, whoever presses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from drip.engine.library import Library
from drip.engine.my_course import latest
from drip.engine.parcel import LOOK_AGAIN
from drip.engine.sending import PERSONAL, Sending
from drip.errors import NotFound
from drip.people import State
from drip.render.fresh_link import fresh_link_mail
from drip.render.message import Message
from drip.schedule.backoff import pause_after, retry_after
from drip.store import Store, breaker, fresh_links, guard, learners, suppression
from drip.store.fresh_links import FreshLink
from drip.store.troubles import tried_again
from drip.transports import Outcome, Result

#: A learner gets at most one in HOUR, and so many in DAY.
HOUR, DAY, MOST_A_DAY = timedelta(hours=1), timedelta(days=1), 3
#: So many are taken at a time: they are sent one by one.
_AT_A_TIME = 10


class FreshLinks:
    """The use case behind the page of an old link. May be called from any thread."""

    def __init__(self, store: Store, *, suppression_key: bytes) -> None:
        self._store, self._key = store, suppression_key

    @tried_again
    def ask(self, delivery_id: int, *, now: datetime) -> bool:
        """Let a fresh link go to whoever got this mail, unless nothing may, or one has just gone.

        Whoever asks is told nothing of that: the answer is for the tests.
        """
        with self._store.write() as conn:
            try:
                standing = latest(conn, delivery_id)
            except NotFound:
                return False
            learner = standing.learner
            learners.lock(conn, [learner.id])
            key = learners.suppression_hash(self._key, learner.email)
            if standing.enrolment.state in (State.LEFT, State.FAILED) or suppression.suppressed(conn, [key], now=now):
                return False
            if fresh_links.asked(conn, learner.id, since=now - HOUR):
                return False
            if fresh_links.asked(conn, learner.id, since=now - DAY) >= MOST_A_DAY:
                return False
            fresh_links.ask(conn, learner.id, delivery_id, now=now)
            return True


def send_fresh_links(sending: Sending, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Send the links that are due. Calling it twice sends none twice. With nothing to do it costs one look-up.

    Ends at the first that meets the sender's own trouble: the others go back to the queue, untried.
    """
    sent = 0
    while sending.transport.connections and not stop():
        now = sending.clock()
        with sending.store.read() as conn:
            trouble = breaker.read(conn, sending.transport.name)
            due = fresh_links.anything_due(conn, now=now)
        if not due or (trouble is not None and trouble.until > now):
            break
        with sending.store.write() as conn:
            taken = fresh_links.take(conn, now=now, again_at=now + sending.in_doubt_after, limit=_AT_A_TIME)
        for number, one in enumerate(taken):
            result = _send(sending, one)
            sent += any(receipt.outcome is Outcome.SENT for receipt in result.receipts)
            if result.trouble is not None or stop():
                _give_back(sending, taken[number + 1 :])
                return sent
        if not taken:
            break
    return sent


def _give_back(sending: Sending, left: Sequence[FreshLink]) -> None:
    for one in left:
        _write(sending, one, pause_after(1), "not tried yet")


def _send(sending: Sending, one: FreshLink) -> Result:
    """Send one, and write what became of it."""
    try:
        message = _message(sending, one)
    except PERSONAL as error:
        _write(sending, one, None, f"cannot be written: {error}")
        return Result(receipts=())
    if message is None:
        _write(sending, one, None, "the address gets no mail any more")
        return Result(receipts=())
    if not sending.means(message.rcpt_to):
        _write(sending, one, LOOK_AGAIN, guard.ANSWER)
        return Result(receipts=())
    result = sending.transport.send([message])
    (receipt,) = result.receipts
    match receipt.outcome:
        case Outcome.UNTRIED:
            _write(sending, one, pause_after(one.attempts), receipt.answer)
        case Outcome.RETRY:
            _write(sending, one, retry_after(one.id, one.attempts), receipt.answer)
        case _:
            _write(sending, one, None, receipt.answer)
    return result


def _message(sending: Sending, one: FreshLink) -> Message | None:
    """The mail, or None where its learner gets none any more."""
    with sending.store.read() as conn:
        standing = latest(conn, one.delivery_id)
        key, now = learners.suppression_hash(sending.suppression_key, standing.learner.email), sending.clock()
        if suppression.suppressed(conn, [key], now=now) or standing.enrolment.state in (State.LEFT, State.FAILED):
            return None
        library: Library = sending.library
        return fresh_link_mail(
            library.plan(conn, standing.current),
            standing.learner,
            number=one.id,
            delivery_id=one.delivery_id,
            asked_at=one.asked_at.replace(microsecond=0),
            ring=sending.ring,
            base_url=sending.base_url,
            brand=sending.brand,
        )


def _write(sending: Sending, one: FreshLink, wait: timedelta | None, answer: str) -> None:
    due_at = None if wait is None else sending.clock() + wait
    with sending.store.write() as conn:
        fresh_links.write(conn, one.id, due_at=due_at, answer=answer)
