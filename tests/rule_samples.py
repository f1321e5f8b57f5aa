"""For each rule of the check a course (or a layout) that fails it and one that passes, differing in the flaw only.

tests/data/check has a good course and a good layout, and for each family a file of changes to them. A change says what
stands there (`passes`) and what in its place is wrong (`fails`); `before` is what `passes` itself replaces first.
`repeat` writes the passing text so many times, `without` takes out every key of that name.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drip.check import advise
from drip.course.parse import parse
from drip.errors import Mistake
from drip.plan.compile import compile_plan
from drip.plan.model import Mail
from drip.render.layout import compile_template

FOLDER = Path(__file__).parent / "data" / "check"
BASE = {
    where: (FOLDER / file).read_text("utf-8")
    for where, file in {"course": "course.yaml", "layout": "layout.mjml", "sv": "short.sv.yaml"}.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A rule's pair: two versions of the course, of the layout, or (sv) of a short course's translation."""

    rule: str
    where: str
    passes: str
    fails: str


def samples() -> dict[str, Sample]:
    """Rule → its pair, for every rule in tests/data/check."""
    found = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for rule, change in tomllib.loads(file.read_text("utf-8")).items():
            assert rule not in found, f"{rule} stands twice"
            found[rule] = _sample(rule, change)
    return found


def _sample(rule: str, change: dict[str, Any]) -> Sample:
    where = change.get("where", "course")
    passes = BASE[where]
    if "before" in change:
        for old, new in zip(_list(change["before"]), _list(change["passes"]), strict=True):
            passes = _replaced(rule, passes, old, new)
    fails = passes
    if "repeat" in change:
        fails = _replaced(rule, fails, change["passes"], change["passes"] * change["repeat"])
    elif "fails" in change:
        for old, new in zip(_list(change["passes"]), _list(change["fails"]), strict=True):
            fails = _replaced(rule, fails, old, new)
    if "without" in change:
        fails = re.sub(rf"^( +){change['without']}:.*\n(?:\1 .*\n|\n(?=\1 ))*", "", fails, flags=re.MULTILINE)
    return Sample(rule=rule, where=where, passes=passes, fails=fails)


def _list(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said


def _replaced(rule: str, text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{rule}: {old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def advice_on(course: str, *, layout: str = BASE["layout"], swedish: str | None = None) -> tuple[Mistake, ...]:
    """All advice on a course, whose mails are rendered in a layout, and on its translation."""
    translations = {"sv": swedish.encode()} if swedish else {}
    read = parse("campaigns/sample.yaml", course.encode(), translations=translations)
    plan = compile_plan(read, layout=layout)
    templates = [
        compile_template(plan, mail, variant, layout, language=language)
        for mail in plan.steps
        if isinstance(mail, Mail)
        for variant in mail.variants
        for language in (plan.language, *plan.languages)
    ]
    return advise(read, plan, templates, layout)


def found_in(sample: Sample, text: str) -> tuple[Mistake, ...]:
    """All advice on one version of a sample."""
    match sample.where:
        case "layout":
            return advice_on(BASE["course"], layout=text)
        case "sv":
            return advice_on((FOLDER / "short.yaml").read_text("utf-8"), swedish=text)
        case _:
            return advice_on(text)
