"""One statement for many rows, without SQLAlchemy's look at each row: for what runs for every mail.

The statement is compiled once for each dialect, with its literals and the conversion of each value; after that a row
costs what the driver takes. (SQLAlchemy's own executemany works the parameters of every row out anew, which was a
tenth of the CPU time of a mail.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.dml import UpdateBase

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    #: How the driver names the values, in order; a name may come twice.
    names: tuple[str, ...]
    #: What is the same in every row.
    same: Mapping[str, Any]
    #: A row → its values, in order.
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    #: (name, how the driver wants its value)
    converts: tuple[tuple[str, Convert], ...]
    positional: bool


class Many:
    """Runs one UPDATE or INSERT over many rows: mappings of its bind parameters' names."""

    def __init__(self, statement: UpdateBase) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def __call__(self, conn: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it, once for each row."""
        compiled = self._compiled.get(conn.dialect.name) or self._compile(conn.dialect)
        if written := [_converted(compiled, row) for row in rows]:
            names = compiled.names
            given: Any = written if compiled.positional else [dict(zip(names, one, strict=True)) for one in written]
            conn.exec_driver_sql(compiled.sql, given)

    def _compile(self, dialect: Dialect) -> _Compiled:
        done: Any = self._statement.compile(dialect=dialect)
        names = tuple(done.positiontup if done.positional else done.binds)
        compiled = _Compiled(
            sql=done.string,
            names=names,
            same={name: bind.value for name, bind in done.binds.items() if not bind.required},
            values=itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],),
            converts=tuple((name, convert) for name, convert in done._bind_processors.items()),
            positional=bool(done.positional),
        )
        self._compiled[dialect.name] = compiled
        return compiled


def _converted(compiled: _Compiled, row: Mapping[str, Any]) -> tuple[Any, ...]:
    named = {**compiled.same, **row}
    for name, convert in compiled.converts:
        if (value := named[name]) is not None:
            named[name] = convert(value)
    return compiled.values(named)
