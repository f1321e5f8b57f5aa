"""Who goes first where not all can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drip.schedule.shares import Waiting, shares

COURSES = st.lists(st.tuples(st.integers(-2, 2), st.integers(1, 300)), max_size=12).map(
    lambda drawn: [
        Waiting(course_id=f"course-{n}", priority=priority, number=number) for n, (priority, number) in enumerate(drawn)
    ]
)


def of(*courses: tuple[str, int, int]) -> list[Waiting]:
    return [Waiting(course_id=name, priority=priority, number=number) for name, priority, number in courses]


def test_equals_get_the_same() -> None:
    """Fifty thousand mails of one course do not stand before ten of another."""
    assert shares(of(("big", 0, 200), ("small", 0, 10)), 200) == {"small": 10, "big": 190}
    assert shares(of(("one", 0, 200), ("two", 0, 200), ("three", 0, 200)), 200) == {"one": 67, "two": 67, "three": 66}


def test_a_higher_course_goes_first() -> None:
    """What it leaves over goes to the others."""
    assert shares(of(("low", 0, 200), ("high", 5, 150)), 200) == {"high": 150, "low": 50}
    assert list(shares(of(("low", 0, 200), ("high", 5, 150)), 200)) == ["high", "low"]
    assert shares(of(("low", 0, 200), ("high", 5, 200)), 200) == {"high": 200}


def test_more_courses_than_places() -> None:
    """Those that stand first, which have waited longest, get one each."""
    assert shares(of(("longest", 0, 9), ("second", 0, 1), ("third", 0, 1)), 2) == {"longest": 1, "second": 1}


@given(COURSES, st.integers(0, 250))
def test_nothing_is_wasted_and_nobody_gets_more_than_there_is(waiting: list[Waiting], room: int) -> None:
    """All places are given, or all that waits has one; equals differ by one at most, unless one needs no more."""
    given_ = shares(waiting, room)
    assert sum(given_.values()) == min(room, sum(one.number for one in waiting))
    for one in waiting:
        assert given_.get(one.course_id, 0) <= one.number
        for other in waiting:
            mine, theirs = given_.get(one.course_id, 0), given_.get(other.course_id, 0)
            if one.priority > other.priority and mine < one.number:
                assert theirs == 0
            if one.priority == other.priority and mine < one.number:
                assert theirs <= mine + 1
