"""The grammar of a translation, `NAME.LANGUAGE.yaml`: the same ids as the course, and only texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Union

from pydantic import ConfigDict, Discriminator, Field, Tag

from drip.course.fields import (
    Id,
    Line,
    LocalPath,
    Markdown,
    PictureSource,
    Prose,
    Rating,
    StepId,
    TemplateLine,
    Url,
)
from drip.course.parts import ONE_BODY, Part
from drip.course.positions import Source, Table


class TranslatedButton(Part):
    """What the button says in this language."""

    text: TemplateLine | None = Field(None, description="What the button says.", examples=["Öppna dina vyer"])
    url: Url | None = Field(
        None, description="Where it leads, if elsewhere.", examples=["https://app.acme.example/sv/views"]
    )


class TranslatedImage(Part):
    """The picture in this language."""

    src: PictureSource | None = Field(
        None, description="Another picture, if this one has words in it.", examples=["charts.sv.png"]
    )
    alt: Line | None = Field(None, description="What the picture says.", examples=["Stapeldiagram över försäljning"])


class TranslatedClip(Part):
    """The clip in this language."""

    url: Url | None = Field(None, description="Another film, if it is dubbed.", examples=["https://acme.example/sv"])
    poster: PictureSource | None = Field(None, description="Another poster.", examples=["clip.sv.png"])
    alt: Line | None = Field(None, description="What the film shows.", examples=["En vy sparas"])


class TranslatedOption(Part):
    """One answer, in the place that it has in the course."""

    text: Line = Field(description="What the option says.", examples=["Från en sparad vy"])
    because: Prose | None = Field(None, description="Why it is right or wrong.", examples=["Vyn har filtren."])


class TranslatedQuestion(Part):
    """The question in this language: as many options as in the course, in the same order."""

    ask: Prose | None = Field(None, description="The question.", examples=["Var börjar ett diagram?"])
    options: tuple[TranslatedOption, ...] = Field(
        (), min_length=2, max_length=8, description="The answers, in the order of the course."
    )


class TranslatedSaid(Part):
    """The texts of a tip, or of a variant of it."""

    model_config = ConfigDict(json_schema_extra=ONE_BODY)

    subject: TemplateLine | None = Field(None, description="The subject.", examples=["Börja från en sparad vy"])
    preheader: TemplateLine | None = Field(
        None, description="What an inbox shows after the subject.", examples=["Två minuter till ditt första diagram"]
    )
    body: Markdown | None = Field(
        None, description="The tip, in Markdown.", examples=["Ett diagram börjar från en *sparad vy*."]
    )
    body_file: LocalPath | None = Field(
        None, description="The file that holds the body. Instead of `body`.", examples=["tips/welcome.sv.md"]
    )
    button: TranslatedButton | None = Field(None, description="The button.")
    image: TranslatedImage | None = Field(None, description="The picture.")
    clip: TranslatedClip | None = Field(None, description="The clip.")
    source: Line | None = Field(
        None, description="Where a claim comes from.", examples=["Acmes användarstudie 2026, n = 412"]
    )


class TranslatedVariant(TranslatedSaid):
    """A variant of a tip in this language, found by its name."""

    name: Id = Field(description="The variant's name, as in the course.", examples=["short"])


class TranslatedTip(TranslatedSaid):
    """A tip in this language, found by its id."""

    tip: StepId = Field(description="The tip's id, as in the course.", examples=["welcome"])
    objective: Line | None = Field(
        None,
        description="What the learner can do afterwards, as their certificate says it.",
        examples=["Skapa ett diagram från en sparad vy"],
    )
    question: TranslatedQuestion | None = Field(None, description="The question.")
    variants: tuple[TranslatedVariant, ...] = Field((), min_length=1, description="The variants, by name.")


class TranslatedSurvey(Part):
    """A survey in this language, found by its id, or by its kind where just one of that kind has none."""

    model_config = ConfigDict(json_schema_extra=ONE_BODY)

    survey: Rating = Field(description="The kind, as in the course.", examples=["nps"])
    id: StepId | None = Field(None, description="The survey's id, as in the course.", examples=["recommend"])
    ask: Line | None = Field(None, description="The question.", examples=["Hur troligt är det att du tipsar om oss?"])
    subject: TemplateLine | None = Field(None, description="The subject.", examples=["En fråga"])
    preheader: TemplateLine | None = Field(
        None, description="What an inbox shows after the subject.", examples=["Ett tryck"]
    )
    body: Markdown | None = Field(
        None, description="What stands above the question.", examples=["Du har kommit halvvägs."]
    )
    body_file: LocalPath | None = Field(
        None, description="The file that holds the body. Instead of `body`.", examples=["tips/half-way.sv.md"]
    )


#: The key that says what an item translates → the tag of its model.
TRANSLATED_KINDS = {"tip": "<translated tip>", "survey": "<translated survey>"}


def translated_kind_of(node: object) -> str | None:
    """The tag of the model that an item of a translation's `steps` is read by, None where it is none."""
    if not isinstance(node, Table):
        return None
    return next((tag for key, tag in TRANSLATED_KINDS.items() if key in node), None)


TranslatedStep = Annotated[
    Union[  # noqa: UP007
        Annotated[TranslatedTip, Tag("<translated tip>")], Annotated[TranslatedSurvey, Tag("<translated survey>")]
    ],
    Discriminator(translated_kind_of),
]


class TranslationFile(Part):
    """A drip course in another language: the same ids, and only texts. What is not written stays as in the course."""

    title: Line | None = Field(None, description="The title.", examples=["Din första rapport på en vecka"])
    steps: tuple[TranslatedStep, ...] = Field(
        (), min_length=1, description="The tips and surveys, in any order, also those that stand inside an `if`."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A translation that has been read and checked against its course. `tips` are by id, `surveys` by `survey_key`."""

    language: str
    title: str | None
    tips: Mapping[str, TranslatedTip]
    surveys: Mapping[str, TranslatedSurvey]
    source: Source = field(repr=False, compare=False)
    tree: Table = field(repr=False, compare=False)


def survey_key(kind: str, id_: str | None) -> str:
    """What a survey is found by: its id, or else its kind. No id begins with <."""
    return id_ or f"<{kind}>"
