"""The ids of a course: its steps, questions and skills by name, and a mistake where two are called the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from drip.course.files import Body
from drip.course.positions import Node, Row, Scalar, Source, Span, Table
from drip.errors import Mistake

#: Pairs of letters, one from each of two names: about a second for a course in which everything is wrong.
MOST_COMPARED = 10_000_000
#: So many names fit under a message.
FEW_NAMES = 8

#: The kinds of step whose id may be written or left out, and what an author calls them.
_NAMED = ("survey", "notify", "award")


@dataclass(slots=True)
class Index:
    """What a course's conditions may name; `ids` are those of all steps.

    `bodies` are the files that bodies stand in; `compared` counts letters that were held against a mistaken name's.
    """

    bodies: Mapping[str, Body] = field(default_factory=dict)
    ids: dict[str, Scalar] = field(default_factory=dict)
    mails: dict[str, Table] = field(default_factory=dict)
    tips: dict[str, Table] = field(default_factory=dict)
    surveys: dict[str, Table] = field(default_factory=dict)
    questions: dict[str, Table] = field(default_factory=dict)
    skills: set[str] = field(default_factory=set)
    compared: int = 0

    def nearest(self, name: str, known: Collection[str]) -> str:
        """The known name that is nearest, "" where none is, or where enough has been compared."""
        if self.compared >= MOST_COMPARED:
            return ""
        self.compared += len(name[:80]) * sum(map(len, known))
        if self.compared > MOST_COMPARED:
            return ""
        return next(iter(get_close_matches(name[:80], sorted(known), n=1)), "")

    def meant(self, name: str, known: dict[str, Table] | set[str]) -> str:
        """A hint: the known name that is nearest, or all of them where they are few."""
        if close := self.nearest(name, known):
            return f'did you mean "{close}"?'
        return f"there are: {', '.join(sorted(known))}" if 0 < len(known) <= FEW_NAMES else ""


def indexed(source: Source, tree: Table, bodies: Mapping[str, Body]) -> tuple[Index, list[Mistake]]:
    """The index of a course, and a mistake for each id that stands twice."""
    index = Index(bodies=bodies)
    mistakes = [mistake for step in steps_in(tree.get("steps")) for mistake in _collect(source, index, step)]
    return index, mistakes


def steps_in(node: Node | None) -> Iterator[Table]:
    """Every step in reading order, also those inside an `if`."""
    for item in node if isinstance(node, Row) else ():
        if isinstance(item, Table):
            yield item
            yield from steps_in(item.get("then"))
            yield from steps_in(item.get("else"))


def items(node: Node | None) -> list[Node]:
    """The items of a list; of anything else none."""
    return list(node) if isinstance(node, Row) else []


def text_of(node: Node | None) -> str:
    """What is written there, "" where nothing is."""
    return node.text if isinstance(node, Scalar) else ""


def _collect(source: Source, index: Index, step: Table) -> Iterator[Mistake]:
    kind = next((kind for kind in ("tip", *_NAMED) if kind in step), None)
    named = step.get("tip" if kind == "tip" else "id")
    if kind is None or not isinstance(named, Scalar):
        return
    if named.text in index.ids:
        what = "tip" if kind == "tip" and named.text in index.tips else "step"
        yield _twice(source, named, what, index.ids[named.text].span)
    index.ids.setdefault(named.text, named)
    if kind in ("tip", "survey"):
        index.mails.setdefault(named.text, step)
    if kind == "survey":
        index.surveys.setdefault(named.text, step)
    if kind != "tip":
        return
    index.tips.setdefault(named.text, step)
    question = step.get("question")
    if (skill := text_of(step.get("skill"))) and question is not None:
        index.skills.add(skill.strip())
    if isinstance(question, Table):
        said = question.get("id", named)
        id_ = said if isinstance(said, Scalar) else named
        known = index.questions.get(id_.text)
        if known is not None and (known is not step or id_ is not named):
            yield _twice(source, id_, "question", known["question"].span)
        index.questions.setdefault(id_.text, step)


def _twice(source: Source, scalar: Scalar, what: str, first: Span) -> Mistake:
    hint = f"first in line {source.line(first)}; give one of them another id"
    return source.mistake(scalar.span, "duplicate-id", f'two {what}s are called "{scalar.text}"', hint)
