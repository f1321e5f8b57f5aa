"""Steps without an id of their own, from one plan to another: they are named for the tip before them, and counted.

So one that is put before another takes its name, and a tip that is renamed renames what comes after it. People are not
to change places for that: such steps are known again by where they stand and by what they say.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from difflib import SequenceMatcher

from drip.plan.model import Branch, Mail, Plan, Step, Wait
from drip.plan.renames import Renames

#: (the name that they are named for, the word of their kind): among these they are counted.
_Beside = tuple[str, str]


def is_unnamed(step_id: str) -> bool:
    """Whether the step of this id has it from the tip before it: no written id holds a slash."""
    return "/" in step_id


def aligned(old: Plan, new: Plan, names: Renames) -> Renames:
    """These names, with what each step of `old` without an id of its own is called in `new`.

    Where it is gone, and its name is that of another now, it gets a name that nothing has.
    """
    here = _unnamed(new)
    free = {step.id: step for steps in here.values() for step in steps}
    called: dict[str, str] = {}
    left: list[Step] = []
    for (base, kind), steps in _unnamed(old).items():
        beside = here.get((_base_now(base, called, names), kind), [])
        pairs = _pairs(steps, beside)
        called |= pairs
        for name in pairs.values():
            free.pop(name, None)
        left += [step for step in steps if step.id not in pairs]
    for step in left:
        same = next((one for one in free.values() if (type(one), _says(one)) == (type(step), _says(step))), None)
        if same is not None:
            called[step.id] = free.pop(same.id).id
        elif new.step(step.id) is not None:
            called[step.id] = f"{step.id} (gone)"
    called = {before: now for before, now in called.items() if before != now}
    return replace(names, steps={**names.steps, **called}) if called else names


def _unnamed(plan: Plan) -> dict[_Beside, list[Step]]:
    """The steps without an id of their own, with those that they are counted among, in reading order."""
    found: dict[_Beside, list[Step]] = defaultdict(list)
    for step in plan.steps:
        if is_unnamed(step.id):
            base, _, kind = step.id.rpartition("/")
            found[base, kind.partition("-")[0]].append(step)
    return found


def _base_now(base: str, called: dict[str, str], names: Renames) -> str:
    """What steps are named for now: a tip, or one way of an `if` (`welcome/if/then`)."""
    before, slash, way = base.rpartition("/")
    return f"{called.get(before, before)}/{way}" if slash else names.step(base)


def _pairs(steps: list[Step], beside: list[Step]) -> dict[str, str]:
    """id → id now: those that say the same, in order; what was edited in between stands in the same place."""
    pairs: dict[str, str] = {}
    said = SequenceMatcher(None, [_says(step) for step in steps], [_says(step) for step in beside], autojunk=False)
    for _, a, b, c, d in said.get_opcodes():
        pairs |= {one.id: other.id for one, other in zip(steps[a:b], beside[c:d], strict=False)}
    return pairs


def _says(step: Step) -> object:
    match step:
        case Wait():
            return step.until, step.at_most
        case Branch():
            return step.condition
        case Mail():
            return (step.survey.kind, step.survey.ask) if step.survey is not None else None
        case _:
            return step.name
