"""What publishing a course would do to the people in it, with counts from the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from drip.plan.model import Plan
from drip.plan.renames import Renames, renamed_by
from drip.schedule.impact import Change, Group, Impact, impact, repeats
from drip.store import Store, courses, edits


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """A course file against what is published. `before` is None where nothing is published yet."""

    course_id: str
    title: str
    before: str | None
    revision: str
    impact: Impact
    names: Renames

    @property
    def changed(self) -> bool:
        """Whether publishing would change anything."""
        return self.before != self.revision


def diff(store: Store, plan: Plan, *, extend: bool = False, allow_repeat: Collection[str] = ()) -> Diff:
    """What publishing this plan would do. Nothing is written. Raises Refused where an id would mean two steps."""
    with store.read() as conn:
        return compare(conn, plan, extend=extend, allow_repeat=allow_repeat)


def compare(conn: Connection, plan: Plan, *, extend: bool, allow_repeat: Collection[str]) -> Diff:
    """`diff` in the caller's transaction."""
    published = courses.get(conn, plan.course_id)
    if published is None:
        return _diff(plan, None, Impact(), renamed_by(plan, current=None, before=Renames()))
    current = courses.plan_of(conn, published.revision)
    assert current is not None, "a published plan is never removed"
    before = courses.names_of(conn, [published.revision])[published.revision]
    names = renamed_by(plan, current=current, before=before)
    groups = edits.groups(conn, plan.course_id)
    plans = _plans(conn, {group.revision for group in groups})
    change = Change(current=current, new=plan, plans=plans, named=before, names=names, extend=extend)
    had = _had(conn, plan.course_id, groups, repeats(groups, change), names)
    found = impact(change, groups, had=had, allowed=allow_repeat)
    return _diff(plan, published.revision, found, names)


def _diff(plan: Plan, before: str | None, found: Impact, names: Renames) -> Diff:
    return Diff(
        course_id=plan.course_id,
        title=plan.title,
        before=before,
        revision=plan.revision,
        impact=found,
        names=names,
    )


def _plans(conn: Connection, revisions: Collection[str]) -> dict[str, Plan]:
    found = {revision: courses.plan_of(conn, revision) for revision in revisions}
    return {revision: plan for revision, plan in found.items() if plan is not None}


def _had(
    conn: Connection, course_id: str, groups: Sequence[Group], steps: Collection[str], names: Renames
) -> dict[tuple[Group, str], int]:
    """(group, mail's name today) → how many of the group have had it."""
    called = {*steps, *(old for old, new in names.steps.items() if new in steps)}
    mailed = courses.mails_of(conn, course_id, called)
    of_place = {(one.revision, one.step, one.under_way, one.finished): one for one in groups}
    found: dict[tuple[Group, str], int] = {}
    for place, mail, people in edits.had(conn, course_id, sorted(mailed)) if mailed else ():
        key = (of_place[place], names.step(mail))
        found[key] = found.get(key, 0) + people
    return found
