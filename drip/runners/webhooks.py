"""A worker tells endpoints what happened, in threads of its own beside the mails: neither waits for the other."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

from drip.engine.tell import MOST_ENDPOINTS
from drip.engine.webhooks import Posting, due_now, send_to
from drip.errors import DripError

log = logging.getLogger("drip.webhooks")

#: Seconds between two looks at the outbox. Where there is no endpoint, one costs a look-up.
LOOKS_EVERY_SECONDS = 2.0


@contextmanager
def telling(posting: Posting, *, every: float = LOOKS_EVERY_SECONDS) -> Iterator[None]:
    """Post what falls due for as long as the block lasts, and what is due by its end; what is under way is finished."""
    stop = Event()
    thread = Thread(target=_tell, args=(posting, stop, every), name="drip-webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        posting.poster.close()


def _tell(posting: Posting, stop: Event, every: float) -> None:
    lanes: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(MOST_ENDPOINTS, thread_name_prefix="drip-webhook") as pool:
        while True:
            last = stop.is_set()  # one look more, for what the last mails have brought
            try:
                for id_ in due_now(posting):
                    if id_ not in lanes or lanes[id_].done():
                        lanes[id_] = pool.submit(_lane, posting, id_, stop, last)
            except DripError as error:
                log.error("webhooks wait: %s", error)
            if last:
                return
            stop.wait(every)


def _lane(posting: Posting, endpoint_id: str, stop: Event, last: bool) -> None:
    """Tell one endpoint. At the end, one batch more: whoever waits for the process to end does not wait for long."""
    batches = iter((False,)) if last else None
    try:
        done = send_to(posting, endpoint_id, stop=stop.is_set if batches is None else lambda: next(batches, True))
    except DripError as error:
        log.error("webhooks of an endpoint wait: %s", error)
        return
    if done.sent:
        log.info("webhooks", extra={"fields": {"sent": done.sent, "retried": done.retried, "failed": done.failed}})
