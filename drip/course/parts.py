"""The smaller parts of a course file's grammar: what stands under `sender`, `timing`, `start` and their neighbours."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from drip.course.fields import (
    Attribute,
    Clicks,
    Clock,
    Condition,
    Days,
    DaysAfter,
    Domain,
    Email,
    GapText,
    Holidays,
    LimitText,
    Line,
    Mails,
    Name,
    Offset,
    Opens,
    PerEmail,
    ReentryText,
    Share,
    Strategy,
    Then,
    WindowText,
    Zone,
)
from drip.course.positions import Scalar, Table

#: Gaps that grow, as in Latimier, Peyre & Ramus 2021, where even and growing ones do equally well.
REVIEW_DAYS = (2, 5, 10, 20, 40)


#: Keys that exclude each other, as a JSON Schema says it.
ONE_TIME: JsonDict = {"not": {"required": ["at", "between"]}}
ONE_BODY: JsonDict = {"not": {"required": ["body", "body_file"]}}


class Part(BaseModel):
    """A part of a course file: frozen, and nothing in it that the grammar does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sender(Part):
    """Who the mails come from."""

    name: Line = Field(description="The name that the learner sees.", examples=["Acme Academy"])
    email: Email = Field(description="The address that the mails come from.", examples=["learn@acme.example"])
    reply_to: Email | None = Field(
        None, description="Where an answer goes; without it, to `email`.", examples=["help@acme.example"]
    )
    bounces: Domain | None = Field(
        None,
        description="The domain to which mail servers return what they cannot deliver; without it, to `email`.",
        examples=["bounces.acme.example"],
    )


class Timing(Part):
    """When mails go. What is not written here comes from drip.toml."""

    model_config = ConfigDict(json_schema_extra=ONE_TIME)

    every: GapText | None = Field(None, description="The gap between mails that name none.", examples=["1 day"])
    at: Clock | None = Field(
        None, description="The time of day, in the learner's zone. Not together with `between`.", examples=["09:00"]
    )
    between: WindowText | None = Field(
        None, description="The hours of the day, half-open; they may cross midnight.", examples=["08:00-10:00"]
    )
    days: Days | None = Field(None, description="The weekdays on which mails go.", examples=["mon-fri", ["tue", "thu"]])
    skip_holidays: Holidays | None = Field(
        None, description="The country, or part of one, on whose holidays nothing goes.", examples=["SE", "DE-BY"]
    )
    timezone: Zone | None = Field(
        None, description="The zone of learners who have none of their own.", examples=["Europe/Stockholm"]
    )
    limit: LimitText | None = Field(
        None, description="The most mails of this course in a calendar day or week.", examples=["1 per day"]
    )
    stale_after: GapText | None = Field(
        None, description="A mail that is later than this is skipped, with the reason.", examples=["7 days"]
    )


class Start(Part):
    """How people come in by themselves. Without it: by import or by hand."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "not": {"required": ["event", "date"]}})

    event: Name | None = Field(None, description="The event that enrols a learner.", examples=["trial.started"])
    date: Attribute | None = Field(
        None,
        description="The learner's own date that enrols them: on that day, or `offset` from it.",
        examples=["learner.renewal_date"],
    )
    offset: Offset | None = Field(
        None, description="Days or weeks counted from `date`; negative is before it.", examples=["-14 days"]
    )
    when: Condition | None = Field(
        None, description="Who may be enrolled, on whatever way.", examples=['learner.plan == "trial"']
    )
    reentry: ReentryText | None = Field(
        None,
        description="Whether somebody may come in again: never (the default), after completion, or after so many days "
        "from the last start. Whoever has left stays away.",
        examples=["never", "after completion", "after 90 days"],
    )


class Silent(Part):
    """What happens with a learner who shows no sign of life: neither a click nor an answer."""

    after: Mails = Field(description="How many mails in a row without a click or an answer.", examples=["5 mails"])
    then: Then = Field("pause", description="Their course is paused; a press in any mail goes on with it.")


class Reviews(Part):
    """Retrieval practice: questions come back after days, in the next tip or in a recap mail of their own."""

    strategy: Strategy = Field("fixed", description="fixed: after the days below; none: no reviews.")
    after_days: tuple[DaysAfter, ...] = Field(
        REVIEW_DAYS,
        min_length=1,
        max_length=20,
        description="How many days after the mail that taught it a question comes back, ascending.",
        examples=[[2, 5, 10, 20, 40]],
    )
    per_email: PerEmail = Field(2, description="The most questions that ride along in one mail.", examples=[2])


def _named_strategy(node: Any) -> Any:
    """`reviews: fixed` is short for `reviews: {strategy: fixed}`."""
    if isinstance(node, Scalar) and node.value is not None:
        table = Table(node.span)
        table["strategy"] = node
        return table
    return node


#: Reviews with all their words, or the name of the strategy alone.
ReviewsOrName = Annotated[
    Reviews, BeforeValidator(_named_strategy, json_schema_input_type=Reviews | Literal["fixed", "none"])
]


class Tracking(Part):
    """What is recorded of what learners do with their mail. Answers always are."""

    opens: Opens = Field("always", description="Opens: always, consented (only of those who agreed) or never.")
    clicks: Clicks = Field("always", description="Clicks: always, or never; links then lead to their places directly.")


class Experiment(Part):
    """Whether the course works: some are enrolled and never mailed, and compared with the others."""

    holdout: Share = Field(
        description="The share that is held out, 0% to 50%; always the same people.", examples=["10%"]
    )
