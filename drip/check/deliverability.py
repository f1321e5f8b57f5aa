"""Advice on the inbox: what a mail looks like before anybody has opened it."""

from __future__ import annotations

from collections.abc import Iterator

from drip.course.model import Course, Tip, Variant
from drip.course.placeholders import replaced
from drip.course.positions import Path
from drip.errors import Mistake
from drip.plan.model import Plan

#: What desktop mail programs show of a subject; phones show 30 to 40.
SHOWN_OF_A_SUBJECT = 60


def deliverability(course: Course, plan: Plan) -> Iterator[Mistake]:
    """Subjects that are cut off, and mails that leave the line after the subject to chance."""
    for path, tip in course.walk():
        if not isinstance(tip, Tip):
            continue
        yield from _subject(course, path, tip)
        for number, variant in enumerate(tip.variants):
            yield from _subject(course, (*path, "variants", number), variant)
        if tip.preheader is None and not (tip.variants and all(variant.preheader for variant in tip.variants)):
            message = f'tip "{tip.tip}" has no preheader: an inbox shows the first words of its body instead'
            hint = "write preheader: what the learner gets, in a few words"
            yield course.advice((*path, "tip"), "no-preheader", message, hint)


def _subject(course: Course, path: Path, said: Tip | Variant) -> Iterator[Mistake]:
    literal = len(replaced(said.subject or "", lambda _: ""))
    if literal > SHOWN_OF_A_SUBJECT:
        message = f"a subject of {literal} characters is cut off: about {SHOWN_OF_A_SUBJECT} are shown"
        yield course.advice((*path, "subject"), "long-subject", message, "put what matters first, or say less")
