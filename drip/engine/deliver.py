"""Send every step due. Calling it twice sends nothing twice.

claim (one transaction) → lanes (engine/lane.py): render → hand at most 50 → transport → mark and advance
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from math import ceil
from threading import Event, Lock

from drip.engine.account import Account, Stage, Stopwatch, Told, nobody
from drip.engine.ask_back import ask_back
from drip.engine.claim import claim_due
from drip.engine.enrol import come_in
from drip.engine.follow import catch_up
from drip.engine.fresh_links import send_fresh_links
from drip.engine.lane import lanes_of, run_lane
from drip.engine.mark import Tally, due_since
from drip.engine.pace import PATIENCE, Pause, begin, give_back, next_one, obey, renew_share, respread, waited
from drip.engine.parcel import Claimed, Parcel
from drip.engine.renewing import renewing
from drip.engine.sending import GROUP, Sending
from drip.errors import SenderTrouble
from drip.store import breaker, ledger, queue

log = logging.getLogger("drip.deliver")

#: One pass waits for the pace again and again, but lets whoever woke it have a word after so long.
WAITS_FOR = timedelta(minutes=1)


def deliver_due(
    sending: Sending,
    *,
    stop: Callable[[], bool] = lambda: False,
    told: Told = nobody,
    pause: Pause | None = None,
) -> Tally:
    """Send every step due now. Calling it twice sends nothing twice.

    Whoever comes in by a date of theirs is enrolled first, and whoever stands in an earlier revision is moved. Ends
    when nothing is due, when `stop()` says so (what is under way is finished and marked, nothing new is claimed), or
    when the sender itself is in trouble (everything claimed goes back to the queue). `told` hears of every claim.

    Where the pace lets the next mail go within about a tick, `pause(seconds)` waits for it (for a minute in all).
    Without `pause`, what waits for the pace is left for the next call.
    """
    total, began = Tally(), sending.clock()
    come_in(sending.store, now=sending.clock(), suppression_key=sending.suppression_key)
    if asked := ask_back(sending, stop=stop):
        log.info("asked_to_confirm", extra={"fields": {"mails": asked}})
    total += Tally(confirmations=asked, fresh_links=send_fresh_links(sending, stop=stop))
    if moved := catch_up(sending.store, now=sending.clock(), library=sending.library):
        log.info("caught_up", extra={"fields": {"enrolments": moved}})
    while not stop() and total.trouble is None:
        now, watch = sending.clock(), Stopwatch()
        with watch.on(Stage.CLAIM):
            claimed = claim_due(sending, now=now)
        obey(sending, claimed.connections)
        for domain in claimed.stalled:
            respread(sending, domain)
        if not claimed.looked_at:
            if pause is None or claimed.again_at is None or now - began >= WAITS_FOR:
                break
            if not waited(sending, pause, claimed.again_at):
                break
            continue
        done = _send(sending, claimed, stop, watch)
        total += done
        told(
            Account(
                worker=sending.worker,
                transport=sending.transport.name,
                looked_at=claimed.looked_at,
                claimed=len(claimed.parcels),
                lag=max(0.0, (now - claimed.oldest_at).total_seconds()) if claimed.oldest_at is not None else 0.0,
                done=done,
                took=watch.took(),
            )
        )
    return total


def until_idle(
    sending: Sending,
    *,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[float], object] | None = None,
    told: Told = nobody,
) -> Tally:
    """Send until nothing is due and nobody holds a lease. Raises SenderTrouble where nothing can be sent at all.

    A lease that a dead worker left runs out by itself; `pause(seconds)` is how to wait for that. Mails that wait for
    the pace are waited for where the next goes within PATIENCE and the clock moves; otherwise they are left.
    """
    wait = pause or Event().wait
    total = Tally()
    begin(sending)
    while not stop():
        total += deliver_due(sending, stop=stop, told=told, pause=wait)
        with sending.store.read() as conn:
            trouble = breaker.read(conn, sending.transport.name)
            held = ledger.anyone_holds(conn)
            later = next_one(sending, conn)
            held = held or (later is None and queue.claimable(conn, now=sending.clock()))
        if trouble is not None and trouble.until > sending.clock():
            raise SenderTrouble(
                f"{sending.transport.name}: {trouble.words}\n  nobody's mail has failed; all of it waits"
            )
        if later is not None and not held:
            if later - sending.clock() > PATIENCE or not waited(sending, wait, later):
                break
            continue
        if not held:
            break
        wait(min(0.2, sending.lease_for.total_seconds() / 4))
    return total


def _send(sending: Sending, claimed: Claimed, stop: Callable[[], bool], watch: Stopwatch) -> Tally:
    """Send what was claimed, over as many lanes as the way out has room for. What is left over goes back."""
    parcels = claimed.parcels
    left, door, halted = deque(parcels), Lock(), Event()
    spared: list[Parcel] = []

    def take() -> list[Parcel]:
        with door:
            if stop() or halted.is_set():
                return []
            return [left.popleft() for _ in range(min(GROUP, len(left)))]

    def lane() -> Tally:
        try:
            done = run_lane(sending, take, stop, watch, spared.append)
        except BaseException:
            halted.set()
            raise
        if done.trouble is not None:
            halted.set()
        return done

    ids = [parcel.delivery_id for parcel in parcels]
    with renewing(sending.lease_for, partial(_renew, sending, ids), what="mails"):
        try:
            lanes = min(lanes_of(sending), ceil(len(parcels) / GROUP))
            if lanes <= 1:
                return lane()
            with ThreadPoolExecutor(lanes, thread_name_prefix="drip-lane") as pool:
                return sum((done.result() for done in [pool.submit(lane) for _ in range(lanes)]), Tally())
        finally:
            if left:
                _give_back(sending, left)
            if claimed.at is not None and (back := [*left, *spared]):
                give_back(sending, [parcel.learner.email for parcel in back], taken_at=claimed.at)


def _give_back(sending: Sending, parcels: Iterable[Parcel]) -> None:
    """Return what was claimed and will not be handed now."""
    now = sending.clock()
    with sending.store.write() as conn:
        for parcel in parcels:
            ledger.unclaim(conn, sending.worker, parcel.delivery_id, due_at=due_since(parcel, now))


def _renew(sending: Sending, ids: Sequence[int]) -> None:
    """Hold on to these rows, and to this worker's share of the connections."""
    with sending.store.write() as conn:
        ledger.renew(conn, sending.lease(conn), ids)
    renew_share(sending)
