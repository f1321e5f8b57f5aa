"""Facts about choosing a variant: sticky, in proportion, and independent from step to step."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.plan.choice import choose
from drip.plan.model import Texts, Variant

LEARNERS = 10_000


def variants(*weights: int) -> list[Variant]:
    texts = Texts(subject="S", body="B")
    return [Variant(name=f"v{n}", weight=weight, texts=texts) for n, weight in enumerate(weights)]


@given(
    st.text(max_size=20),
    st.text(max_size=20),
    st.text(max_size=20),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_a_learner_keeps_the_variant(course_id: str, step: str, ref: str, weights: list[int]) -> None:
    """The same course, step and learner always give the same variant, and it is one of them."""
    offered = variants(*weights)
    chosen = choose(offered, course_id=course_id, step=step, ref=ref)
    assert chosen in offered
    assert choose(list(offered), course_id=course_id, step=step, ref=ref) is chosen


def test_the_choice_is_the_same_for_ever() -> None:
    """Learners in flight keep their variant over releases: these are the choices of the first one."""
    chosen = [choose(variants(1, 1), course_id="c", step="s", ref=f"r{n}").name for n in range(8)]
    assert chosen == ["v0", "v0", "v1", "v0", "v0", "v1", "v0", "v0"]


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 2, 7), (1, 999)])
def test_weights_are_proportions(weights: tuple[int, ...]) -> None:
    """Over 10,000 learners each variant comes as often as its weight, within five standard deviations."""
    offered = variants(*weights)
    counts = Counter(choose(offered, course_id="c", step="s", ref=f"learner-{n}").name for n in range(LEARNERS))
    for variant in offered:
        share = variant.weight / sum(weights)
        assert abs(counts[variant.name] - LEARNERS * share) < 5 * sqrt(LEARNERS * share * (1 - share))


def test_steps_and_courses_are_independent() -> None:
    """Who got the first variant of one tip gets it in the next one half of the time: no group meets twice by design."""
    for other in ({"course_id": "c", "step": "t"}, {"course_id": "d", "step": "s"}):
        same = sum(
            choose(variants(1, 1), course_id="c", step="s", ref=f"r{n}").name
            == choose(variants(1, 1), ref=f"r{n}", **other).name
            for n in range(LEARNERS)
        )
        assert abs(same - LEARNERS / 2) < 5 * sqrt(LEARNERS) / 2
