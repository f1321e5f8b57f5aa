"""What a piece of evidence says, in the words that `drip learners show` has for it."""

from __future__ import annotations

from typing import Any

import pytest

from drip.engine.wished import said_by


@pytest.mark.parametrize(
    ("kind", "item", "data", "words"),
    [
        ("answer", "q", {"option": 0, "correct": True, "sure": "certain"}, "option 1, right, certain"),
        ("answer", "q", {"option": 2, "correct": False, "sure": "guessed"}, "option 3, wrong, guessed"),
        ("answer", "q", {}, ""),
        ("rating", "nps", {"rating": 9}, "9"),
        ("rating", "nps", {}, ""),
        ("change", "pace", {"from": "planned", "to": "half"}, "pace: as planned → half as often"),
        ("unsubscribe", "", {"scope": "course"}, "this course"),
        ("unsubscribe", "", {}, "everything"),
        ("return", "undo", {}, "took it back"),
        ("open", "", {}, ""),
    ],
)
def test_it_is_said_in_words(kind: str, item: str, data: dict[str, Any], words: str) -> None:
    """An answer has its option, right or wrong, and how sure; a rating and a change have their value."""
    assert said_by(kind, item, data) == words
