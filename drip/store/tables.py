"""The tables (DESIGN: What is stored). Rows never leave this room: they become the core's values at its border."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel, UTCDateTime

from drip.store.instants import Instant

#: Which evidence says that mail has come back, or was called spam. SQLite takes the index only for these very words.
CAME_BACK = "kind IN ('bounce', 'complaint')"
#: What numbers rows: 64 bits on either database (SQLite has them in its INTEGER, and counts up only in one).
Ids: Any = BigInteger().with_variant(Integer, "sqlite")


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


class CourseRow(SQLModel, table=True):
    """A published course: which plan new enrolments get, how they come in, and whether it is paused.

    `starts_by_event` and `starts_by_date` repeat what the plan says, so that they are found without reading it.
    `catching_up`: people may still stand in an earlier revision. `repeats` are the mails that may go to somebody twice.
    """

    __tablename__: ClassVar[str] = "course"
    id: str = Field(primary_key=True)
    title: str
    revision: str
    published_at: datetime
    paused_at: datetime | None = None
    priority: int = 0
    starts_by_event: str | None = None
    starts_by_date: str | None = None
    catching_up: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    repeats: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


class PlanRow(SQLModel, table=True):
    """A compiled course, as JSON (plan/stored.py). Plans are never changed or removed.

    `renames` is what earlier ids are called in it (plan/renames.py), as of its last publish.
    """

    __tablename__: ClassVar[str] = "plan"
    revision: str = Field(primary_key=True)
    course_id: str = Field(index=True)
    body: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime
    renames: dict[str, dict[str, str]] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True), nullable=True)
    )


class TemplateRow(SQLModel, table=True):
    """A compiled mail: one for each revision, step, language and variant."""

    __tablename__: ClassVar[str] = "template"
    revision: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    variant: str = Field(primary_key=True)
    subject: str = Field(sa_column=Column(Text, nullable=False))
    html: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    links: list[str] = Field(sa_column=Column(JSON, nullable=False))


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


class MediaRow(SQLModel, table=True):
    """A picture that mails show, under a name made of its content."""

    __tablename__: ClassVar[str] = "media"
    name: str = Field(primary_key=True)
    content: bytes
    added_at: datetime


class EntryRow(SQLModel, table=True):
    """When a learner comes into a course by a date of theirs (`start: {date: …}`)."""

    __tablename__: ClassVar[str] = "entry"
    course_id: str = Field(primary_key=True, foreign_key="course.id")
    learner_id: int = Field(sa_type=Ids, primary_key=True, foreign_key="learner.id")
    due_at: datetime = Field(index=True)


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


class PaceRow(SQLModel, table=True):
    """What has gone by a way out, and its domains' queues (store/pace.py); under no domain, the way out itself."""

    __tablename__: ClassVar[str] = "pace"
    way: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    body: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


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


def table(row: type[SQLModel]) -> Table:
    """The Core table behind a row class: every query here is Core, no ORM object is made."""
    found = SQLModel.metadata.tables[str(row.__tablename__)]
    for column in found.columns:
        if isinstance(column.type, UTCDateTime):  # what SQLModel takes for a datetime
            column.type = Instant()
    return found


learner = table(LearnerRow)
course = table(CourseRow)
plan = table(PlanRow)
template = table(TemplateRow)
enrolment = table(EnrolmentRow)
delivery = table(DeliveryRow)
evidence = table(EvidenceRow)
consent = table(ConsentRow)
suppression = table(SuppressionRow)
fresh_link = table(FreshLinkRow)
former = table(FormerRow)
request = table(RequestRow)
trace = table(TraceRow)
breaker = table(BreakerRow)
worker = table(WorkerRow)
media = table(MediaRow)
entry = table(EntryRow)
webhook = table(WebhookRow)
outbox = table(OutboxRow)
api_token = table(ApiTokenRow)
idempotency = table(IdempotencyRow)
pace = table(PaceRow)
pin = table(PinRow)
chore = table(ChoreRow)
