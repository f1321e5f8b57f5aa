"""What a tip consists of: its texts, its button, picture, clip and question."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from drip.course.fields import (
    Flag,
    Id,
    Line,
    LocalPath,
    Markdown,
    Minutes,
    PictureSource,
    Prose,
    TemplateLine,
    Url,
    Weight,
)
from drip.course.parts import ONE_BODY, Part


class Button(Part):
    """The one button of a tip."""

    text: TemplateLine = Field(description="What the button says.", examples=["Open your views"])
    url: Url = Field(
        description="Where it leads. Scheme and host are literal; path and query may hold placeholders.",
        examples=["https://app.acme.example/views?u={{ learner.ref }}"],
    )


class Image(Part):
    """One picture, below the text."""

    src: PictureSource = Field(
        description="A PNG, JPEG, GIF or WebP file beside the course, of at most 1 MB; or an https address.",
        examples=["charts.png", "https://acme.example/charts.png"],
    )
    alt: Line = Field(
        description="What the picture says, for those who do not see it.", examples=["A bar chart of sales by week"]
    )


class Clip(Part):
    """A short film: its poster with a play sign, which opens it on the web."""

    url: Url = Field(description="Where the film is.", examples=["https://acme.example/clips/views"])
    poster: PictureSource = Field(
        description="The picture that stands for it: a file beside the course, or an https address.",
        examples=["clip.png"],
    )
    alt: Line = Field(description="What the film shows, for those who do not see it.", examples=["A view is saved"])
    minutes: Minutes | None = Field(None, description="How long it is.", examples=[2])
    captions: Flag = Field(False, description="Whether it has captions.", examples=[True])


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


class Said(Part):
    """The texts of a tip, which a variant may say in another way."""

    model_config = ConfigDict(json_schema_extra=ONE_BODY)

    subject: TemplateLine | None = Field(None, description="The subject.", examples=["Start from a saved view"])
    preheader: TemplateLine | None = Field(
        None, description="What an inbox shows after the subject.", examples=["Two minutes to your first chart"]
    )
    body: Markdown | None = Field(
        None,
        description="The tip, in Markdown. Pictures in it are files beside the course, or https addresses.",
        examples=["A chart starts from a *saved view*."],
    )
    body_file: LocalPath | None = Field(
        None,
        description="The file that holds the body, beside the course. Instead of `body`.",
        examples=["tips/welcome.md"],
    )
    button: Button | None = Field(None, description="The one button.")
    image: Image | None = Field(None, description="A picture below the text.")
    clip: Clip | None = Field(None, description="A short film.")
    source: Line | None = Field(
        None,
        description="Where a claim in the text comes from: shown small, below it.",
        examples=["Acme usage study 2026, n = 412"],
    )


class Variant(Said):
    """Another way to say a tip. A learner always gets the same one."""

    name: Id = Field(description="The variant's name.", examples=["short"])
    weight: Weight = Field(1, description="How often it is chosen, against the others.", examples=[1])
