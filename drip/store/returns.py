"""Queries over leaving and coming back: what a leaving ends, and how that is put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, delete, exists, func, select, update

from drip.people import State
from drip.store.evidence import to_evidence
from drip.store.learners import CHUNK
from drip.store.suppression import UNSUBSCRIBED as UNSUBSCRIBED
from drip.store.tables import delivery, enrolment, evidence, suppression
from drip.track.evidence import Evidence, Kind

#: What the ledger says of a mail, and an enrolment of its end, when a claim has met the address on the list before the
#: leaving itself (UNSUBSCRIBED) has ended it.
SUPPRESSED = "the address is on the suppression list"
_LEFT = (UNSUBSCRIBED, SUPPRESSED)


def standing_before(conn: Connection, enrolment_ids: Sequence[int], *, also_finished: bool) -> list[dict[str, Any]]:
    """How these enrolments stand that a leaving is about to end, or whose reviews it is: what an undo writes back."""
    states = ("active", "paused", "finished") if also_finished else ("active", "paused")
    found = []
    for start in range(0, len(enrolment_ids), CHUNK):
        query = select(enrolment).where(enrolment.c.id.in_(enrolment_ids[start : start + CHUNK]))
        for row in conn.execute(query.order_by(enrolment.c.id)):
            if row.state in states or row.review_due_at is not None:
                reviews = row.review_due_at is not None
                found.append({"id": row.id, "state": row.state, "ended_by": row.ended_by, "reviews": reviews})
    return found


def mails_before(conn: Connection, enrolment_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The ledger rows of these enrolments that a leaving is about to cancel (see ledger.cancel)."""
    found = []
    for start in range(0, len(enrolment_ids), CHUNK):
        mine = delivery.c.enrolment_id.in_(enrolment_ids[start : start + CHUNK])
        query = select(delivery.c.id, delivery.c.state).where(mine, delivery.c.state.in_(("claimed", "retry", "held")))
        found += [{"id": row.id, "state": row.state} for row in conn.execute(query.order_by(delivery.c.id))]
    return found


def stopped_mails(conn: Connection, enrolment_id: int, before: Mapping[int, str]) -> list[dict[str, Any]]:
    """The ledger rows of an enrolment that leaving has cancelled, whichever leaving that was; `before` as stood_before.

    What waited for a person waits for one again.
    """
    mine = (delivery.c.enrolment_id == enrolment_id, delivery.c.state == "cancelled", delivery.c.answer.in_(_LEFT))
    rows = conn.execute(select(delivery.c.id).where(*mine).order_by(delivery.c.id))
    return [{"id": row.id, "state": before.get(row.id, "retry")} for row in rows]


def stood_before(conn: Connection, learner_id: int, *, since: int = 0) -> tuple[dict[int, str], dict[int, str]]:
    """(enrolment → its state, mail → its state) before the last leaving that ended it, by whatever link.

    Only of leavings after the one of the number `since`: those that are in the way of its undo.
    """
    mine = (evidence.c.learner_id == learner_id, evidence.c.kind == str(Kind.UNSUBSCRIBE), evidence.c.id > since)
    runs: dict[int, str] = {}
    mails: dict[int, str] = {}
    for data in conn.execute(select(evidence.c.data).where(*mine).order_by(evidence.c.id)).scalars():
        runs.update({one["id"]: one["state"] for one in data.get("before", ())})
        mails.update({one["id"]: one["state"] for one in data.get("mails", ())})
    return runs, mails


def left_at(conn: Connection, learner_id: int) -> datetime | None:
    """When a learner has left last, by whatever link."""
    mine = (evidence.c.learner_id == learner_id, evidence.c.kind == str(Kind.UNSUBSCRIBE))
    return conn.execute(select(func.max(evidence.c.at)).where(*mine)).scalar_one_or_none()


def leavings(conn: Connection, delivery_id: int) -> dict[int, Evidence]:
    """number → evidence of each leaving by the links of this mail, the latest first."""
    query = select(evidence).where(evidence.c.delivery_id == delivery_id, evidence.c.kind == str(Kind.UNSUBSCRIBE))
    by = select(delivery.c.enrolment_id).where(delivery.c.id == delivery_id).scalar_subquery()
    rows = conn.execute(query.where(evidence.c.enrolment_id == by).order_by(evidence.c.id.desc()))  # by its index
    return {row.id: to_evidence(row) for row in rows}


def lift(conn: Connection, address_hash: str, *, reason: str, since: datetime | None = None) -> bool:
    """Take an address off the suppression list if it stands there for this reason (and from then on).

    Where another reason stands over a leaving, that stays, and the leaving is forgotten.
    """
    query = delete(suppression).where(suppression.c.address_hash == address_hash, suppression.c.reason == reason)
    if since is not None:
        query = query.where(suppression.c.at == since)
    lifted = conn.execute(query).rowcount > 0
    if reason == UNSUBSCRIBED and not lifted:
        left = update(suppression).where(suppression.c.address_hash == address_hash)
        left = left if since is None else left.where(suppression.c.left_at == since)
        conn.execute(left.values(left_at=None))
    return lifted


def revive(conn: Connection, mails: Sequence[dict[str, Any]], *, now: datetime) -> None:
    """Put back what a leaving cancelled. What nobody has seen is forgotten, and claimed anew when its time comes."""
    for mail in mails:
        mine = (delivery.c.id == mail["id"], delivery.c.state == "cancelled", delivery.c.answer.in_(_LEFT))
        named = exists().where(evidence.c.delivery_id == delivery.c.id)
        conn.execute(delete(delivery).where(*mine, delivery.c.attempts == 0, ~named))
        held = mail["state"] == "held"
        again = case((delivery.c.not_before > now, delivery.c.not_before), else_=now)
        conn.execute(
            update(delivery)
            .where(*mine)
            .values(state="held" if held else "retry", due_at=None if held else again, answer="came back")
        )


def put_back(conn: Connection, before: dict[str, Any], *, left_at: datetime, now: datetime) -> bool:
    """Let an enrolment stand as before a leaving ended it; False where something else has become of it since.

    It was held from then on, as by a pause. Nothing looks at it before it has got a time (`enrolments.save`).
    """
    mine = (enrolment.c.id == before["id"], enrolment.c.state == str(State.LEFT), enrolment.c.ended_by.in_(_LEFT))
    values: dict[str, Any] = {"state": before["state"], "ended_by": before["ended_by"]}
    if before["state"] == str(State.ACTIVE):
        values |= {"held_since": func.coalesce(enrolment.c.held_since, left_at), "paused_until": None}
    done = conn.execute(update(enrolment).where(*mine).values(**values)).rowcount
    if before["reviews"]:
        may = (enrolment.c.id == before["id"], enrolment.c.state.in_(("active", "paused", "finished")))
        conn.execute(update(enrolment).where(*may).values(review_due_at=now))
    return done > 0
