"""Forgetting one person: every table that names or points at them, in one transaction.

What is counted stays, and points at nobody: enrolments, ledger rows and evidence keep their numbers (so that no link
and no certificate ever becomes somebody else's) with `learner_id` NULL. Every query that reads people joins `learner`,
so that none of them finds these rows any more. Everything else of a person goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, cast, delete, func, literal, select, update
from sqlalchemy.sql.dml import Delete, Update

from drip.store import idempotency, webhooks
from drip.store.learners import HIGHEST_ERASED
from drip.store.once import put_all
from drip.store.personal import names, naming
from drip.store.tables import (
    breaker,
    consent,
    delivery,
    enrolment,
    entry,
    evidence,
    fresh_link,
    learner,
    outbox,
    pin,
    request,
    trace,
    webhook,
)

#: Why an enrolment ended whose learner was erased on the way.
ERASED = "erased"
_UNDER_WAY = ("claimed", "retry", "held")
#: What may stand in the evidence of an answer or a rating, as it is counted.
COUNTED = ("option", "correct", "sure", "rating")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What of one piece of evidence stays: who did it, as it was judged, and what is counted of an answer."""

    id: int
    judged: str
    data: Mapping[str, object]


def lock(conn: Connection, learner_id: int) -> None:
    """Wait for whoever is at work with this learner, and let nobody begin. In the order in which marking locks them."""
    for locked in (
        select(learner.c.id).where(learner.c.id == learner_id),
        select(delivery.c.id).where(delivery.c.learner_id == learner_id).order_by(delivery.c.id),
        select(enrolment.c.id).where(enrolment.c.learner_id == learner_id).order_by(enrolment.c.id),
    ):
        conn.execute(locked.with_for_update()).all()


def evidence_of(conn: Connection, learner_id: int) -> Sequence[Any]:
    """(row, when its mail was sent or None) of all evidence of a learner."""
    sent_at = func.coalesce(delivery.c.sent_at, delivery.c.handed_at).label("mailed_at")
    joined = evidence.outerjoin(delivery, delivery.c.id == evidence.c.delivery_id)
    query = select(evidence, sent_at).select_from(joined).where(evidence.c.learner_id == learner_id)
    return conn.execute(query.order_by(evidence.c.id)).all()


def forget(
    conn: Connection, learner_id: int, *, words: Sequence[str], kept: Sequence[Kept], now: datetime
) -> dict[str, int]:
    """Erase a learner. Returns what was removed, changed or stopped, in rows. The caller holds `lock`.

    `words` are those by which rows name them that point at nobody (see `forget_words`).
    """
    told: dict[str, int] = {}
    mine = delivery.c.learner_id == learner_id
    told["cancelled"] = _done(
        conn,
        update(delivery).where(mine, delivery.c.state.in_(_UNDER_WAY)).values(state="cancelled"),
    )
    # its bytes may have left: it counts as sent, and what its worker will say of it finds nobody
    gone = update(delivery).where(mine, delivery.c.state.in_(("handed", "in_doubt")))
    told["on_their_way"] = _done(conn, gone.values(state="sent", sent_at=delivery.c.handed_at))
    nobody = {"learner_id": None}
    told["mails"] = _done(
        conn,
        update(delivery)
        .where(mine)
        .values(**nobody, answer="", due_at=None, not_before=None, leased_by=None, lease_until=None),
    )
    theirs = enrolment.c.learner_id == learner_id
    runs = select(enrolment.c.id).where(theirs)
    told["trace"] = _done(conn, delete(trace).where(trace.c.enrolment_id.in_(runs)))
    goes_on = update(enrolment).where(theirs, enrolment.c.state.in_(("active", "paused")))
    told["ended"] = _done(conn, goes_on.values(state="left", ended_by=ERASED, reached_at=now))
    _cut_words(conn, theirs)
    told["enrolments"] = _done(conn, update(enrolment).where(theirs).values(**nobody, **_NOTHING_PLANNED))
    told["evidence"] = _forget_evidence(conn, learner_id, kept)
    told["consents"] = _done(conn, delete(consent).where(consent.c.learner_id == learner_id))
    told["entries"] = _done(conn, delete(entry).where(entry.c.learner_id == learner_id))
    links = update(fresh_link).where(fresh_link.c.learner_id == learner_id)
    told["fresh_links"] = _done(conn, links.values(**nobody, due_at=None, answer=""))
    told["learners"] = _done(conn, delete(learner).where(learner.c.id == learner_id))
    _give_no_number_again(conn, learner_id)
    told.update(forget_words(conn, words))
    told["webhooks"] += webhooks.forget_learner(conn, learner_id)
    return told


def forget_words(conn: Connection, words: Sequence[str]) -> dict[str, int]:
    """Take away what names somebody without pointing at them: webhooks, answers of the API, a mail server's words."""
    conn.execute(update(breaker).where(naming(breaker.c.trouble, words)).values(trouble="(erased)"))
    conn.execute(update(webhook).where(naming(webhook.c.trouble, words)).values(trouble="(erased)"))
    conn.execute(update(webhook).where(naming(webhook.c.paused_why, words)).values(paused_why="(erased)"))
    told = select(outbox.c.id, outbox.c.payload).where(naming(cast(outbox.c.payload, String), words))
    theirs = [row.id for row in conn.execute(told) if names(row.payload, words)]
    webhooks.drop(conn, theirs)
    return {
        "webhooks": len(theirs),
        "api_answers": idempotency.forget_naming(conn, *words),
    }


def forget_requests(conn: Connection, address_hash: str) -> int:
    """Erase what an address has asked for by the form. One whose mail is just being sent stays for its number, blank:
    what the worker writes of it finds it confirmed, and nothing confirms it.
    """
    mine = request.c.address_hash == address_hash
    at_work = update(request).where(mine, request.c.state == "asking")
    blank = at_work.values(
        state="confirmed", due_at=None, email="", first_name="", text="", source="", answer="", language="",
        address_hash="", nonce=literal("erased/") + cast(request.c.id, String),
    )  # fmt: skip
    return _done(conn, blank) + _done(conn, delete(request).where(mine))


#: What an enrolment keeps nothing of.
_NOTHING_PLANNED: dict[str, Any] = {
    "next_step": None, "target": None, "due_at": None, "due_reason": "", "floor_at": None, "waited": False,
    "problem": None, "held_since": None, "held_for": 0.0, "paused_by": None, "paused_until": None, "wish": None,
    "hurried_at": None, "review_due_at": None,
}  # fmt: skip


def _cut_words(conn: Connection, theirs: ColumnElement[bool]) -> None:
    """`the address is dead: 550 <ada@…> …`: why it ended stays, a mail server's own words do not."""
    ended = select(enrolment.c.id, enrolment.c.ended_by).where(theirs, enrolment.c.ended_by.contains(": "))
    for id_, words in conn.execute(ended).all():
        conn.execute(update(enrolment).where(enrolment.c.id == id_).values(ended_by=words.partition(": ")[0]))


def _forget_evidence(conn: Connection, learner_id: int, kept: Sequence[Kept]) -> int:
    """Evidence of a mail stays as it is counted; what happened elsewhere is counted nowhere, and goes."""
    mine = evidence.c.learner_id == learner_id
    elsewhere = (evidence.c.enrolment_id.is_(None), evidence.c.delivery_id.is_(None))
    gone = _done(conn, delete(evidence).where(mine, *elsewhere))
    for one in kept:
        values = {"judged": one.judged, "data": dict(one.data), "source_id": f"erased/{one.id}"}
        conn.execute(update(evidence).where(mine, evidence.c.id == one.id).values(**values))
    blank = update(evidence).where(mine)
    return gone + _done(conn, blank.values(learner_id=None, source="erased", user_agent="", network="", method=""))


def _give_no_number_again(conn: Connection, learner_id: int) -> None:
    """SQLite would give the highest number to the next learner: whoever still has it at work would mean them."""
    highest = conn.execute(select(pin.c.value).where(pin.c.name == HIGHEST_ERASED)).scalar_one_or_none()
    if learner_id > int(highest or 0):
        put_all(conn, pin, [{"name": HIGHEST_ERASED, "value": str(learner_id)}], key=("name",))


def _done(conn: Connection, query: Delete | Update) -> int:
    return conn.execute(query).rowcount
