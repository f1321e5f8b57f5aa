"""SQLModel tables and every query; SQLite, and PostgreSQL at scale.

`database` opens a Store; each other file holds the queries over one table. They take an open connection, so that a use
case decides what stands in one transaction.
"""

from drip.store.database import Store

__all__ = ["Store"]
