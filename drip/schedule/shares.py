"""Who goes first where not all can: a higher course before a lower one, and a fair share among equals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A course of which mails are due: how many (as far as anybody counts), and its priority."""

    course_id: str
    priority: int
    number: int


def shares(waiting: Sequence[Waiting], room: int) -> Mapping[str, int]:
    """course → how many of its mails go, `room` in all; a higher course's before those of a lower one.

    Courses of one priority get the same, and what one of them does not need goes to the others. Where there are more
    of them than places, those that stand first in `waiting` get one each. The result names courses in the order in
    which they go.
    """
    given: dict[str, int] = {}
    for priority in sorted({one.priority for one in waiting}, reverse=True):
        equals = sorted((one for one in waiting if one.priority == priority), key=lambda one: one.number)
        order = {one.course_id: place for place, one in enumerate(waiting)}
        if room < len(equals):
            equals = sorted(equals, key=lambda one: order[one.course_id])
        for left, one in zip(range(len(equals), 0, -1), equals, strict=True):  # whoever needs least comes first
            given[one.course_id] = min(one.number, -(-room // left))
            room -= given[one.course_id]
    return {course: number for course, number in given.items() if number}
