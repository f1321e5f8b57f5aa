"""Copying everything from one database into another: how an academy moves from SQLite to PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection, Integer, Table, delete, func, insert, select, update
from sqlmodel import SQLModel

from drip.errors import Refused
from drip.store import ledger, pins
from drip.store.database import Store
from drip.store.learners import HIGHEST_ERASED
from drip.store.tables import learner, outbox, worker

#: So many rows are in memory at a time.
ROWS_AT_A_TIME = 1_000


def copy_all(source: Store, target: Store) -> dict[str, int]:
    """Copy every row of `source` into `target`, in one transaction; table → how many rows. Both keep the same ids.

    Raises StoreError where either has other tables than this drip, and Refused where somebody is sending from `source`
    or `target` is not empty. What is written into `source` afterwards is not in `target`.
    """
    source.require_current()
    target.require_current()
    tables = SQLModel.metadata.sorted_tables
    with source.write() as old, target.write() as new:
        if ledger.anyone_holds(old):
            raise Refused(
                f"mails are under way from {source.shown}: stop `drip run`, then `drip run --until-idle` once"
            )
        new.execute(delete(worker))  # that somebody has worked there is no content
        if any(new.execute(select(table).limit(1)).first() is not None for table in tables):
            raise Refused(f"the database {target.shown} is not empty: copy into a new one")
        copied = {table.name: _copy(old, new, table) for table in tables}
        new.execute(update(outbox).values(leased_by=None, lease_until=None))  # leases run on each database's own clock
        if not target.sqlite:
            _count_on(new)
    return copied


def _copy(old: Connection, new: Connection, table: Table) -> int:
    number = 0
    for rows in old.execution_options(yield_per=ROWS_AT_A_TIME).execute(select(table)).partitions():
        new.execute(insert(table), [dict(row._mapping) for row in rows])
        number += len(rows)
    return number


def _count_on(conn: Connection) -> None:
    """New rows get numbers after those that were copied."""
    for table in SQLModel.metadata.sorted_tables:
        id_ = table.primary_key.columns.get("id")
        if id_ is not None and isinstance(id_.type, Integer):
            highest = conn.execute(select(func.max(id_))).scalar_one()
            if table is learner and (erased := pins.get(conn, HIGHEST_ERASED)) is not None:
                highest = max(highest or 0, int(erased))
            if highest is not None:
                sequence = func.pg_get_serial_sequence(table.name, "id")
                conn.execute(select(func.setval(sequence, highest)))
