"""Looks into the bounce mailbox every few minutes, in a thread of its own: whatever is wrong with it stops no mail.

Of several workers the one that has been alive longest does it. Two at once, as one takes over from another, do no harm:
what a mail says is taken once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread

from drip.engine.bounces import Listener, fetch
from drip.errors import DripError
from drip.inbound.mailbox import Mailbox
from drip.runners.logs import FIELDS
from drip.store import Store, workers
from drip.wiring import system_clock

log = logging.getLogger("drip.run")

#: Between two looks into the mailbox.
EVERY = timedelta(minutes=5)
#: A look that is under way at the end may go on for so long; what it has not put away is found again.
_GRACE_SECONDS = 10.0
#: Kind → how its number is called in the log.
_WORDS = {
    "bounce": "bounces",
    "complaint": "complaints",
    "auto-reply": "auto_replies",
    "delivered": "delivered",
    "none": "left_alone",
}


@contextmanager
def fetching(
    listener: Listener,
    mailbox: Mailbox,
    *,
    worker: str,
    every: timedelta = EVERY,
    clock: Callable[[], datetime] = system_clock,
) -> Iterator[None]:
    """Look into the mailbox for as long as the block lasts: at once, and then now and again.

    `worker` is who is doing this; `clock` is the real one, by which workers are alive.
    """
    done = Event()

    def work() -> None:
        while True:
            if _is_first(listener.store, worker, clock):
                _look(listener, mailbox, done)
            if done.wait(every.total_seconds()):
                return

    thread = Thread(target=work, name="drip-bounces", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_GRACE_SECONDS)


def _is_first(store: Store, worker: str, clock: Callable[[], datetime]) -> bool:
    """Whether no other living worker is older."""
    try:
        with store.read() as conn:
            now = clock()
            alive = [one for one in workers.listed(conn) if one.is_alive(now)]
    except DripError as error:
        log.error("bounces are not fetched: %s", error)
        return False
    first = min(alive, key=lambda one: (one.started_at, one.name), default=None)
    return first is None or first.name == worker


def _look(listener: Listener, mailbox: Mailbox, done: Event) -> None:
    kinds: Counter[str] = Counter()
    try:
        for row in fetch(listener, mailbox, stop=done.is_set):
            kinds[row.kind] += 1
    except DripError as error:
        log.error("bounces are not fetched: %s (tried again later)", error)
    except Exception:  # whatever is wrong here, mails go on
        log.exception("bounces are not fetched (tried again later)")
    if kinds:
        log.info("bounces_fetched", extra={FIELDS: {word: kinds[kind] for kind, word in _WORDS.items() if kinds[kind]}})
