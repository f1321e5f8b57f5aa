"""What the API takes and says, field by field: OpenAPI and /docs are made of these."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

#: Years that drip can plan for.
FIRST_YEAR, LAST_YEAR = 1970, 2200
#: So far may the clock of another system be ahead of ours.
AHEAD = timedelta(hours=24)
#: So many stand on a page, where nothing else is said, and at the most.
PAGE, LARGEST_PAGE = 100, 1000


def _read_time(said: object) -> object:
    """A time as it is written: a number could be seconds or milliseconds, and is none."""
    if isinstance(said, str) and len(said) <= 40:
        try:
            return datetime.fromisoformat(said)
        except ValueError:
            pass
    return said


def _plannable(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"a year from {FIRST_YEAR} to {LAST_YEAR} is wanted")
    return at


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("one line of text is wanted, without spaces around it")
    return text


At = Annotated[AwareDatetime, BeforeValidator(_read_time), AfterValidator(_plannable)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Who = Annotated[str, Field(min_length=1, max_length=400, description="Whom it is about: their address, or their ref.")]
#: A text, a number, yes or no, or null for nothing said.
Value = str | bool | int | float | None
Attributes = Annotated[
    dict[str, Value],
    Field(max_length=200, description="What `learner.NAME` says in courses, as `[learner]` of drip.toml declares it."),
]


class In(BaseModel):
    """What comes in: nothing that we do not know."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LearnerIn(In):
    """What is known of a learner. What is left out, empty or null leaves alone what was known before."""

    first_name: str | None = Field(default=None, description="What mails call them.")
    last_name: str | None = None
    language: str | None = Field(default=None, description="Such as sv or en-GB.")
    timezone: str | None = Field(default=None, description="Such as Europe/Stockholm.")
    attributes: Attributes = Field(default_factory=dict)


class LearnerRow(LearnerIn):
    """One learner of many."""

    email: str


class LearnersIn(In):
    """Up to 1,000 learners."""

    learners: list[Annotated[LearnerRow | Any, Field(union_mode="left_to_right")]] = Field(
        min_length=1, max_length=1000, description="One that is no such learner is refused by itself, and listed."
    )


class LearnerKept(BaseModel):
    """What became of a learner: `outcome` is added, updated or unchanged."""

    email: str
    ref: str = Field(description="Their public id: it can stand wherever an address can, and names nobody in a log.")
    outcome: Literal["added", "updated", "unchanged"]
    notes: list[str] = Field(description="What was taken and may be a slip, such as an attribute that is not declared.")


class RowRefused(BaseModel):
    """A row that was left out. `row` counts from 1."""

    row: int
    field: str | None
    message: str


class LearnersKept(BaseModel):
    """What became of many learners."""

    added: int
    updated: int
    unchanged: int
    refused: list[RowRefused]
    notes: list[str]


class Enrolment(BaseModel):
    """A learner in a course."""

    id: int
    course: str
    ref: str = Field(description="The learner's public id.")
    email: str
    run: int = Field(description="1 for the first time in this course.")
    state: Literal["active", "paused", "finished", "left", "failed"]
    ended_by: str | None
    enrolled_at: datetime
    next_step: str | None
    due_at: datetime | None = Field(description="When the next mail is looked at; null while none is planned.")
    paused_by: str | None = Field(description="learner, marketer (that is you) or silent.")
    paused_until: datetime | None
    problem: str | None = Field(description="What a person has to look at (`drip settle`).")


class Learner(BaseModel):
    """A learner, as they are known now."""

    email: str
    ref: str
    first_name: str | None
    last_name: str | None
    language: str | None
    timezone: str | None
    attributes: dict[str, Any]


class LearnerWhole(Learner):
    """A learner with all of their enrolments."""

    enrolments: list[Enrolment]


class LearnersPage(BaseModel):
    """Some learners, in the order in which they came. `next` is the cursor of the page after this; null: the last."""

    learners: list[Learner]
    next: str | None


class Export(BaseModel):
    """All that is kept of a learner; `about` says in a sentence what each of the parts is."""

    model_config = ConfigDict(extra="allow")

    address: str
    about: dict[str, str]


class Erasure(BaseModel):
    """What was erased, in rows; enrolments, mails and evidence stay in number, and point at nobody."""

    learners: int
    enrolments: int
    ended: int = Field(description="Enrolments that were still going on.")
    mails: int
    on_their_way: int = Field(description="Mails that were just leaving: they still arrive.")
    evidence: int
    consents: int
    requests: int = Field(description="What they had asked for by the form.")


class EnrolmentIn(In):
    """Who comes into which course, and from when on (now, if not said)."""

    course: Line
    email: Who
    at: At | None = None


class PauseIn(In):
    """Until when; until it is resumed, if not said."""

    until: At | None = None


class LeaveIn(In):
    """What is left: this course, or everything from this workspace (no course mails the address any more)."""

    scope: Literal["course", "everything"] = "course"


class EnrolmentsPage(BaseModel):
    """Some enrolments, in the order in which they began. `next` is the cursor of the next page; null: the last."""

    enrolments: list[Enrolment]
    next: str | None


class EventIn(In):
    """Something that happened elsewhere. With an `id` the same event twice is once, also after days."""

    email: Who
    name: Line = Field(description="As courses name it: `start: {event: …}`, `event(…)`.")
    id: Line | None = Field(default=None, description="By which you know it; unique for all tokens of one name.")
    at: At | None = Field(default=None, description="When it happened; now, if not said.")
    data: dict[str, Any] = Field(default_factory=dict, max_length=100, description="What else is known of it.")


class EventsIn(In):
    """Up to 100 events, written down in this order, all of them or none (but for those that are refused)."""

    events: list[Annotated[EventIn | Any, Field(union_mode="left_to_right")]] = Field(min_length=1, max_length=100)


class EventKept(BaseModel):
    """What an event did. `new` is false where it was known; `enrolled` are the courses that it began."""

    new: bool
    enrolled: list[str]


class EventRow(EventKept):
    """What one of several events did. `row` counts from 1."""

    row: int


class EventsKept(BaseModel):
    """What several events did, and which were refused."""

    events: list[EventRow]
    refused: list[RowRefused]


class Course(BaseModel):
    """A published course."""

    id: str
    title: str
    revision: str
    published_at: datetime
    paused_at: datetime | None
    starts_by_event: str | None = Field(description="The event that enrols people.")
    starts_by_date: str | None = Field(description="The attribute of learners whose date enrols them.")


class Courses(BaseModel):
    """All published courses."""

    courses: list[Course]


class Report(BaseModel):
    """The numbers of `drip report --format json`: the course's own, and a row for each step."""

    model_config = ConfigDict(extra="allow")

    course: str
    title: str
    enrolled: int
    active: int
    paused: int
    finished: int
    left: int
    failed: int
    sent: int
    answers: int
    correct: int
    correct_share: float | None
    steps: list[dict[str, Any]]
