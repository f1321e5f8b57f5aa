"""Many learners on a virtual clock → how many mails on which day, the busiest minute, who finishes, when it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from drip.people import Learner, State
from drip.plan.choice import fraction, is_held_out
from drip.plan.model import Plan
from drip.schedule.acts import NOTHING, Script
from drip.schedule.gates import LAST_STEP
from drip.schedule.simulate import Life, why_not_enrolled

#: So many different reasons why a learner waits for a person are kept.
MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day of the course's zone, and how many mails went on it."""

    date: date
    mails: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """What becomes of a cohort. Counts are of learners, but for mails.

    `finished` are those who ended by the last step, the goal or a stop (`finished_by` says how many by each);
    `not_enrolled` those for whom `start.when` does not hold; `held_out` are enrolled and never mailed; `paused` are
    silent, `held` wait for `hold_while` to end, `stuck` for a person (`problems` says at what). `last_at` is when the
    last thing happened to anyone, `peak_at` the busiest minute (None: no mail went).
    """

    learners: int
    mails: int
    per_day: tuple[Day, ...]
    peak_per_minute: int
    peak_at: datetime | None
    finished: int
    finished_share: float | None
    finished_by: dict[str, int]
    not_enrolled: int
    held_out: int
    paused: int
    held: int
    left: int
    stuck: int
    problems: dict[str, int]
    last_at: datetime | None


def enrolled_at(learner: Learner, start: datetime, over: timedelta, seed: str) -> datetime:
    """When this learner comes in: spread evenly over a period by hash, to the second. `over` 0 is all at once."""
    return start + timedelta(seconds=int(fraction(seed, learner.ref, "enrolled at") * over.total_seconds()))


@dataclass(slots=True)
class Tally:
    """A cohort being counted, one learner after another; nothing is kept of any of them."""

    plan: Plan
    zone: ZoneInfo
    script: Script = NOTHING
    seed: str = ""
    learners: int = 0
    minutes: Counter[int] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    last_at: datetime | None = None

    def live(self, learner: Learner, at: datetime) -> None:
        """One learner is enrolled at `at`, and lives the course to its end."""
        self.learners += 1
        if why_not_enrolled(self.plan, learner, at):
            self.ends["not enrolled"] += 1
            return
        if is_held_out(self.plan.holdout, course_id=self.plan.course_id, ref=learner.ref):
            self.ends["held out"] += 1
            return
        life = Life(self.plan, learner, start=at, script=self.script, seed=self.seed)
        last: datetime | None = None
        for row in life.rows():
            last = row.at if last is None else max(last, row.at)
            if row.kind == "mail":
                self.minutes[int(row.at.timestamp()) // 60] += 1
        if last is not None:
            self.last_at = last if self.last_at is None else max(self.last_at, last)
        self.ends[_end_of(life)] += 1
        if life.problem and (life.problem in self.problems or len(self.problems) < MOST_PROBLEMS):
            self.problems[life.problem] += 1

    def cohort(self) -> Cohort:
        """What has been counted so far."""
        by_day: Counter[date] = Counter()
        for minute, mails in self.minutes.items():
            by_day[_instant(minute).astimezone(self.zone).date()] += mails
        # the first of several equally busy minutes
        peak = max(self.minutes, key=lambda minute: (self.minutes[minute], -minute), default=None)
        finished = {by: self.ends[by] for by in (LAST_STEP, "goal", "stop") if self.ends[by]}
        return Cohort(
            learners=self.learners,
            mails=self.minutes.total(),
            per_day=tuple(Day(date=day, mails=by_day[day]) for day in sorted(by_day)),
            peak_per_minute=self.minutes[peak] if peak is not None else 0,
            peak_at=_instant(peak) if peak is not None else None,
            finished=sum(finished.values()),
            finished_share=sum(finished.values()) / self.learners if self.learners else None,
            finished_by=finished,
            not_enrolled=self.ends["not enrolled"],
            held_out=self.ends["held out"],
            paused=self.ends["paused"],
            held=self.ends["held"],
            left=self.ends["left"],
            stuck=self.ends["stuck"],
            problems=dict(self.problems),
            last_at=self.last_at,
        )


def lived(tally: Tally, people: Iterable[Learner], *, start: datetime, over: timedelta) -> Iterable[int]:
    """Let everyone live, and say after each how many have: the tally has the rest."""
    for number, learner in enumerate(people, start=1):
        tally.live(learner, enrolled_at(learner, start, over, tally.seed))
        yield number


def _end_of(life: Life) -> str:
    """How one life ended, in a word."""
    stands = life.stands
    if life.problem:
        return "stuck"
    match stands.state:
        case State.FINISHED:
            return stands.ended_by or LAST_STEP
        case State.PAUSED:
            return "paused"
        case State.LEFT:
            return "left"
        case _:
            return "held" if stands.held_since is not None else "stuck"


def _instant(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, tz=UTC)
