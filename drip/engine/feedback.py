"""Take what providers and mail servers say of mails: into the evidence, the ledger and the suppression list.

Only a delivery that is proven (`Heard.delivery_id`) acts; an address alone proves nothing, since anybody can write a
report about anybody. Replays change nothing, and the order in which news come makes no difference to how it ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from drip.engine import leaving, suppressing
from drip.engine.settle import go_past
from drip.people import State
from drip.store import Store, enrolments, evidence, former, learners, ledger, suppression
from drip.store.enrolments import Standing
from drip.store.ledger import GONE, Delivery, Phase
from drip.store.suppression import BOUNCED, COMPLAINED, SOFT_BOUNCES, UNSUBSCRIBED
from drip.store.troubles import tried_again
from drip.track.evidence import Evidence, Kind
from drip.track.heard import Heard, News, Verdict

#: So many mails in a row that a mailbox did not take, over at least so long, are enough.
SOFT_BOUNCES_ALLOWED = 5
SOFT_OVER = timedelta(days=7)
#: Words of the other side are kept as far as here.
LONGEST_WORDS = 500
#: A longer key is kept by its digest.
LONGEST_KEY = 250
_LARGEST_ID = 2**63 - 1

_KINDS = {
    News.ACCEPTED: Kind.PROVIDER,
    News.DELIVERED: Kind.DELIVERED,
    News.DELAYED: Kind.DELAYED,
    News.BOUNCED: Kind.BOUNCE,
    News.DROPPED: Kind.BOUNCE,
    News.COMPLAINED: Kind.COMPLAINT,
    News.LEFT: Kind.UNSUBSCRIBE,
    News.AUTO_REPLY: Kind.AUTO_REPLY,
    News.OTHER: Kind.PROVIDER,
}
#: What a mail has become.
_PHASES = {
    News.DELIVERED: Phase.DELIVERED,
    News.BOUNCED: Phase.BOUNCED,
    News.DROPPED: Phase.BOUNCED,
    News.COMPLAINED: Phase.COMPLAINED,
}
#: Whoever says one of these has, or had, the mail.
_PROVES = frozenset(News) - {News.OTHER}
#: From these something may follow for the learner.
_WEIGHTY = (News.BOUNCED, News.DROPPED, News.COMPLAINED, News.LEFT)
_UNSETTLED = (Phase.HANDED, Phase.IN_DOUBT, Phase.RETRY, Phase.CLAIMED, Phase.HELD, Phase.CANCELLED)


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


@dataclass(slots=True)
class _Hearing:
    """One call at work: what it has read, and what it has done so far by the place of each Heard."""

    conn: Connection
    key: bytes
    now: datetime
    soft_bounces: int
    rows: Mapping[int, Delivery]
    standings: Mapping[int, Standing]
    settled: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    suppressed: dict[int, str] = field(default_factory=dict)

    def standing(self, heard: Heard) -> Standing:
        """The enrolment that a mail belongs to, as it stands now."""
        return self.standings[self.row(heard).enrolment_id]

    def row(self, heard: Heard) -> Delivery:
        assert heard.delivery_id is not None
        return self.rows[heard.delivery_id]

    def hash_of(self, standing: Standing) -> str:
        return learners.suppression_hash(self.key, standing.learner.email)


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
    heard = [_fit(one) for one in heard]
    with store.write() as conn:
        hearing, own = _matched(conn, heard, suppression_key, now, soft_bounces)
        new = _first_heard(conn, hearing, [place for place in own if _tells(hearing, heard[place])], heard)
        for place in sorted(new, key=lambda place: heard[place].at):
            _settle(hearing, place, heard[place])
        _mark(hearing, [heard[place] for place in new if place not in hearing.held])
        for place in sorted(new, key=lambda place: heard[place].at):
            _act(hearing, place, heard[place])
        _of_the_erased(conn, heard, hearing)
    for place in new:
        told(_KINDS[heard[place].news])
    return [
        Judged(
            heard=one,
            delivery_id=one.delivery_id if place in own else None,
            email=hearing.standing(one).learner.email if place in own else None,
            new=place in new,
            settled=place in hearing.settled,
            held=place in hearing.held,
            suppressed=hearing.suppressed.get(place),
        )
        for place, one in enumerate(heard)
    ]


def _fit(heard: Heard) -> Heard:
    """The same, as a database takes it: PostgreSQL knows no NUL and no half characters, and no endless key."""
    key = _clean(heard.source_id)
    return replace(
        heard,
        source_id=key if len(key) <= LONGEST_KEY else sha256(key.encode()).hexdigest(),
        delivery_id=heard.delivery_id if 0 < (heard.delivery_id or 0) <= _LARGEST_ID else None,
        status=_clean(heard.status)[:LONGEST_WORDS],
        said=_clean(heard.said)[:LONGEST_WORDS],
        data={_clean(name): _cleaned(value) for name, value in heard.data.items()},
    )


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, Mapping):
        return {_clean(str(name)): _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list | tuple) else value


def _clean(text: str) -> str:
    return text if text.isprintable() else text.replace("\0", "").encode("utf-8", "replace").decode()


def _matched(
    conn: Connection, heard: Sequence[Heard], key: bytes, now: datetime, soft_bounces: int
) -> tuple[_Hearing, list[int]]:
    """What there is to know of the mails, and the places of those heard that are about one of ours.

    Learners for whom anything may follow are locked before their mails are looked at: nobody claims for them meanwhile.
    """
    ids = sorted({one.delivery_id for one in heard if one.delivery_id})
    rows = ledger.by_ids(conn, ids)
    weighty = {one.delivery_id for one in heard if one.news in _WEIGHTY}
    touched = [row for row in rows.values() if row.id in weighty or row.state in _UNSETTLED]
    locked = {row.learner_id for row in touched if row.learner_id is not None}
    if locked:
        learners.lock(conn, sorted(locked))
        rows = ledger.by_ids(conn, ids)
    standings = enrolments.by_ids(conn, sorted({row.enrolment_id for row in rows.values()}))
    rows = {id_: row for id_, row in rows.items() if row.enrolment_id in standings}  # the others' learners are erased
    hearing = _Hearing(conn=conn, key=key, now=now, soft_bounces=soft_bounces, rows=rows, standings=standings)
    return hearing, [place for place, one in enumerate(heard) if one.delivery_id in rows]


def _tells(hearing: _Hearing, heard: Heard) -> bool:
    """Whether it says anything that is not known: that a provider has what it is known to have is not worth a row."""
    return heard.news is not News.ACCEPTED or hearing.row(heard).state not in GONE


def _first_heard(conn: Connection, hearing: _Hearing, places: Sequence[int], heard: Sequence[Heard]) -> list[int]:
    """Store these as evidence; the places of those that were not known yet, each key once."""
    by_key: dict[tuple[str, str], int] = {}
    for place in places:
        by_key.setdefault((heard[place].source, heard[place].source_id), place)
    added = evidence.add_all(conn, [_evidence(hearing, heard[place]) for place in by_key.values()])
    return sorted(place for key, place in by_key.items() if key in added)


def _evidence(hearing: _Hearing, heard: Heard) -> Evidence:
    """What is kept of it. It belongs to the mail, not to the enrolment: no condition of a course asks for it, and a
    claim shall not have to read it. Leaving does belong to the enrolment, as by a link of our own.
    """
    row, kind = hearing.row(heard), _KINDS[heard.news]
    about = {"news": str(heard.news), "status": heard.status, "said": heard.said[:LONGEST_WORDS]}
    data = {**heard.data, **{name: value for name, value in about.items() if value}}
    item = str(heard.verdict or "") if kind is Kind.BOUNCE else str(heard.data.get("event", heard.news))
    return Evidence(
        kind=kind,
        at=_when(hearing, heard),
        source=heard.source,
        source_id=heard.source_id,
        learner_id=row.learner_id,
        enrolment_id=row.enrolment_id if kind is Kind.UNSUBSCRIBE else None,
        delivery_id=row.id,
        step=row.step,
        item="" if kind is Kind.UNSUBSCRIBE else item,
        data=data,
    )


def _when(hearing: _Hearing, heard: Heard) -> datetime:
    """When it happened: neither before the mail was handed over nor in the future, whatever the other clock says."""
    row = hearing.row(heard)
    return min(max(heard.at, row.handed_at or row.claimed_at), hearing.now)


def _settle(hearing: _Hearing, place: int, heard: Heard) -> None:
    """A mail whose fate nobody knew: it has gone, and its enrolment goes on from then; or it waits for a person."""
    row = hearing.row(heard)
    if heard.news not in _PROVES or row.state not in _UNSETTLED or not row.attempts:
        return
    at, conn, words = _when(hearing, heard), hearing.conn, f"{heard.source}: {heard.said or heard.news}"[:LONGEST_WORDS]
    ours = heard.news is News.DROPPED and heard.verdict is Verdict.OTHER  # our trouble, not theirs: they shall get it
    if ours and ledger.keep_back(conn, row.id, answer=words):
        hearing.held.add(place)
        return
    if not ledger.prove(conn, row.id, at=at, answer=words):
        return
    hearing.settled.add(place)
    standing = enrolments.by_id(conn, row.enrolment_id)
    if standing is None or standing.enrolment.state not in (State.ACTIVE, State.PAUSED):
        return
    go_past(conn, row, standing, now=at)


def _mark(hearing: _Hearing, heard: Iterable[Heard]) -> None:
    """Write into the ledger what has become of mails that have gone."""
    became: dict[Phase, dict[int, str]] = defaultdict(dict)
    for one in heard:
        if (phase := _PHASES.get(one.news)) is not None:
            words = "" if phase is Phase.DELIVERED else " ".join(filter(None, (one.status, one.said)))
            became[phase][hearing.row(one).id] = words[:LONGEST_WORDS]
    for phase in (Phase.DELIVERED, Phase.BOUNCED, Phase.COMPLAINED):  # each goes over those before
        ledger.became(hearing.conn, phase, became[phase])


def _act(hearing: _Hearing, place: int, heard: Heard) -> None:
    """What follows for the learner."""
    standing, conn, now = hearing.standing(heard), hearing.conn, hearing.now
    learner, words = standing.learner, " ".join(filter(None, (heard.status, heard.said)))[:LONGEST_WORDS]
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


def _takes_nothing(hearing: _Hearing, learner_id: int) -> str:
    """How often, and since when, a mailbox has taken nothing, where that is enough; "" where it is not."""
    signs = evidence.signs_of(hearing.conn, learner_id)
    came_back = {event.delivery_id for event in signs if event.kind is Kind.BOUNCE}
    bounced: dict[int | None, datetime] = {}
    for event in signs:
        if event.kind is Kind.BOUNCE:
            if event.item == str(Verdict.SOFT):
                bounced.setdefault(event.delivery_id, event.at)
        elif event.kind is not Kind.DELIVERED or event.delivery_id not in came_back:
            bounced.clear()  # a gateway may take a mail, and give it back later: that one was not delivered
    times = list(bounced.values())
    if len(times) < hearing.soft_bounces or times[-1] - times[0] < SOFT_OVER:
        return ""
    return f"{len(times)} mails in a row since {times[0].date().isoformat()}"


def _of_the_erased(conn: Connection, heard: Sequence[Heard], hearing: _Hearing) -> None:
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
