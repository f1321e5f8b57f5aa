"""What an edit does to the people in a course: each edit × those before, waiting at, and past it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drip.plan.model import Mail, Plan
from drip.plan.renames import Renames
from drip.plan.unnamed import aligned
from drip.schedule.edits import Edit, Kind, edits
from drip.schedule.migrate import Place, appended, coming, place_of
from drip.schedule.refusals import guarded, mixed_up, twice, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People who stand at the same step of the same revision, with how many they are.

    `step` is None past the last; `finished`: they have ended with it. `under_way`: the mail of that step has left, or
    may have: they count as past it, and it stays as it is.
    """

    revision: str
    step: str | None
    people: int
    under_way: bool = False
    finished: bool = False


class Where(StrEnum):
    """Where people stand, seen from a change."""

    #: It is still to come for them.
    BEFORE = "before"
    #: It is their next step, or would be.
    WAITING = "waiting at"
    #: It is behind them, or they go another way.
    PAST = "past"
    #: On their way, for an edit of the whole course.
    IN_IT = "in it"


class Verdict(StrEnum):
    """What a change does to people."""

    #: Nothing: for them it is as it was.
    UNAFFECTED = "unaffected"
    #: They get it, at another time.
    RETIMED = "re-timed"
    #: They will get what they would not have got, or get it in its new words.
    GETS = "will get it"
    #: They will not get it.
    MISSES = "will not get it"
    #: A condition will be asked anew when its time comes.
    DECIDED = "decided anew"
    #: They have had it, and would get it again: refused unless said.
    TWICE = "would get it twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one edit does to so many people who stand there."""

    edit: Edit
    where: Where
    verdict: Verdict
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What publishing would do. `refusals` say why it will not be done, each with what to write instead.

    `in_it` counts those on their way or paused, `finished` those who have had the last step; `goes_on` says, for each
    step that is gone, where those who stand at it go on, and how many they are.
    """

    edits: tuple[Edit, ...] = ()
    effects: tuple[Effect, ...] = ()
    in_it: int = 0
    finished: int = 0
    goes_on: tuple[tuple[str, str | None, int], ...] = ()
    extends: tuple[tuple[str, int], ...] = ()
    refusals: tuple[str, ...] = ()


#: (group, step's name today) → how many of the group have had that mail.
Had = Mapping[tuple[Group, str], int]


@dataclass(frozen=True, slots=True)
class _View:
    """One group, and what it sees of both plans: where it stood (None: past the last), and the steps still to come."""

    group: Group
    at: str | None
    coming_before: frozenset[str]
    place: Place
    coming_now: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`new` over `current`, and what earlier ids were called before it, and are called in it.

    `plans` has every revision that somebody stands in. `extend`: those who have finished go on.
    """

    current: Plan
    new: Plan
    plans: Mapping[str, Plan]
    named: Renames
    names: Renames
    extend: bool = False


def repeats(groups: Sequence[Group], change: Change) -> set[str]:
    """The mails that somebody comes to who did not before, and may have had: whom to ask the ledger about."""
    mails = {step.id for step in change.new.steps if isinstance(step, Mail)}
    views = [_view(group, change) for group in groups]
    return {step for view in views for step in view.coming_now - view.coming_before} & mails


def impact(change: Change, groups: Sequence[Group], *, had: Had | None = None, allowed: Collection[str] = ()) -> Impact:
    """What the change does to these groups.

    `had` counts who has had the mails that `repeats` named; `allowed` are those that may go again.
    """
    current, new = change.current, change.new
    names = aligned(current, new, change.names)
    views = [_view(group, change) for group in groups]
    changed = edits(current, new, change.names)
    changed = (*changed, *_besides(changed, views, new, had or {}))
    tally: Counter[tuple[Edit, Where, Verdict]] = Counter()
    for edit in changed:
        for view in views:
            for where, verdict, people in _effects(edit, view, new, names, had or {}):
                tally[edit, where, verdict] += people
    order = {where: number for number, where in enumerate(Where)}
    effects = [
        Effect(edit=edit, where=where, verdict=verdict, people=people)
        for (edit, where, verdict), people in tally.items()
        if people
    ]
    effects.sort(key=lambda one: (changed.index(one.edit), order[one.where], one.verdict))
    gone: Counter[tuple[str, str | None]] = Counter()
    for view in views:
        if view.place.moved and view.group.step is not None and not view.group.under_way:
            gone[view.group.step, view.place.step] += view.group.people
    extended: Counter[str] = Counter()
    for view in views:
        if view.group.finished and view.place.step is not None:
            extended[view.place.step] += view.group.people
    again: Counter[str] = Counter()
    of_group = {view.group: view for view in views}
    for (group, name), people in (had or {}).items():
        again[name] += people if name in of_group[group].coming_now - of_group[group].coming_before else 0
    return Impact(
        edits=changed,
        effects=tuple(effects),
        in_it=sum(group.people for group in groups if not group.finished),
        finished=sum(group.people for group in groups if group.finished),
        extends=tuple(sorted(extended.items())),
        goes_on=tuple((step, to, people) for (step, to), people in sorted(gone.items(), key=str)),
        refusals=(*unknown(new, gone), *mixed_up(current, new, names), *twice(new, again, allowed)),
    )


def _view(group: Group, change: Change) -> _View:
    """What comes for this group now, and what did as the course was published: wherever its own revision stands."""
    old, current, new = change.plans[group.revision], change.current, change.new
    at = group.step
    if at is not None and group.under_way:
        step = old.step(at)
        at = step.then if step is not None else None
    names = aligned(current, new, change.names)
    if group.finished:
        place = Place(step=appended(old, new, change.names) if change.extend else None)
        return _View(group, None, frozenset(), place, frozenset(coming(new, place.step)))
    before = at if old.revision == current.revision else place_of(old, current, at, change.named).step
    came = frozenset(names.step(step) for step in coming(current, before))
    place = place_of(old, new, at, change.names)
    return _View(group, names.step(before) if before else None, came, place, frozenset(coming(new, place.step)))


def _besides(changed: Sequence[Edit], views: Sequence[_View], new: Plan, had: Had) -> Iterator[Edit]:
    """Tips that nobody has touched, and that somebody gets or misses all the same: others were moved around them.

    Those who have finished are told of apart (`Impact.extends`), unless they would get one again.
    """
    placed = {edit.step for edit in changed if edit.kind in (Kind.ADDED, Kind.REMOVED, Kind.MOVED)}
    for mail in new.steps:
        if not isinstance(mail, Mail) or mail.id in placed:
            continue
        told = [view for view in views if not view.group.finished or had.get((view.group, mail.id))]
        if any((mail.id in view.coming_before) != (mail.id in view.coming_now) for view in told):
            yield Edit(kind=Kind.MOVED, step=mail.id, what="stands elsewhere among the others")


def _effects(edit: Edit, view: _View, new: Plan, names: Renames, had: Had) -> Iterator[tuple[Where, Verdict, int]]:
    """(where, verdict, people) of one group for one edit."""
    people, name = view.group.people, names.step(edit.step) if edit.kind is Kind.REMOVED else edit.step
    if not edit.step:
        where = Where.PAST if view.group.finished else Where.IN_IT
        yield where, Verdict.UNAFFECTED if where is Where.PAST else _OF_COURSE[edit.kind], people
        return
    comes, came = name in view.coming_now, name in view.coming_before
    if view.group.finished:
        where = Where.PAST
    elif name == (view.place.step if edit.kind is Kind.ADDED else view.at):
        where = Where.WAITING
    else:
        where = Where.BEFORE if comes or came else Where.PAST
    if came and not comes:
        yield where, Verdict.MISSES, people
    elif came and comes:
        yield where, _COMES[edit.kind], people
    elif comes:
        again = had.get((view.group, name), 0) if not guarded(new, name) else 0
        where = where if edit.kind is Kind.ADDED else Where.PAST
        yield where, Verdict.TWICE, again
        yield where, Verdict.GETS if not guarded(new, name) else Verdict.DECIDED, people - again
    else:
        yield Where.PAST, Verdict.MISSES if edit.kind is Kind.ADDED else Verdict.UNAFFECTED, people


#: What an edit of the course does to everybody in it.
_OF_COURSE = {
    Kind.CLOCK: Verdict.RETIMED,
    Kind.GATE: Verdict.DECIDED,
    Kind.COURSE: Verdict.GETS,
}
#: What an edit of a step does to those who had it before them, and still have.
_COMES = {
    Kind.ADDED: Verdict.GETS,
    Kind.REMOVED: Verdict.MISSES,
    Kind.RENAMED: Verdict.UNAFFECTED,
    Kind.MOVED: Verdict.RETIMED,
    Kind.TIMING: Verdict.RETIMED,
    Kind.CONDITION: Verdict.DECIDED,
    Kind.WORDS: Verdict.GETS,
}
