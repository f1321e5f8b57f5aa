"""Queries over courses, their plans and their compiled templates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from drip.plan.model import Plan
from drip.plan.renames import Renames
from drip.plan.stored import from_json, to_json
from drip.render.message import Template
from drip.store.among import among
from drip.store.learners import CHUNK
from drip.store.once import add_all_new, add_new
from drip.store.tables import course, plan, template


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A published course."""

    id: str
    title: str
    revision: str
    published_at: datetime
    paused_at: datetime | None


def put(
    conn: Connection,
    new: Plan,
    templates: Sequence[Template],
    *,
    names: Renames,
    repeats: Collection[str] = (),
    now: datetime,
) -> str | None:
    """Store a plan with its templates and make it the course's current one. Returns the revision that was current.

    `names` is what earlier ids are called in it; `repeats` are the mails that may go again to who has had them.
    """
    renames = (
        {"steps": dict(names.steps), "questions": dict(names.questions)} if names.steps or names.questions else None
    )
    body = {"revision": new.revision, "course_id": new.course_id, "body": to_json(new), "created_at": now}
    if add_new(conn, plan, body, key=("revision",)):
        rows = [{**asdict(one), "links": list(one.links)} for one in templates]
        add_all_new(conn, template, rows, key=("revision", "step", "language", "variant"))
    conn.execute(update(plan).where(plan.c.revision == new.revision).values(renames=renames))
    values = {
        "title": new.title,
        "revision": new.revision,
        "published_at": now,
        "priority": new.priority,
        "starts_by_event": new.start.event,
        "starts_by_date": new.start.date,
        "repeats": sorted(repeats) or None,
    }
    if add_new(conn, course, {"id": new.course_id, **values}, key=("id",)):
        return None
    mine = select(course.c.revision).where(course.c.id == new.course_id)
    before = str(conn.execute(mine.with_for_update(key_share=True)).scalar_one())
    if before != new.revision:
        conn.execute(update(course).where(course.c.id == new.course_id).values(catching_up=True, **values))
    return before


def lock(conn: Connection, course_id: str | None = None) -> None:
    """Let nobody else publish, pause or resume this course (None: any) until this transaction has ended."""
    query = select(course.c.id).order_by(course.c.id).with_for_update(key_share=True)
    conn.execute(query if course_id is None else query.where(course.c.id == course_id)).all()


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


def mails_of(conn: Connection, course_id: str, steps: Collection[str]) -> set[str]:
    """Which of these steps have been mails in any revision of the course."""
    of_course = select(plan.c.revision).where(plan.c.course_id == course_id)
    found: set[str] = set()
    wanted = sorted(steps)
    for start in range(0, len(wanted), CHUNK):
        chosen = template.c.step.in_(wanted[start : start + CHUNK])
        query = select(template.c.step).where(template.c.revision.in_(of_course), chosen).distinct()
        found.update(conn.execute(query).scalars())
    return found


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


_NAMES_OF = select(plan.c.revision, plan.c.renames).where(among(plan.c.revision), plan.c.renames.is_not(None))
_CURRENT_REVISIONS = select(course.c.id, course.c.revision).where(among(course.c.id))
_REPEATS_OF = select(course.c.id, course.c.repeats).where(among(course.c.id), course.c.repeats.is_not(None))


def names_of(conn: Connection, revisions: Collection[str]) -> dict[str, Renames]:
    """revision → what earlier ids are called in it."""
    found = {row.revision: Renames(**row.renames) for row in conn.execute(_NAMES_OF, {"ids": list(revisions)})}
    return {revision: found.get(revision, Renames()) for revision in revisions}


def current_revisions(conn: Connection, course_ids: Collection[str]) -> dict[str, str]:
    """course → the revision that is published now."""
    return {row.id: row.revision for row in conn.execute(_CURRENT_REVISIONS, {"ids": list(course_ids)})}


def repeats_of(conn: Connection, course_ids: Collection[str]) -> dict[str, frozenset[str]]:
    """course → the mails that may go again to who has had them."""
    return {row.id: frozenset(row.repeats) for row in conn.execute(_REPEATS_OF, {"ids": list(course_ids)})}


def catching_up(conn: Connection) -> list[str]:
    """The courses in which people may still stand in an earlier revision."""
    return list(conn.execute(select(course.c.id).where(course.c.catching_up).order_by(course.c.id)).scalars())


def caught_up(conn: Connection, course_id: str, revision: str) -> None:
    """Nobody in this course is left to be moved, if `revision` is still the current one."""
    conn.execute(
        update(course).where(course.c.id == course_id, course.c.revision == revision).values(catching_up=False)
    )
