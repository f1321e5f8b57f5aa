"""The SMTP conversation alone: the CPU time of a mail from `Smtp.send`, without what writing its bytes takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from statistics import median

from drip.engine.sending import GROUP
from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports import Outcome
from drip.transports.smtp import Smtp

#: Connections of the transport.
_CONNECTIONS = 20
#: Threads that send, each a group after the other, as lanes do.
_LANES = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Milliseconds of CPU a mail: for its bytes, and for the conversation beside them by event loop and lanes."""

    bytes: float
    beside: dict[tuple[str, int], float]


def conversation_alone(port: int, messages: Sequence[Message], *, rounds: int) -> Spoken:
    """Send the messages again and again in groups to the sink. Medians of the rounds."""
    writing: list[float] = []
    speaking: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for loop in ("uvloop", "asyncio"):
            with _without_uvloop() if loop == "asyncio" else nullcontext():
                smtp = Smtp("127.0.0.1", port, tls="none", connections=_CONNECTIONS)
                _send(smtp, messages)  # opens the connections
                for lanes in _LANES:
                    writing.append(_cpu(lambda: [to_bytes(message) for message in messages]) / len(messages))
                    spent = _cpu(partial(_send_in_lanes, smtp, messages, lanes))
                    speaking.setdefault((loop, lanes), []).append(spent / lanes / len(messages) - writing[-1])
                smtp.close()
    return Spoken(bytes=median(writing), beside={which: median(spent) for which, spent in speaking.items()})


def _send_in_lanes(smtp: Smtp, messages: Sequence[Message], lanes: int) -> None:
    with ThreadPoolExecutor(lanes) as pool:
        for done in [pool.submit(_send, smtp, messages) for _ in range(lanes)]:
            done.result()


def _send(smtp: Smtp, messages: Sequence[Message]) -> None:
    for start in range(0, len(messages), GROUP):
        result = smtp.send(messages[start : start + GROUP])
        if {receipt.outcome for receipt in result.receipts} != {Outcome.SENT}:
            sys.exit(f"bench: the sink should take everything; it says {result}")


def _cpu(work: Callable[[], object]) -> float:
    """Milliseconds of CPU that a function takes, in all threads of this process."""
    before = time.process_time()
    work()
    return (time.process_time() - before) * 1000


@contextmanager
def _without_uvloop() -> Iterator[None]:
    """As where it is not installed."""
    kept = sys.modules.get("uvloop")
    sys.modules["uvloop"] = None  # type: ignore[assignment] # importing it fails
    try:
        yield
    finally:
        del sys.modules["uvloop"]
        if kept is not None:
            sys.modules["uvloop"] = kept
