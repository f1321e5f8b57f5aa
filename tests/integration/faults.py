"""How a mail server can misbehave, a row each: what it does, and how five mails stand right after.

docs/promises.md has a line for each; tests/unit/test_promises_page.py holds the two together.

The five are learner0 to learner4, over one connection, in this order. How one stands is a word:

- `sent`: the server said that it has it.
- `soon`: tried, and to be tried again after the first span of the backoff.
- `next`: not tried, no attempt counted, first in the queue when the transport is tried again.
- `behind`: not tried, no attempt counted, but it would have met the same: five minutes later.
- `doubt`: nobody knows; to be settled after a quarter of an hour.
- `held`: a person decides.
- `dead`: the address is; the enrolments have ended.

`words` is what the server said, kept on the mails, or told as the trouble where the breaker opened (`trips`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOBODY = "next next next next next"
#: Who was asked about waits the first span, and the others go first.
FIRST_MET_IT = "soon next next next next"
#: At MAIL the sender's address may be at fault: all that share it wait.
THEIR_SENDER = "soon behind behind behind behind"
FIRST_LATER = "soon sent sent sent sent"
SECOND_LATER = "sent soon sent sent sent"
ALL_LATER = "soon soon soon soon soon"
ALL_SENT = "sent sent sent sent sent"
SECOND = "learner1@customer.example"
EVERYTHING = ["8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "SIZE 36700160", "ENHANCEDSTATUSCODES"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to misbehave. `peer` and `smtp` are options of the scripted server, and of the transport towards it.

    `copies`: how many the server may have taken of a mail in doubt before it was sent once more.
    """

    name: str
    stands: str
    script: Mapping[str, Any] = field(default_factory=dict)
    peer: Mapping[str, Any] = field(default_factory=dict)
    smtp: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    trips: bool = False
    copies: int = 0


def refused(stage: str, reply: str, stands: str, **more: Any) -> Fault:
    """A reply at a stage, whoever asks; it opens the breaker."""
    words = reply.removesuffix(" +cut")
    return Fault(name=f"{reply} at {stage}", script={stage: [reply]}, stands=stands, words=words, trips=True, **more)


def later(stage: str, reply: str) -> Fault:
    """A reply at a stage, to the first who comes there."""
    words = reply.removesuffix(" +cut")
    return Fault(name=f"one {reply} at {stage}", script={stage: [reply, "ok"]}, stands=FIRST_LATER, words=words)


def personal(reply: str, stands: str, name: str = "") -> Fault:
    """A reply to one recipient."""
    words = reply.removesuffix(" +cut")
    return Fault(name=name or f"{reply} for one", script={"RCPT": {SECOND: reply}}, stands=stands, words=words)


_LOGIN = {"username": "asa", "password": "hemlig"}
_AUTH = {"extensions": ["AUTH PLAIN LOGIN"]}
_TLS = {"extensions": ["STARTTLS"]}
#: Seconds for a reply: servers that never answer are waited for by the real clock.
_IMPATIENT = {"timeout": 0.4}

FAULTS = [
    # nothing goes: the sender's trouble, or the server's
    refused("connect", "421 4.3.2 Too busy +cut", NOBODY),
    refused("connect", "554 5.7.1 Your address is on a list +cut", NOBODY),
    Fault(name="cut at connect", script={"connect": ["cut"]}, stands=NOBODY, trips=True, words="for now"),
    Fault(name="silent at connect", script={"connect": ["hang"]}, stands=NOBODY, trips=True, smtp=_IMPATIENT),
    Fault(name="banner of 1 MB", script={"connect": ["220 " + "x" * 1_000_000]}, stands=NOBODY, trips=True),
    Fault(name="malformed banner", script={"connect": ["220-one\nand two"]}, stands=NOBODY, trips=True),
    refused("EHLO", "550 5.7.1 Go away", NOBODY),
    refused("EHLO", "421 4.3.2 Shutting down +cut", NOBODY),
    refused("STARTTLS", "454 4.7.0 No TLS now", NOBODY, peer=_TLS),
    refused("STARTTLS", "554 5.7.3 No TLS for you", NOBODY, peer=_TLS),
    refused("AUTH", "535 5.7.8 Wrong password", NOBODY, peer=_AUTH, smtp=_LOGIN),
    refused("AUTH", "454 4.7.0 Not now", NOBODY, peer=_AUTH, smtp=_LOGIN),
    refused("AUTH", "530 5.7.0 Must issue a STARTTLS command first", NOBODY, peer=_AUTH, smtp=_LOGIN),
    Fault(name="no AUTH offered", stands=NOBODY, trips=True, smtp=_LOGIN, words="no way to log in"),
    Fault(name="no STARTTLS offered", stands=NOBODY, trips=True, smtp={"tls": "starttls"}, words="STARTTLS"),
    refused("MAIL", "530 5.7.0 Must issue a STARTTLS command first", THEIR_SENDER),
    refused("MAIL", "550 5.7.1 You are on a list", THEIR_SENDER),
    refused("MAIL", "553 5.1.8 Your domain does not exist", THEIR_SENDER),
    refused("MAIL", "552 5.2.2 You have used up your storage", THEIR_SENDER),
    refused("RCPT", "550 5.7.1 You are on a list", FIRST_MET_IT),
    refused("RCPT", "554 5.7.1 Relay access denied", FIRST_MET_IT),
    refused("RCPT", "530 Authentication required", FIRST_MET_IT),
    refused("DATA", "554 5.7.1 Daily quota exceeded", FIRST_MET_IT),
    refused("dot", "550 5.7.26 Unauthenticated sender", FIRST_MET_IT),
    # not now, for one of them
    later("MAIL", "421 4.7.0 Slow down +cut"),
    later("MAIL", "450 4.7.1 Slow down"),
    later("MAIL", "451 4.3.0 Try later"),
    later("MAIL", "452 4.3.1 Out of storage"),
    later("DATA", "421 4.3.0 Going down +cut"),
    later("DATA", "451 4.3.0 Try later"),
    later("dot", "421 4.3.0 Going down +cut"),
    later("dot", "451 4.3.0 Local error"),
    later("dot", "452 4.3.1 Out of storage"),
    personal("450 4.2.1 Mailbox busy", SECOND_LATER),
    personal("451 4.7.1 Greylisted, come back in five minutes", SECOND_LATER),
    personal("452 4.5.3 Too many recipients", SECOND_LATER),
    personal("452 4.2.2 Mailbox full", SECOND_LATER),
    personal("421 4.7.0 Too many mails to this recipient +cut", SECOND_LATER),
    # no, for one of them
    personal("550 5.1.1 No such user", "sent dead sent sent sent"),
    personal("550 no such user", "sent dead sent sent sent"),
    personal("552 5.2.2 Mailbox full for good", "sent held sent sent sent"),
    Fault(name="too big", script={"dot": {SECOND: "552 5.3.4 Message too big"}}, stands="sent held sent sent sent",
          words="552 5.3.4 Message too big"),
    Fault(name="content refused", script={"dot": {SECOND: "554 5.6.0 No"}}, stands="sent held sent sent sent",
          words="554 5.6.0 No"),
    Fault(name="SIZE 100", peer={"extensions": ["SIZE 100"]}, stands="held held held held held", words="takes 100 at"),
    # not now, for everybody
    Fault(name="greylisted all", script={"RCPT": ["451 4.7.1 Greylisted"]}, stands=ALL_LATER, words="Greylisted"),
    Fault(name="421 to every MAIL", script={"MAIL": ["421 4.7.0 Slow down +cut"]}, stands=ALL_LATER, words="Slow"),
    # a connection that ends, or a server that falls silent
    Fault(name="cut at MAIL", script={"MAIL": ["cut", "ok"]}, stands=FIRST_LATER, words="closed"),
    Fault(name="cut at RCPT", script={"RCPT": ["cut", "ok"]}, stands=FIRST_LATER, words="closed"),
    Fault(name="cut before DATA", script={"DATA": ["cut", "ok"]}, stands=FIRST_LATER, words="closed"),
    Fault(name="silent at RCPT", script={"RCPT": ["hang", "ok"]}, stands=FIRST_LATER, smtp=_IMPATIENT),
    Fault(name="cut after the dot", script={"dot": ["cut", "ok"]}, stands="doubt sent sent sent sent",
          words="after the final dot"),
    Fault(name="taken, then cut", script={"dot": ["take and cut", "ok"]}, stands="doubt sent sent sent sent", copies=1),
    Fault(name="silent after the dot", script={"dot": ["hang", "ok"]}, stands="doubt sent sent sent sent",
          smtp=_IMPATIENT, words="no answer"),
    Fault(name="always cut after the dot", script={"dot": ["cut"]}, stands="doubt doubt doubt next next", trips=True,
          words="lost in a row"),
    Fault(name="always taken, then cut", script={"dot": ["take and cut"]}, stands="doubt doubt doubt next next",
          trips=True, words="lost in a row", copies=1),
    # words that no server should say
    personal("450 4.2.0 not\x00now", SECOND_LATER, "NUL in a reply"),
    personal("450 4.2.0 lådan är full", SECOND_LATER, "UTF-8 in a reply"),
    personal("450 4.2.0 l\udce5dan", SECOND_LATER, "broken UTF-8 in a reply"),
    Fault(name="two codes in one reply", script={"RCPT": {SECOND: "250-Ok\n550 5.1.1 No"}}, stands=SECOND_LATER),
    Fault(name="no code at all", script={"RCPT": {SECOND: "go ahead"}}, stands=SECOND_LATER),
    Fault(name="a reply without an end", script={"RCPT": {SECOND: "550-" + "x" * 100_000}}, stands=SECOND_LATER),
    # odd, and no fault
    Fault(name="one mail a connection", script={"after": ["cut"]}, stands=ALL_SENT),
    Fault(name="two a connection, then 421", script={"MAIL": ["ok", "ok", "421 Enough +cut"] * 9}, stands=ALL_SENT),
    Fault(name="two a connection, then 452", script={"MAIL": ["ok", "ok", "452 4.5.3 Enough"] * 9}, stands=ALL_SENT),
    Fault(name="slow at everything", peer={"delay": 0.03}, stands=ALL_SENT),
    Fault(name="says everything", peer={"extensions": EVERYTHING}, stands=ALL_SENT),
    Fault(name="only HELO", script={"EHLO": ["502 What?", "ok"] * 9}, stands=ALL_SENT),
    Fault(name="NUL in the banner", script={"connect": ["220 peer\x00example"]}, stands=ALL_SENT),
    Fault(name="UTF-8 in the greeting", script={"EHLO": ["250-smörgås.example\n250 HELP"]}, stands=ALL_SENT),
]  # fmt: skip
