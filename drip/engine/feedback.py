"""Take what providers and mail servers say of mails: into the evidence, the ledger and the suppression list.

Only a delivery that is proven (`Heard.delivery_id`) acts; an address alone proves nothing, since anybody can write a
report about anybody. Replays change nothing, and the order in which news come makes no difference to how it ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from drip.engine import leaving, suppressing
from drip.engine.announce import Announcement, Event, announce, of_course, of_mail
from drip.engine.hearing import (
    KINDS,
    LONGEST_WORDS,
    UNSETTLED,
    Hearing,
    first_heard,
    fit,
    matched,
    passed_on,
    tells,
    when,
)
from drip.engine.settle import go_past
from drip.store import Store, came_back, enrolments, evidence, fates, former, suppression
from drip.store.ledger import Phase
from drip.store.suppression import BOUNCED, COMPLAINED, SOFT_BOUNCES, UNSUBSCRIBED
from drip.store.troubles import tried_again
from drip.track.evidence import Kind
from drip.track.heard import Heard, News, Verdict

#: So many mails in a row that a mailbox did not take, over at least so long, are enough.
SOFT_BOUNCES_ALLOWED = 5
SOFT_OVER = timedelta(days=7)
#: What a mail has become.
_PHASES = {
    News.DELIVERED: Phase.DELIVERED,
    News.BOUNCED: Phase.BOUNCED,
    News.DROPPED: Phase.BOUNCED,
    News.COMPLAINED: Phase.COMPLAINED,
}
#: Whoever says one of these has, or had, the mail.
_PROVES = frozenset(News) - {News.OTHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was done about one thing heard.

    `email` and `delivery_id` are whose mail it was; None where it is no mail of ours, or not provably. `new` is false
    for a replay. `settled`: its mail was in doubt, and is not any more. `held`: its mail waits for a person.
    `suppressed` is why its address gets no mail any more, where this has brought that about.
    """

    heard: Heard
    delivery_id: int | None = None
    email: str | None = None
    new: bool = False
    settled: bool = False
    held: bool = False
    suppressed: str | None = None


@tried_again
def hear(
    store: Store,
    heard: Sequence[Heard],
    *,
    suppression_key: bytes,
    now: datetime,
    soft_bounces: int = SOFT_BOUNCES_ALLOWED,
    told: Callable[[Kind], None] = lambda _kind: None,
) -> list[Judged]:
    """Take all of these in, in one transaction; says what was done about each, in the same order.

    `soft_bounces` mails in a row that a mailbox did not take end as a dead address does (0: never). `told` hears of
    each piece of evidence that is new.
    """
    if not heard:
        return []
    heard = [fit(one) for one in heard]
    with store.write() as conn:
        hearing, own = matched(conn, heard, suppression_key, now, soft_bounces)
        heard = [passed_on(hearing, one) if one.delivery_id in hearing.rows else one for one in heard]
        new = first_heard(conn, hearing, [place for place in own if tells(hearing, heard[place])], heard)
        for place in sorted(new, key=lambda place: heard[place].at):
            _settle(hearing, place, heard[place])
        _mark(hearing, [heard[place] for place in new if place not in hearing.held])
        for place in sorted(new, key=lambda place: heard[place].at):
            _act(hearing, place, heard[place])
        _of_the_erased(conn, heard, hearing)
        announce(conn, (said for place in new for said in _announced(hearing, heard[place])), now=now)
    for place in new:
        told(KINDS[heard[place].news])
    ours, first = set(own), set(new)
    return [
        Judged(
            heard=one,
            delivery_id=one.delivery_id if place in ours else None,
            email=hearing.standing(one).learner.email if place in ours else None,
            new=place in first,
            settled=place in hearing.settled,
            held=place in hearing.held,
            suppressed=hearing.suppressed.get(place),
        )
        for place, one in enumerate(heard)
    ]


def _settle(hearing: Hearing, place: int, heard: Heard) -> None:
    """A mail whose fate nobody knew: it has gone, and its enrolment goes on from then; or it waits for a person."""
    row = hearing.row(heard)
    if heard.news not in _PROVES or row.state not in UNSETTLED or not row.attempts:
        return
    at, conn, words = when(hearing, heard), hearing.conn, f"{heard.source}: {heard.said or heard.news}"[:LONGEST_WORDS]
    ours = heard.news is News.DROPPED and heard.verdict is Verdict.OTHER  # our trouble, not theirs: they shall get it
    if ours and fates.keep_back(conn, row.id, answer=words):
        hearing.held.add(place)
        return
    if not fates.prove(conn, row.id, at=at, answer=words):
        return
    hearing.settled.add(place)
    standing = enrolments.by_id(conn, row.enrolment_id)
    if standing is not None:
        go_past(conn, row, standing, now=at)


def _mark(hearing: Hearing, heard: Iterable[Heard]) -> None:
    """Write into the ledger what has become of mails that have gone."""
    became: dict[Phase, dict[int, str]] = defaultdict(dict)
    for one in heard:
        if (phase := _PHASES.get(one.news)) is not None:
            words = "" if phase is Phase.DELIVERED else one.words
            became[phase][hearing.row(one).id] = words[:LONGEST_WORDS]
    for phase in (Phase.DELIVERED, Phase.BOUNCED, Phase.COMPLAINED):  # each goes over those before
        fates.became(hearing.conn, phase, became[phase])


def _act(hearing: Hearing, place: int, heard: Heard) -> None:
    """What follows for the learner."""
    standing, conn, now = hearing.standing(heard), hearing.conn, hearing.now
    learner, words = standing.learner, heard.words[:LONGEST_WORDS]
    match heard.news:
        case News.BOUNCED | News.DROPPED if heard.verdict is Verdict.HARD:
            key = hearing.hash_of(standing)
            suppressing.bury(conn, learner.id, key, words=words, source=heard.source, now=now)
            hearing.suppressed[place] = BOUNCED
        case News.BOUNCED if heard.verdict is Verdict.SOFT and hearing.soft_bounces:
            said = _takes_nothing(hearing, learner.id)
            if said:
                key, words = hearing.hash_of(standing), f"{said}; the last time: {words}"
                suppressing.give_up_on(conn, learner.id, key, words=words, source=heard.source, now=now)
                hearing.suppressed[place] = SOFT_BOUNCES
        case News.COMPLAINED:
            suppressing.complained(conn, learner.id, hearing.hash_of(standing), source=heard.source, now=now)
            hearing.suppressed[place] = COMPLAINED
        case News.LEFT:
            enrolled = standing.enrolment
            done = leaving.leave(conn, "everything", enrolled, learner, hearing.key, now=now, source=heard.source)
            evidence.add_data(conn, heard.source, heard.source_id, done.data)
            hearing.suppressed[place] = UNSUBSCRIBED
        case _:
            pass


def _announced(hearing: Hearing, heard: Heard) -> Iterator[Announcement]:
    """What endpoints are told of it: a mail that came back, and whoever has left by calling one spam."""
    enrolled, row = hearing.standing(heard).enrolment, hearing.row(heard)
    if heard.news in (News.BOUNCED, News.DROPPED):
        words = {"verdict": str(heard.verdict or ""), "said": heard.words}
        yield replace(of_mail(Event.BOUNCED, str(row.id), enrolled, row.step, **words), at=when(hearing, heard))
    elif heard.news is News.COMPLAINED:
        key, how = f"{enrolled.id}/complained", {"scope": "everything", "why": COMPLAINED}
        yield replace(of_course(Event.LEFT, key, enrolled, **how), at=when(hearing, heard))


def _takes_nothing(hearing: Hearing, learner_id: int) -> str:
    """How often, and since when, a mailbox has taken nothing, where that is enough; "" where it is not."""
    signs = evidence.signs_of(hearing.conn, learner_id)
    returned = {event.delivery_id for event in signs if event.kind is Kind.BOUNCE}
    bounced: dict[int | None, datetime] = {}
    for event in signs:
        if event.kind is Kind.BOUNCE:
            if event.item == str(Verdict.SOFT):
                bounced.setdefault(event.delivery_id, event.at)
        elif event.kind is not Kind.DELIVERED or event.delivery_id not in returned:
            bounced.clear()  # a gateway may take a mail, and give it back later: that one was not delivered
    times = _in_a_row(came_back.gone_to(hearing.conn, learner_id), bounced, returned)
    if len(times) < hearing.soft_bounces or times[-1] - times[0] < SOFT_OVER:
        return ""
    return f"{len(times)} mails in a row since {times[0].date().isoformat()}"


def _in_a_row(
    gone: Sequence[int], soft: Mapping[int | None, datetime], returned: Container[int | None]
) -> list[datetime]:
    """When the last mails in a row came back for now. One that went before the last of these and has not come back has
    arrived, also where nobody tells of deliveries; one that came back for another reason says nothing.
    """
    times: list[datetime] = []
    for id_ in reversed(gone):
        if id_ in soft:
            times.append(soft[id_])
        elif times and id_ not in returned:
            break
    return sorted(times)


def _of_the_erased(conn: Connection, heard: Sequence[Heard], hearing: Hearing) -> None:
    """Mails of people who have been erased: what bars an address for ever is written, and nothing else is kept."""
    for place, one in enumerate(heard):
        if not one.delivery_id or one.delivery_id in hearing.rows or (reason := _bars(one)) is None:
            continue
        key = former.address_hash_of(conn, one.delivery_id)
        if key is not None:
            suppression.suppress(conn, key, reason=reason, now=hearing.now, source=one.source)
            hearing.suppressed[place] = reason


def _bars(heard: Heard) -> str | None:
    """Why an address gets no mail any more after this, if it is for ever."""
    if heard.news is News.COMPLAINED:
        return COMPLAINED
    if heard.news is News.LEFT:
        return UNSUBSCRIBED
    came_back = heard.news in (News.BOUNCED, News.DROPPED)
    return BOUNCED if came_back and heard.verdict is Verdict.HARD else None
