"""Learner, Enrolment, Facts: the frozen values that every stage reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

from drip.track.classify import classify
from drip.track.evidence import SETTLES_AFTER, Evidence, Kind, Origin

V = TypeVar("V")


@lru_cache(maxsize=64)
def _fields_of(kind: type) -> tuple[Callable[[Any], tuple[Any, ...]], Mapping[str, Callable[[Any, Any], None]]]:
    """(a value → its fields, in order; field → what writes it) of a frozen class with slots."""
    names = [one.name for one in fields(kind)]
    return attrgetter(*names), {name: getattr(kind, name).__set__ for name in names}


def changed(value: V, /, **changes: Any) -> V:
    """The value with some fields changed: what `dataclasses.replace` gives, in half its time, which every mail takes
    several times. For frozen classes with slots, whose fields are all their own (no `__post_init__`).

    Raises KeyError for a field that there is not.
    """
    kind: type = type(value)
    read, write = _fields_of(kind)
    new: V = object.__new__(kind)
    for put, one in zip(write.values(), read(value), strict=True):
        put(new, one)
    for name, one in changes.items():
        write[name](new, one)
    return new


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """One person. `ref` is the public id that may stand in links; `attributes` are what conditions see besides names.

    `timezone` is the learner's own word (said on a page), `imported_timezone` what an import or a colleague said;
    both are IANA names, checked at the door. `consents_opens` is the learner's own last word on whether their opens may
    be recorded (None: they have said nothing).
    """

    id: int
    ref: str
    email: str
    first_name: str | None = None
    last_name: str | None = None
    language: str | None = None
    timezone: str | None = None
    imported_timezone: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    consents_opens: bool | None = None


class State(StrEnum):
    """Where an enrolment is in its life."""

    #: On its way; it has a due time unless a mail is under way, a person must decide, or it is held out.
    ACTIVE = "active"
    #: Stopped for a while by the learner, the marketer or `silent`.
    PAUSED = "paused"
    #: Done: last step, goal or stop (`ended_by` says which).
    FINISHED = "finished"
    #: The learner left.
    LEFT = "left"
    #: The address is dead.
    FAILED = "failed"


class Tempo(StrEnum):
    """How often a learner wants the mails of a course."""

    #: With twice the gaps.
    HALF = "half"
    #: As the course says.
    PLANNED = "planned"
    #: With half the gaps.
    TWICE = "twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """When a learner wants the mails of a course, over what the course says (schedule/wishes.py).

    `at` is in minutes from midnight, `days` are weekdays with Monday = 0, at least one; None: as the course says.
    """

    tempo: Tempo = Tempo.PLANNED
    at: int | None = None
    days: frozenset[int] | None = None

    def to_text(self) -> str:
        """`half at=540 days=0,2,4`: what an enrolment keeps, and evidence tells."""
        parts = [str(self.tempo)]
        if self.at is not None:
            parts.append(f"at={self.at}")
        if self.days is not None:
            parts.append(f"days={','.join(str(day) for day in sorted(self.days))}")
        return " ".join(parts)

    @classmethod
    def from_text(cls, text: str) -> Wish:
        """The wish that `to_text` wrote. Raises ValueError for any other text."""
        tempo, *others = text.split(" ")
        said = dict(part.split("=", 1) for part in others)
        at, days = said.pop("at", None), said.pop("days", None)
        if said:
            raise ValueError(f'"{text}" is not a wish')
        return cls(
            tempo=Tempo(tempo),
            at=None if at is None else int(at),
            days=None if days is None else frozenset(int(day) for day in days.split(",")),
        )


#: A learner who has asked for nothing.
AS_PLANNED = Wish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A learner in a course, and where they stand.

    `next_step` is a step id of the plan (None: past the last). `last_mail_at` is the actual send of the mail before it
    (None: none yet). `reached_at` is when `next_step` was reached: the enrolment, a send, the end of a wait.
    `floor_at` is the end of the last wait, or the instant of the last skip or decision, since the last mail: nothing
    goes before it. `waited` says that a wait has ended since the last mail: an `if` is then decided at once.
    `held_since` is when a hold or a pause began (None: neither), `held_for` how long those before it lasted since
    `next_step` was reached; `paused_by` is who paused it: learner, marketer or silent, and `paused_until` when that
    ends by itself. The held-out (`held_out`) are enrolled and never mailed. `wish` is when the learner wants the mails;
    `hurried_at` is when they asked for the next one at once (None: they did not). `target` is the civil target of
    `next_step` as text (see schedule.civil.Target), None until it is derived.
    """

    id: int
    learner_id: int
    course_id: str
    revision: str
    enrolled_at: datetime
    reached_at: datetime
    run: int = 1
    state: State = State.ACTIVE
    next_step: str | None = None
    last_mail_at: datetime | None = None
    floor_at: datetime | None = None
    waited: bool = False
    target: str | None = None
    ended_by: str | None = None
    held_since: datetime | None = None
    held_for: timedelta = timedelta(0)
    paused_by: str | None = None
    held_out: bool = False
    paused_until: datetime | None = None
    wish: Wish = AS_PLANNED
    hurried_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to a question. `option` counts from 0; `sure` is guessed, fairly or certain."""

    at: datetime
    option: int
    correct: bool
    sure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A frozen summary of one enrolment's evidence, which conditions read.

    All times are aware. `sent` is step → actual send, the last where there are several; `earlier` are the others.
    `opened` and `clicked` are step → the instant from which the first human one counts (its arrival + 60 s): later
    than `now` means unsettled. `answers` is question → all answers, oldest first. `rated` is survey → first rating.
    `events` is name → first time since the enrolment. `offered` is question → when it came back for review.
    `alive_at` is the last sign of life: an answer, a page's form that was sent, or a click that counts.
    """

    sent: Mapping[str, datetime] = field(default_factory=dict)
    opened: Mapping[str, datetime] = field(default_factory=dict)
    clicked: Mapping[str, datetime] = field(default_factory=dict)
    answers: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    rated: Mapping[str, datetime] = field(default_factory=dict)
    events: Mapping[str, datetime] = field(default_factory=dict)
    offered: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    alive_at: datetime | None = None
    earlier: tuple[datetime, ...] = ()

    def sent_now(self, step: str, at: datetime) -> Facts:
        """The same, once this step's mail is sent at `at`."""
        before = (self.sent[step],) if step in self.sent else ()
        return changed(self, sent={**self.sent, step: at}, earlier=(*self.earlier, *before))

    @property
    def sends(self) -> tuple[datetime, ...]:
        """When mails were sent, all of them: what caps and silence count."""
        return (*self.sent.values(), *self.earlier)


def summarise(
    sent: Mapping[str, tuple[int, datetime]],
    evidence: Sequence[Evidence],
    *,
    reviews: Sequence[tuple[int, datetime, Sequence[str]]] = (),
    earlier: Sequence[tuple[int, datetime]] = (),
) -> Facts:
    """The Facts of one enrolment. `sent` is step → (delivery id, actual send); `evidence` is all there is, raw.

    `earlier` is (delivery id, actual send) of each mail whose step was sent again later. `reviews` is (delivery id,
    actual send, questions) of every mail that brought questions back.

    Only what people did counts as opened or clicked, and each counts from 60 s after it arrived.
    """
    if not (evidence or reviews or earlier):
        return Facts(sent={step: at for step, (_, at) in sent.items()})
    by_delivery: dict[int | None, list[Evidence]] = defaultdict(list)
    for event in evidence:
        by_delivery[event.delivery_id].append(event)
    sent_at: dict[int | None, datetime] = {
        **{id_: at for id_, at, _ in reviews},
        **dict(earlier),
        **dict(sent.values()),
    }
    offered: dict[str, list[datetime]] = defaultdict(list)
    for _, at, questions in reviews:
        for question in questions:
            offered[question].append(at)
    opened: dict[str, datetime] = {}
    clicked: dict[str, datetime] = {}
    answers: dict[str, list[Answer]] = defaultdict(list)
    happened: dict[str, datetime] = {}
    rated: dict[str, datetime] = {}
    last_clicks: list[datetime] = []
    pressed: list[datetime] = []
    for delivery, events in by_delivery.items():
        verdicts = classify(events, sent_at.get(delivery))
        for event, verdict in zip(events, verdicts, strict=True):
            match event.kind:
                case Kind.OPEN if verdict.origin is Origin.HUMAN:
                    _keep_first(opened, event.step, event.at + SETTLES_AFTER)
                case Kind.CLICK if verdict.origin is Origin.HUMAN:
                    _keep_first(clicked, event.step, event.at + SETTLES_AFTER)
                    last_clicks.append(event.at + SETTLES_AFTER)
                case Kind.RATING:
                    _keep_first(rated, event.item, event.at)
                case Kind.ANSWER:
                    answers[event.item].append(_answer(event))
                case Kind.EVENT:
                    _keep_first(happened, event.item, event.at)
                case Kind.CHANGE | Kind.CONSENT | Kind.RETURN:
                    pressed.append(event.at)
                case _:
                    pass
    signs = [*last_clicks, *pressed, *rated.values(), *(answer.at for given in answers.values() for answer in given)]
    return Facts(
        sent={step: at for step, (_, at) in sent.items()},
        opened=opened,
        clicked=clicked,
        answers={question: tuple(sorted(given, key=lambda a: a.at)) for question, given in answers.items()},
        rated=rated,
        events=happened,
        offered={question: tuple(sorted(times)) for question, times in offered.items()},
        alive_at=max(signs, default=None),
        earlier=tuple(at for _, at in earlier),
    )


def _keep_first(times: dict[str, datetime], name: str, at: datetime) -> None:
    if name not in times or at < times[name]:
        times[name] = at


def _answer(event: Evidence) -> Answer:
    option = event.data.get("option")
    return Answer(
        at=event.at,
        option=option if isinstance(option, int) else -1,
        correct=event.data.get("correct") is True,
        sure=str(event.data.get("sure") or ""),
    )
