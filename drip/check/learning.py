"""Advice on learning: what research on spaced retrieval says that a course should have (Kerfoot 2010, Matos 2017)."""

from __future__ import annotations

from collections.abc import Iterator

from drip.course.model import Course, Tip
from drip.errors import Mistake
from drip.plan.model import Plan

#: A shorter course may be an announcement; from here on somebody wants others to learn something.
TIPS_THAT_TEACH = 3


def learning(course: Course, plan: Plan) -> Iterator[Mistake]:
    """Questions that explain nothing, and courses that ask nothing."""
    tips = [(path, step) for path, step in course.walk() if isinstance(step, Tip)]
    if len(tips) >= TIPS_THAT_TEACH and not any(tip.question for _, tip in tips):
        message = f"{len(tips)} tips and not one question: people remember what they were asked, not what they read"
        yield course.advice(("steps",), "no-questions", message, "add a question: to one tip at least", key=True)
    for path, tip in tips:
        for number, option in enumerate(tip.question.options if tip.question else ()):
            if option.because is None:
                message = f"who chooses “{option.text}” is not told why it is {'right' if option.correct else 'wrong'}"
                where = (*path, "question", "options", number, "text")
                yield course.advice(where, "no-because", message, "add because: …")
