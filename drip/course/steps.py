"""The kinds of step: what may stand as an item of `steps`."""

from __future__ import annotations

from typing import Annotated, Union

from pydantic import ConfigDict, Discriminator, Field, Tag

from drip.course.fields import (
    Clock,
    Condition,
    Days,
    GapText,
    Id,
    Line,
    LocalPath,
    Markdown,
    Name,
    Rating,
    Scale,
    Skill,
    StepId,
    TemplateLine,
    WindowText,
)
from drip.course.lesson import Question, Said, Variant
from drip.course.parts import ONE_BODY, ONE_TIME, Part
from drip.course.positions import Table


class Timed(Part):
    """When one mail goes, where it differs from the course."""

    after: GapText | None = Field(
        None, description="The gap from the mail before it, instead of `every`.", examples=["3 days"]
    )
    at: Clock | None = Field(None, description="The time of day of this mail.", examples=["09:00"])
    between: WindowText | None = Field(None, description="The hours of this mail.", examples=["08:00-10:00"])
    days: Days | None = Field(None, description="The weekdays of this mail.", examples=["mon-fri", ["tue", "thu"]])
    stale_after: GapText | None = Field(
        None, description="Later than this, the mail is skipped, with the reason.", examples=["2 days"]
    )
    when: Condition | None = Field(
        None, description="When false, the step is skipped, with the reason.", examples=['not clicked("welcome")']
    )


class Tip(Said, Timed):
    """A step that mails a lesson."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"anyOf": [{"required": ["subject"]}, {"required": ["variants"]}]},
                {"anyOf": [{"required": ["body"]}, {"required": ["body_file"]}, {"required": ["variants"]}]},
                ONE_BODY,
                ONE_TIME,
            ]
        }
    )

    tip: StepId = Field(description="The step's stable id, unique in the course.", examples=["welcome"])
    renamed_from: Id | None = Field(
        None,
        description="The id that this tip had before: whoever got it under that id does not get it again.",
        examples=["csv-export"],
    )
    objective: Line | None = Field(
        None, description="What the learner can do afterwards.", examples=["Create a chart from a saved view"]
    )
    skill: Skill | None = Field(None, description="The skill that it trains.", examples=["reporting.charts"])
    question: Question | None = Field(None, description="A question that brings the tip back to mind.")
    variants: tuple[Variant, ...] = Field(
        (), min_length=1, description="Other ways to say it; each overrides texts of the tip."
    )


class Survey(Timed):
    """A step that mails a rating: one press, confirmed on a page."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"required": ["survey"], "properties": {"survey": {"const": "scale"}}},
                    "then": {"required": ["scale"]},
                    "else": {"not": {"required": ["scale"]}},
                },
                ONE_BODY,
                ONE_TIME,
            ]
        }
    )

    survey: Rating = Field(
        description="nps: 0 to 10; csat: 1 to 5; scale: from and to what `scale` says.", examples=["nps"]
    )
    id: StepId | None = Field(
        None,
        description="The step's stable id, for conditions and translations; without it, it is named for the tip before "
        "it: welcome/survey.",
        examples=["recommend"],
    )
    scale: Scale | None = Field(None, description="The ends of the scale of `survey: scale`.", examples=[[1, 7]])
    ask: Line = Field(description="The question.", examples=["How likely are you to recommend us?"])
    subject: TemplateLine | None = Field(
        None, description="The subject; without it, what is asked.", examples=["One question"]
    )
    preheader: TemplateLine | None = Field(
        None, description="What an inbox shows after the subject.", examples=["It takes one press"]
    )
    body: Markdown | None = Field(
        None, description="What stands above the question, in Markdown.", examples=["You are half way."]
    )
    body_file: LocalPath | None = Field(
        None, description="The file that holds the body. Instead of `body`.", examples=["tips/half-way.md"]
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


class Notify(Part):
    """A step that tells another program that somebody has come here: written down now, sent by a later version."""

    notify: Name = Field(description="What the other program is told.", examples=["crm.course_nearly_done"])
    id: StepId | None = Field(
        None, description="The step's stable id; without it, welcome/notify.", examples=["tell-the-crm"]
    )


class Award(Part):
    """A step that gives a certificate. The learner's own page of the course and an answer's page lead to it."""

    award: Id = Field(description="What is given.", examples=["certificate"])
    id: StepId | None = Field(
        None, description="The step's stable id; without it, welcome/award.", examples=["first-badge"]
    )


#: The key that says what kind of step an item is → the tag of its model.
KINDS = {kind: f"<{kind}>" for kind in ("tip", "survey", "wait", "if", "notify", "award")}


def kind_of(node: object) -> str | None:
    """The tag of the model that an item of `steps` is read by, None where it is no step."""
    if not isinstance(node, Table):
        return None
    return next((tag for key, tag in KINDS.items() if key in node), None)


AnyStep = Tip | Survey | Wait | If | Notify | Award
Step = Annotated[
    Union[  # noqa: UP007
        Annotated[Tip, Tag("<tip>")],
        Annotated[Survey, Tag("<survey>")],
        Annotated[Wait, Tag("<wait>")],
        Annotated[If, Tag("<if>")],
        Annotated[Notify, Tag("<notify>")],
        Annotated[Award, Tag("<award>")],
    ],
    Discriminator(kind_of),
]

If.model_rebuild()
