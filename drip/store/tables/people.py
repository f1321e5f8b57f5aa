"""Who they are, and what they have agreed to, asked for or refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from drip.store.tables.base import Ids, table


class LearnerRow(SQLModel, table=True):
    """One person. `address` is the address in the one spelling that compares (see learners.address_of).

    `consents_opens` repeats the last word in `consent` about opens, so that it is at hand wherever a learner is read.
    `own_language` is the learner's own word, and goes over `language`, which an import may change.
    """

    __tablename__: ClassVar[str] = "learner"
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    ref: str = Field(unique=True)
    email: str
    address: str = Field(unique=True)
    first_name: str | None = None
    last_name: str | None = None
    language: str | None = None
    timezone: str | None = None
    imported_timezone: str | None = None
    attributes: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime
    consents_opens: bool | None = None
    own_language: str | None = None


class ConsentRow(SQLModel, table=True):
    """What a learner agreed to, or took back: rows are only added, and the latest holds. `text` is what they read."""

    __tablename__: ClassVar[str] = "consent"
    __table_args__ = (Index("ix_consent_learner", "learner_id", "what"),)
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    learner_id: int = Field(sa_type=Ids, foreign_key="learner.id")
    what: str
    given: bool
    text_version: str
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    source: str
    at: datetime


class SuppressionRow(SQLModel, table=True):
    """An address that gets nothing from this workspace. Kept as a keyed hash, so that it survives erasing a learner.

    `expires_at` is until when (None: for ever). `left_at` is when its learner has left, whatever other reason stands
    over that now. `source` is who says so: a link, sendgrid, bounce mail, a person.
    """

    __tablename__: ClassVar[str] = "suppression"
    address_hash: str = Field(primary_key=True)
    reason: str
    at: datetime
    source: str = Field(default="", sa_column_kwargs={"server_default": ""})
    expires_at: datetime | None = None
    left_at: datetime | None = None


class FormerRow(SQLModel, table=True):
    """A mail to somebody who has been erased: what its links for leaving still need (decision 019)."""

    __tablename__: ClassVar[str] = "former"
    delivery_id: int = Field(sa_type=Ids, primary_key=True)
    address_hash: str


class RequestRow(SQLModel, table=True):
    """Somebody has asked for a course, and has to confirm that by mail; kept for a week (store/requests.py).

    `due_at` is when the mail that asks is to go (None: it has gone, or none goes). `text` is what they agreed to.
    """

    __tablename__: ClassVar[str] = "request"
    __table_args__ = (
        Index("ix_request_address", "address_hash", "asked_at"),
        Index(
            "ix_request_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    nonce: str = Field(unique=True)
    asked_at: datetime = Field(index=True)
    course_id: str
    address_hash: str
    email: str
    first_name: str
    language: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    text_version: str
    source: str
    state: str
    attempts: int = 0
    due_at: datetime | None = None
    answer: str = ""


class FreshLinkRow(SQLModel, table=True):
    """Somebody has pressed an old link to a page of a learner's: a fresh one goes to them by mail.

    `due_at` is when that mail is to go (None: it has gone, or none goes any more).
    """

    __tablename__: ClassVar[str] = "fresh_link"
    __table_args__ = (
        Index("ix_fresh_link_learner", "learner_id", "asked_at"),
        Index(
            "ix_fresh_link_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    learner_id: int | None = Field(sa_type=Ids, foreign_key="learner.id")
    delivery_id: int = Field(sa_type=Ids, foreign_key="delivery.id")
    asked_at: datetime
    attempts: int = 0
    due_at: datetime | None = None
    answer: str = ""


learner = table(LearnerRow)
consent = table(ConsentRow)
suppression = table(SuppressionRow)
former = table(FormerRow)
request = table(RequestRow)
fresh_link = table(FreshLinkRow)
