"""Several `drip run` processes side by side, started and stopped as one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

from drip.runners.timer import stopping


def run_workers(number: int, flags: Sequence[str], *, captured: bool = False) -> tuple[int, list[str]]:
    """Start `number` processes of `drip run` with these flags; SIGTERM drains them all.

    Returns the worst exit code, and, where it is to be `captured`, what each printed (the little that JSON takes).
    One that the signal met before it had put up its own handler had claimed nothing yet: it has ended well.
    """
    command = [sys.executable, "-m", "drip", "run", *flags]
    with stopping() as stop:
        stdout = subprocess.PIPE if captured else None
        workers = [subprocess.Popen(command, stdout=stdout, text=True) for _ in range(number)]
        while any(worker.poll() is None for worker in workers) and not stop.wait(0.1):
            pass
        for worker in workers:
            worker.terminate()
        told = [worker.communicate()[0] or "" for worker in workers]
        codes = [worker.returncode for worker in workers]
        return max(0 if stop.is_set() and code == -signal.SIGTERM else abs(code) for code in codes), told
