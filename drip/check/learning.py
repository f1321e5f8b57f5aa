"""Learning: what research on spaced retrieval says that a course should have (Kerfoot 2010, Matos 2017)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drip.check.draft import Draft, Telling
from drip.check.finding import Finding
from drip.check.prose import reading_seconds
from drip.check.rule import Rule
from drip.check.vocabulary import vocabulary

#: A tip takes about two minutes; far above that it is an article. In seconds.
SHORT, LONG, FAR_TOO_LONG = 20, 120, 240
#: A skill comes back in so many later questions, where nothing else brings it back.
RETURNS = 2
#: Fewer questions than this say nothing about habits.
QUESTIONS_THAT_TELL = 3

_FIRST_WORD = re.compile(r"[^\W\d_]+")
#: A paragraph that is nothing but a link.
_LONE_LINK = re.compile(
    r"(?:\A|\n[ \t]*\n)[ \t]*[*_]{0,2}(\[[^\]\n]{1,500}\]\([^)\n]{1,2000}\)|<https?:[^>\s]{1,2000}>)[*_]{0,2}"
    r"[.!]?[ \t]*(?=\n[ \t]*\n|\s*\Z)"
)
_OR_NOT = re.compile(r"\bor not\b|\beller inte\b", re.IGNORECASE)
_ENDS = re.compile(r"(?<=[.!?…])")


def _seconds(told: Telling) -> float:
    """How long the mail takes to read, with its question and options."""
    asked = told.question
    texts = (*told.blocks, *((asked.ask, *(option.text for option in asked.options)) if asked else ()))
    return reading_seconds(texts, told.language)


def _too_short(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("body") if draft.teaches else ():
        if (seconds := _seconds(told)) < SHORT:
            yield told.finding(draft, f"takes {int(seconds)} s to read", key)


def _long(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("body"):
        if LONG < (seconds := _seconds(told)) <= FAR_TOO_LONG:
            yield told.finding(draft, _takes(seconds), key)


def _far_too_long(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("body"):
        if (seconds := _seconds(told)) > FAR_TOO_LONG:
            yield told.finding(draft, _takes(seconds), key)


def _takes(seconds: float) -> str:
    return f"takes {int(seconds) // 60} min {int(seconds) % 60} s to read"


def _no_objective(draft: Draft) -> Iterator[Finding]:
    for path, mail in draft.tips if draft.teaches else ():
        if not mail.objective:
            yield Finding(message=f'tip "{mail.id}" has no objective', path=(*path, "tip"))


def _vague_objective(draft: Draft) -> Iterator[Finding]:
    yield from _vague(draft, draft.plan.language)
    for language in draft.plan.languages:
        yield from _vague(draft, language, translated=True)


def _vague(draft: Draft, language: str, *, translated: bool = False) -> Iterator[Finding]:
    known = vocabulary(language)
    for path, mail in draft.tips if known else ():
        found = _FIRST_WORD.search(mail.objectives.get(language, "") if translated else mail.objective)
        first = found[0] if found else ""
        if known and first.lower() in known.vague:
            message = f"nobody can see whether somebody does “{first}”"
        elif known and first.lower() in known.no_verbs:
            message = f"the objective begins with “{first}”, not with a verb"
        else:
            continue
        place = (*path, "objective")
        yield Finding(message=message, path=place, needle=first, language=language if translated else "")


def _second_button(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("body"):
        for lone in _LONE_LINK.finditer(told.texts.body) if told.texts.button else ():
            yield told.finding(draft, "a link in a paragraph of its own beside the button", key, needle=lone[1])


def _no_questions(draft: Draft) -> Iterator[Finding]:
    if draft.teaches and not any(mail.question for _, mail in draft.tips):
        yield Finding(message=f"{len(draft.tips)} tips and not one question", path=("steps",), key=True)


def _no_question(draft: Draft) -> Iterator[Finding]:
    if not draft.teaches or not any(mail.question for _, mail in draft.tips):
        return
    for path, mail in draft.tips:
        if mail.objective and not mail.question:
            yield Finding(message=f'tip "{mail.id}" has an objective and no question on it', path=(*path, "objective"))


def _no_because(draft: Draft) -> Iterator[Finding]:
    for path, mail in draft.tips:
        for number, option in enumerate(mail.question.options if mail.question else ()):
            if not option.because:
                verdict = "right" if option.correct else "wrong"
                message = f"who chooses “{option.text}” is not told why it is {verdict}"
                yield Finding(message=message, path=(*path, "question", "options", number, "text"))


def _many_options(draft: Draft) -> Iterator[Finding]:
    for path, mail in draft.tips:
        if mail.question and len(mail.question.options) > 5:
            yield Finding(
                message=f"{len(mail.question.options)} options", path=(*path, "question", "options"), key=True
            )


def _negated(draft: Draft) -> Iterator[Finding]:
    for told in draft.tellings:
        known, asks = vocabulary(told.language), told.asks
        for asked in _ENDS.split(asks.ask) if known and asks else ():
            if known and asked.endswith("?") and (found := known.negation.search(_OR_NOT.sub("", asked))):
                yield told.finding(draft, f"asks with “{found[0]}”", "question", "ask", needle=found[0])


def _taught_once(draft: Draft) -> Iterator[Finding]:
    """A skill is that of its tip; a question without one trains itself only."""
    if draft.plan.reviews is not None:
        return
    asked: dict[str, int] = {}
    for _, mail in draft.tips:
        if mail.question:
            asked[mail.skill or mail.question.id] = asked.get(mail.skill or mail.question.id, 0) + 1
    rare = [skill for skill, times in asked.items() if times <= RETURNS]
    if draft.teaches and sum(asked.values()) >= QUESTIONS_THAT_TELL and rare:
        named = ", ".join(rare[:5]) + (" …" if len(rare) > 5 else "")
        yield Finding(message=f"asked about fewer than {RETURNS + 1} times: {named}", path=("steps",), key=True)


TIPS: tuple[Rule, ...] = (
    Rule(
        id="too-short",
        family="learning",
        why="What is read in a few seconds is gone as fast: there is nothing to think about.",
        instead="say why, or give an example; 20 seconds to 2 minutes are good",
        find=_too_short,
    ),
    Rule(
        id="long-read",
        family="learning",
        why="A tip is read between two meetings; what takes longer is put off, and then not read.",
        instead="cut it to one thing, or make it two tips; 20 seconds to 2 minutes are good",
        find=_long,
    ),
    Rule(
        id="far-too-long",
        family="learning",
        severity="error",
        why="More than 4 minutes is an article and not a tip: most learners will not get to its question.",
        instead="make it several tips, or put the rest on a page and link to it",
        find=_far_too_long,
    ),
    Rule(
        id="no-objective",
        family="learning",
        why="Who cannot say what the learner can do afterwards cannot ask about it, and the report cannot name it.",
        instead="write objective: and a verb, such as Create a chart from a saved view",
        find=_no_objective,
    ),
    Rule(
        id="vague-objective",
        family="learning",
        why="An objective is something that one can see somebody do; only that can be asked for and practised.",
        instead="begin with what the learner does: write, choose, compare, find, explain …",
        find=_vague_objective,
    ),
    Rule(
        id="second-button",
        family="learning",
        why="Two calls to action compete: fewer people do either.",
        instead="keep the button, and put the link into a sentence",
        find=_second_button,
    ),
    Rule(
        id="no-questions",
        family="learning",
        why="People remember what they were asked, not what they read (Kerfoot 2010; Matos 2017).",
        instead="add a question: to each tip that has an objective",
        find=_no_questions,
    ),
    Rule(
        id="no-question",
        family="learning",
        why="An objective that nobody is asked about is read and forgotten, and the report says nothing of it.",
        instead="add a question: that only somebody who can do it gets right, or take the objective out",
        find=_no_question,
    ),
    Rule(
        id="no-because",
        family="learning",
        why="The explanation is where most of the learning happens, after a right answer too.",
        instead="add because: and one or two sentences",
        find=_no_because,
    ),
    Rule(
        id="many-options",
        family="learning",
        why="More than 5 options take longer to read than to think about, and the last ones are never true rivals.",
        instead="keep the 2 to 5 that people really confuse",
        find=_many_options,
    ),
    Rule(
        id="negated-question",
        family="learning",
        why="A negated question measures whether the word was seen, and leaves the wrong statements in memory.",
        instead="ask for what is so",
        find=_negated,
    ),
    Rule(
        id="taught-once",
        family="learning",
        why="What does not come back is forgotten within weeks; practice that is spaced out keeps it (g = 0.74).",
        instead="write reviews: {strategy: fixed}, or ask about the skill in two later tips",
        find=_taught_once,
    ),
)
