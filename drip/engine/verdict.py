"""What to tell somebody who was woken up: one sentence that says how it is, and what to type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from drip.engine.explain import span_text
from drip.store.breaker import Trouble
from drip.store.came_back import CameBack
from drip.store.workers import Worker

#: What has been due for so long, although somebody sends, is late; what nobody sends for so long wakes somebody up.
LATE_AFTER = timedelta(minutes=15)
#: A worker that began less than so long ago has not had the time to show whether it sends…
_NEW_FOR = timedelta(minutes=2)
#: … unless so many have begun within LATE_AFTER: then they die, and that is the trouble.
_MANY_STARTS = 5
#: So many mails, and such a share of those sent in a day, that came back for a reason of the sender's are no accident.
TURNED_AWAY_AT_LEAST = 10
TURNED_AWAY_SHARE = 0.05
#: Big providers turn away whose mail is called spam more often than this (Gmail and Yahoo, since 2024).
COMPLAINTS_AT_LEAST = 3
COMPLAINTS_SHARE = 0.003
#: A verdict quotes so many characters of what a server says.
_WORDS_AT_MOST = 160


class Kind(StrEnum):
    """How it is, the best first."""

    #: Nothing is due, and nothing waits for anybody.
    WELL = "well"
    #: No course is published yet.
    NEW = "new"
    #: Every course is paused.
    PAUSED = "paused"
    #: Nothing is due, but something waits for a person.
    WAITING = "waiting"
    #: Nothing is due, but the staging guard keeps mails back.
    GUARDED = "guarded"
    #: What is due goes out.
    SENDING = "sending"
    #: What is due waits for the pace that somebody has set.
    PACED = "paced"
    #: What is due goes out, later than it should.
    LATE = "late"
    #: Workers are there, and yet nothing has gone out for a while.
    STUCK = "stuck"
    #: Mail goes out, and comes back for a reason that is the sender's, or is called spam.
    TURNED_AWAY = "turned-away"
    #: Mails go, but an endpoint of webhooks takes nothing.
    UNHEARD = "unheard"
    #: Something is due, and no worker is there.
    NOBODY = "nobody"
    #: The sender's own trouble: nothing goes out.
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How it is: in a word, in a sentence, and what to type. `alarm`: somebody should get up."""

    kind: Kind
    words: str
    type: str | None = None
    alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a verdict is passed on. `zone` is for times in its sentence; `workers` has the last seen first.

    `held_up_by` and `goes_on_at`: the limit of the pace that lets nothing go just now, and until when. `way` is the
    name of the way out that is set, and `guarded` how many mails the staging guard keeps back. `came_back` is of
    the last 24 hours.
    """

    now: datetime
    zone: tzinfo
    due: int
    oldest_at: datetime | None
    under_way: int
    waiting: int
    last_sent_at: datetime | None
    troubles: Sequence[Trouble]
    workers: Sequence[Worker]
    published: int
    paused: int
    held_up_by: str | None = None
    goes_on_at: datetime | None = None
    way: str = ""
    guarded: int = 0
    came_back: CameBack = field(default_factory=CameBack)
    sent_last_day: int = 0


def verdict_of(seen: Seen) -> Verdict:
    """The worst that is true. Ends with what to type, where that would help."""
    alive = [one for one in seen.workers if one.is_alive(seen.now)]
    lag = seen.now - seen.oldest_at if seen.due and seen.oldest_at is not None else timedelta()
    met = in_force(seen.troubles, ways(seen.way, alive), busy=bool(seen.due or seen.under_way), now=seen.now)
    if met:
        trouble = met[0]
        since = clock_text(trouble.since, seen)
        words = f"NOTHING GOES OUT since {since}: {trouble.transport} says {_cut(one_line(trouble.words))}"
        return Verdict(kind=Kind.STOPPED, words=words, type="drip doctor", alarm=True)
    if (seen.due or seen.under_way) and not alive:
        what = f"due since {_oldest(seen)}" if seen.due else "left under way"
        words = f"Nobody is sending: {_are(seen.due or seen.under_way)} {what}, and {_last_seen(seen)}"
        return Verdict(kind=Kind.NOBODY, words=words, type="drip run", alarm=lag >= LATE_AFTER)
    if (turned_away := _turned_away(seen)) is not None:
        return turned_away
    if seen.due and seen.held_up_by is not None:
        until = f" until {clock_text(seen.goes_on_at, seen)}" if seen.goes_on_at is not None else ""
        words = f"Waiting{until}: {_are(seen.due)} due, and {one_line(seen.held_up_by)} is used up."
        return Verdict(kind=Kind.PACED, words=words)
    if seen.due and lag >= LATE_AFTER:
        quiet = seen.last_sent_at is None or seen.now - seen.last_sent_at >= LATE_AFTER
        quiet = quiet and not _have_just_begun(alive, seen)
        there = f"{len(alive)} worker{' is' if len(alive) == 1 else 's are'} there"
        if quiet:
            last = f"since {clock_text(seen.last_sent_at, seen)}" if seen.last_sent_at is not None else "yet"
            words = f"STUCK: {_are(seen.due)} due since {_oldest(seen)} and {there}, but nothing has gone out {last}"
            return Verdict(kind=Kind.STUCK, words=f"{words}; look at the log of drip run", alarm=True)
        words = f"Sending, but late: {seen.due:,} due, the oldest for {span_text(lag)}."
        return Verdict(kind=Kind.LATE, words=words)
    if seen.due or seen.under_way:
        if not seen.due:
            words = f"Sending: the last {seen.under_way:,} are under way."
        else:
            words = f"Sending: {seen.due:,} due, the oldest for {span_text(lag)}."
        return Verdict(kind=Kind.SENDING, words=words)
    if not seen.published:
        words = "Nothing to send yet: no course is published"
        return Verdict(kind=Kind.NEW, words=words, type="drip publish COURSE")
    if seen.paused == seen.published:
        words = "Nothing goes out: every course is paused"
        return Verdict(kind=Kind.PAUSED, words=words, type="drip resume --all")
    if seen.waiting:
        words = f"Nothing is due, but {seen.waiting:,} wait{'s' if seen.waiting == 1 else ''} for a person"
        return Verdict(kind=Kind.WAITING, words=words, type="drip settle")
    if seen.guarded:
        words = f"Nothing is due, but {_are(seen.guarded)} held back by DRIP_ONLY_TO"
        return Verdict(kind=Kind.GUARDED, words=words)
    return Verdict(kind=Kind.WELL, words="All is well: nothing is due.")


def _turned_away(seen: Seen) -> Verdict | None:
    """Whether so many mails came back for a reason of the sender's, or were called spam, that somebody must look."""
    back, sent = seen.came_back, max(seen.sent_last_day, 1)
    if back.other >= TURNED_AWAY_AT_LEAST and back.other >= TURNED_AWAY_SHARE * sent:
        domain, number = next(iter(back.turned_away.items()))
        where = f" ({number:,} from {domain})" if domain else ""
        words = f"TURNED AWAY: {back.other:,} mails in 24 hours{where} came back, and not for a fault of the address"
        said = f", the last with {_cut(one_line(back.words))}" if back.words else ""
        return Verdict(kind=Kind.TURNED_AWAY, words=f"{words}{said}", type="drip doctor", alarm=True)
    if back.complaints >= COMPLAINTS_AT_LEAST and back.complaints >= COMPLAINTS_SHARE * sent:
        share = 100 * back.complaints / sent
        words = (
            f"CALLED SPAM: {back.complaints:,} of {sent:,} mails in 24 hours ({share:.1f} %); look at whom you write to"
        )
        return Verdict(kind=Kind.TURNED_AWAY, words=words, type="drip pause --all", alarm=True)
    return None


def ways(way: str, alive: Sequence[Worker]) -> set[str]:
    """The names of the ways out that are used: the one that is set here, and those of whoever sends just now."""
    return {one.transport for one in alive} | ({way} if way else set())


def in_force(troubles: Sequence[Trouble], used: set[str], *, busy: bool, now: datetime) -> list[Trouble]:
    """The troubles that stop anybody, `busy` while anything is due or under way.

    What another way out has met, before the setting was changed, stops nobody. And one that no mail has ended is old
    news once its pause is long over and nothing has been due since.
    """
    return [one for one in troubles if (not used or one.transport in used) and (busy or now - one.until < LATE_AFTER)]


def sentence(verdict: Verdict) -> str:
    """The verdict with what to type."""
    return verdict.words if verdict.type is None else f"{verdict.words}; type: {verdict.type}"


def clock_text(at: datetime, seen: Seen) -> str:
    """A time for somebody who knows which day it is: `02:14`, or `Mon 23 Nov 02:14` on another day."""
    return clock_of(at, now=seen.now, zone=seen.zone)


def clock_of(at: datetime | None, *, now: datetime, zone: tzinfo) -> str:
    """The same, at `now` in `zone`."""
    if at is None:
        return "now"
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}"


def one_line(words: str) -> str:
    """What another machine says, fit for a terminal: on one line, without what would move the cursor."""
    return "".join(c if c.isprintable() else " " for c in " ".join(words.split()))


def _have_just_begun(alive: Sequence[Worker], seen: Seen) -> bool:
    """Whether those who send were started a moment ago, and not for the umpteenth time."""
    starts = sum(seen.now - one.started_at < LATE_AFTER for one in seen.workers)
    return all(seen.now - one.started_at < _NEW_FOR for one in alive) and starts < _MANY_STARTS + len(alive)


def _cut(words: str) -> str:
    """Words of no more than a line or two, so that what to type behind them is seen; all of them stand below."""
    return words if len(words) <= _WORDS_AT_MOST else f"{words[:_WORDS_AT_MOST].rstrip()}…"


def _oldest(seen: Seen) -> str:
    return clock_text(seen.oldest_at, seen) if seen.oldest_at is not None else "now"


def _are(number: int) -> str:
    return f"{number:,} {'is' if number == 1 else 'are'}"


def _last_seen(seen: Seen) -> str:
    if not seen.workers:
        return "no worker has been seen"
    last = seen.workers[0]
    what = "stopped" if last.stopped_at is not None else "was seen"
    return f"the last worker {what} at {clock_text(last.seen_at, seen)}"
