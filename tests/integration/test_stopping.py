"""SIGTERM always stops a run, whatever the process was doing at that instant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: The main thread lies waiting when another thread takes the signal: nothing interrupts its wait. The same happens when
#: a signal comes between the main thread's last look and its wait, which cannot be timed from outside.
UNSEEN = """
import signal, sys, threading
from pathlib import Path
from stage import set_up
from drip.runners import timer

def take_signal():
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

with timer.stopping() as stop:
    threading.Timer(1, take_signal).start()
    timer.run(set_up(Path(sys.argv[1])).sending, stop)
"""
#: The signal comes while the main thread holds the lock of the Event, as it does for a moment in every `wait`.
LOCKED = """
import signal
from drip.runners.timer import stopping

with stopping() as stop:
    with stop._cond:
        signal.raise_signal(signal.SIGTERM)
    while not stop.wait(0.1):
        pass
"""


@pytest.mark.parametrize("script", [UNSEEN, LOCKED], ids=["unseen", "locked"])
def test_a_signal_at_the_most_awkward_moment_is_not_lost(script: str, tmp_path: Path) -> None:
    """Neither a wait that nothing interrupts nor a lock that is held keeps a process running for ever."""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=TESTS, timeout=60, check=True)
