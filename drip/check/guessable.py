"""Questions that can be answered without knowing: by where the right option stands, or by how long it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import exp
from string import ascii_uppercase

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.rule import Rule
from drip.course.positions import Path
from drip.plan.model import Question

#: As uneven as this or more happens by chance in fewer than so many courses.
BY_CHANCE = 0.05
#: With fewer questions, nothing can be told from chance.
FEWEST = 6
#: With more, a bound is as good as the chance itself.
MOST_EXACT = 500


def _questions(draft: Draft) -> list[tuple[Path, Question]]:
    return [(path, mail.question) for path, mail in draft.tips if mail.question]


def _key(question: Question) -> int:
    return next((number for number, option in enumerate(question.options) if option.correct), 0)


def at_least(times: int, chances: list[float]) -> float:
    """The chance of so many successes or more, in independent tries with these chances; of very many, a bound on it."""
    if len(chances) > MOST_EXACT:
        over = times / len(chances) - sum(chances) / len(chances)
        return exp(-2 * len(chances) * over * over) if over > 0 else 1.0  # Hoeffding 1963
    exactly = [1.0]
    for chance in chances:
        exactly = [
            (exactly[n] * (1 - chance) if n < len(exactly) else 0.0) + (exactly[n - 1] * chance if n else 0.0)
            for n in range(len(exactly) + 1)
        ]
    return sum(exactly[times:])


def _position(draft: Draft) -> Iterator[Finding]:
    asked = [question for _, question in _questions(draft)]
    if len(asked) < FEWEST:
        return
    place, times = Counter(map(_key, asked)).most_common(1)[0]
    chances = [1 / len(question.options) if place < len(question.options) else 0.0 for question in asked]
    widest = max(len(question.options) for question in asked)
    if at_least(times, chances) * widest < BY_CHANCE:  # any of the places could have been the common one
        yield Finding(
            message=f"the right option is {ascii_uppercase[place]} in {times} of {len(asked)} questions",
            path=("steps",),
            key=True,
        )


def _length(draft: Draft) -> Iterator[Finding]:
    asked = [question for _, question in _questions(draft)]
    if len(asked) < FEWEST:
        return
    times = sum(map(_stands_out, asked))
    if at_least(times, [1 / len(question.options) for question in asked]) < BY_CHANCE:
        yield Finding(
            message=f"the right option is the longest in {times} of {len(asked)} questions", path=("steps",), key=True
        )


def _stands_out(question: Question) -> bool:
    key = _key(question)
    rest = max(len(option.text) for number, option in enumerate(question.options) if number != key)
    return len(question.options[key].text) > rest


GUESSABLE: tuple[Rule, ...] = (
    Rule(
        id="key-position",
        family="learning",
        why="Whoever notices where the right option stands stops reading the others, and the score says nothing.",
        instead="let the right option stand in each place about equally often",
        find=_position,
    ),
    Rule(
        id="longest-is-right",
        family="learning",
        why="Careful authors qualify what is true, and learners know: they choose the longest option.",
        instead="make the options about equally long, by cutting the right one or by filling out a wrong one",
        find=_length,
    ),
)
