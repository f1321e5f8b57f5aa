"""The values of a script that a course has no like of: an option of a question, a rating, a share of all learners."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from drip.course.positions import Node
from drip.course.values import problem, shown, text
from drip.plan.model import Question, Survey

_PERCENT = re.compile(r"([0-9]{1,3}(?:[.,][0-9]{1,4})?)\s*%")


def option_of(written: str, asked: Sequence[Question]) -> int:
    """The option, counted from 0, that is meant: its text in any language, right, wrong, its letter or its number.

    `asked` is one question, first in the course's language.
    """
    said, question = written.strip(), asked[0]
    for one in asked:
        for number, option in enumerate(one.options):
            if said.casefold() == option.text.strip().casefold():
                return number
    word = said.lower()
    if word in ("right", "wrong"):
        graded = [option.correct for option in question.options]
        if (word == "right") in graded:
            return graded.index(word == "right")
        raise problem("unknown-option", f'no option of the question "{question.id}" is {word}', _there_are(question))
    number = int(said) - 1 if re.fullmatch("[1-9]", said) else -1
    if len(said) == 1 and "a" <= word <= "z":
        number = ord(word) - ord("a")
    if 0 <= number < len(question.options):
        return number
    close = get_close_matches(said[:80], [option.text for one in asked for option in one.options], n=1)
    hint = f'did you mean "{close[0]}"?' if close else _there_are(question)
    raise problem("unknown-option", f'the question "{question.id}" has no option {shown(said)}', hint)


def _there_are(question: Question) -> str:
    last = len(question.options)
    return f"write right, wrong, a number from 1 to {last}, a letter from A to {chr(64 + last)}, or the option's text"


def rating_of(written: str, survey: Survey) -> int:
    """A rating that the survey takes: a number, `highest` or `lowest`."""
    word = written.strip().lower()
    if word in ("highest", "lowest"):
        return survey.high if word == "highest" else survey.low
    if re.fullmatch("[0-9]{1,2}", word) and survey.low <= int(word) <= survey.high:
        return int(word)
    message = f"the survey {survey.id} takes {survey.low} to {survey.high}, and this is {shown(written)}"
    raise problem("bad-rating", message, "or write highest, or lowest")


def share(node: Node) -> float:
    """The share of all learners, from 0 to 1, that `60%` says."""
    written = text(node).strip()
    found = _PERCENT.fullmatch(written)
    value = float(found[1].replace(",", ".")) / 100 if found else 2.0
    if value > 1:
        raise problem("bad-share", f"{shown(written)} is not a share", 'write 0% to 100%, such as "60%"')
    return value
