"""A worker tells endpoints what happened, in threads of its own beside the mails: neither waits for the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

from drip.engine.tell import MOST_ENDPOINTS
from drip.engine.webhooks import Posting, Stop, due_now, send_due, send_to
from drip.errors import DripError

log = logging.getLogger("drip.webhooks")

#: Seconds between two looks at the outbox. Where there is no endpoint, one costs a look-up.
LOOKS_EVERY_SECONDS = 2.0


@contextmanager
def telling(
    posting: Posting, *, every: float = LOOKS_EVERY_SECONDS, to_the_end: bool = False, hurry: Stop = lambda: False
) -> Iterator[None]:
    """Post what falls due for as long as the block lasts; what is under way by its end is finished and marked.

    `to_the_end`: what is due by then is posted too, unless `hurry()` says that somebody waits.
    """
    done = Event()
    thread = Thread(target=_tell, args=(posting, done, every), name="drip-webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        if to_the_end and not hurry():
            _look(lambda: send_due(posting, stop=hurry))
        posting.poster.close()


def _tell(posting: Posting, done: Event, every: float) -> None:
    lanes: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(MOST_ENDPOINTS, thread_name_prefix="drip-webhook") as pool:

        def look() -> None:
            for id_ in due_now(posting):
                if id_ not in lanes or lanes[id_].done():
                    lanes[id_] = pool.submit(_look, partial(send_to, posting, id_, stop=done.is_set))

        while not done.is_set():
            _look(look)
            done.wait(every)


def _look(work: Callable[[], object]) -> None:
    """Do this; what cannot be done just now is tried again at the next look, whatever it was."""
    try:
        work()
    except DripError as error:
        log.error("webhooks wait: %s", error)
    except Exception:  # a mistake of ours with one row must not silence every endpoint until somebody starts anew
        log.exception("webhooks wait")
