"""Several `drip run` processes side by side, started and stopped as one; one that dies is started again."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drip.errors import UserError
from drip.runners.logs import FIELDS
from drip.runners.timer import stopping

log = logging.getLogger("drip.run")

#: A worker that died is started again after so many seconds, and after twice as many each time that it dies early…
AGAIN_SECONDS = 1.0
#: … up to so many.
AGAIN_AT_MOST_SECONDS = 60.0
#: One that lived for so long did not die early.
EARLY_SECONDS = 60.0
#: Words that do not fit, or settings that are wrong: the same again ends in the same way.
_MISTAKES = (UserError.exit_code, 2)
_LOOKS_EVERY_SECONDS = 0.1


@dataclass(slots=True, kw_only=True)
class _Worker:
    """One of them: its process now, or when it is to have another."""

    number: int
    process: subprocess.Popen[str]
    started_at: float
    again_at: float | None = None
    early_deaths: int = 0
    told: list[str] = field(default_factory=list)

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def mourn(self, now: float) -> None:
        """Say how it ended, and decide when it is started again."""
        self.early_deaths = self.early_deaths + 1 if now - self.started_at < EARLY_SECONDS else 0
        wait = min(AGAIN_AT_MOST_SECONDS, AGAIN_SECONDS * 2 ** max(0, self.early_deaths - 1))
        self.again_at = now + wait
        self.told.append(self.process.communicate()[0] or "")
        how = _how(self.process.returncode)
        fields = {"event": "worker_died", "number": self.number, "process": self.process.pid, "again_in": wait}
        words = f"worker {self.number} (process {self.process.pid}) {how}; started again in {wait:g} s"
        log.error(words, extra={FIELDS: fields})


def run_workers(
    number: int,
    flags: Sequence[str],
    *,
    again: bool = False,
    captured: bool = False,
    report_to: int | None = None,
    restarted: Callable[[], None] = lambda: None,
) -> tuple[int, list[str]]:
    """Start `number` processes of `drip run` with these flags; SIGTERM drains them all.

    With `again`, one that dies is started again, after a while that grows where it dies early. Returns the worst exit
    code of those that ended for good, and, where it is to be `captured`, what each printed (the little that JSON
    takes). One that the signal met before it had put up its own handler had claimed nothing yet: it has ended well.
    They report what they did over the file descriptor `report_to` (runners/reports.py); `restarted` hears of each
    that took a dead one's place.
    """
    command = [sys.executable, "-m", "drip", "run", *flags]
    passed = () if report_to is None else (report_to,)
    command += [] if report_to is None else ["--report-to", str(report_to)]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdout=subprocess.PIPE if captured else None, text=True, pass_fds=passed)

    with stopping() as stop:
        workers = [_Worker(number=n, process=start(), started_at=time.monotonic()) for n in range(1, number + 1)]
        while not all(worker.again_at is None and worker.has_ended() for worker in workers):
            if stop.wait(_LOOKS_EVERY_SECONDS):
                break
            now = time.monotonic()
            for worker in workers if again else ():
                if worker.again_at is None:
                    if worker.has_ended() and worker.process.returncode not in _MISTAKES and not stop.is_set():
                        worker.mourn(now)
                elif worker.again_at <= now:
                    worker.process, worker.started_at, worker.again_at = start(), now, None
                    fields = {"event": "worker_restarted", "number": worker.number, "process": worker.process.pid}
                    log.warning(
                        "worker %d is process %d now", worker.number, worker.process.pid, extra={FIELDS: fields}
                    )
                    restarted()
        living = [worker for worker in workers if worker.again_at is None]
        for worker in living:
            worker.process.terminate()
        for worker in living:
            worker.told.append(worker.process.communicate()[0] or "")
        codes = [worker.process.returncode for worker in living]
        told = [text for worker in workers for text in worker.told]
        return max((0 if stop.is_set() and code == -signal.SIGTERM else abs(code) for code in codes), default=0), told


def _how(code: int) -> str:
    """How a process ended, from its exit code."""
    if code >= 0:
        return f"ended with exit {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
