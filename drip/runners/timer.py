"""Wakes engine/deliver.py: one UTC interval tick of APScheduler, and a clean end on SIGTERM and SIGINT."""

from __future__ import annotations

import _thread
import gc
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from drip.engine.account import Told, nobody
from drip.engine.deliver import deliver_due
from drip.engine.mark import Tally
from drip.engine.pace import begin, give_back_share
from drip.engine.sending import Sending
from drip.errors import DripError
from drip.wiring import system_clock

log = logging.getLogger("drip.run")

#: Seconds between two looks at the queue; a tick that finds nothing due costs two index look-ups.
TICK_SECONDS = 2.0
#: Where nothing can be sent, because the database does not answer, say, it is tried again at least so often.
TRIES_AGAIN_AT_LEAST_EVERY_SECONDS = 30.0
#: So many new objects that may hold others are made before the garbage collector looks at them: a batch's.
_NEW_OBJECTS = 50_000
#: Python runs a signal's handler only in the main thread, and only between two of its steps. A signal that comes just
#: before that thread lies down to wait would go unseen for as long as it waits, so it gets up this often.
_GETS_UP_SECONDS = 0.5


def settle_down() -> None:
    """Let the garbage collector pass over what is loaded by now, and stays: looking at all of it took 70 ms at a time
    in the middle of a batch. It looks at what is new less often than it would: nearly all of that is gone by then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)


@contextmanager
def stopping() -> Iterator[Event]:
    """An Event that SIGTERM or SIGINT sets: what is under way is finished and marked, nothing new is claimed."""
    stop = Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        # From another thread: `set` takes the Event's lock, and the main thread, which runs this, may be holding it.
        _thread.start_new_thread(stop.set, ())

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    sending: Sending,
    stop: Event,
    *,
    every: float = TICK_SECONDS,
    told: Callable[[Tally], None] = lambda _tally: None,
    told_claim: Told = nobody,
) -> None:
    """Send what falls due until `stop` is set. `told` hears of each tick that did anything, `told_claim` of each claim.

    A tick that is still at work when the next is due is not run twice. An error of the machine (a full disk, a
    database that does not answer) is logged, and it is tried again, less and less often, until it goes.
    """
    failures, quiet_until, begun = 0, 0.0, False

    def tick() -> None:
        nonlocal failures, quiet_until, begun
        if time.monotonic() < quiet_until:
            return
        try:
            if not begun:
                begin(sending)
                begun = True
            tally = deliver_due(sending, stop=stop.is_set, told=told_claim, pause=stop.wait)
        except DripError as error:
            wait = min(TRIES_AGAIN_AT_LEAST_EVERY_SECONDS, every * 2 ** min(failures, 10))
            failures, quiet_until = failures + 1, time.monotonic() + wait - every / 2
            log.error("%s (tried again in %g s)", error, wait)
        else:
            if failures:
                log.warning("it goes again")
            failures = 0
            if tally != Tally():
                told(tally)

    scheduler = BackgroundScheduler(timezone="UTC")
    job = scheduler.add_job(
        tick,
        IntervalTrigger(seconds=every, timezone="UTC"),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
        next_run_time=system_clock(),  # the first tick is now
    )
    scheduler.start()
    try:
        while not stop.wait(_GETS_UP_SECONDS):
            now = system_clock()
            if job.next_run_time is not None and job.next_run_time - now > timedelta(seconds=2 * every):
                job.modify(next_run_time=now)  # the machine's clock was set back: do not sleep until it has caught up
    finally:
        scheduler.shutdown(wait=True)
        sending.transport.close()
        try:
            give_back_share(sending)
        except DripError as error:  # it runs out by itself
            log.error("the connections are not given back: %s", error)
