"""Queries over courses, their plans and their compiled templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from drip.plan.model import Plan
from drip.plan.stored import from_json, to_json
from drip.render.message import Template
from drip.store.tables import course, enrolment, plan, template


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published course."""

    id: str
    title: str
    revision: str
    published_at: datetime
    paused_at: datetime | None


def put(conn: Connection, new: Plan, templates: Sequence[Template], *, now: datetime) -> str | None:
    """Store a plan with its templates and make it the course's current one. Returns the revision that was current."""
    if conn.execute(select(plan.c.revision).where(plan.c.revision == new.revision)).first() is None:
        conn.execute(
            insert(plan).values(revision=new.revision, course_id=new.course_id, body=to_json(new), created_at=now)
        )
        rows = [{**asdict(one), "links": list(one.links)} for one in templates]
        if rows:
            conn.execute(insert(template), rows)
    before = conn.execute(select(course.c.revision).where(course.c.id == new.course_id)).scalar_one_or_none()
    values = {
        "title": new.title,
        "revision": new.revision,
        "published_at": now,
        "priority": new.priority,
        "starts_by_event": new.start.event,
        "starts_by_date": new.start.date,
    }
    if before is None:
        conn.execute(insert(course).values(id=new.course_id, **values))
    elif before != new.revision:
        conn.execute(update(course).where(course.c.id == new.course_id).values(**values))
    return before


def get(conn: Connection, course_id: str) -> Published | None:
    """A published course."""
    return next(iter(listed(conn, course_id)), None)


def listed(conn: Connection, course_id: str | None = None) -> list[Published]:
    """All published courses, or the one of that id."""
    query = select(course).order_by(course.c.id)
    rows = conn.execute(query if course_id is None else query.where(course.c.id == course_id))
    return [
        Published(id=r.id, title=r.title, revision=r.revision, published_at=r.published_at, paused_at=r.paused_at)
        for r in rows
    ]


def started_by_event(conn: Connection, name: str) -> list[str]:
    """The published courses that an event of this name begins."""
    query = select(course.c.id).where(course.c.starts_by_event == name).order_by(course.c.id)
    return list(conn.execute(query).scalars())


def started_by_date(conn: Connection) -> list[str]:
    """The published courses that begin by a date of the learner's."""
    query = select(course.c.id).where(course.c.starts_by_date.is_not(None)).order_by(course.c.id)
    return list(conn.execute(query).scalars())


def plan_of(conn: Connection, revision: str) -> Plan | None:
    """A stored plan."""
    body = conn.execute(select(plan.c.body).where(plan.c.revision == revision)).scalar_one_or_none()
    return None if body is None else from_json(body)


def template_of(conn: Connection, revision: str, step: str, language: str, variant: str) -> Template | None:
    """A stored template."""
    key = (template.c.revision == revision, template.c.step == step)
    row = conn.execute(
        select(template).where(*key, template.c.language == language, template.c.variant == variant)
    ).one_or_none()
    if row is None:
        return None
    return Template(
        revision=row.revision,
        step=row.step,
        language=row.language,
        variant=row.variant,
        subject=row.subject,
        html=row.html,
        text=row.text,
        links=tuple(row.links),
    )


def set_paused(conn: Connection, course_id: str | None, paused_at: datetime | None) -> int:
    """Pause (with a time) or resume (with None) one course, or all of them. Returns how many courses changed."""
    query = update(course).values(paused_at=paused_at)
    changes = course.c.paused_at.is_not(None) if paused_at is None else course.c.paused_at.is_(None)
    query = query.where(changes) if course_id is None else query.where(course.c.id == course_id, changes)
    return conn.execute(query).rowcount


def on_older_plans(conn: Connection, course_id: str, revision: str) -> int:
    """How many active enrolments go on with an earlier revision of this course."""
    return conn.execute(
        select(func.count())
        .select_from(enrolment)
        .where(enrolment.c.course_id == course_id, enrolment.c.state == "active", enrolment.c.revision != revision)
    ).scalar_one()
