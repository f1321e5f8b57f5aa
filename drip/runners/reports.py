"""Workers tell their parent what they did, over one pipe, so that all of them have one place for their numbers.

A worker writes a line for each claim, in one piece (no longer than PIPE_BUF), and never waits for the pipe. The sums
are the parent's: they outlive a worker that dies.
"""

from __future__ import annotations

import json
import logging
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Thread

from drip.engine.account import Account, Stage, Told
from drip.engine.mark import Tally

log = logging.getLogger("drip.run")

#: What a mail server says may have any length; that it said something is all that a number needs.
_TROUBLE_AT_MOST = 200


@contextmanager
def gathering(told: Told) -> Iterator[int]:
    """The pipe's end for workers, as a file descriptor; `told` hears what they report, in a thread of its own."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    thread = Thread(target=_listen, args=(reads, told), name="drip-reports", daemon=True)
    thread.start()
    try:
        yield writes
    finally:
        os.close(writes)
        thread.join(5)  # it ends with the last worker, and those have ended


def reporter(descriptor: int) -> Told:
    """Report over that end of the pipe. What does not fit, or finds nobody there, is left out."""

    def report(account: Account) -> None:
        done = account.done
        if done.trouble is not None:
            done = Tally(**{**asdict(done), "trouble": done.trouble[:_TROUBLE_AT_MOST]})
        values = asdict(account) | {"done": asdict(done)}
        values["took"] = {stage: [round(one, 6) for one in times] for stage, times in account.took.items()}
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        try:
            if len(line) <= select.PIPE_BUF:
                os.write(descriptor, line)
        except OSError:  # the pipe is full, or the parent is gone: mails go on
            log.debug("a report found no reader")

    return report


def _listen(descriptor: int, told: Callable[[Account], None]) -> None:
    with os.fdopen(descriptor, "rb") as lines:
        for line in lines:
            try:
                told(_read(line))
            except (ValueError, TypeError, KeyError):
                log.exception("a worker's report makes no sense")


def _read(line: bytes) -> Account:
    values = json.loads(line)
    took = {Stage(stage): tuple(times) for stage, times in values["took"].items()}
    return Account(**{**values, "done": Tally(**values["done"]), "took": took})
