"""One statement over many rows: for what is written for every mail.

PostgreSQL gets all rows in one parameter, and answers once; row by row, the asking and answering cost as much as the
writing. SQLite, which is a function call away, gets the same statement once for each row (store/many.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, Table, and_, bindparam, cast, column, func
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

from drip.store.among import by_key
from drip.store.many import Many

#: A row's values by name, as a statement says them.
Row = Mapping[str, ColumnElement[Any]] | ReadOnlyColumnCollection[str, Any]
Write = Callable[[Row], UpdateBase]


class AtOnce:
    """Writes many rows: mappings of the names in `types`. Where one is called `key`, it is the changed row's id.

    `write` makes the statement; one that changes rows finds them by `same_id`.
    """

    def __init__(self, write: Write, types: Mapping[str, TypeEngine[Any]]) -> None:
        self._each = Many(write({name: bindparam(name, type_=type_) for name, type_ in types.items()}))
        rows = func.json_to_recordset(cast(bindparam("rows", type_=String()), JSON()))
        given = rows.table_valued(*(column(name, type_) for name, type_ in types.items()))
        self._all = write(given.render_derived(name="given", with_types=True).c)
        self._keyed = "key" in types

    def __call__(self, conn: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write these rows."""
        if conn.dialect.name != "postgresql":
            self._each(conn, rows)
        elif written := list(rows):
            keys = {"ids": [row["key"] for row in written]} if self._keyed else {}
            conn.execute(self._all, {"rows": json.dumps(written, default=datetime.isoformat), **keys})


def same_id(table: Table, row: Row) -> ColumnElement[bool]:
    """Whether it is the row of the table that `key` names."""
    return and_(by_key(table.c.id), table.c.id == row["key"])
