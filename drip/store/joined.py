"""A store that is one transaction of another: use cases that take a store do their work in it, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy import exc as sa

from drip.store.database import Store
from drip.store.troubles import discreet


class Joined(Store):
    """Behaves as the store whose open, writing transaction `conn` is; whoever opened that commits it."""

    def __init__(self, store: Store, conn: Connection) -> None:
        self.__dict__.update(store.__dict__)
        self._conn = conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A part of the transaction, which is undone by itself where it raises."""
        try:
            with self._conn.begin_nested():
                yield self._conn
        except sa.IntegrityError as error:
            raise discreet(error) from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The same transaction: what it has written is seen."""
        yield self._conn

    def close(self) -> None:
        """Nothing: it has no connection of its own."""
