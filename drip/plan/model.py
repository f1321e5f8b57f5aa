"""Plan: a compiled course. Steps stand in one flat row; an `if` is a branch that jumps forward in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drip.course.timing import Gap, Limit, Rule, Unit

#: The gap of a first mail: the first allowed instant from the enrolment.
AT_ONCE = Gap(count=0, unit=Unit.DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who a course's mail comes from. `reply_to` falls back to `email`."""

    name: str
    email: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """The one button of a tip. `text` and `url` may hold Jinja; scheme and host of `url` are literal."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer that a learner may press."""

    text: str
    correct: bool = False
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A retrieval question. Options are shown in this order with the letters A, B, C …"""

    id: str
    ask: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What one variant of a tip says. Everything may hold Jinja; `body` is Markdown."""

    subject: str
    preheader: str = ""
    body: str
    button: Button | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to say a tip. A tip without `variants` has one, named `default`, of weight 1."""

    name: str
    weight: int
    texts: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A step that mails a tip.

    `gap` is counted from the actual send of the mail before it; `first_gap` is used instead, from the enrolment, where
    this learner has had none yet (other branch, skipped tip). `number` of `of` is its place on the longest way through
    the course, for "3 of 8". `then` is the id of the step after it.
    """

    kind: Literal["mail"] = "mail"
    id: str
    gap: Gap
    rule: Rule
    variants: tuple[Variant, ...]
    number: int
    of: int
    first_gap: Gap = AT_ONCE
    when: str | None = None
    objective: str = ""
    skill: str = ""
    question: Question | None = None
    then: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A step that waits until a condition holds, `at_most` so long (from when it was reached).

    `holidays` is the course's, for an `at_most` in business days.
    """

    kind: Literal["wait"] = "wait"
    id: str
    until: str
    at_most: Gap
    holidays: str | None = None
    then: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """An `if`: decided once, when a mail in its place would be due. `then` or `otherwise` is the next step's id.

    `gap` and `first_gap` are those of a mail in its place.
    """

    kind: Literal["branch"] = "branch"
    id: str
    condition: str
    gap: Gap
    rule: Rule
    first_gap: Gap = AT_ONCE
    then: str | None = None
    otherwise: str | None = None


Step = Mail | Wait | Branch


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A compiled course. `revision` is the hash of everything that shapes what is sent and when.

    `steps` is in reading order; each names its successor by id (None: the end), so that order is data and not position.
    `layout` is the name of the MJML layout. `timezone` is for learners who have none of their own.
    """

    course_id: str
    title: str
    revision: str
    language: str
    sender: Sender
    layout: str
    timezone: str
    limit: Limit | None = None
    start_when: str | None = None
    steps: tuple[Step, ...] = ()

    def step(self, step_id: str) -> Step | None:
        """The step of that id, or None where this plan has none."""
        return next((step for step in self.steps if step.id == step_id), None)

    @property
    def first(self) -> str | None:
        """The id of the first step, None for an empty plan."""
        return self.steps[0].id if self.steps else None
