"""One statement for many rows, without SQLAlchemy's look at each row: for what runs for every mail.

The statement is compiled once for each dialect, with its literals and the conversion of each value; after that a row
costs what the driver takes. (SQLAlchemy's own executemany works the parameters of every row out anew, which was a
tenth of the CPU time of a mail.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.dml import UpdateBase

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    #: (name, its value where it is the same in every row, how the driver wants it)
    binds: tuple[tuple[str, Any, Convert | None], ...]
    positional: bool


class Many:
    """Runs one UPDATE or INSERT over many rows: mappings of its bind parameters' names."""

    def __init__(self, statement: UpdateBase) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def __call__(self, conn: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it, once for each row."""
        compiled = self._compiled.get(conn.dialect.name) or self._compile(conn.dialect)
        values = [
            [
                (row.get(name, same) if convert is None else convert(row.get(name, same)))
                for name, same, convert in compiled.binds
            ]
            for row in rows
        ]
        if not values:
            return
        if compiled.positional:
            conn.exec_driver_sql(compiled.sql, [tuple(one) for one in values])
        else:
            names = [name for name, _, _ in compiled.binds]
            conn.exec_driver_sql(compiled.sql, [dict(zip(names, one, strict=True)) for one in values])

    def _compile(self, dialect: Dialect) -> _Compiled:
        done: Any = self._statement.compile(dialect=dialect)
        same = {name: bind.value for name, bind in done.binds.items()}
        names: Sequence[str] = done.positiontup if done.positional else list(done.binds)
        binds = tuple((name, same[name], done._bind_processors.get(name)) for name in names)
        compiled = _Compiled(sql=done.string, binds=binds, positional=bool(done.positional))
        self._compiled[dialect.name] = compiled
        return compiled
