"""The grammar of a course file, as pydantic models: what may be written where. The JSON Schema comes from here.

A field's type says how its text is read (values.py); its description is what an editor shows while somebody writes.
The smaller parts are in parts.py. `Course` and `Defaults` are what the rest of drip works with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Union

from pydantic import ConfigDict, Discriminator, Field, Tag

from drip.course.fields import (
    Clock,
    Condition,
    Days,
    GapText,
    Id,
    Language,
    LayoutName,
    Line,
    Markdown,
    Skill,
    StepId,
    TemplateLine,
    Weight,
    WindowText,
)
from drip.course.parts import Button, Part, Question, Sender, Start, Timing
from drip.course.positions import Path, Scalar, Source, Table, at, key_at
from drip.course.timing import ALL_DAYS, Gap, Limit, Rule, Unit, Window
from drip.errors import Mistake

__all__ = ["Course", "CourseFile", "Defaults", "If", "Sender", "Step", "Timing", "Tip", "Variant", "Wait"]


class _Said(Part):
    """The texts of a tip, which a variant may say in another way."""

    subject: TemplateLine | None = Field(None, description="The subject.", examples=["Start from a saved view"])
    preheader: TemplateLine | None = Field(
        None, description="What an inbox shows after the subject.", examples=["Two minutes to your first chart"]
    )
    body: Markdown | None = Field(
        None, description="The tip, in Markdown.", examples=["A chart starts from a *saved view*."]
    )
    button: Button | None = Field(None, description="The one button.")


class Variant(_Said):
    """Another way to say a tip. A learner always gets the same one."""

    not_yet = frozenset({"body_file", "image", "clip", "source"})

    name: Id = Field(description="The variant's name.", examples=["short"])
    weight: Weight = Field(1, description="How often it is chosen, against the others.", examples=[1])


class Tip(_Said):
    """A step that mails a lesson."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [{"anyOf": [{"required": [key]}, {"required": ["variants"]}]} for key in ("subject", "body")]
        }
    )
    not_yet = frozenset({"body_file", "image", "clip", "source", "renamed_from", "stale_after"})

    tip: StepId = Field(description="The step's stable id, unique in the course.", examples=["welcome"])
    objective: Line | None = Field(
        None, description="What the learner can do afterwards.", examples=["Create a chart from a saved view"]
    )
    skill: Skill | None = Field(None, description="The skill that it trains.", examples=["reporting.charts"])
    question: Question | None = Field(None, description="A question that brings the tip back to mind.")
    after: GapText | None = Field(
        None, description="The gap from the mail before it, instead of `every`.", examples=["3 days"]
    )
    at: Clock | None = Field(None, description="The time of day of this tip.", examples=["09:00"])
    between: WindowText | None = Field(None, description="The hours of this tip.", examples=["08:00-10:00"])
    days: Days | None = Field(None, description="The weekdays of this tip.", examples=["mon-fri", ["tue", "thu"]])
    when: Condition | None = Field(
        None, description="When false, the tip is skipped.", examples=['not clicked("welcome")']
    )
    variants: tuple[Variant, ...] = Field(
        (), min_length=1, description="Other ways to say it; each overrides texts of the tip."
    )


class Until(Part):
    """What a wait waits for."""

    until: Condition = Field(description="The wait ends as soon as this holds.", examples=['answered("export")'])
    at_most: GapText = Field(description="And after this long in any case.", examples=["4 days"])


class Wait(Part):
    """A step that waits until something has happened."""

    wait: Until = Field(description="What is waited for, and how long at most.")


class If(Part):
    """A fork: decided once, when a mail in its place would be due."""

    condition: Condition = Field(alias="if", description="What decides.", examples=['correct("welcome")'])
    then: tuple[Step, ...] = Field(min_length=1, description="The steps where it holds.")
    otherwise: tuple[Step, ...] = Field((), alias="else", min_length=1, description="The steps where it does not.")


#: The key that says what kind of step an item is → the tag of its model.
KINDS = {"tip": "<tip>", "wait": "<wait>", "if": "<if>"}
#: Kinds of steps that DESIGN.md's grammar has and this version does not.
KINDS_NOT_YET = frozenset({"survey", "notify", "award"})


def kind_of(node: object) -> str | None:
    """The tag of the model that an item of `steps` is read by, None where it is no step."""
    if not isinstance(node, Table):
        return None
    return next((tag for key, tag in KINDS.items() if key in node), None)


Step = Annotated[
    Union[Annotated[Tip, Tag("<tip>")], Annotated[Wait, Tag("<wait>")], Annotated[If, Tag("<if>")]],  # noqa: UP007
    Discriminator(kind_of),
]


class CourseFile(Part):
    """A drip course."""

    not_yet = frozenset(
        {
            "priority", "goal", "stop", "hold_while", "silent", "reviews", "tracking", "unsubscribe", "experiment",
            "removed", "stale_after",
        }
    )  # fmt: skip

    id: Id | None = Field(
        None, description="The course's stable id; without it, the file's name.", examples=["reports"]
    )
    title: Line = Field(description="The title.", examples=["Your first report in a week"])
    language: Language | None = Field(None, description="The language of the texts (BCP 47).", examples=["en", "sv"])
    sender: Sender | None = Field(None, description="Who the mails come from; without it, from drip.toml.")
    layout: LayoutName | None = Field(None, description="The layout's name: templates/NAME.mjml.", examples=["tip"])
    timing: Timing | None = Field(None, description="When mails go.")
    start: Start | None = Field(None, description="How people come in.")
    steps: tuple[Step, ...] = Field(min_length=1, description="What happens, in order.")


If.model_rebuild()
CourseFile.model_rebuild()


ONE_DAY = Gap(count=1, unit=Unit.DAYS)
#: Who mails come from outside a workspace, where nothing is sent to anybody: `check`, `preview` and `simulate` work.
PLACEHOLDER_SENDER = Sender.model_construct(name="drip", email="drip@localhost", reply_to=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds where a course says nothing: the words of drip.toml, or these outside a workspace.

    A workspace without a sender of its own gives `sender=None`; then every course must name one.
    """

    sender: Sender | None = PLACEHOLDER_SENDER
    language: str = "en"
    layout: str = "tip"
    every: Gap = ONE_DAY
    at: int | None = None
    between: Window | None = None
    days: frozenset[int] = ALL_DAYS
    skip_holidays: str | None = None
    timezone: str = "UTC"
    limit: Limit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course that has been read and checked, with the defaults filled in.

    `steps` are the models above, nested as written. `source` and `tree` say where everything stands, for advice.
    """

    id: str
    title: str
    language: str
    sender: Sender
    layout: str
    every: Gap
    rule: Rule
    timezone: str
    limit: Limit | None
    start_when: str | None
    steps: tuple[Tip | Wait | If, ...]
    source: Source = field(repr=False, compare=False)
    tree: Table = field(repr=False, compare=False)

    def walk(self) -> Iterator[tuple[Path, Tip | Wait | If]]:
        """Every step in reading order, also those inside an `if`, with its path such as `("steps", 2, "then", 0)`."""
        return _walk(("steps",), self.steps)

    def advice(
        self, path: Path, rule: str, message: str, hint: str = "", *, key: bool = False, needle: str = ""
    ) -> Mistake:
        """A warning about the value at `path`, about its key, or about the first `needle` in its text."""
        node = at(self.tree, path)
        span = key_at(self.tree, path) if key else node.span
        if needle and isinstance(node, Scalar) and needle in node.text:
            span = self.source.within(node, node.text.index(needle), len(needle))
        return self.source.mistake(span, rule, message, hint, severity="warning")


def _walk(path: Path, steps: tuple[Tip | Wait | If, ...]) -> Iterator[tuple[Path, Tip | Wait | If]]:
    for index, step in enumerate(steps):
        yield (*path, index), step
        if isinstance(step, If):
            yield from _walk((*path, index, "then"), step.then)
            yield from _walk((*path, index, "else"), step.otherwise)
