"""Many values in one bind parameter: `column IN (…)`, and rows of a number and a text. The statement stays the same.

SQLAlchemy writes an `IN` out anew for each number of values, and psycopg reads such a long statement anew each time.
PostgreSQL takes an array, SQLite a JSON list; rows are a JSON object for both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, String, Subquery, bindparam, cast, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Values(TypeDecorator[Any]):
    """A list as one parameter: of numbers, or of texts."""

    impl = String
    cache_ok = True

    def __init__(self, *, numbers: bool) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(BigInteger() if self.numbers else String()))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))


class _Among(FunctionElement[bool]):
    """column, list → whether the column's value is in the list."""

    inherit_cache = True
    name = "among"
    type = Boolean()

    def self_group(self, against: OperatorType | None = None) -> _Among:
        """A condition as it is: `… IN (…) = 1`, which SQLAlchemy would make of it, uses no index."""
        return self


@compiles(_Among)
def _any(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(one, **how) for one in element.clauses)
    return f"{column} = ANY({values})"


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(one, **how) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


class _ByKey(_Among):
    """column, list → the same, where the database needs telling that it shall look the values up."""

    inherit_cache = True
    name = "by_key"


@compiles(_ByKey, "sqlite")
def _nothing(_element: _ByKey, _compiler: SQLCompiler, **_how: Any) -> str:
    return "1"


def among(column: ColumnElement[Any], name: str = "ids") -> ColumnElement[bool]:
    """Whether the column's value is among those bound to `name`: numbers, or texts, as the column is."""
    numbers = isinstance(column.type, Integer)
    return _Among(column, bindparam(name, type_=_Values(numbers=numbers)))


def by_key(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Beside `column = …` of rows that come as one parameter, whose keys are bound to `ids` too: PostgreSQL, which
    cannot tell how many will come, would otherwise read the whole table to find them.
    """
    return _ByKey(column, bindparam("ids", type_=_Values(numbers=True)))


class _Numbered(TypeDecorator[Any]):
    """number → text, as one parameter."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Mapping[int, str] | None, dialect: Dialect) -> str:
        return json.dumps(value or {})


class _EachOf(FunctionElement[Any]):
    """A JSON object → its rows of `key` and `value`."""

    inherit_cache = True
    name = "each_of"


@compiles(_EachOf)
def _each_text(element: _EachOf, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each_text(CAST({compiler.process(element.clauses, **how)} AS json))"


@compiles(_EachOf, "sqlite")
def _each(element: _EachOf, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


def numbered(name: str = "numbered") -> Subquery:
    """Rows of `id` and `words`, from the mapping that is bound to `name`."""
    rows = _EachOf(bindparam(name, type_=_Numbered())).table_valued("key", "value")
    return select(cast(rows.c.key, BigInteger).label("id"), rows.c.value.label("words")).subquery("numbered")
