"""Publish a course: its plan and every template go into the store, in one transaction, and everybody follows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from drip.course.model import PLACEHOLDER_SENDER
from drip.engine.diff import compare
from drip.engine.entries import plan_everyone
from drip.engine.follow import catch_up
from drip.engine.workspace import Compiled
from drip.errors import Refused
from drip.plan.model import Mail, Plan
from drip.schedule.impact import Impact
from drip.schedule.migrate import appended
from drip.store import Store, courses, edits, media

#: So many of those who have finished go on in one transaction.
BATCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publish did. `before` is the revision that was current (None: a new course); `impact` is what it did to
    the people in the course; `extended` is how many of those who had finished go on.
    """

    course_id: str
    title: str
    revision: str
    mails: int
    before: str | None
    impact: Impact
    extended: int = 0

    @property
    def changed(self) -> bool:
        """Whether the course says anything new."""
        return self.before != self.revision


def publish(
    store: Store,
    compiled: Compiled,
    *,
    now: datetime,
    extend: bool = False,
    allow_repeat: Collection[str] = (),
) -> Published:
    """Make this the course's plan: for new enrolments, and from now on for those on their way. Twice changes nothing.

    What has been sent stays as it is. With `extend`, those who have finished get the steps that were appended since.
    Raises Refused, and stores nothing, where nobody is named as the sender, where people stand at a step that is gone
    unsaid, and where somebody would get a mail twice that `allow_repeat` does not name.
    """
    plan = compiled.plan
    if plan.sender.email == PLACEHOLDER_SENDER.email:
        raise Refused(f"{plan.course_id}: no sender; write `sender: {{name: …, email: …}}` or [sender] in drip.toml")
    with store.write() as conn:
        courses.lock(conn, plan.course_id)
        found = compare(conn, plan, extend=extend, allow_repeat=allow_repeat)
        if found.impact.refusals:
            raise Refused("\n".join(found.impact.refusals))
        allowed = courses.repeats_of(conn, [plan.course_id]).get(plan.course_id, frozenset())
        again = {*allow_repeat, *(found.names.step(step) for step in allowed)}
        before = courses.put(conn, plan, compiled.templates, names=found.names, repeats=again, now=now)
        media.put(conn, compiled.media, now=now)
    plan_everyone(store, plan, now=now)
    catch_up(store, now=now)
    return Published(
        course_id=plan.course_id,
        title=plan.title,
        revision=plan.revision,
        mails=sum(isinstance(step, Mail) for step in plan.steps),
        before=before,
        impact=found.impact,
        extended=_extend(store, plan, now=now) if extend else 0,
    )


def _extend(store: Store, plan: Plan, *, now: datetime) -> int:
    """Let those who have finished an earlier revision go on at the steps that this one has after its end."""
    done = 0
    with store.read() as conn:
        names = courses.names_of(conn, [plan.revision])[plan.revision]
        old = {revision: courses.plan_of(conn, revision) for revision in edits.finished_revisions(conn, plan.course_id)}
    for revision, before in old.items():
        first = appended(before, plan, names) if before is not None else None
        while first is not None:
            to = (plan.revision, first)
            with store.write() as conn:
                moved = edits.extend(conn, plan.course_id, revision, to=to, now=now, limit=BATCH)
            done += moved
            if moved < BATCH:
                break
    return done
