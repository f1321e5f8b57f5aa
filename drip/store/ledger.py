"""The ledger: one row for each mail, and every transition of its life (drawn in DESIGN.md).

    claimed → handed → sent → delivered | bounced | complained
       │        │                      an expired claim is claimed again; an expired `handed` is in doubt
       │        ├→ retry → claimed
       │        ├→ in_doubt → retry | held
       └→ cancelled / held / retry (not now after all)

Only the holder of an unexpired lease may mark `handed`, and a row is handed, durably, before its bytes leave. What a
provider or a person says of a mail moves its row in fates.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, insert, literal, or_, select, update

from drip.schedule.backoff import DOUBTFUL_ATTEMPTS
from drip.store import enrolments
from drip.store.among import among, by_key, numbered
from drip.store.at_once import AtOnce
from drip.store.enrolments import Standing
from drip.store.learners import CHUNK
from drip.store.tables import course, delivery, enrolment, learner


class Phase(StrEnum):
    """The states of a ledger row."""

    #: A worker holds it and is rendering it.
    CLAIMED = "claimed"
    #: Its bytes may have left.
    HANDED = "handed"
    #: The other side took it. Final, where nobody tells what became of it.
    SENT = "sent"
    #: The learner's own mail server has taken it.
    DELIVERED = "delivered"
    #: It came back, or was dropped on the way. A late bounce goes over delivered.
    BOUNCED = "bounced"
    #: The learner has called it spam. Nothing goes over that.
    COMPLAINED = "complained"
    #: To be tried (again) at `due_at`.
    RETRY = "retry"
    #: Handed without a known outcome.
    IN_DOUBT = "in_doubt"
    #: A person decides.
    HELD = "held"
    #: Not to be sent any more. Final.
    CANCELLED = "cancelled"
    #: The address is dead. Final.
    FAILED = "failed"


#: The states of a mail that has gone: the other side took it, whatever it said of it afterwards.
GONE = (Phase.SENT, Phase.DELIVERED, Phase.BOUNCED, Phase.COMPLAINED)
#: The states of a mail that may still go, or that a person must decide on.
UNDER_WAY = (Phase.CLAIMED, Phase.HANDED, Phase.RETRY, Phase.IN_DOUBT, Phase.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A ledger row. `attempts` counts how often it was handed; `riders` are the questions that came back with it."""

    id: int
    enrolment_id: int
    learner_id: int
    step: str
    occurrence: int
    state: Phase
    revision: str
    language: str
    variant: str
    attempts: int
    claimed_at: datetime
    handed_at: datetime | None
    sent_at: datetime | None
    due_at: datetime | None
    answer: str
    riders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A worker's hold on rows, until a second of `Store.lease_clock`."""

    worker: str
    now: float
    lasts_for: float

    @property
    def until(self) -> float:
        """The second at which it expires unless it is renewed."""
        return self.now + self.lasts_for


def _unlocked(*chosen: ColumnElement[bool]) -> ColumnElement[bool]:
    """Those of the chosen rows that nobody else is writing to at this moment: a claim waits for nobody."""
    return delivery.c.id.in_(select(delivery.c.id).where(*chosen).with_for_update(skip_locked=True, key_share=True))


_RUN_OUT = _unlocked(
    delivery.c.leased_by.is_not(None),
    or_(delivery.c.lease_until < bindparam("lease_now"), delivery.c.lease_until > bindparam("latest")),
)
_FREE: dict[str, Any] = {"due_at": bindparam("at"), "leased_by": None, "lease_until": None}
_CLAIM_EXPIRED = update(delivery).where(_RUN_OUT, delivery.c.state == "claimed").values(state="retry", **_FREE)
_HAND_EXPIRED = (
    update(delivery)
    .where(_RUN_OUT, delivery.c.state == "handed")
    .values(state="in_doubt", answer="the worker ended before the answer came", **_FREE)
)
_FOR_LONG = (
    _unlocked(delivery.c.due_at <= bindparam("now"), delivery.c.state == "in_doubt"),
    delivery.c.state == "in_doubt",
)
_RESEND_DOUBTS = update(delivery).where(*_FOR_LONG).values(state="retry")
_HOLD_DOUBTS = (
    update(delivery).where(*_FOR_LONG, delivery.c.attempts >= bindparam("most")).values(state="held", due_at=None)
)


def expire(conn: Connection, lease: Lease, *, now: datetime, in_doubt_for: timedelta) -> None:
    """Take back what dead workers held: claims are to be tried at once, what they had handed is in doubt.

    A lease that ends later than any could (twice the usual span) was written before a reboot, and has expired too.
    """
    at = {"lease_now": lease.now, "latest": lease.now + 2 * lease.lasts_for}
    conn.execute(_CLAIM_EXPIRED, {**at, "at": now})
    conn.execute(_HAND_EXPIRED, {**at, "at": now + in_doubt_for})


def settle_doubts(conn: Connection, *, now: datetime, resend: bool) -> None:
    """Decide what has been in doubt for long enough: send again, or hold for a person.

    What has been handed so often that it may have arrived as often is held in any case, also if workers died over it.
    """
    conn.execute(_HOLD_DOUBTS, {"now": now, "most": DOUBTFUL_ATTEMPTS if resend else 0})
    if resend:
        conn.execute(_RESEND_DOUBTS, {"now": now})


_DUE_AGAIN = (
    select(delivery)
    .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
    .join(course, course.c.id == enrolment.c.course_id)
    .join(learner, learner.c.id == delivery.c.learner_id)
    .where(delivery.c.due_at <= bindparam("now"), delivery.c.state == "retry", course.c.paused_at.is_(None))
    .order_by(delivery.c.due_at, delivery.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True, of=(delivery, enrolment, learner))
)


def due_again(conn: Connection, *, now: datetime, limit: int) -> list[tuple[Delivery, Standing]]:
    """Rows that are to be tried (again) now, the longest due first, with their enrolments; paused courses are left.

    Locks them, their enrolments and their learners, as `enrolments.due` does.
    """
    found = conn.execute(_DUE_AGAIN, {"now": now, "most": limit})
    rows = [to_delivery(row) for row in found]
    standings = enrolments.by_ids(conn, [row.enrolment_id for row in rows])
    return [(row, standings[row.enrolment_id]) for row in rows]


#: What a claim says of a new row.
_OF_NEW = ("enrolment_id", "learner_id", "step", "occurrence", "revision", "language", "variant", "riders")
_NEW = {name: delivery.c[name].type for name in (*_OF_NEW, "leased_by", "lease_until", "claimed_at")}
_CLAIM_NEW = AtOnce(
    lambda row: insert(delivery).from_select(
        ["state", "attempts", "answer", *_NEW],
        select(literal("claimed"), literal(0), literal(""), *(row[name] for name in _NEW)),
    ),
    _NEW,
)
_CLAIMED_NEW = select(delivery.c.id, delivery.c.enrolment_id, delivery.c.step, delivery.c.occurrence).where(
    among(delivery.c.enrolment_id), delivery.c.state == "claimed"
)


def claim_new(conn: Connection, lease: Lease, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> list[int]:
    """New rows, claimed: mappings of enrolment_id, learner_id, step, occurrence, revision, language, variant, riders.

    Returns their ids, in the same order.
    """
    held = {"leased_by": lease.worker, "lease_until": lease.until, "claimed_at": now}
    _CLAIM_NEW(conn, ({name: row[name] for name in _OF_NEW} | held for row in rows))
    made: dict[tuple[int, str, int], int] = {}
    for start in range(0, len(rows), CHUNK):
        whose = {"ids": [row["enrolment_id"] for row in rows[start : start + CHUNK]]}
        made.update({(r.enrolment_id, r.step, r.occurrence): r.id for r in conn.execute(_CLAIMED_NEW, whose)})
    return [made[row["enrolment_id"], row["step"], row["occurrence"]] for row in rows]


def claim_again(conn: Connection, lease: Lease, ids: Sequence[int]) -> None:
    """Claim rows that `due_again` gave in this transaction."""
    _change(conn, ids, ("retry",), state="claimed", due_at=None, leased_by=lease.worker, lease_until=lease.until)


_HAND = (
    update(delivery)
    .where(
        among(delivery.c.id),
        delivery.c.state == "claimed",
        delivery.c.leased_by == bindparam("worker"),
        delivery.c.lease_until > bindparam("lease_now"),
    )
    .values(
        state="handed",
        handed_at=bindparam("now"),
        attempts=delivery.c.attempts + 1,
        lease_until=bindparam("lease_end"),
    )
    .returning(delivery.c.id)
)


def hand(conn: Connection, lease: Lease, ids: Sequence[int], *, now: datetime) -> set[int]:
    """Mark rows as handed, if they are still ours and their lease has not run out. Returns those that were."""
    values = {"ids": list(ids), "worker": lease.worker, "lease_now": lease.now, "lease_end": lease.until, "now": now}
    rows = conn.execute(_HAND, values)
    return set(rows.scalars())


def renew(conn: Connection, lease: Lease, ids: Sequence[int]) -> None:
    """Hold on to these rows, as far as this worker still holds them; what it has forgotten may expire.

    Rows that are just being written to are left: whoever hands them over renews their lease, or has no need of one.
    """
    held = (delivery.c.lease_until.is_not(None), delivery.c.leased_by == lease.worker)
    for start in range(0, len(ids), CHUNK):
        chosen = delivery.c.id.in_(ids[start : start + CHUNK])
        conn.execute(update(delivery).where(_unlocked(chosen, *held)).values(lease_until=lease.until))


_WORDS = numbered()
#: What of a sent mail changes, with the server's words; the rows come as one parameter (store/among.py).
_SENT = (
    update(delivery)
    .where(
        by_key(delivery.c.id),
        delivery.c.id == _WORDS.c.id,
        delivery.c.state.in_(("handed", "in_doubt", "retry", "claimed", "held", "cancelled")),
        delivery.c.learner_id.is_not(None),  # erased while it was on its way: it moves nobody, and says nothing
    )
    .values(
        state="sent", sent_at=bindparam("now"), due_at=None, leased_by=None, lease_until=None, answer=_WORDS.c.words
    )
    .returning(delivery.c.id)
)


def mark_sent(conn: Connection, answers: Mapping[int, str], *, now: datetime) -> set[int]:
    """Mark rows as sent, with the other side's words, whatever became of our lease meanwhile: it has the mail.

    Returns those marked.
    """
    if not answers:
        return set()
    return set(conn.execute(_SENT, {"ids": list(answers), "numbered": answers, "now": now}).scalars())


def put_back(conn: Connection, worker: str, id_: int, *, due_at: datetime, answer: str, tried: bool = True) -> None:
    """handed → retry, not before `due_at`. Where nothing was tried, neither the attempt nor that floor counts."""
    counted = {"not_before": due_at} if tried else {"attempts": delivery.c.attempts - 1}
    _release(conn, worker, id_, state="retry", due_at=due_at, answer=answer, **counted)


def unclaim(conn: Connection, worker: str, id_: int, *, due_at: datetime, answer: str = "") -> None:
    """claimed → retry: nothing was handed, somebody else may take it."""
    _release(conn, worker, id_, state="retry", due_at=due_at, answer=answer)


def shift(conn: Connection, id_: int, *, due_at: datetime, answer: str) -> None:
    """retry → retry, later: its window is shut, or a cap is full."""
    conn.execute(
        update(delivery).where(delivery.c.id == id_, delivery.c.state == "retry").values(due_at=due_at, answer=answer)
    )


def doubt(conn: Connection, worker: str, id_: int, *, due_at: datetime, answer: str) -> None:
    """handed → in_doubt, to be settled at `due_at`."""
    _release(conn, worker, id_, state="in_doubt", due_at=due_at, answer=answer)


def give_up(conn: Connection, id_: int, *, answer: str) -> None:
    """retry → held: there is no time at which it could go."""
    _change(conn, [id_], ("retry",), state="held", due_at=None, answer=answer)


def hold(conn: Connection, worker: str, id_: int, *, answer: str) -> None:
    """handed or claimed → held: a person decides."""
    _release(conn, worker, id_, state="held", answer=answer)


def fail(conn: Connection, worker: str, id_: int, *, answer: str) -> None:
    """handed → failed: the address is dead."""
    _release(conn, worker, id_, state="failed", answer=answer)


def cancel(conn: Connection, enrolment_ids: Sequence[int], *, answer: str) -> int:
    """Cancel what these enrolments have not handed yet. Returns how many rows that were."""
    done = 0
    for start in range(0, len(enrolment_ids), CHUNK):
        done += conn.execute(
            update(delivery)
            .where(
                delivery.c.enrolment_id.in_(enrolment_ids[start : start + CHUNK]),
                delivery.c.state.in_(("claimed", "retry", "held")),
            )
            .values(state="cancelled", answer=answer, due_at=None, leased_by=None, lease_until=None)
        ).rowcount
    return done


def by_id(conn: Connection, delivery_id: int) -> Delivery | None:
    """One ledger row."""
    row = conn.execute(select(delivery).where(delivery.c.id == delivery_id)).one_or_none()
    return None if row is None else to_delivery(row)


_BY_IDS = select(delivery).where(among(delivery.c.id))


def by_ids(conn: Connection, ids: Sequence[int]) -> dict[int, Delivery]:
    """id → ledger row, for those that are there."""
    found: dict[int, Delivery] = {}
    for start in range(0, len(ids), CHUNK):
        rows = conn.execute(_BY_IDS, {"ids": list(ids[start : start + CHUNK])})
        found.update({row.id: to_delivery(row) for row in rows})
    return found


_ID = attrgetter("id")
#: Put in order here: told to order by id, SQLite would walk the whole table in that order instead of its index.
_OF_ENROLMENTS = select(delivery).where(among(delivery.c.enrolment_id))


def of_enrolments(conn: Connection, enrolment_ids: Sequence[int]) -> dict[int, list[Delivery]]:
    """enrolment → its ledger rows, oldest first."""
    found: dict[int, list[Delivery]] = {id_: [] for id_ in enrolment_ids}
    for start in range(0, len(enrolment_ids), CHUNK):
        rows = conn.execute(_OF_ENROLMENTS, {"ids": list(enrolment_ids[start : start + CHUNK])})
        for row in sorted(rows, key=_ID):
            found[row.enrolment_id].append(to_delivery(row))
    return found


def anyone_holds(conn: Connection) -> bool:
    """Whether any worker, alive or not yet known to be dead, holds a lease."""
    query = select(delivery.c.id).where(delivery.c.leased_by.is_not(None))
    return conn.execute(query.limit(1)).first() is not None


def next_due_at(conn: Connection) -> datetime | None:
    """When the next row is to be tried again or settled."""
    query = select(delivery.c.due_at).where(delivery.c.due_at.is_not(None)).order_by(delivery.c.due_at).limit(1)
    return conn.execute(query).scalar_one_or_none()


def to_delivery(row: Any) -> Delivery:
    """A row of the delivery table as a value."""
    return Delivery(
        id=row.id,
        enrolment_id=row.enrolment_id,
        learner_id=row.learner_id,
        step=row.step,
        occurrence=row.occurrence,
        state=Phase(row.state),
        revision=row.revision,
        language=row.language,
        variant=row.variant,
        attempts=row.attempts,
        claimed_at=row.claimed_at,
        handed_at=row.handed_at,
        sent_at=row.sent_at,
        due_at=row.due_at,
        answer=row.answer,
        riders=tuple(row.riders),
    )


def _change(conn: Connection, ids: Sequence[int], states: Sequence[str], **values: object) -> None:
    for start in range(0, len(ids), CHUNK):
        chosen = delivery.c.id.in_(ids[start : start + CHUNK])
        conn.execute(update(delivery).where(chosen, delivery.c.state.in_(states)).values(**values))


def _release(conn: Connection, worker: str, id_: int, **values: object) -> None:
    """Let go of a row that this worker holds. If somebody else took it over meanwhile, it is theirs to end."""
    ours = (delivery.c.leased_by == worker, delivery.c.state.in_(("claimed", "handed")))
    conn.execute(
        update(delivery)
        .where(delivery.c.id == id_, *ours)
        .values(**{"due_at": None, "leased_by": None, "lease_until": None, **values})
    )
