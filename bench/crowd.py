"""Very many enrolments, of which few are due: one person who lived the course, many times over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from scene import LATER, NOW, Scene
from sqlalchemy import (
    CTE,
    Connection,
    Integer,
    String,
    Table,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    select,
    true,
    update,
)

from drip.engine.claim import claim_due
from drip.engine.deliver import deliver_due
from drip.engine.sending import Sending
from drip.render.message import Message
from drip.schedule.pace import Pace, Rate
from drip.store import Store
from drip.store.tables import delivery, enrolment, learner, pace, trace
from drip.transports import Outcome, Receipt, Result

#: So many enrolments are made in one transaction; they fall due at one instant, six hours after those before.
_AT_ONCE = 10_000
_APART = timedelta(hours=6)


class _Taker:
    """A way out that takes everything at once: only drip and its database are measured."""

    name, connections = "taker", 1

    def send(self, messages: Sequence[Message]) -> Result:
        """All are sent."""
        return Result(receipts=tuple(Receipt(delivery_id=one.delivery_id, outcome=Outcome.SENT) for one in messages))

    def close(self) -> None:
        """Nothing is open."""

    def allow(self, connections: int) -> None:
        """Nothing is open."""


#: Every kind of limit, and room under each: what counting costs.
_PACE = Pace(
    rate=(Rate(most=10**6, span=timedelta(hours=1)), Rate(most=10**7, span=timedelta(days=1))),
    warm_up=(10**6, 10**7),
    domains={"company.example": (Rate(most=10**6, span=timedelta(hours=1)),)},
)
#: A domain that is full at once: who waits for it is let through one by one.
_SLOW = Pace(domains={"company.example": (Rate(most=10, span=timedelta(seconds=1)),)})


class Crowd:
    """Everybody has got the first tip. The second is due at LATER to the first `due`, to the others afterwards."""

    def __init__(self, scene: Scene, database: str, *, people: int, due: int) -> None:
        self.store = scene.store(database)
        self._sending = _way(scene, self.store, LATER)
        self._due = due
        _multiply(scene, self.store, people, due)
        with self.store.read() as conn:
            rows = conn.execute(select(enrolment).where(enrolment.c.id <= due))
            self._before = [{f"new_{name}": value for name, value in row._mapping.items()} for row in rows]

    def claim(self) -> None:
        """Claim everything due, as a tick does it."""
        looked_at = self._looked_at(self._sending)
        assert looked_at == self._due, f"{looked_at} were claimed, {self._due} are due"

    def claim_paced(self) -> None:
        """The same, with limits of every kind that let it through."""
        looked_at = self._looked_at(replace(self._sending, pace=_PACE))
        assert looked_at == self._due, f"{looked_at} were claimed, {self._due} are due"

    def line_up(self) -> None:
        """Everything due is for one domain that is full: each gets a place in its line."""
        looked_at = self._looked_at(replace(self._sending, pace=_SLOW))
        assert looked_at == self._due, f"{looked_at} were looked at, {self._due} are due"

    def clear_up(self) -> None:
        """Let the database come to rest."""
        _clear_up(self.store)

    def let_through(self, number: int) -> int:
        """So many tenths of a second of that line; how many mails went."""
        slowly, went = replace(self._sending, pace=_SLOW), 0
        for tenth in range(1, number + 1):
            while (claimed := claim_due(slowly, now=LATER + tenth * timedelta(seconds=0.1))).looked_at:
                went += len(claimed.parcels)
        return went

    def _looked_at(self, sending: Sending) -> int:
        looked_at = 0
        while (claimed := claim_due(sending, now=LATER)).looked_at:
            looked_at += claimed.looked_at
        return looked_at

    def tick(self) -> None:
        """Send everything due: claim, render, hand, mark, advance."""
        tally = deliver_due(self._sending)
        assert tally.sent == self._due, tally

    def idle_tick(self) -> None:
        """A tick that finds nothing due."""
        tally = deliver_due(self._sending)
        assert not tally.sent, tally

    def rewind(self) -> None:
        """Put back what was claimed or sent, so that the same people are due again."""
        second = self._before[0]["new_next_step"]
        values = {column.name: bindparam(f"new_{column.name}") for column in enrolment.c if column.name != "id"}
        with self.store.write() as conn:
            conn.execute(delete(delivery).where(delivery.c.step == second, delivery.c.enrolment_id <= self._due))
            conn.execute(delete(trace))
            conn.execute(delete(pace))
            conn.execute(update(enrolment).where(enrolment.c.id == bindparam("new_id")).values(values), self._before)


def _way(scene: Scene, store: Store, now: datetime) -> Sending:
    return replace(scene.sending(store, now), transport=_Taker())


def _multiply(scene: Scene, store: Store, people: int, due: int) -> None:
    """Send the first person's first mail, and copy the person, the enrolment and the ledger row."""
    deliver_due(_way(scene, store, NOW))
    with store.read() as conn:
        due_at = conn.execute(select(enrolment.c.due_at).where(enrolment.c.id == 1)).scalar_one()
    assert due_at is not None, "the second tip is not planned"
    assert NOW < due_at <= LATER, due_at
    first, number = 2, 0
    while first <= people:
        last = due if first <= due else min(people, first + _AT_ONCE - 1)
        if first > due:
            number += 1
            due_at = LATER + number * _APART
        numbers = _numbers(first, last)
        named = literal("learner") + cast(numbers.c.n, String)
        when = literal(due_at, enrolment.c.due_at.type)
        with store.write() as conn:
            address = named + "@company.example"
            _copy(conn, learner, numbers, id=numbers.c.n, ref=named, email=address, address=address)
            _copy(conn, enrolment, numbers, id=numbers.c.n, learner_id=numbers.c.n, due_at=when)
            _copy(conn, delivery, numbers, id=None, enrolment_id=numbers.c.n, learner_id=numbers.c.n)
        first = last + 1
    _clear_up(store)


def _clear_up(store: Store) -> None:
    """What a database does by itself, a while after it was filled or changed: this one does not wait for it."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        if store.sqlite:
            conn.exec_driver_sql("COMMIT")
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            conn.exec_driver_sql("SET statement_timeout = 0")
            conn.exec_driver_sql("VACUUM (ANALYZE)")


def _numbers(first: int, last: int) -> CTE:
    """The rows first … last, in words that both databases know."""
    numbers = select(cast(literal(first), Integer).label("n")).cte("numbers", recursive=True)
    return numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < last))


def _copy(conn: Connection, table: Table, numbers: CTE, **changed: Any) -> None:
    """Copy row 1 for each number, with what is changed; a column changed to None is left out."""
    columns = [column for column in table.c if changed.get(column.name, column) is not None]
    values = [changed.get(column.name, column) for column in columns]
    each = select(*values).select_from(table.join(numbers, true())).where(table.c.id == 1)
    conn.execute(insert(table).from_select(columns, each))
