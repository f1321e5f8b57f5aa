"""Publish a course: its plan and every template go into the store, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drip.course.model import PLACEHOLDER_SENDER
from drip.engine.entries import plan_everyone
from drip.engine.workspace import Compiled
from drip.errors import Refused
from drip.plan.model import Mail
from drip.store import Store, courses, media


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publish did. `before` is the revision that was current (None: a new course); `staying` is how many active
    enrolments go on with an earlier one.
    """

    course_id: str
    title: str
    revision: str
    mails: int
    before: str | None
    staying: int

    @property
    def changed(self) -> bool:
        """Whether the course says anything new."""
        return self.before != self.revision


def publish(store: Store, compiled: Compiled, *, now: datetime) -> Published:
    """Make this the plan that new enrolments get. The same files again change nothing.

    People already in the course go on with the revision that they started with, until `drip diff` exists. Raises
    Refused where nobody is named as the sender.
    """
    plan = compiled.plan
    if plan.sender.email == PLACEHOLDER_SENDER.email:
        raise Refused(f"{plan.course_id}: no sender; write `sender: {{name: …, email: …}}` or [sender] in drip.toml")
    with store.write() as conn:
        before = courses.put(conn, plan, compiled.templates, now=now)
        media.put(conn, compiled.media, now=now)
        done = Published(
            course_id=plan.course_id,
            title=plan.title,
            revision=plan.revision,
            mails=sum(isinstance(step, Mail) for step in plan.steps),
            before=before,
            staying=courses.on_older_plans(conn, plan.course_id, plan.revision),
        )
    plan_everyone(store, plan, now=now)
    return done
