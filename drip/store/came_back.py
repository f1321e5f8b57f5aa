"""What has come back of late, or was called spam: found by its time, whatever there is besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, case, func, select, text

from drip.store.ledger import GONE
from drip.store.tables import CAME_BACK, delivery, enrolment, evidence, learner
from drip.track.evidence import Kind
from drip.track.heard import Verdict

#: So many are looked at; whoever has more in a day knows already that something is wrong.
MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """Mails that came back since some time, by verdict, and how many were called spam.

    `turned_away` is domain → how many came back from there for a reason that is not the address's; `words` are what the
    last of them was told.
    """

    hard: int = 0
    soft: int = 0
    other: int = 0
    complaints: int = 0
    turned_away: Mapping[str, int] = field(default_factory=dict)
    words: str = ""


def told_of(conn: Connection, *, since: datetime, until: datetime) -> tuple[int, int]:
    """(how many mails have gone in this time, of how many of them something was told). It looks at the whole ledger."""
    told = func.sum(case((delivery.c.state == "sent", 0), else_=1))
    mine = (delivery.c.state.in_(GONE), delivery.c.sent_at >= since, delivery.c.sent_at < until)
    sent, number = conn.execute(select(func.count(), told).where(*mine)).one()
    return sent, number or 0


def gone_to(conn: Connection, learner_id: int) -> list[int]:
    """The mails that have gone to a learner, over all of their courses, in the order in which they went."""
    query = (
        select(delivery.c.id)
        .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        .where(enrolment.c.learner_id == learner_id, delivery.c.state.in_(GONE))
        .order_by(delivery.c.sent_at, delivery.c.id)
    )
    return list(conn.execute(query).scalars())


def since(conn: Connection, at: datetime) -> CameBack:
    """What came back from then on."""
    query = (
        select(evidence.c.kind, evidence.c.item, evidence.c.data, learner.c.address)
        .join(learner, learner.c.id == evidence.c.learner_id, isouter=True)
        .where(text(CAME_BACK.replace("kind", "evidence.kind")), evidence.c.at >= at)
        .order_by(evidence.c.at.desc())
        .limit(MOST)
    )
    number: Counter[str] = Counter()
    domains: Counter[str] = Counter()
    words = ""
    for row in conn.execute(query):
        number[str(Kind.COMPLAINT) if row.kind == Kind.COMPLAINT else row.item] += 1
        if row.kind == Kind.BOUNCE and row.item == Verdict.OTHER:
            domains[(row.address or "").rpartition("@")[2]] += 1
            words = words or " ".join(str(row.data.get(name, "")) for name in ("status", "said")).strip()
    return CameBack(
        hard=number[Verdict.HARD],
        soft=number[Verdict.SOFT],
        other=number[Verdict.OTHER],
        complaints=number[Kind.COMPLAINT],
        turned_away=dict(domains.most_common()),
        words=words,
    )
