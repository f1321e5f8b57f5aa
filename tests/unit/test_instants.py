"""Instants at SQLite's border: aware ones in, the same instants in UTC out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, create_engine, select
from sqlalchemy.exc import StatementError
from sqlmodel import UTCDateTime

from drip.store import tables
from drip.store.instants import Instant

_ENGINE = create_engine("sqlite://")
_OURS = Table("instants", MetaData(), Column("at", Instant()))
_SQLMODELS = Table("instants", MetaData(), Column("at", UTCDateTime()))
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=_ZONES)


@given(INSTANTS)
def test_an_instant_comes_back_in_utc_and_reads_as_sqlmodel_wrote_it(at: datetime) -> None:
    """Whatever its zone, to the microsecond; and both ways of writing read each other's text."""
    with _ENGINE.begin() as conn:
        _OURS.create(conn)
        conn.execute(_OURS.insert(), {"at": at})
        conn.execute(_SQLMODELS.insert(), {"at": at})
        ours = conn.execute(select(_OURS)).scalars().all()
        theirs = conn.execute(select(_SQLMODELS)).scalars().all()
        assert len(set(conn.exec_driver_sql("SELECT at FROM instants").scalars())) == 1
        _OURS.drop(conn)
    assert ours == theirs == [at, at]
    assert all(one.tzinfo is UTC for one in ours)


def test_nothing_stays_nothing_and_a_naive_one_is_refused() -> None:
    """None is None; an instant without a zone is an error, not a guess."""
    with _ENGINE.begin() as conn:
        _OURS.create(conn)
        conn.execute(_OURS.insert(), {"at": None})
        assert conn.execute(select(_OURS)).scalars().all() == [None]
        with pytest.raises(StatementError, match="has no zone"):
            conn.execute(_OURS.insert(), {"at": datetime(2026, 3, 1)})
        _OURS.drop(conn)


def test_every_instant_of_the_tables_is_one() -> None:
    """No table keeps a datetime of another kind."""
    kinds = {type(column.type) for table in tables.SQLModel.metadata.tables.values() for column in table.columns}
    assert Instant in kinds
    assert UTCDateTime not in kinds
