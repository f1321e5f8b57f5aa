"""What the use cases that send need: the store, the way out, the keys and the rules of patience."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from drip.engine.library import Library
from drip.people import Facts, summarise
from drip.store import Store, evidence, ledger
from drip.store.ledger import Delivery, Phase
from drip.track.token import Ring
from drip.transports import Transport

#: Rows are handed in groups of at most so many before their bytes leave (DESIGN: promise 3).
GROUP = 50
#: A claim takes at most so many rows.
BATCH = 200

#: Tells the time. One clock is injected everywhere.
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Everything that sending needs. `worker` names this process in leases.

    `in_doubt` is `resend` or `hold`; `only_to` is a staging guard: mail to any other address is held.
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
    library: Library = field(default_factory=Library)

    def lease(self, conn: Connection) -> ledger.Lease:
        """This worker's lease, from now on."""
        return ledger.Lease(
            worker=self.worker, now=self.store.lease_clock(conn), lasts_for=self.lease_for.total_seconds()
        )


def facts_of(conn: Connection, enrolment_ids: Sequence[int]) -> tuple[Mapping[int, Facts], dict[int, list[Delivery]]]:
    """enrolment → its Facts, and its ledger rows, in a constant number of queries."""
    rows = ledger.of_enrolments(conn, enrolment_ids)
    events = evidence.of_enrolments(conn, enrolment_ids)
    facts = {id_: summarise(sent_times(rows[id_]), events[id_]) for id_ in rows}
    return facts, rows


def sent_times(rows: Sequence[Delivery]) -> dict[str, tuple[int, datetime]]:
    """step → (delivery, actual send). A mail that may have gone counts from when it was handed."""
    times: dict[str, tuple[int, datetime]] = {}
    for row in rows:
        at = row.sent_at or (row.handed_at if row.state in (Phase.HANDED, Phase.IN_DOUBT) else None)
        if at is not None:
            times[row.step] = (row.id, at)
    return times
