"""The smaller parts of a course file's grammar: what stands under `sender`, `timing`, `start`, `button`, `question`.

`not_yet` lists the keys that DESIGN.md's grammar has and this version does not: they are refused by name.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from drip.course.fields import (
    Clock,
    Condition,
    Days,
    Email,
    Flag,
    GapText,
    Holidays,
    Id,
    LimitText,
    Line,
    Prose,
    TemplateLine,
    Url,
    WindowText,
    Zone,
)


class Part(BaseModel):
    """A part of a course file: frozen, and nothing in it that the grammar does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    not_yet: ClassVar[frozenset[str]] = frozenset()


class Sender(Part):
    """Who the mails come from."""

    not_yet = frozenset({"bounces"})

    name: Line = Field(description="The name that the learner sees.", examples=["Acme Academy"])
    email: Email = Field(description="The address that the mails come from.", examples=["learn@acme.example"])
    reply_to: Email | None = Field(
        None, description="Where an answer goes; without it, to `email`.", examples=["help@acme.example"]
    )


class Timing(Part):
    """When mails go. What is not written here comes from drip.toml."""

    not_yet = frozenset({"stale_after"})

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


class Start(Part):
    """How people come in. Without it: by import or by hand."""

    not_yet = frozenset({"event", "date", "offset", "reentry"})

    when: Condition = Field(description="Who may be enrolled.", examples=['learner.plan == "trial"'])


class Button(Part):
    """The one button of a tip."""

    text: TemplateLine = Field(description="What the button says.", examples=["Open your views"])
    url: Url = Field(
        description="Where it leads. Scheme and host are literal; path and query may hold placeholders.",
        examples=["https://app.acme.example/views?u={{ learner.ref }}"],
    )


class Option(Part):
    """One answer that a learner may press."""

    text: Line = Field(description="What the option says.", examples=["From a saved view"])
    correct: Flag = Field(False, description="Whether this is the right one. Exactly one is.", examples=[True])
    because: Prose | None = Field(
        None,
        description="Why it is right or wrong: shown at once after it was chosen.",
        examples=["No view, no chart."],
    )


class Question(Part):
    """A retrieval question: one right answer among two to eight."""

    id: Id | None = Field(
        None, description="The question's stable id; without it, the tip's.", examples=["chart-start"]
    )
    ask: Prose = Field(description="The question.", examples=["Where does a chart start?"])
    options: tuple[Option, ...] = Field(
        min_length=2, max_length=8, description="The answers to choose from, in the order in which they are shown."
    )
