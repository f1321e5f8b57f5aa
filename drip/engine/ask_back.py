"""Ask whoever has asked for a course whether it was them: one mail for each request, over the way out of all mails.

A request is taken (one commit), its mail is sent, and what became of it is written (another). Who dies in between
leaves a request that is taken again after `in_doubt_after`, with the same Message-ID, or left alone where the setting
`in_doubt` is `hold`. These mails are no tips: they stand in no ledger, and take no room in the pace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from drip.engine.parcel import LOOK_AGAIN
from drip.engine.sending import Sending
from drip.errors import DripError
from drip.render.confirmation import confirmation
from drip.render.message import Message
from drip.schedule.backoff import pause_after, retry_after
from drip.store import breaker, courses, guard, learners, requests, suppression
from drip.store.requests import Request
from drip.transports import Outcome, Receipt, Result

log = logging.getLogger("drip.deliver")

#: So many are taken at a time: they are sent one by one.
_AT_A_TIME = 10


def ask_back(sending: Sending, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Send the mails of requests that are due, and forget old requests. Calling it twice asks nobody twice.

    Returns how many went. With nothing to do it costs two look-ups.
    """
    sent = 0
    while sending.transport.connections:
        now = sending.clock()
        with sending.store.read() as conn:
            trouble = breaker.read(conn, sending.transport.name)
            if not requests.anything_to_do(conn, now=now):
                break
        held_up = trouble is not None and trouble.until > now
        again_at = now + sending.in_doubt_after if sending.in_doubt == "resend" else None
        with sending.store.write() as conn:
            requests.forget(conn, now=now)
            taken = [] if held_up else requests.take(conn, now=now, again_at=again_at, limit=_AT_A_TIME)
        if not taken:
            break
        for number, one in enumerate(taken):
            result = _ask(sending, one)
            sent += any(receipt.outcome is Outcome.SENT for receipt in result.receipts)
            if result.trouble is not None or stop():
                _give_back(sending, taken[number + 1 :], sending.clock())
                return sent
    return sent


def _ask(sending: Sending, one: Request) -> Result:
    """Send one mail, and write what became of it."""
    if not sending.means(one.email):
        _write(sending, one, state=requests.WAITING, due_at=sending.clock() + LOOK_AGAIN, answer=guard.ANSWER)
        return Result(receipts=())
    try:
        message = _message(sending, one)
    except (DripError, ValueError) as error:
        _write(sending, one, state=requests.QUIET, due_at=None, answer=f"cannot be written: {error}")
        return Result(receipts=())
    result = sending.transport.send([message])
    now = sending.clock()
    for receipt in result.receipts:
        state, wait = _after(sending, one, receipt)
        _write(sending, one, state=state, due_at=None if wait is None else now + wait, answer=receipt.answer)
    return result


def _after(sending: Sending, one: Request, receipt: Receipt) -> tuple[str, timedelta | None]:
    """(what the request is after its mail came to this, how long to wait before it is tried again)."""
    tried = one.attempts + 1
    match receipt.outcome:
        case Outcome.SENT:
            return requests.ASKED, None
        case Outcome.UNTRIED:
            return requests.WAITING, pause_after(tried)
        case Outcome.RETRY if (wait := retry_after(one.id, tried)) is not None:
            return requests.WAITING, wait
        case Outcome.IN_DOUBT if sending.in_doubt == "resend" and tried <= 1:
            return requests.ASKING, sending.in_doubt_after
        case Outcome.IN_DOUBT:
            return requests.ASKED, None
        case _:
            return requests.QUIET, None


def _message(sending: Sending, one: Request) -> Message:
    with sending.store.read() as conn:
        found = courses.get(conn, one.course_id)
        plan = courses.plan_of(conn, found.revision) if found is not None else None
        key = learners.suppression_hash(sending.suppression_key, one.email)
        barred = suppression.suppressed(conn, [key], now=sending.clock()).get(key)
    if plan is None:
        raise ValueError(f"the course {one.course_id} is not published any more")
    if barred not in (None, suppression.UNSUBSCRIBED):  # a complaint, say, since they asked
        raise ValueError("the address gets no mail any more")
    return confirmation(
        plan,
        number=one.id,
        check=one.check,
        email=one.email,
        language=one.language,
        asked_at=one.asked_at,
        until=one.asked_at + requests.KEPT_FOR,
        ring=sending.ring,
        base_url=sending.base_url,
        brand=sending.brand,
    )


def _write(sending: Sending, one: Request, *, state: str, due_at: datetime | None, answer: str) -> None:
    with sending.store.write() as conn:
        requests.write(conn, one.id, state=state, due_at=due_at, answer=answer)


def _give_back(sending: Sending, left: list[Request], now: datetime) -> None:
    for one in left:
        _write(sending, one, state=requests.WAITING, due_at=now + pause_after(1), answer=one.state)
