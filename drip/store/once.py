"""Writing what there may be one of, whoever else writes it at the same moment.

A look and then an insert is a race on PostgreSQL, where two transactions may both look before either writes. A unique
key decides instead: the second waits for the first, and finds its row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def add_new(conn: Connection, table: Table, values: Mapping[str, object], *, key: Sequence[str]) -> bool:
    """Insert a row; False, and nothing written, where one with this key is there already."""
    query = insert_into(conn, table).values(**values).on_conflict_do_nothing(index_elements=list(key))
    return conn.execute(query.returning(*table.primary_key.columns)).first() is not None


def add_all_new(conn: Connection, table: Table, rows: Sequence[Mapping[str, object]], *, key: Sequence[str]) -> None:
    """Insert those of these rows whose key is not there yet. In the order of the key, so that two do not block."""
    if rows:
        query = insert_into(conn, table).on_conflict_do_nothing(index_elements=list(key))
        conn.execute(query, sorted(rows, key=lambda row: [str(row[name]) for name in key]))


def put_all(conn: Connection, table: Table, rows: Sequence[Mapping[str, object]], *, key: Sequence[str]) -> None:
    """Insert these rows, or write over those that are there under the same key; all rows name the same columns."""
    if rows:
        query = insert_into(conn, table)
        values = {name: query.excluded[name] for name in rows[0] if name not in key}
        conn.execute(
            query.on_conflict_do_update(index_elements=list(key), set_=values),
            sorted(rows, key=lambda row: [str(row[name]) for name in key]),
        )


def insert_into(conn: Connection, table: Table) -> Any:
    """An INSERT of this database's own kind: both say ON CONFLICT in the same words."""
    dialect: Any = postgresql if conn.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
