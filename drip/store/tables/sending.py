"""Who stands where, the ledger, and what workers share."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from drip.store.tables.base import Ids, table


class EnrolmentRow(SQLModel, table=True):
    """A learner in a course. `due_at` is when to look at it next; None while a mail is under way, while it is held or
    paused, while a person must look (`problem` says at what), or when it has ended. `review_due_at` is the same for
    questions that come back. `held_for` is in seconds. `wish` is a Wish as text, None where nothing is wished.
    `learner_id` is None here, and in what hangs on it, where the learner has been erased: reports count it still.
    """

    __tablename__: ClassVar[str] = "enrolment"
    __table_args__ = (
        UniqueConstraint("learner_id", "course_id", "run"),
        Index(
            "ix_enrolment_due",
            "course_id",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_enrolment_review",
            "review_due_at",
            "id",
            sqlite_where=text("review_due_at IS NOT NULL"),
            postgresql_where=text("review_due_at IS NOT NULL"),
        ),
        Index("ix_enrolment_course", "course_id", "state", "revision"),
        Index(
            "ix_enrolment_paused_until",
            "paused_until",
            sqlite_where=text("paused_until IS NOT NULL"),
            postgresql_where=text("paused_until IS NOT NULL"),
        ),
    )
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    learner_id: int | None = Field(sa_type=Ids, foreign_key="learner.id")
    course_id: str = Field(foreign_key="course.id")
    run: int
    revision: str
    state: str
    next_step: str | None = None
    target: str | None = None
    due_at: datetime | None = None
    due_reason: str = ""
    enrolled_at: datetime
    reached_at: datetime
    last_mail_at: datetime | None = None
    floor_at: datetime | None = None
    waited: bool = False
    ended_by: str | None = None
    problem: str | None = None
    held_since: datetime | None = None
    held_for: float = 0.0
    paused_by: str | None = None
    held_out: bool = False
    review_due_at: datetime | None = None
    paused_until: datetime | None = None
    wish: str | None = None
    hurried_at: datetime | None = None


class DeliveryRow(SQLModel, table=True):
    """The ledger: one row for each mail. Its life is drawn in DESIGN.md; `store/ledger.py` holds every transition.

    Only `retry` and `in_doubt` have a `due_at`, only `claimed` and `handed` a lease: both indexes hold what is open.
    `not_before` is how long the other side asked to be left alone. `riders` are the questions that came back with it.
    """

    __tablename__: ClassVar[str] = "delivery"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "step", "occurrence"),
        Index(
            "ix_delivery_due",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_delivery_leased",  # not by `lease_until`: what is handed or renewed stays where it is in its index
            "leased_by",
            sqlite_where=text("leased_by IS NOT NULL"),
            postgresql_where=text("leased_by IS NOT NULL"),
        ),
    )
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    enrolment_id: int = Field(sa_type=Ids, foreign_key="enrolment.id")
    learner_id: int | None = Field(sa_type=Ids, foreign_key="learner.id")
    step: str
    occurrence: int = 1
    state: str
    revision: str
    language: str
    variant: str
    attempts: int = 0
    due_at: datetime | None = None
    not_before: datetime | None = None
    riders: list[str] = Field(sa_column=Column(JSON, nullable=False))
    leased_by: str | None = None
    lease_until: float | None = None
    claimed_at: datetime
    handed_at: datetime | None = None
    sent_at: datetime | None = None
    answer: str = ""


class TraceRow(SQLModel, table=True):
    """What was passed on the way from mail to mail (skips, waits, decisions), with the reason: `drip why` reads it."""

    __tablename__: ClassVar[str] = "trace"
    id: int | None = Field(sa_type=Ids, default=None, primary_key=True)
    enrolment_id: int = Field(sa_type=Ids, foreign_key="enrolment.id", index=True)
    at: datetime
    kind: str
    step: str
    reason: str


class BreakerRow(SQLModel, table=True):
    """The sender's own trouble, shared by all workers: nothing is claimed for the transport before `until`."""

    __tablename__: ClassVar[str] = "breaker"
    transport: str = Field(primary_key=True)
    trouble: str
    since: datetime
    until: datetime
    trips: int = 1


class WorkerRow(SQLModel, table=True):
    """A process that sends, as it was last seen. What it holds says the ledger; this only says that it is there."""

    __tablename__: ClassVar[str] = "worker"
    name: str = Field(primary_key=True)
    host: str
    process: int
    transport: str
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None = None


class PaceRow(SQLModel, table=True):
    """What has gone by a way out, and its domains' queues (store/pace.py); under no domain, the way out itself."""

    __tablename__: ClassVar[str] = "pace"
    way: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    body: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


enrolment = table(EnrolmentRow)
delivery = table(DeliveryRow)
trace = table(TraceRow)
breaker = table(BreakerRow)
worker = table(WorkerRow)
pace = table(PaceRow)
