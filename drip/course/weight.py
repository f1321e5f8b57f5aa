"""How much a course may ask of the programs that read it: each limit lies far beyond what a person writes.

Markdown costs by its marks, and a row of some of them by the square of its length. A tip with a list, two links and a
question has about 100.
"""

from __future__ import annotations

#: Marks of one text.
MOST_MARKS = 5_000
#: Marks of all texts of a course in one language.
MOST_MARKS_TOGETHER = 120_000
#: Letters of all bodies of a course in one language.
MOST_LETTERS = 1_000_000
#: Mails that differ: tips by variants by languages. Enough for a tip a day for a year, in five languages.
MOST_MAILS = 2_000

#: What a mark costs. A line, a link and a placeholder are more work than an asterisk.
_MARKS = dict.fromkeys("[]()<>*_`~#|!&\\{}", 1) | {"\n": 3, "](": 10, "://": 10, "{{": 4, "{%": 4}
_FEWER = "a text of that many signs is for programs; take out what is not meant to be read"


def marks(text: str) -> int:
    """The marks of a text, by what they cost."""
    return sum(text.count(mark) * weight for mark, weight in _MARKS.items())


def too_many_marks(one: int, together: int) -> tuple[str, str] | None:
    """What is wrong with a text of so many marks, of so many together, as (message, hint); or None."""
    if one > MOST_MARKS:
        return f"a text with more than {MOST_MARKS:,} marks of Markdown, links and lines", _FEWER
    if together > MOST_MARKS_TOGETHER:
        words = f"more than {MOST_MARKS_TOGETHER:,} marks of Markdown, links and lines in one course"
        return words, "divide it into courses"
    return None
