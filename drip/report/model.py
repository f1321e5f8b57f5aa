"""What goes into a report, and what comes out: counts, shares with their intervals, steps and courses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import sqrt

from drip.track.evidence import Evidence

#: The quantile of the normal distribution that leaves 2.5 % on either side.
Z_95 = 1.96
#: How sure a learner said they were, from least to most.
CONFIDENCES = ("guessed", "fairly", "certain")
#: The states of a ledger row whose mail is still on its way, by itself.
WAITING = ("claimed", "handed", "retry")
#: The states of a mail that has gone, whatever the other side has said of it afterwards.
GONE = ("sent", "delivered", "bounced", "complained")


def wilson(successes: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """The interval in which the true share lies, 19 times out of 20, after `successes` out of `n`.

    Wilson's score interval (E. B. Wilson 1927, J. Am. Stat. Assoc. 22: 209–212): unlike the textbook one it stays
    between 0 and 1, and says something for 0 out of 3. Without data it is (0, 1): anything is possible.
    """
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} out of {n} is not a share")
    if n == 0:
        return 0.0, 1.0
    share, spread = successes / n, z * z / n
    middle = share + spread / 2
    half = z * sqrt((share * (1 - share) + spread / 4) / n)
    low = 0.0 if successes == 0 else max(0.0, (middle - half) / (1 + spread))
    high = 1.0 if successes == n else min(1.0, (middle + half) / (1 + spread))
    return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`count` out of `n`."""

    count: int = 0
    n: int = 0

    @property
    def value(self) -> float | None:
        """The share, from 0 to 1; None where there is no data."""
        return self.count / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval; None where there is no data."""
        return wilson(self.count, self.n) if self.n else None

    def __add__(self, other: Share) -> Share:
        return Share(count=self.count + other.count, n=self.n + other.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mails:
    """Mails that were opened (or clicked), by who did it. The three are apart: a mail stands in one of them."""

    people: int = 0
    unsure: int = 0
    machines: int = 0

    def __add__(self, other: Mails) -> Mails:
        return Mails(
            people=self.people + other.people,
            unsure=self.unsure + other.unsure,
            machines=self.machines + other.machines,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """First answers: how many (`correct.n`), how many of them right, and right by how sure the learner was.

    `later` counts every answer after the first of one learner to one question in one run of a course.
    """

    correct: Share = Share()
    later: int = 0
    by_confidence: Mapping[str, Share] = field(default_factory=dict)

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            correct=self.correct + other.correct,
            later=self.later + other.later,
            by_confidence={
                sure: self.by_confidence.get(sure, Share()) + other.by_confidence.get(sure, Share())
                for sure in CONFIDENCES
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One step, or one variant of it. `variants` is empty unless the step has several.

    `dropped`: only older revisions of the course had this step (or variant). `waiting` counts mails on their way,
    `held` those that a person must decide on. `left` counts mails that somebody left by. Of the `sent`, as far as
    anybody has told: `delivered`, `bounced` (they came back) and `complained` (called spam); a mail is in one of them.
    """

    step: str
    variant: str | None = None
    dropped: bool = False
    sent: int = 0
    waiting: int = 0
    in_doubt: int = 0
    held: int = 0
    failed: int = 0
    cancelled: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    opened: Mails = Mails()
    clicked: Mails = Mails()
    left: int = 0
    answers: Answers = Answers()
    variants: tuple[StepReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseReport:
    """A whole course. Every enrolment is one of active, paused, finished, left or failed; `held` are among the active.

    `finished_by` splits the finished (last step, goal, stop). `in_doubt` counts mails; `held` counts enrolments in
    which a person must look at something. `paused_at` is set while the whole course is paused. `opens` is whether they
    are recorded (always, consented, never).
    """

    course: str
    title: str
    revision: str
    published_at: datetime
    paused_at: datetime | None
    enrolled: int
    active: int
    paused: int
    finished: int
    finished_by: Mapping[str, int]
    left: int
    failed: int
    held: int
    in_doubt: int
    sent: int
    answers: Answers
    steps: tuple[StepReport, ...]
    held_out: int = 0
    reviewed: Share = Share()
    ratings: Mapping[str, Ratings] = field(default_factory=dict)
    opens: str = "always"

    @property
    def opens_are_measured(self) -> bool:
        """Whether a number of opens means anything: where mails have no pixel, 0 is not "nobody"."""
        return self.opens != "never" or any(step.opened != Mails() for step in self.steps)

    @property
    def delivered(self) -> int:
        """How many of the sent are known to have reached the learner's own mail server."""
        return sum(step.delivered for step in self.steps)

    @property
    def bounced(self) -> int:
        """How many of the sent came back."""
        return sum(step.bounced for step in self.steps)

    @property
    def complained(self) -> int:
        """How many of the sent were called spam."""
        return sum(step.complained for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """First ratings of a survey: rating → how many gave it. `kind` is nps, csat or scale."""

    counts: Mapping[int, int]
    kind: str = "scale"

    @property
    def nps(self) -> float | None:
        """The net promoter score, from -100 to 100 (Reichheld 2003): the share of 9 and 10 less that of 0 to 6."""
        if self.kind != "nps" or not self.n:
            return None
        net = sum(many * ((rating >= 9) - (rating <= 6)) for rating, many in self.counts.items())
        return 100 * net / self.n

    @property
    def n(self) -> int:
        """How many rated."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        """The mean rating; None where there is none."""
        return sum(rating * many for rating, many in self.counts.items()) / self.n if self.n else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What is known of a course before counting. `steps` is the current plan's: (step, its variants), in order.

    `teaches` is question → the step that asks it first: an answer counts there, whatever mail brought it back.
    """

    course: str
    title: str
    revision: str
    published_at: datetime
    paused_at: datetime | None
    steps: Sequence[tuple[str, Sequence[str]]]
    teaches: Mapping[str, str] = field(default_factory=dict)
    surveys: Mapping[str, str] = field(default_factory=dict)
    opens: str = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the ledger and the enrolments add up to.

    `mails` is (step, variant) → state of the ledger row → how many, the earliest mailed first; `states` is
    (state of the enrolment, ended by) → how many; `held` and `held_out` as in CourseReport.
    """

    mails: Mapping[tuple[str, str], Mapping[str, int]]
    states: Mapping[tuple[str, str | None], int]
    held: int
    held_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All evidence of one mail. `sent`: it is known to have been sent, at `sent_at`."""

    enrolment_id: int
    step: str
    variant: str
    sent: bool
    sent_at: datetime | None
    events: Sequence[Evidence]
