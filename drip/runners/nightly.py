"""The work of the night beside `drip run`, in a thread of its own: one process does it, whoever comes first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from threading import Event, Thread
from zoneinfo import ZoneInfo

from drip.engine.retention import Retention, night_of, tonight
from drip.errors import DripError
from drip.runners.logs import FIELDS
from drip.store import Store
from drip.wiring import system_clock

log = logging.getLogger("drip.run")

#: It looks at the clock so often, and at the database only until the night is known to be done.
LOOKS_EVERY_SECONDS = 60.0


@contextmanager
def forgetting(
    store: Store,
    keep: Retention,
    worker: str,
    zone: str,
    *,
    clock: Callable[[], datetime] = system_clock,
    every: float = LOOKS_EVERY_SECONDS,
) -> Iterator[None]:
    """For as long as the block lasts, forget each night what is old enough; a night that was missed as soon as may be.

    What goes wrong stops no mail: it is logged, and tried again at the next look.
    """
    stop = Event()

    def work() -> None:
        done: date | None = None
        while not stop.wait(every):
            try:
                night = night_of(clock(), keep, ZoneInfo(zone))
                if night != done and tonight(store, keep, night, worker, clock=clock, stop=stop.is_set):
                    done = night
                    fields = {"event": "night_done", "night": night.isoformat()}
                    log.info("the night's work is done", extra={FIELDS: fields})
            except DripError as error:
                log.error("the night's work: %s", error)
            except Exception:  # a mistake of ours with one row must not end all nights until somebody starts anew
                log.exception("the night's work waits")

    thread = Thread(target=work, name="drip-night", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
