"""The grammar of a course file, as pydantic models: what may be written where. The JSON Schema comes from here.

A field's type says how its text is read (values.py); its description is what an editor shows while somebody writes.
Steps are in steps.py, what a tip consists of in lesson.py, smaller parts in parts.py. `Course` and `Defaults` are what
the rest of drip works with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import Field

from drip.course.attributes import Attribute
from drip.course.fields import Condition, Id, Language, LayoutName, Leaves, Line, PastId, Priority
from drip.course.files import Body
from drip.course.lesson import Button, Clip, Image, Option, Question, Variant
from drip.course.parts import Experiment, Reviews, ReviewsOrName, Sender, Silent, Start, Timing, Tracking
from drip.course.parts import Part as Part
from drip.course.paths import resolved
from drip.course.pictures import Picture
from drip.course.positions import Path, Scalar, Source, Table, at, key_at
from drip.course.steps import AnyStep, Award, If, Notify, Step, Survey, Tip, Until, Wait
from drip.course.timing import ALL_DAYS, Gap, Limit, Rule, Unit, Window
from drip.course.translation import Translation
from drip.errors import Mistake

__all__ = [
    "AnyStep", "Award", "Button", "Clip", "Course", "CourseFile", "Defaults", "Experiment", "If", "Image", "Notify",
    "Option", "Question", "Reviews", "Sender", "Silent", "Start", "Step", "Survey", "Timing", "Tip", "Tracking",
    "Until", "Variant", "Wait",
]  # fmt: skip


class CourseFile(Part):
    """A drip course."""

    id: Id | None = Field(
        None, description="The course's stable id; without it, the file's name.", examples=["reports"]
    )
    title: Line = Field(description="The title.", examples=["Your first report in a week"])
    language: Language | None = Field(None, description="The language of the texts (BCP 47).", examples=["en", "sv"])
    sender: Sender | None = Field(None, description="Who the mails come from; without it, from drip.toml.")
    layout: LayoutName | None = Field(None, description="The layout's name: templates/NAME.mjml.", examples=["tip"])
    priority: Priority | None = Field(
        None, description="A higher course goes first where a cap lets only one mail through; 0 if not said.",
        examples=[10],
    )  # fmt: skip
    timing: Timing | None = Field(None, description="When mails go.")
    start: Start | None = Field(None, description="How people come in; without it, by import or by hand.")
    goal: Condition | None = Field(
        None, description="Ends the course as a success as soon as it holds.",
        examples=['event("subscription.started")'],
    )  # fmt: skip
    stop: Condition | None = Field(
        None, description="Ends the course quietly as soon as it holds.", examples=['learner.status == "churned"']
    )
    hold_while: Condition | None = Field(
        None, description="Nothing is sent while it holds; afterwards the course goes on.",
        examples=["learner.open_ticket"],
    )  # fmt: skip
    silent: Silent | None = Field(None, description="What happens with a learner who shows no sign of life.")
    reviews: ReviewsOrName | None = Field(
        None, description="How questions come back; without it, they do not.", examples=["fixed", "none"]
    )
    tracking: Tracking | None = Field(None, description="What is recorded; without it, opens and clicks.")
    unsubscribe: Leaves | None = Field(
        None, description="What one press leaves: everything from this workspace (if not said), or this course.",
        examples=["course"],
    )  # fmt: skip
    experiment: Experiment | None = Field(None, description="Whether some are held out, to see what the course does.")
    removed: tuple[PastId, ...] = Field(
        (), min_length=1, examples=[["old-step"]],
        description="Ids of steps that were taken out while people were in the course.",
    )  # fmt: skip
    steps: tuple[Step, ...] = Field(min_length=1, description="What happens, in order.")


CourseFile.model_rebuild()


ONE_DAY = Gap(count=1, unit=Unit.DAYS)
#: Who mails come from outside a workspace, where nothing is sent to anybody: `check`, `preview` and `simulate` work.
PLACEHOLDER_SENDER = Sender.model_construct(name="drip", email="drip@localhost", reply_to=None, bounces=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds where a course says nothing: the words of drip.toml, or these outside a workspace.

    A workspace without a sender of its own gives `sender=None`; then every course must name one. `attributes` is what
    `[learner]` declares (None: there is no such section, and every `learner.x` is taken).
    `no_pixels` goes over what a course says: no mail has one.
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
    stale_after: Gap | None = None
    attributes: Mapping[str, Attribute] | None = None
    no_pixels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course that has been read and checked, with the defaults filled in.

    `steps` are the models of steps.py, nested as written; a body that stands in a file of its own is filled in, so that
    `tip.body` is the text in any case. `source` and `tree` say where everything stands, for advice; `bodies` is path →
    a body's file, `pictures` path → what is known of a picture beside the course, `translations` language → texts.
    `attributes` are the declared ones that this course uses. `missing` is advice on texts that are not translated.
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
    steps: tuple[AnyStep, ...]
    start: Start | None = None
    goal: str | None = None
    stop: str | None = None
    hold_while: str | None = None
    silent: Silent | None = None
    stale_after: Gap | None = None
    priority: int = 0
    reviews: Reviews | None = None
    tracking: Tracking | None = None
    unsubscribe: Leaves = "everything"
    experiment: Experiment | None = None
    removed: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    translations: Mapping[str, Translation] = field(default_factory=dict)
    missing: tuple[Mistake, ...] = ()
    bodies: Mapping[str, Body] = field(default_factory=dict, repr=False, compare=False)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    source: Source = field(repr=False, compare=False)
    tree: Table = field(repr=False, compare=False)

    @property
    def start_when(self) -> str | None:
        """The condition under which people come in at all."""
        return self.start.when if self.start else None

    def walk(self) -> Iterator[tuple[Path, AnyStep]]:
        """Every step in reading order, also those inside an `if`, with its path such as `("steps", 2, "then", 0)`."""
        return _walk(("steps",), self.steps)

    def advice(
        self, path: Path, rule: str, message: str, hint: str = "", *, key: bool = False, needle: str = ""
    ) -> Mistake:
        """A warning about the value at `path`, about its key, or about the first `needle` in its text.

        A body that stands in a file of its own is pointed at in that file.
        """
        source, node = self.source, at(self.tree, path)
        span = key_at(self.tree, path) if key else node.span
        if path and path[-1] == "body" and isinstance(node, Table) and (file := _body_file(node)) in self.bodies:
            source, node = self.bodies[file].source, self.bodies[file].scalar
            span = (0, 0)
        if needle and isinstance(node, Scalar) and needle in node.text:
            span = source.within(node, node.text.index(needle), len(needle))
        return source.mistake(span, rule, message, hint, severity="warning")


def _body_file(step: Table) -> str:
    named = step.get("body_file")
    return (resolved("", named.text.strip()) or "") if isinstance(named, Scalar) else ""


def _walk(path: Path, steps: tuple[AnyStep, ...]) -> Iterator[tuple[Path, AnyStep]]:
    for index, step in enumerate(steps):
        yield (*path, index), step
        if isinstance(step, If):
            yield from _walk((*path, index, "then"), step.then)
            yield from _walk((*path, index, "else"), step.otherwise)
