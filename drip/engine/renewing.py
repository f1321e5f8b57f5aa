"""Leases are renewed while the network is busy: a slow server must not make a worker look dead."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from drip.errors import DripError

log = logging.getLogger("drip.run")


@contextmanager
def renewing(lasts_for: timedelta, renew: Callable[[], None], *, what: str) -> Iterator[None]:
    """Call `renew` three times within the span that the lease lasts, for as long as the block does, from a thread.

    Where the database does not take it, that is logged (`what` says whose lease it is) and tried again.
    """
    done = Event()

    def work() -> None:
        while not done.wait(lasts_for.total_seconds() / 3):
            try:
                renew()
            except DripError as error:
                log.error("the lease on %s could not be renewed: %s", what, error)

    thread = Thread(target=work, name="drip-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
