"""What the use cases that send need: the store, the way out, the keys and the rules of patience."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from drip.course.timing import Limit
from drip.engine.library import Library
from drip.errors import DripError
from drip.people import Enrolment, Facts, summarise
from drip.plan.renames import called_now
from drip.render.brand import Brand
from drip.schedule.pace import Pace
from drip.schedule.reviews import REVIEW
from drip.store import Store, courses, evidence, learners, ledger
from drip.store.ledger import Delivery, Phase
from drip.track.token import Ring
from drip.transports import Transport

#: Rows are handed in groups of at most so many before their bytes leave (DESIGN: promise 3).
GROUP = 50
#: A claim takes at most so many rows.
BATCH = 200

#: What may go wrong for one person: a condition, a zone or a time that this machine cannot work out.
PERSONAL = (DripError, LookupError, ValueError, ArithmeticError)

#: Tells the time. One clock is injected everywhere.
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Everything that sending needs. `worker` names this process in leases.

    `in_doubt` is `resend` or `hold`; `only_to` is a staging guard: mail to any other address waits.
    `limit` is the workspace's cap on mails to one learner, over all courses. `pace` is how fast mail may go. `brand` is
    that of mails which belong to no template. `no_pixels`: no mail has one, whatever its course says.
    """

    store: Store
    transport: Transport
    ring: Ring
    suppression_key: bytes
    base_url: str
    worker: str
    clock: Clock
    lease_for: timedelta = timedelta(seconds=60)
    in_doubt: str = "resend"
    in_doubt_after: timedelta = timedelta(minutes=15)
    only_to: frozenset[str] = frozenset()
    limit: Limit | None = None
    pace: Pace | None = None
    brand: Brand = field(default_factory=Brand)
    library: Library = field(default_factory=Library)
    no_pixels: bool = False

    def lease(self, conn: Connection) -> ledger.Lease:
        """This worker's lease, from now on."""
        return ledger.Lease(
            worker=self.worker, now=self.store.lease_clock(conn), lasts_for=self.lease_for.total_seconds()
        )

    def means(self, email: str) -> bool:
        """Whether the staging guard lets this address pass."""
        return not self.only_to or learners.address_of(email) in self.only_to


def facts_of(
    conn: Connection, enrolled: Sequence[Enrolment], *, until: datetime | None = None
) -> tuple[Mapping[int, Facts], dict[int, list[Delivery]]]:
    """enrolment → its Facts, and its ledger rows, in a constant number of queries.

    Steps and questions are called as in the revision that the enrolment stands in. `until`: as it was known then.
    """
    ids = [one.id for one in enrolled]
    rows = ledger.of_enrolments(conn, ids)
    own = evidence.of_enrolments(conn, ids)
    if until is not None:
        rows = {id_: [row for row in its if row.claimed_at < until] for id_, its in rows.items()}
        own = {id_: [event for event in its if event.at <= until] for id_, its in own.items()}
    elsewhere = evidence.events_of(conn, sorted({one.learner_id for one in enrolled}))
    names = courses.names_of(conn, {one.revision for one in enrolled})
    facts = {}
    for one in enrolled:
        since = [event for event in elsewhere.get(one.learner_id, ()) if event.at >= one.enrolled_at]
        since = since if until is None else [event for event in since if event.at <= until]
        reviews = [
            (row.id, gone_at(row) or row.claimed_at, row.riders)
            for row in rows[one.id]
            if row.riders and row.state not in (Phase.CANCELLED, Phase.FAILED)
        ]
        sent, earlier = sent_times(rows[one.id])
        found = summarise(sent, [*own[one.id], *since], reviews=reviews, earlier=earlier)
        facts[one.id] = called_now(found, names[one.revision])
    return facts, rows


def sent_times(rows: Sequence[Delivery]) -> tuple[dict[str, tuple[int, datetime]], list[tuple[int, datetime]]]:
    """step → (delivery, actual send), and those of the same step before; `rows` are the oldest first.

    Recaps are left out: they teach nothing and count for no limit.
    """
    last: dict[str, tuple[int, datetime]] = {}
    earlier: list[tuple[int, datetime]] = []
    for row in rows:
        at = gone_at(row)
        if row.step != REVIEW and at is not None:
            if row.step in last:
                earlier.append(last[row.step])
            last[row.step] = (row.id, at)
    return last, earlier


def gone_at(row: Delivery) -> datetime | None:
    """When a mail left. One that may have gone counts from when it was handed."""
    return row.sent_at or (row.handed_at if row.state in (Phase.HANDED, Phase.IN_DOUBT) else None)
