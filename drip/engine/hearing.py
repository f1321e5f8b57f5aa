"""What is heard of mails, made fit to be stored, matched to whose mail it was, and kept as evidence, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from drip.render.mime import ascii_address
from drip.store import enrolments, evidence, learners, ledger
from drip.store.enrolments import Standing
from drip.store.ledger import GONE, Delivery, Phase
from drip.track.evidence import Evidence, Kind
from drip.track.heard import BY_MAIL, Heard, News, Verdict

#: Words of the other side are kept as far as here.
LONGEST_WORDS = 500
#: A longer key is kept by its digest.
LONGEST_KEY = 250
_LARGEST_ID = 2**63 - 1

KINDS = {
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
#: From these something may follow for the learner.
_WEIGHTY = (News.BOUNCED, News.DROPPED, News.COMPLAINED, News.LEFT)
UNSETTLED = (Phase.HANDED, Phase.IN_DOUBT, Phase.RETRY, Phase.CLAIMED, Phase.HELD, Phase.CANCELLED)


@dataclass(slots=True)
class Hearing:
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


def fit(heard: Heard) -> Heard:
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


def matched(
    conn: Connection, heard: Sequence[Heard], key: bytes, now: datetime, soft_bounces: int
) -> tuple[Hearing, list[int]]:
    """What there is to know of the mails, and the places of those heard that are about one of ours.

    Learners for whom anything may follow are locked before their mails are looked at: nobody claims for them meanwhile.
    None of the others is erased meanwhile.
    """
    ids = sorted({one.delivery_id for one in heard if one.delivery_id})
    rows = ledger.by_ids(conn, ids)
    weighty = {one.delivery_id for one in heard if one.news in _WEIGHTY}
    touched = [row for row in rows.values() if row.id in weighty or row.state in UNSETTLED]
    locked = {row.learner_id for row in touched if row.learner_id is not None}
    others = {row.learner_id for row in rows.values() if row.learner_id is not None} - locked
    learners.lock(conn, sorted(locked))
    learners.keep(conn, sorted(others))
    if rows:
        rows = ledger.by_ids(conn, ids)
    standings = enrolments.by_ids(conn, sorted({row.enrolment_id for row in rows.values()}))
    rows = {id_: row for id_, row in rows.items() if row.enrolment_id in standings}  # the others' learners are erased
    hearing = Hearing(conn=conn, key=key, now=now, soft_bounces=soft_bounces, rows=rows, standings=standings)
    return hearing, [place for place, one in enumerate(heard) if one.delivery_id in rows]


def passed_on(hearing: Hearing, heard: Heard) -> Heard:
    """The same; soft, where a mail server calls another address dead than the one that the mail was sent to.

    That one had passed it on, to several perhaps. `inbound/bounces.py` sees that only where the mail came back with it.
    """
    own = hearing.standing(heard).learner.email
    hard = heard.source == BY_MAIL and heard.verdict is Verdict.HARD
    if not hard or not heard.recipient or _is_same(heard.recipient, own):
        return heard
    return replace(heard, verdict=Verdict.SOFT, recipient=own, data={**heard.data, "passed_on": True})


def _is_same(one: str, other: str) -> bool:
    """Whether two spellings are one address: in any letters, the domain in Unicode or not, or with a dot at its end."""
    return _spelt(one) == _spelt(other)


def _spelt(address: str) -> str:
    address = address.rstrip(".").casefold()
    try:
        return ascii_address(address)
    except ValueError:
        return address


def tells(hearing: Hearing, heard: Heard) -> bool:
    """Whether it says anything that is not known: that a provider has what it is known to have is not worth a row."""
    return heard.news is not News.ACCEPTED or hearing.row(heard).state not in GONE


def first_heard(conn: Connection, hearing: Hearing, places: Sequence[int], heard: Sequence[Heard]) -> list[int]:
    """Store these as evidence; the places of those that were not known yet, each key once."""
    by_key: dict[tuple[str, str], int] = {}
    for place in places:
        by_key.setdefault((heard[place].source, heard[place].source_id), place)
    added = evidence.add_all(conn, [_evidence(hearing, heard[place]) for place in by_key.values()])
    return sorted(place for key, place in by_key.items() if key in added)


def _evidence(hearing: Hearing, heard: Heard) -> Evidence:
    """What is kept of it. It belongs to the mail, not to the enrolment: no condition of a course asks for it, and a
    claim shall not have to read it. Leaving does belong to the enrolment, as by a link of our own.
    """
    row, kind = hearing.row(heard), KINDS[heard.news]
    about = {"news": str(heard.news), "status": heard.status, "said": heard.said[:LONGEST_WORDS]}
    data = {**heard.data, **{name: value for name, value in about.items() if value}}
    item = str(heard.verdict or "") if kind is Kind.BOUNCE else str(heard.data.get("event", heard.news))
    return Evidence(
        kind=kind,
        at=when(hearing, heard),
        source=heard.source,
        source_id=heard.source_id,
        learner_id=row.learner_id,
        enrolment_id=row.enrolment_id if kind is Kind.UNSUBSCRIBE else None,
        delivery_id=row.id,
        step=row.step,
        item="" if kind is Kind.UNSUBSCRIBE else item,
        data=data,
    )


def when(hearing: Hearing, heard: Heard) -> datetime:
    """When it happened: neither before the mail was handed over nor in the future, whatever the other clock says."""
    row = hearing.row(heard)
    return min(max(heard.at, row.handed_at or row.claimed_at), hearing.now)
