"""Plan: a compiled course. Steps stand in one flat row; an `if` is a branch that jumps forward in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from drip.course.attributes import Attribute
from drip.course.timing import Gap, Limit, Rule, Unit

#: The gap of a first mail: the first allowed instant from the enrolment.
AT_ONCE = Gap(count=0, unit=Unit.DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who a course's mail comes from. `reply_to` falls back to `email`.

    `bounces` is the domain that the envelope's sender is in (None: the mail comes back to `email`).
    """

    name: str
    email: str
    reply_to: str | None = None
    bounces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How people come in by themselves. Without `event` and `date`: by import or by hand.

    `event` is an event's name. `date` is a learner's attribute that holds a date; `offset_days` is counted from it
    (negative: before). `when` must hold too. `reentry` is never, completion (again after a finished run) or days
    (again `reentry_days` after the last start); leaving blocks them all.
    """

    event: str | None = None
    date: str | None = None
    offset_days: int = 0
    when: str | None = None
    reentry: Literal["never", "completion", "days"] = "never"
    reentry_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    """Retrieval practice: each answered-or-not question comes back so many days after the send that taught it."""

    after_days: tuple[int, ...]
    per_email: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """What is recorded: opens always, consented or never; clicks always or never."""

    opens: Literal["always", "consented", "never"] = "always"
    clicks: Literal["always", "never"] = "always"


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
class Image:
    """One picture. `src` is an https address, or the hash of a file that the store keeps; width and height in pixels
    where they are known.
    """

    src: str
    alt: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A short film, shown as its poster with a play sign. `url` opens it; `minutes` is its length."""

    url: str
    poster: Image
    minutes: float | None = None
    captions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A rating from `low` to `high`: nps (0 to 10), csat (1 to 5) or scale. Confirmed by a POST."""

    id: str
    kind: Literal["nps", "csat", "scale"]
    ask: str
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What one variant of a mail says in one language. Everything may hold Jinja; `body` is Markdown."""

    subject: str
    preheader: str = ""
    body: str
    button: Button | None = None
    image: Image | None = None
    clip: Clip | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to say a tip. A tip without `variants` has one, named `default`, of weight 1.

    `texts` is in the course's language; `translations` has the other languages, whole (what a translation lacks is
    filled from the course's language when it is compiled).
    """

    name: str
    weight: int
    texts: Texts
    translations: Mapping[str, Texts] = field(default_factory=dict)

    def texts_in(self, language: str) -> Texts:
        """The texts in that language, or in the course's where there is no such translation."""
        return self.translations.get(language, self.texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A step that mails a tip.

    `gap` is counted from the actual send of the mail before it; `first_gap` is used instead, from the enrolment, where
    this learner has had none yet (the first tip, another branch, a skipped one). `number` of `of` is its place on the
    longest way through the course, for "3 of 8". `then` is the id of the step after it. `objectives`, `questions` and
    `surveys` are the translations, by language. A mail with a `survey` asks for a rating and teaches nothing.
    `renamed_from` is the id that it had before.
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
    objectives: Mapping[str, str] = field(default_factory=dict)
    skill: str = ""
    question: Question | None = None
    questions: Mapping[str, Question] = field(default_factory=dict)
    survey: Survey | None = None
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    stale_after: Gap | None = None
    renamed_from: str | None = None
    then: str | None = None

    def objective_in(self, language: str) -> str:
        """What the learner can do afterwards, in that language, or in the course's."""
        return self.objectives.get(language, self.objective)

    def question_in(self, language: str) -> Question | None:
        """The question in that language, or in the course's."""
        return self.questions.get(language, self.question)

    def survey_in(self, language: str) -> Survey | None:
        """The survey in that language, or in the course's."""
        return self.surveys.get(language, self.survey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A step that waits until a condition holds, `at_most` so long (from when it was reached).

    `rule` is the course's: an `at_most` in days ends at that day's hour, as a gap does, whatever the weekday.
    """

    kind: Literal["wait"] = "wait"
    id: str
    until: str
    at_most: Gap
    rule: Rule = field(default_factory=Rule)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """An outgoing webhook, written when it is reached."""

    kind: Literal["notify"] = "notify"
    id: str
    name: str
    then: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """A certificate, given when it is reached."""

    kind: Literal["award"] = "award"
    id: str
    name: str
    then: str | None = None


Step = Mail | Wait | Branch | Notify | Award


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A compiled course. `revision` is the hash of everything that shapes what is sent and when.

    `steps` is in reading order; each names its successor by id (None: the end), so that order is data and not position.
    `layout` is the name of the MJML layout. `timezone` is for learners who have none of their own.
    `goal`, `stop` and `hold_while` are conditions; `silent_after` is after how many mails without a sign of life an
    enrolment is paused; `stale_after` is how late a tip may be before it is skipped; `holdout` is the share, from 0 to
    1, of learners who are enrolled and never mailed. `languages` are the translations there are, besides `language`;
    `titles` is the course's title in them. `attributes` are the learner's attributes that it uses, as declared;
    `removed` are the ids of steps that were taken out while people were in the course; `look` is the hash of the layout
    with the brand in it.
    """

    course_id: str
    title: str
    revision: str
    language: str
    sender: Sender
    layout: str
    timezone: str
    limit: Limit | None = None
    start: Start = Start()
    goal: str | None = None
    stop: str | None = None
    hold_while: str | None = None
    silent_after: int | None = None
    stale_after: Gap | None = None
    priority: int = 0
    reviews: Reviews | None = None
    tracking: Tracking = Tracking()
    unsubscribe: Literal["everything", "course"] = "everything"
    holdout: float = 0.0
    titles: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    look: str = ""
    steps: tuple[Step, ...] = ()

    def step(self, step_id: str) -> Step | None:
        """The step of that id, or None where this plan has none."""
        return next((step for step in self.steps if step.id == step_id), None)

    def language_for(self, wanted: str | None) -> str:
        """The language that this learner gets: their own, its base (sv for sv-FI), or the course's."""
        for code in (wanted or "", (wanted or "").partition("-")[0]):
            if code and code in self.languages:
                return code
        return self.language

    @property
    def first(self) -> str | None:
        """The id of the first step, None for an empty plan."""
        return self.steps[0].id if self.steps else None
