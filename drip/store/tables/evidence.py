"""What happened afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from drip.store.tables.base import Ids, table

#: Which evidence says that mail has come back, or was called spam. SQLite takes the index only for these very words.
CAME_BACK = "kind IN ('bounce', 'complaint')"


class EvidenceRow(SQLModel, table=True):
    """Anything that happened afterwards, raw. Who did it is judged when it is read (track/classify.py).

    `network` is what stands for the network that it came from, for a day (track/network.py); no address is kept.
    `judged` is who did it, written down when what told of it (user agent, network) is blanked (decision 025).
    """

    __tablename__: ClassVar[str] = "evidence"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        Index("ix_evidence_enrolment", "enrolment_id"),
        Index("ix_evidence_came_back", "at", sqlite_where=text(CAME_BACK), postgresql_where=text(CAME_BACK)),
    )
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    kind: str
    at: datetime
    source: str
    source_id: str
    learner_id: int | None = Field(sa_type=Ids, foreign_key="learner.id", index=True)
    enrolment_id: int | None = Field(sa_type=Ids, default=None, foreign_key="enrolment.id")
    delivery_id: int | None = Field(sa_type=Ids, default=None, foreign_key="delivery.id")
    step: str = ""
    item: str = ""
    method: str = ""
    user_agent: str = ""
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    network: str = Field(default="", sa_column_kwargs={"server_default": ""})
    judged: str = Field(default="", sa_column_kwargs={"server_default": ""})


evidence = table(EvidenceRow)
