"""The ways out, a file each: outbox (a folder of .eml files), smtp, sendgrid. Each is a Transport."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from drip.render.message import Message


class Outcome(StrEnum):
    """How one handed message ended."""

    #: The other side took it.
    SENT = "sent"
    #: Not now (4xx for this recipient or message, connection lost before the final dot): try again later.
    RETRY = "retry"
    #: Permanent for this person: the address is dead (5.1.x, or 550 at RCPT). `dead_address` is true.
    #: Or the message itself was refused for good (5xx after DATA): a person must look.
    REFUSED = "refused"
    #: The connection was lost after the final dot and before the reply: nobody knows.
    IN_DOUBT = "in_doubt"
    #: Nothing was tried for it, since the sender itself is in trouble: back to the queue, no attempt counted.
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one message. `answer` holds the other side's own words, such as `451 4.7.1 Greylisted`.

    `met_trouble` marks the UNTRIED that was itself tried and met what stopped the rest (5.7.x for this recipient, or
    a row of refusals): it may be its own trouble and not the sender's, so it goes behind the others. `goes_behind`
    marks the UNTRIED that was spared what is known to meet it (its sender was just refused): behind the others too.
    """

    delivery_id: int
    outcome: Outcome
    answer: str = ""
    dead_address: bool = False
    met_trouble: bool = False
    goes_behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Receipts for every message of a batch. `trouble` is the sender's own trouble in words, if it was met.

    `pause` is how long the other side asks to be left alone, where it says so.
    """

    receipts: tuple[Receipt, ...]
    trouble: str | None = None
    pause: timedelta | None = None


class Transport(Protocol):
    """A way out. `send` takes a batch of handed messages and returns one receipt for each; it never raises for one
    message's sake. Where the sender itself is in trouble (5xx at connect, EHLO, AUTH or MAIL; 5.7.x; many refused or
    put off in a row), it stops trying, says so in `Result.trouble`, and returns UNTRIED for what it did not get to.

    Several threads may call `send` at once. They share `connections`, the most messages that are under way at a time.
    `allow` changes that, up to what the transport was made with.
    """

    name: str
    connections: int

    def allow(self, connections: int) -> None:
        """Have no more than so many connections from now on; with 0, nothing is sent. Idle ones above are closed when
        this returns. To be called while nothing is being sent."""
        ...

    def send(self, messages: Sequence[Message]) -> Result:
        """Try each message once."""
        ...

    def close(self) -> None:
        """End connections politely. A closed transport may be used again."""
        ...
