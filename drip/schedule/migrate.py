"""Two plans → where somebody who stands in the one stands in the other, and when their next step is due there.

Steps are followed by id, through `renamed_from`: who waits for a step waits for it still, unless a step that was to
come after it now comes before it. Who stands at a step that is gone goes on at what stands in its place now: never
back, and never sooner than that step's next legal slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from drip.people import Enrolment, Facts, Learner
from drip.plan.model import Branch, Mail, Plan, Step, Wait
from drip.plan.renames import Renames
from drip.plan.unnamed import aligned
from drip.schedule.civil import Target, land, resolve
from drip.schedule.slots import closed_days, zone_of
from drip.schedule.wishes import gap_of, rule_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a step of the old plan leads in the new one. `step` is None past the last.

    `moved`: the step is gone, and this is what stands in its place. `retimed`: when it is due is to be worked out anew.
    """

    step: str | None
    moved: bool = False
    retimed: bool = False


def place_of(old: Plan, new: Plan, step_id: str | None, names: Renames) -> Place:
    """Where somebody on the way who stands at this step of `old` (None: past its last) stands in `new`."""
    if step_id is None:
        further = appended(old, new, names)
        return Place(step=further, retimed=further is not None)
    names = aligned(old, new, names)
    before, now = old.step(step_id), new.step(names.step(step_id))
    if before is None:
        raise LookupError(f"plan {old.revision} has no step {step_id}")
    if now is None:
        return Place(step=_in_place_of(old, new, step_id, names), moved=True, retimed=True)
    first = _first_to_come(old, new, step_id, names)
    if first != now.id:
        return Place(step=first, retimed=True)
    return Place(step=now.id, retimed=timing(before) != timing(now))


def coming(plan: Plan, start: str | None, *, without: str | None = None) -> set[str]:
    """Every step that may come from this one on, itself too (by no way through `without`)."""
    steps = {step.id: step for step in plan.steps if step.id != without}
    found: set[str] = set()
    todo = [start]
    while todo:
        at = todo.pop()
        step = steps.get(at) if at is not None and at not in found else None
        if step is not None:
            found.add(step.id)
            todo += [to for to, _ in _successors(step)]
    return found


def follow(
    old: Plan, new: Plan, enrolment: Enrolment, learner: Learner, facts: Facts, place: Place, now: datetime
) -> Enrolment:
    """The enrolment as it stands in `new` at `now`, at its `place_of`. `facts` are under today's names.

    What an edit has made due in the past is due at the first allowed instant from `now`: it is not late, and an edit
    mails nobody outside the hours of the course. Nothing else about the person changes.
    """
    stands = replace(enrolment, revision=new.revision, next_step=place.step)
    as_before = (zone_of(learner, old), old.limit) == (zone_of(learner, new), new.limit)
    if as_before and not place.retimed:
        return stands
    step = new.step(place.step) if place.step is not None else None
    if isinstance(step, Wait) and place.moved:
        stands = replace(stands, reached_at=now)
    if isinstance(step, Mail | Branch):
        kept = None if place.retimed else stands.target
        return replace(stands, target=_target(new, step, stands, learner, facts, now, kept=kept).to_text())
    return replace(stands, target=None)


def retimed(
    plan: Plan, enrolment: Enrolment, learner: Learner, facts: Facts, now: datetime, *, anew: bool
) -> Enrolment:
    """The enrolment once a rule of its own has changed: the learner's zone, hour, weekdays, or (`anew`) the gaps.

    What that has made due in the past is due at the first allowed instant from `now`, as with an edit.
    """
    step = plan.step(enrolment.next_step or "")
    if not isinstance(step, Mail | Branch):
        return replace(enrolment, target=None)
    kept = None if anew else enrolment.target
    return replace(enrolment, target=_target(plan, step, enrolment, learner, facts, now, kept=kept).to_text())


def appended(old: Plan, new: Plan, names: Renames) -> str | None:
    """The first of the steps that `new` has after the end of `old`, or None: what `--extend` sends the finished."""
    return _new_after(old, new, _ways_to(old, None), aligned(old, new, names))


def timing(step: Step) -> object:
    """What decides when this step is due."""
    match step:
        case Mail() | Branch():
            return step.gap, step.first_gap, step.rule
        case Wait():
            return step.until, step.at_most, step.rule
        case _:
            return None


def _target(
    new: Plan,
    step: Mail | Branch,
    stands: Enrolment,
    learner: Learner,
    facts: Facts,
    now: datetime,
    *,
    kept: str | None,
) -> Target:
    """The civil target under the new plan (the one that is kept, if any); "from now" where that lies behind us."""
    zone, rule = zone_of(learner, new), rule_of(step.rule, stands.wish)
    if kept is not None:
        target = Target.from_text(kept)
    else:
        target = land(stands.last_mail_at or stands.enrolled_at, gap_of(step, stands), rule, zone)
    closed = closed_days(new.limit, facts, zone)
    slot = resolve(target, rule, zone, not_before=stands.floor_at, closed=closed)
    return target if slot.at >= now else Target(civil=None, floor=now)


def _first_to_come(old: Plan, new: Plan, step_id: str, names: Renames, *, since: str | None = None) -> str:
    """Of the steps that were still to come (`since` another), the first that everybody now comes through to this one.

    Itself, where there is none.
    """
    here = names.step(step_id)
    to_come: set[str] | None = None
    for step in new.steps:
        if step.id == here:
            break
        if to_come is None:
            to_come = {names.step(one) for one in coming(old, since or step_id)}
        if step.id in to_come and here not in coming(new, new.first, without=step.id):
            return step.id
    return here


def _in_place_of(old: Plan, new: Plan, gone: str, names: Renames) -> str | None:
    """What stands in the place of a step that is gone: new steps put there, else the next one that is left."""
    fresh = _new_after(old, new, _ways_to(old, gone), names)
    if fresh is not None:
        return fresh
    at = old.step(gone)
    while at is not None and at.then is not None:
        if new.step(names.step(at.then)) is not None:
            return _first_to_come(old, new, at.then, names, since=gone)
        at = old.step(at.then)
    return None


#: A way from one step to the next: the step's id (None: the beginning), and which of an `if`'s two ways.
Way = tuple[str | None, bool]


def _ways_to(plan: Plan, target: str | None) -> list[Way]:
    """Every way that leads to this step (None: to the end)."""
    ways: list[Way] = [(None, True)] if plan.first == target else []
    for step in plan.steps:
        ways += [(step.id, yes) for to, yes in _successors(step) if to == target]
    return ways


def _successors(step: Step) -> Iterator[tuple[str | None, bool]]:
    yield step.then, True
    if isinstance(step, Branch):
        yield step.otherwise, False


def _new_after(old: Plan, new: Plan, ways: list[Way], names: Renames) -> str | None:
    """The step, unknown to `old`, that follows in `new` wherever these ways start from; None if they disagree."""
    known = {names.step(step.id) for step in old.steps}
    found: set[str | None] = set()
    seen: set[Way] = set()
    while ways:
        way = ways.pop()
        if way in seen:
            continue
        seen.add(way)
        start, yes = way
        here = new.step(names.step(start)) if start is not None else None
        if start is not None and here is None:  # gone as well: look from the steps before it
            ways += _ways_to(old, start)
            continue
        to = new.first if here is None else here.otherwise if isinstance(here, Branch) and not yes else here.then
        found.add(to if to not in known else None)
    return found.pop() if len(found) == 1 else None
