"""Why an edit is not published, each with what to write instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from drip.plan.model import Mail, Plan
from drip.plan.renames import Renames
from drip.plan.unnamed import is_unnamed


def unknown(new: Plan, gone: Counter[tuple[str, str | None]]) -> Iterator[str]:
    """People stand at a step that the new plan does not know, and nobody says where it went."""
    people: Counter[str] = Counter()
    for (step, _), many in gone.items():
        people[step] += many
    for step, many in sorted(people.items()):
        if step not in new.removed:
            verb = "person stands" if many == 1 else "people stand"
            renamed = "" if is_unnamed(step) else f"write `renamed_from: {step}` in the tip that it became, or "
            yield (
                f'{new.course_id}: {many} {verb} at "{step}", which is not in the course any more\n'
                f"  {renamed}list it beside `steps:` as `removed: [{step}]`"
            )


def mixed_up(current: Plan, new: Plan, names: Renames) -> Iterator[str]:
    """A survey without an id of its own takes the name of another: what people said to that would be told of it."""
    for step in current.steps:
        if isinstance(step, Mail) and names.step(step.id) != step.id and new.step(step.id) is not None:
            yield (
                f'{new.course_id}: another survey would be called "{step.id}" now, and get its answers\n'
                "  write an `id` in that other survey"
            )


def twice(new: Plan, again: Mapping[str, int], allowed: Collection[str]) -> Iterator[str]:
    """So many people would get a mail again that they have had."""
    for name, people in sorted(again.items()):
        if people and name not in allowed and not guarded(new, name):
            who = "1 person has" if people == 1 else f"{people} people have"
            yield (
                f'{new.course_id}: {who} had "{name}", and would get it again at its new place\n'
                f'  write `when: not sent("{name}")` in it to leave them out, or publish with --allow-repeat {name}'
            )


def guarded(new: Plan, name: str) -> bool:
    """Whether a tip's own `when` keeps it from whoever has had it: it begins with `not sent("…")`."""
    step = new.step(name)
    when = step.when if isinstance(step, Mail) else None
    return (
        when is not None
        and " or " not in when
        and any(part.strip() in (f'not sent("{name}")', f"not sent('{name}')") for part in when.split(" and "))
    )
