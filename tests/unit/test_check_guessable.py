"""When a pattern in the right options is more than chance."""

from __future__ import annotations

import pytest
from rule_samples import advice_on

from drip.check.guessable import BY_CHANCE, at_least


def course(*questions: tuple[str, ...]) -> str:
    """A course of questions; the right option begins with a star."""
    steps = []
    for number, options in enumerate(questions):
        said = ", ".join(
            f'{{text: "{text.strip("*")}", because: x{", correct: true" if text.startswith("*") else ""}}}'
            for text in options
        )
        steps.append(
            f"  - {{tip: t{number}, subject: About {number}, preheader: P, body: B,"
            f" question: {{ask: Q, options: [{said}]}}}}\n"
        )
    head = "title: T\nlanguage: en\nreviews: fixed\nsender: {name: A, email: a@acme.example}\nsteps:\n"
    return head + "".join(steps)


def rules(*questions: tuple[str, ...]) -> set[str]:
    return {one.rule for one in advice_on(course(*questions))} & {"key-position", "longest-is-right"}


FIRST, SECOND, THIRD = ("*aaa", "bbb", "ccc"), ("aaa", "*bbb", "ccc"), ("aaa", "bbb", "*ccc")


def test_an_even_spread_is_left_in_peace() -> None:
    """Each place about equally often, also where the numbers do not come out even."""
    assert rules(*[FIRST, SECOND, THIRD] * 4) == set()
    assert rules(*[FIRST] * 5, *[SECOND] * 3, *[THIRD] * 2) == set()


def test_always_the_same_place_is_found() -> None:
    """With six questions and more; fewer say nothing."""
    assert rules(*[SECOND] * 6) == {"key-position"}
    assert rules(*[SECOND] * 5) == set()
    assert rules(*[SECOND] * 10, FIRST, THIRD) == {"key-position"}


def test_yes_or_no_needs_more_questions_to_tell() -> None:
    """Of two options one is right half of the time by chance."""
    assert rules(*[("*yes", "not")] * 6) == {"key-position"} if BY_CHANCE > 2 * 0.5**6 else set()
    assert rules(*[("*yes", "not")] * 5, ("yes", "*not")) == set()


def test_the_longest_is_found_where_it_mostly_is_right() -> None:
    """Longer than every other; as long as another does not stand out."""
    long_ones = [("*aaaaaa", "bbb", "ccc"), ("aaa", "*bbbbbb", "ccc"), ("aaa", "bbb", "*cccccc")]
    assert rules(*long_ones * 2) == {"longest-is-right"}
    assert rules(*long_ones, FIRST, SECOND, THIRD) == set()
    assert rules(*[("*aaaaaa", "bbbbbb", "ccc"), ("aaa", "*bbb", "ccccc"), ("aaa", "bbb", "*cccccc")] * 2) == set()


@pytest.mark.parametrize(
    ("times", "chances", "expected"),
    [
        (0, [0.5] * 4, 1.0),
        (4, [0.5] * 4, 1 / 16),
        (3, [0.5] * 4, 5 / 16),
        (2, [1.0, 1.0], 1.0),
        (1, [0.5, 0.25], 1 - 0.5 * 0.75),
        (3, [0.5, 0.5], 0.0),
    ],
)
def test_the_chance_of_so_many(times: int, chances: list[float], expected: float) -> None:
    """Against counting by hand."""
    assert at_least(times, chances) == pytest.approx(expected)


def test_very_many_questions_are_judged_by_a_bound() -> None:
    """It is never below the chance itself, and small enough to find what is plain."""
    assert at_least(400, [1 / 3] * 1000) < BY_CHANCE
    assert at_least(340, [1 / 3] * 1000) > BY_CHANCE
    assert at_least(200, [1 / 3] * 501) >= at_least(200, [1 / 3] * 500) * 0.1
