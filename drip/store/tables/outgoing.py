"""What others are told, and what lets them in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from drip.store.tables.base import Ids, table


class WebhookRow(SQLModel, table=True):
    """An endpoint that is told what happens. `id` is random, and what its secret is made from; `events` empty: all.

    `failures` counts those since the last success; nothing is tried before `quiet_until`. One that is paused is told
    the rest when it is resumed.
    """

    __tablename__: ClassVar[str] = "webhook"
    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    url: str
    events: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime
    paused_at: datetime | None = None
    paused_why: str = Field(default="", sa_column_kwargs={"server_default": ""})
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    trouble: str = Field(default="", sa_column_kwargs={"server_default": ""})
    trouble_since: datetime | None = None
    quiet_until: datetime | None = None


class OutboxRow(SQLModel, table=True):
    """An outgoing webhook: written in the transaction of what it tells, sent later, once for each `key`.

    A row for each endpoint that wants it; `webhook` None: nobody has wanted it yet (a `notify` step alone waits so).
    `payload` holds nothing that names a person: who `learner_id` is, is looked up when it is sent. Nothing refers to
    either by a foreign key: who is erased or removed meanwhile must not stop the transaction that tells of them.
    `due_at` is when to send it (None: it was sent, or is not tried again).
    """

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waits",
            "webhook",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_outbox_learner", "learner_id"),
        Index(
            "ix_outbox_nobodys",
            "id",
            sqlite_where=text("webhook IS NULL"),
            postgresql_where=text("webhook IS NULL"),
        ),
        Index(
            "ix_outbox_failed",
            "webhook",
            sqlite_where=text("webhook IS NOT NULL AND due_at IS NULL AND sent_at IS NULL"),
            postgresql_where=text("webhook IS NOT NULL AND due_at IS NULL AND sent_at IS NULL"),
        ),
    )
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    key: str = Field(unique=True)
    name: str
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime
    sent_at: datetime | None = None
    webhook: str | None = None
    learner_id: int | None = Field(sa_type=Ids, default=None)
    happened_at: datetime | None = None
    due_at: datetime | None = None
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    leased_by: str | None = None
    lease_until: float | None = None
    tried_at: datetime | None = None
    answer: str = Field(default="", sa_column_kwargs={"server_default": ""})


class ApiTokenRow(SQLModel, table=True):
    """Who may use the HTTP API, and for what. Of the token itself only a hash is kept (decision 024)."""

    __tablename__: ClassVar[str] = "api_token"
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    name: str
    token_hash: str = Field(unique=True)
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class IdempotencyRow(SQLModel, table=True):
    """What a request to the API was answered under its Idempotency-Key, for a day.

    `fingerprint` stands for method, path and body. `body` is None once somebody whom it named has been erased.
    """

    __tablename__: ClassVar[str] = "idempotency"
    token_id: int = Field(sa_type=Ids, primary_key=True, foreign_key="api_token.id")
    key: str = Field(primary_key=True)
    fingerprint: str
    status: int
    body: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    made_at: datetime = Field(index=True)


webhook = table(WebhookRow)
outbox = table(OutboxRow)
api_token = table(ApiTokenRow)
idempotency = table(IdempotencyRow)
