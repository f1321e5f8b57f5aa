"""What an author reads: the messages for each file in tests/data/courses stand beside it.

After a change that is meant: `python tests/unit/test_course_messages.py` writes them anew; read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from drip.course.parse import parse
from drip.errors import CourseError
from drip.plan.compile import compile_plan
from drip.plan.model import Branch

COURSES = Path(__file__).parents[1] / "data" / "courses"


def outcome(file: Path) -> str:
    """Every mistake of a course; of a valid one its steps as they follow each other."""
    try:
        course = parse(f"campaigns/{file.name}", file.read_bytes())
    except CourseError as error:
        return f"{error}\n"
    plan = compile_plan(course, layout="")
    lines = [f"valid: {plan.course_id}"]
    for step in plan.steps:
        ways = [step.then, step.otherwise] if isinstance(step, Branch) else [step.then]
        lines.append(f"  {step.id} → {' | '.join(way or 'the end' for way in ways)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("file", sorted(COURSES.glob("*.yaml")), ids=lambda file: file.stem)
def test_messages(file: Path) -> None:
    """Each mistake has its place, its line with a caret, and what to write instead; all of a file come at once."""
    assert outcome(file) == file.with_suffix(".txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for each in COURSES.glob("*.yaml"):
        each.with_suffix(".txt").write_text(outcome(each), encoding="utf-8")


def test_an_id_with_swedish_letters_is_offered_without_their_marks() -> None:
    """What is offered instead of “två” is “tva”, not what is left without the letter."""
    source = "title: T\nsteps:\n  - {tip: två, subject: S, body: B}\n"
    with pytest.raises(CourseError) as raised:
        parse("t.yaml", source.encode())
    assert 'write "tva"' in str(raised.value)
