"""Queries of the night: evidence that is old enough to say less, walked by its numbers, and whose turn the night is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, bindparam, cast, func, or_, select, update

from drip.store.among import among
from drip.store.once import add_new
from drip.store.tables import chore, delivery, evidence
from drip.track.evidence import Kind

#: Evidence whose data is raw: free text, what a provider or a mail server said. Whatever counts of it is its `item`.
RAW = (Kind.EVENT, Kind.DELIVERED, Kind.DELAYED, Kind.BOUNCE, Kind.COMPLAINT, Kind.AUTO_REPLY, Kind.PROVIDER)
#: Whoever was not seen for so long does not work any more: another takes the night over.
GONE_AFTER = timedelta(minutes=10)
_NIGHT = "night"

MARKED: ColumnElement[bool] = or_(evidence.c.user_agent != "", evidence.c.network != "")
TOLD: ColumnElement[bool] = evidence.c.kind.in_([str(kind) for kind in RAW]) & (
    cast(evidence.c.data, String).not_in(("{}", "null"))
)


@dataclass(frozen=True, slots=True)
class Old:
    """A piece of evidence on the way: `says` is whether there is anything to blank."""

    id: int
    at: datetime
    delivery_id: int | None
    says: bool


def page(conn: Connection, says: ColumnElement[bool], *, after: int, limit: int) -> list[Old]:
    """Evidence in the order of its numbers."""
    query = select(evidence.c.id, evidence.c.at, evidence.c.delivery_id, says)
    return [Old(*row) for row in conn.execute(query.where(evidence.c.id > after).order_by(evidence.c.id).limit(limit))]


def count(conn: Connection, says: ColumnElement[bool], *, before: datetime) -> int:
    """How much evidence of before then there is still something to blank of."""
    return conn.execute(select(func.count()).where(evidence.c.at < before, says)).scalar_one()


def beside(conn: Connection, ids: Sequence[int], mails: Collection[int]) -> Sequence[Any]:
    """All evidence of these mails, and these pieces: rows with `mailed_at`, when their mail was sent."""
    mailed_at = func.coalesce(delivery.c.sent_at, delivery.c.handed_at).label("mailed_at")
    joined = evidence.outerjoin(delivery, delivery.c.id == evidence.c.delivery_id)
    query = select(evidence, mailed_at).select_from(joined)
    found = {row.id: row for row in conn.execute(query.where(among(evidence.c.id)), {"ids": list(ids)})}
    of_mails = query.where(evidence.c.delivery_id.in_(sorted(mails)))
    of_mails = of_mails.where(evidence.c.enrolment_id.in_({row.enrolment_id for row in found.values()}))  # its index
    found |= {row.id: row for row in conn.execute(of_mails)}
    return list(found.values())


def blank_marks(conn: Connection, verdicts: Mapping[int, str]) -> None:
    """Forget user agents and networks; who did it is written in their place, unless it was before."""
    judged = func.coalesce(func.nullif(evidence.c.judged, ""), bindparam("verdict"))
    query = update(evidence).where(evidence.c.id == bindparam("the_id"))
    rows = [{"the_id": id_, "verdict": verdict} for id_, verdict in sorted(verdicts.items())]
    conn.execute(query.values(judged=judged, user_agent="", network=""), rows)


def blank_data(conn: Connection, ids: Sequence[int]) -> None:
    """Forget what was told of these."""
    conn.execute(update(evidence).where(evidence.c.id.in_(ids)).values(data={}))


def done_up_to(conn: Connection, name: str) -> int:
    """Up to which number that walk has left nothing to do."""
    query = select(chore.c.done_up_to).where(chore.c.name == name)
    return conn.execute(query).scalar_one_or_none() or 0


def mark_done(conn: Connection, name: str, up_to: int) -> None:
    """It has."""
    add_new(conn, chore, {"name": name, "night": "", "worker": "", "done_up_to": 0}, key=("name",))
    conn.execute(update(chore).where(chore.c.name == name, chore.c.done_up_to < up_to).values(done_up_to=up_to))


def night_is_done(conn: Connection, night: str) -> bool:
    """Whether that night's work is done."""
    row = conn.execute(select(chore.c.night, chore.c.worker).where(chore.c.name == _NIGHT)).one_or_none()
    return row is not None and (row.night > night or (row.night == night and not row.worker))


def take_night(conn: Connection, night: str, worker: str, *, now: datetime) -> bool:
    """Begin that night's work, or go on where whoever was at it is gone. False where it is done, or another's."""
    add_new(conn, chore, {"name": _NIGHT, "night": "", "worker": "", "done_up_to": 0}, key=("name",))
    gone = or_(chore.c.seen_at.is_(None), chore.c.seen_at < now - GONE_AFTER, chore.c.seen_at > now + GONE_AFTER)
    free = or_(chore.c.worker == "", gone)
    new = chore.c.night < night
    left = (chore.c.night == night) & (chore.c.worker != "")
    query = update(chore).where(chore.c.name == _NIGHT, or_(new & free, left & gone))
    return conn.execute(query.values(night=night, worker=worker, seen_at=now)).rowcount > 0


def still_mine(conn: Connection, worker: str, *, now: datetime) -> bool:
    """Leave a sign of life; False where another has taken over."""
    mine = update(chore).where(chore.c.name == _NIGHT, chore.c.worker == worker)
    return conn.execute(mine.values(seen_at=now)).rowcount > 0


def end_night(conn: Connection, worker: str, *, now: datetime) -> None:
    """That night's work is done."""
    conn.execute(update(chore).where(chore.c.name == _NIGHT, chore.c.worker == worker).values(worker="", seen_at=now))
