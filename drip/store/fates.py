"""What becomes of a mail by others' word: a provider's news of it, or a person's decision (the ledger's late moves)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, select, update

from drip.store import enrolments
from drip.store.among import by_key, numbered
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery, Phase, to_delivery
from drip.store.tables import delivery

_WORDS = numbered()
_PROVEN = (
    update(delivery)
    .where(
        delivery.c.id == bindparam("the_id"),
        delivery.c.attempts > 0,
        delivery.c.state.in_(("handed", "in_doubt", "retry", "claimed", "held", "cancelled")),
    )
    .values(
        state="sent", sent_at=bindparam("at"), due_at=None, leased_by=None, lease_until=None, answer=bindparam("words")
    )
)


def prove(conn: Connection, id_: int, *, at: datetime, answer: str) -> bool:
    """Whatever has been handed over at least once and waits to be settled → sent at `at`: somebody has seen it there.

    A retry that is under way is called off by it. False where there was nothing to settle.
    """
    return conn.execute(_PROVEN, {"the_id": id_, "at": at, "words": answer}).rowcount > 0


def keep_back(conn: Connection, id_: int, *, answer: str) -> bool:
    """in_doubt or to be tried again → held: it has not gone, for a reason that a person must look at."""
    this = (delivery.c.id == id_, delivery.c.attempts > 0, delivery.c.state.in_(("in_doubt", "retry", "held")))
    values = {"state": "held", "due_at": None, "answer": answer}
    return conn.execute(update(delivery).where(*this).values(**values)).rowcount > 0


#: What a mail may have been before: each goes over those.
_OVER = {
    Phase.DELIVERED: ("sent",),
    Phase.BOUNCED: ("sent", "delivered"),
    Phase.COMPLAINED: ("sent", "delivered", "bounced"),
}


def became(conn: Connection, phase: Phase, answers: Mapping[int, str]) -> None:
    """sent → delivered, bounced or complained, with the other side's words; "" leaves those that are there."""
    said = case((_WORDS.c.words == "", delivery.c.answer), else_=_WORDS.c.words)
    mine = (by_key(delivery.c.id), delivery.c.id == _WORDS.c.id, delivery.c.state.in_(_OVER[phase]))
    if answers:
        query = update(delivery).where(*mine).values(state=str(phase), answer=said)
        conn.execute(query, {"ids": list(answers), "numbered": answers})


def held(conn: Connection) -> list[tuple[Delivery, Standing]]:
    """Rows that a person must decide on, oldest first."""
    rows = [to_delivery(row) for row in conn.execute(select(delivery).where(delivery.c.state == "held"))]
    standings = enrolments.by_ids(conn, [row.enrolment_id for row in rows])
    return [(row, standings[row.enrolment_id]) for row in sorted(rows, key=lambda row: row.id)]


def decide(conn: Connection, id_: int, state: Phase, *, now: datetime, answer: str) -> bool:
    """held → retry (now), sent or cancelled, as a person says. False where it is not held any more."""
    times: dict[Phase, dict[str, object]] = {Phase.RETRY: {"due_at": now}, Phase.SENT: {"sent_at": now}}
    values: dict[str, object] = {"state": str(state), "answer": answer, **times.get(state, {})}
    query = update(delivery).where(delivery.c.id == id_, delivery.c.state == "held").values(**values)
    return conn.execute(query).rowcount > 0
