"""What is published: courses, their plans, templates and pictures, and who comes in by a date."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import JSON, Boolean, Column, Text, false
from sqlmodel import Field, SQLModel

from drip.store.tables.base import Ids, table


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


course = table(CourseRow)
plan = table(PlanRow)
template = table(TemplateRow)
media = table(MediaRow)
entry = table(EntryRow)
