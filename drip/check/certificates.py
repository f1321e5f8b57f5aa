"""Links to a certificate that stand in a mail which comes before there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from drip.check.conditions import next_ids
from drip.check.draft import Draft, Telling
from drip.check.finding import Finding
from drip.course.links import says_certificate
from drip.course.positions import Path, Table, at
from drip.plan.model import Award, Mail, Plan


def no_certificate_yet(draft: Draft) -> Iterator[Finding]:
    """A link to a certificate in a tip that some learner gets without one."""
    linking = [one for one in _said(draft) if says_certificate(one[1])]
    if not linking:
        return
    every, some = _awarded(draft.plan)
    for step, _, find in linking:
        if not every[step]:
            yield find("not everybody" if some[step] else "nobody")


def _said(draft: Draft) -> Iterator[tuple[str, str, Callable[[str], Finding]]]:
    """Every text that may link: its step, and how to tell who has no certificate there."""
    for told, key in draft.saying("subject", "preheader", "body"):
        yield told.mail.id, getattr(told.texts, key), partial(_without, draft, told, (key,))
    for told, _ in draft.saying("button"):
        for part in ("text", "url") if told.texts.button else ():
            yield told.mail.id, getattr(told.texts.button, part), partial(_without, draft, told, ("button", part))
    for path, step in draft.steps:
        asked = at(draft.course.tree, path)
        if not isinstance(step, Mail) or step.survey is None or not isinstance(asked, Table):
            continue
        for key in ("subject", "preheader", "body"):
            if key in asked or f"{key}_file" in asked:
                yield step.id, getattr(step.variants[0].texts, key), partial(_without, draft, None, (*path, key))


def _without(draft: Draft, told: Telling | None, place: Path, who: str) -> Finding:
    message = f"{who} has a certificate when this comes"
    if told is None:
        return Finding(message=message, path=place, needle="certificate")
    return told.finding(draft, message, *place, needle="certificate")


def _awarded(plan: Plan) -> tuple[dict[str, bool], dict[str, bool]]:
    """Step → whether an award stands before it on every way that leads there, and whether on some. Plans only jump
    forward.
    """
    every, some = {step.id: True for step in plan.steps}, {step.id: False for step in plan.steps}
    every[plan.steps[0].id] = False
    for step in plan.steps:
        given = isinstance(step, Award)
        for after in next_ids(step):
            if after in every:
                every[after] = every[after] and (given or every[step.id])
                some[after] = some[after] or given or some[step.id]
    return every, some
