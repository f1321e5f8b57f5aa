"""Take in the mails of a bounce mailbox: read each, do what follows, and put it away when that is durable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from drip.engine.feedback import SOFT_BOUNCES_ALLOWED, Judged, hear
from drip.errors import DripError
from drip.inbound.bounces import Read, read_bounce
from drip.inbound.mailbox import Letter, Mailbox
from drip.inbound.rows import kind_of
from drip.store import Store
from drip.track.evidence import Kind
from drip.track.token import Ring

#: So many mails are taken in by one transaction.
GROUP = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was made of one recipient of one mail.

    `kind` is bounce, complaint, auto-reply, delivered or none; `verdict` hard, soft, delayed or other, None where it is
    no bounce. `delivery` is whose mail it was, where that is proven; `done` what was done about it, in a few words.
    """

    file: str
    kind: str
    recipient: str
    verdict: str | None
    status: str
    delivery: int | None
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who takes mails in: on which store, with which keys, by which clock."""

    store: Store
    ring: Ring
    suppression_key: bytes
    clock: Callable[[], datetime]
    told: Callable[[Kind], None] = lambda _kind: None
    soft_bounces: int = SOFT_BOUNCES_ALLOWED


def look_at(letters: Iterable[Letter], ring: Ring, *, now: datetime) -> Iterator[Row]:
    """What each mail says; nothing is done about it."""
    for letter in letters:
        yield from _rows(letter.name, read_bounce(letter.content, ring, now=now), None)


def take_in(listener: Listener, letters: Iterable[Letter]) -> Iterator[Row]:
    """Do what follows from each mail. Doing it twice does nothing twice."""
    for name, read, judged in _judged(listener, letters):
        yield from _rows(name, read, judged)


def fetch(listener: Listener, mailbox: Mailbox, *, stop: Callable[[], bool] = lambda: False) -> Iterator[Row]:
    """Take in what waits in a mailbox. Each mail is put away only after what it says is durable: whoever is killed in
    between finds it there again, and counts nothing twice.
    """
    try:
        for name, read, judged in _judged(listener, _until(stop, mailbox.waiting())):
            mailbox.put_away(name, understood=bool(read.heard))
            yield from _rows(name, read, judged)
    finally:
        mailbox.close()


def _judged(listener: Listener, letters: Iterable[Letter]) -> Iterator[tuple[str, Read, list[Judged]]]:
    """(name, what it says, what was done), in groups: of a mail that was read, its text is not held on to."""
    reads = ((one.name, read_bounce(one.content, listener.ring, now=listener.clock())) for one in letters)
    for group in _in_groups(reads):
        judged = iter(
            hear(
                listener.store,
                list(chain.from_iterable(read.heard for _, read in group)),
                suppression_key=listener.suppression_key,
                now=listener.clock(),
                told=listener.told,
                soft_bounces=listener.soft_bounces,
            )
        )
        for name, read in group:
            yield name, read, list(islice(judged, len(read.heard)))


def _in_groups(reads: Iterator[tuple[str, Read]]) -> Iterator[list[tuple[str, Read]]]:
    """Groups of those that could be read; what is wrong with the mailbox is raised after them."""
    wrong: DripError | None = None
    while wrong is None:
        group: list[tuple[str, Read]] = []
        try:
            for one in islice(reads, GROUP):
                group.append(one)
        except DripError as error:
            wrong = error
        if group:
            yield group
        elif wrong is None:
            return
    raise wrong


def _until(stop: Callable[[], bool], letters: Iterator[Letter]) -> Iterator[Letter]:
    for letter in letters:
        if stop():
            return
        yield letter


def _rows(name: str, read: Read, judged: list[Judged] | None) -> Iterator[Row]:
    if not read.heard:
        yield Row(file=name, kind="none", recipient="", verdict=None, status="", delivery=None, done=read.why)
    for place, one in enumerate(read.heard if judged is None else [each.heard for each in judged]):
        yield Row(
            file=name,
            kind=kind_of(one.news),
            recipient=one.recipient,
            verdict=one.verdict,
            status=one.status,
            delivery=one.delivery_id,
            done=_done(judged[place]) if judged is not None else _proven(read, place),
        )


def _proven(read: Read, place: int) -> str:
    if read.heard[place].delivery_id is not None:
        return "a mail of ours"
    return "a test mail" if "test" in read.heard[place].data else "not provably a mail of ours"


def _done(judged: Judged) -> str:
    """`suppressed, bounced`: for a person."""
    if judged.delivery_id is None and not judged.suppressed:
        if "test" in judged.heard.data:
            return "a test mail, nothing done"
        proven = judged.heard.delivery_id is not None
        return "a mail that is not known here, nothing done" if proven else "not provably a mail of ours, nothing done"
    if judged.suppressed:
        return f"suppressed, {judged.suppressed}"
    if not judged.new:
        return "known already"
    words = [word for word, so in (("settled", judged.settled), ("held", judged.held)) if so]
    return ", ".join(["noted", *words])
