"""A course before it is published, as the rules look at it: its plan, its texts, its rendered mails, its layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from drip.check.finding import Finding
from drip.check.rendered import Rendered
from drip.course.model import Course
from drip.course.placeholders import replaced
from drip.course.positions import Path, Row, Source, Span, Table, at
from drip.plan.model import Branch, Mail, Plan, Question, Step, Texts, Wait

#: A shorter course may be an announcement; from here on somebody wants others to learn something.
TIPS_THAT_TEACH = 3

# every repetition has its limit: a body may be anything
_DEFAULT = re.compile(r"""\|\s*d(?:efault)?\(\s*(?:"([^"]*)"|'([^']*)')""")
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_PICTURE = re.compile(r"!\[[^\]]{0,500}\]\([^)\n]{0,2000}\)")
_LINK = re.compile(r"\[([^\]\n]{0,500})\]\([^)\n]{0,2000}\)|<[a-z]{1,10}:[^>\s]{0,2000}>")
_MARKS = re.compile(r"[*_`]+")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One way in which a tip is told: a variant in a language.

    `path` is the tip's, `variant` the variant's own or the tip's. `original` and `asked` are what a translation
    translates; what it leaves as it was is judged once, in the course's language.
    """

    path: Path
    variant: Path
    mail: Mail
    language: str
    texts: Texts
    question: Question | None
    original: Texts | None = None
    asked: Question | None = None

    def says(self, key: str) -> bool:
        """Whether this telling says a text of its own."""
        return self.original is None or getattr(self.texts, key) != getattr(self.original, key)

    @property
    def asks(self) -> Question | None:
        """The question, where this telling has one of its own."""
        return self.question if self.original is None or self.question != self.asked else None

    @property
    def blocks(self) -> tuple[str, ...]:
        """The paragraphs, headings and list items of the body, as plain text."""
        return blocks(self.texts.body)

    def finding(
        self, draft: Draft, message: str, *keys: str | int, needle: str = "", key: bool = False, instead: str = ""
    ) -> Finding:
        """A finding about a text: in the variant, or else in the tip; a translation's stands in its file."""
        node = at(draft.course.tree, self.variant)
        own = isinstance(node, Table) and (keys[0] in node or f"{keys[0]}_file" in node)
        path = (*(self.variant if own else self.path), *keys)
        language = "" if self.original is None else self.language
        return Finding(message=message, path=path, needle=needle, key=key, language=language, instead=instead)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is checked. `mails` are the rendered ones; `layout` is the layout's source, where there is one.

    Without mails and layout, the rules that judge those find nothing.
    """

    course: Course
    plan: Plan
    mails: tuple[Rendered, ...] = ()
    layout: Source | None = field(default=None, repr=False)

    @cached_property
    def steps(self) -> tuple[tuple[Path, Step], ...]:
        """Every step of the plan with its path in the course file: a plan keeps the reading order."""
        paths = (path for path, _ in self.course.walk())
        return tuple(zip(paths, self.plan.steps, strict=False))

    @cached_property
    def tips(self) -> tuple[tuple[Path, Mail], ...]:
        """The mails that teach, not those that ask for a rating."""
        return tuple((path, step) for path, step in self.steps if isinstance(step, Mail) and step.survey is None)

    @cached_property
    def teaches(self) -> bool:
        """Whether this is a course, and not an announcement."""
        return len(self.tips) >= TIPS_THAT_TEACH

    @cached_property
    def tellings(self) -> tuple[Telling, ...]:
        """Every way in which every tip is told, the course's own language first."""
        return tuple(self._tellings())

    def _tellings(self) -> Iterator[Telling]:
        plan = self.plan
        for language in (plan.language, *(other for other in plan.languages if other != plan.language)):
            translated = language != plan.language
            for path, mail in self.tips:
                named = at(self.course.tree, (*path, "variants"))
                for number, variant in enumerate(mail.variants):
                    yield Telling(
                        path=path,
                        variant=(*path, "variants", number) if isinstance(named, Row) else path,
                        mail=mail,
                        language=language,
                        texts=variant.texts_in(language) if translated else variant.texts,
                        question=mail.question_in(language) if translated else mail.question,
                        original=variant.texts if translated else None,
                        asked=mail.question if translated else None,
                    )

    def saying(self, *keys: str) -> Iterator[tuple[Telling, str]]:
        """Every telling that has a text of its own under one of these keys, with that key."""
        for told in self.tellings:
            for key in keys:
                if getattr(told.texts, key) and told.says(key):
                    yield told, key

    @cached_property
    def conditions(self) -> tuple[tuple[Path, str, Step | None], ...]:
        """Every condition: where it stands, its text, and the step that it belongs to (None: the whole course)."""
        plan = self.plan
        found: list[tuple[Path, str | None, Step | None]] = [
            (("start", "when"), plan.start.when, None),
            (("goal",), plan.goal, None),
            (("stop",), plan.stop, None),
            (("hold_while",), plan.hold_while, None),
        ]
        for path, step in self.steps:
            match step:
                case Mail():
                    found.append(((*path, "when"), step.when, step))
                case Wait():
                    found.append(((*path, "wait", "until"), step.until, step))
                case Branch():
                    found.append(((*path, "if"), step.condition, step))
                case _:
                    pass
        return tuple((path, text, step) for path, text, step in found if text)

    def enclosing(self, path: Path) -> list[str]:
        """The conditions of the `if`s whose `then` a place stands in."""
        forks = (path[:number] for number, part in enumerate(path) if part == "then")
        return [self._forks[fork] for fork in forks if fork in self._forks]

    def step_at(self, path: Path) -> str:
        """The id of the step that stands at `path`, "" where none does."""
        return self._ids.get(path, "")

    @cached_property
    def _ids(self) -> dict[Path, str]:
        return {path: step.id for path, step in self.steps}

    @cached_property
    def _forks(self) -> dict[Path, str]:
        return {path: step.condition for path, step in self.steps if isinstance(step, Branch)}

    @cached_property
    def _told(self) -> dict[tuple[str, str, str], Telling]:
        found = {}
        for told in self.tellings:
            number = told.variant[-1] if told.variant != told.path else None
            name = told.mail.variants[number].name if isinstance(number, int) else ""
            found[told.mail.id, name, told.language] = told
        return found

    def in_mail(self, mail: Rendered, message: str, *needles: str) -> Finding:
        """A finding in a rendered mail: where its body or else its layout has the words, or else at its tip."""
        told = self._telling(mail)
        for needle in filter(None, needles):
            if told is not None and needle in told.texts.body:
                return told.finding(self, message, "body", needle=needle)
        for needle in filter(None, needles):
            if span := self._in_layout(needle):
                return Finding(message=message, layout=span)
        return Finding(message=message, path=self._tip(mail))

    def _telling(self, mail: Rendered) -> Telling | None:
        for variant in (mail.variant, ""):
            for language in (mail.language, self.plan.language):
                if found := self._told.get((mail.step, variant, language)):
                    return found
        return None

    def in_layout(self, mail: Rendered, message: str, *needles: str) -> Finding:
        """A finding in a rendered mail that its layout is the cause of; the same one of every mail is one."""
        if self.layout is None:
            return Finding(message=message, path=self._tip(mail))
        found = next((span for needle in filter(None, needles) if (span := self._in_layout(needle))), (0, 0))
        return Finding(message=message, layout=found)

    def _in_layout(self, needle: str) -> Span | None:
        at = self._layout_text.find(needle.lower())
        return (at, at + len(needle)) if at >= 0 else None

    @cached_property
    def _layout_text(self) -> str:
        return self.layout.text.lower() if self.layout else ""

    def _tip(self, mail: Rendered) -> Path:
        return self._paths.get(mail.step, ("steps",))

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {step.id: (*path, "tip") for path, step in self.steps}


def read_aloud(text: str) -> str:
    """A text as somebody reads it: a placeholder is its default or one word, a statement is nothing."""
    if "{" not in text:
        return text

    def said(placeholder: str) -> str:
        if not placeholder.startswith("{{"):
            return ""
        found = _DEFAULT.search(placeholder)
        return (found[1] or found[2] or "") if found else "Name"

    return replaced(text, said)


@lru_cache(maxsize=4096)
def blocks(body: str) -> tuple[str, ...]:
    """The paragraphs, headings and list items of a Markdown text, without its marks and its code."""
    text = _LINK.sub(r"\1", _PICTURE.sub("", _FENCE.sub("", read_aloud(body))))
    found: list[str] = []
    begins = True
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or not bare.strip("-*_ "):
            begins = True
            continue
        item = _ITEM.match(bare)
        if item:
            bare, begins = bare[item.end() :], True
        bare = _MARKS.sub("", bare)
        if begins:
            found.append(bare)
        else:
            found[-1] += f" {bare}"
        begins = False
    return tuple(found)
