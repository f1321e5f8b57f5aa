"""What the database keeps for itself."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlmodel import Field, SQLModel

from drip.store.tables.base import Ids, table


class PinRow(SQLModel, table=True):
    """What must stay the same for as long as this database lives, such as the suppression list's key (its print)."""

    __tablename__: ClassVar[str] = "pin"
    name: str = Field(primary_key=True)
    value: str


class ChoreRow(SQLModel, table=True):
    """Work of the night: which night's is done, who is at it, and how far they are (store/retention.py)."""

    __tablename__: ClassVar[str] = "chore"
    name: str = Field(primary_key=True)
    night: str
    worker: str
    seen_at: datetime | None = None
    done_up_to: int = Field(sa_type=Ids, default=0)


pin = table(PinRow)
chore = table(ChoreRow)
