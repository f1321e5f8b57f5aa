"""A worker leaves a sign of life every few seconds, in a thread of its own: also while one batch takes minutes."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event, Thread

from drip.engine.sending import Sending
from drip.errors import DripError
from drip.runners.logs import FIELDS
from drip.store import Store, breaker, workers
from drip.wiring import system_clock

log = logging.getLogger("drip.run")


@contextmanager
def beating(sending: Sending, *, clock: Callable[[], datetime] = system_clock) -> Iterator[None]:
    """Be seen as alive for as long as the block lasts, then say goodbye. `clock` is the real one, whatever mails go by.

    A sign that cannot be written stops no mail: the next one may be.
    """
    now = clock()
    me = workers.Worker(
        name=sending.worker,
        host=socket.gethostname(),
        process=os.getpid(),
        transport=sending.transport.name,
        started_at=now,
        seen_at=now,
    )
    done = Event()

    def beat() -> None:
        while not done.wait(workers.SIGN_EVERY.total_seconds()):
            _write(sending.store, replace(me, seen_at=clock()))

    _write(sending.store, me, first=True)
    log.info("worker_started", extra={FIELDS: {"worker": me.name, "process": me.process, "transport": me.transport}})
    thread = Thread(target=beat, name="drip-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        now = clock()
        _write(sending.store, replace(me, seen_at=now, stopped_at=now))
        log.info("worker_stopped", extra={FIELDS: {"worker": me.name, "process": me.process}})


def _write(store: Store, me: workers.Worker, *, first: bool = False) -> None:
    try:
        with store.write() as conn:
            if first:
                workers.forget(conn, but=me.name, now=me.seen_at)
                alive = [one.transport for one in workers.listed(conn) if one.is_alive(me.seen_at)]
                breaker.forget(conn, but={me.transport, *alive}, now=me.seen_at)
            workers.sign(conn, me)
    except DripError as error:
        log.warning("no sign of life could be written: %s", error)
