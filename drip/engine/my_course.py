"""A learner's own view of one course: how far they are, what has come, what comes next, and why not sooner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from drip.course.expressions import parse_condition
from drip.course.timing import Limit
from drip.engine.cap import cap_of
from drip.engine.follow import followed
from drip.engine.library import Library
from drip.engine.sending import PERSONAL, facts_of, gone_at
from drip.engine.timeline import filled
from drip.errors import NotFound
from drip.people import Enrolment, Facts, Learner, State, Wish
from drip.plan.model import Mail, Plan, Question, Wait
from drip.schedule.advance import Next, next_due, scope
from drip.schedule.migrate import retimed
from drip.schedule.reviews import REVIEW
from drip.schedule.slots import zone_of
from drip.store import awards, courses, enrolments, learners, ledger, suppression
from drip.store.enrolments import Standing
from drip.store.ledger import UNDER_WAY, Delivery, Phase

#: A mail in these states has not come.
_TO_COME = (Phase.RETRY, Phase.HELD, Phase.CANCELLED)


class Ahead(StrEnum):
    """How it stands with the next mail."""

    #: It is planned, and may be had at once.
    PLANNED = "planned"
    #: It is on its way, or goes in a moment.
    COMING = "coming"
    #: It waits until something has happened (an answer, say).
    WAITS = "waits"
    #: It is planned, and a cap lets no more through before.
    FULL = "full"
    #: The sender holds it, or has paused the course for everybody.
    HELD = "held"
    #: This enrolment is paused.
    PAUSED = "paused"
    #: Nothing more comes: it has ended, or has nothing left.
    OVER = "over"
    #: Nobody can say: a person has to look.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """A mail that has come: `title` is its subject as this learner reads it, "" for questions that came back."""

    delivery_id: int
    at: datetime
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One learner in one course (their latest run), as of one instant.

    `ahead` says how it stands with the next mail, `next_at` when it comes, or (WAITS) when the course goes on without;
    `asks` is the question whose answer it waits for. `mark` names what has come so far: a press on "the next one now"
    means the one after it. `number` of `of` is how far they are (0: nothing has come). `left_all`: the address gets
    nothing at all. `awarded` is the run that has earned them a certificate, if one has.
    """

    learner: Learner
    enrolment: Enrolment
    plan: Plan
    facts: Facts
    came: tuple[Came, ...]
    number: int
    of: int
    ahead: Ahead
    next_at: datetime | None
    asks: Question | None
    mark: int
    left_all: bool
    awarded: int | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the learner's days are counted."""
        return zone_of(self.learner, self.plan)

    @property
    def language(self) -> str:
        """The language in which the course comes to them."""
        return self.plan.language_for(self.learner.language)

    def with_wish(self, wish: Wish, now: datetime) -> datetime | None:
        """When the next mail would come under another wish; None where that cannot be said."""
        if self.ahead not in (Ahead.PLANNED, Ahead.FULL):
            return None
        try:
            anew = wish.tempo is not self.enrolment.wish.tempo
            stands = replace(self.enrolment, wish=wish)
            stands = retimed(self.plan, stands, self.learner, self.facts, now, anew=anew)
            return next_due(self.plan, stands, self.learner, self.facts, now).due_at
        except PERSONAL:
            return None


def latest(conn: Connection, delivery_id: int) -> Standing:
    """The latest run of the course that a mail belongs to, of the learner who got it. Raises NotFound."""
    row = ledger.by_id(conn, delivery_id)
    mine = enrolments.by_id(conn, row.enrolment_id) if row is not None else None
    if mine is None:
        raise NotFound("this mail is not here any more")
    return enrolments.of_learner(conn, mine.learner.id, mine.enrolment.course_id)[-1]


def see(
    conn: Connection,
    library: Library,
    standing: Standing,
    *,
    limit: Limit | None,
    suppression_key: bytes,
    now: datetime,
) -> Seen:
    """How it stands with this enrolment. `limit` is the workspace's cap. Reads, and changes nothing."""
    learner = standing.learner
    facts_by, rows_by = facts_of(conn, [standing.enrolment])
    rows, facts = rows_by[standing.enrolment.id], facts_by[standing.enrolment.id]
    names = courses.names_of(conn, {standing.current})[standing.current]
    try:
        stands, facts, plan = followed(conn, library, standing, facts, names, now=now)
    except PERSONAL:
        stands, plan = standing.enrolment, library.plan(conn, standing.enrolment.revision)
    gone = [row for row in rows if gone_at(row) is not None]
    last = next((row for row in reversed(gone) if row.step != REVIEW), None)
    number, of = _place(conn, library, last)
    key = learners.suppression_hash(suppression_key, learner.email)
    closed = None
    if limit is not None and (cap := cap_of(limit, conn, library, [standing], now)) is not None:
        closed = cap.closed(learner.id, zone_of(learner, plan))
    course = courses.get(conn, plan.course_id)
    seen = Seen(
        learner=learner,
        enrolment=stands,
        plan=plan,
        facts=facts,
        came=tuple(_came(conn, library, row, standing, facts, now) for row in gone),
        number=number,
        of=of,
        ahead=Ahead.OVER,
        next_at=None,
        asks=None,
        mark=max((row.id for row in rows if row.step != REVIEW and row.state not in _TO_COME), default=0),
        left_all=bool(suppression.suppressed(conn, [key], now=now)),
        awarded=awards.latest_run(conn, learner.id, plan.course_id),
    )
    if stands.state is State.PAUSED:
        return replace(seen, ahead=Ahead.PAUSED)
    if stands.state is not State.ACTIVE:
        return replace(seen, next_at=standing.review_due_at)
    if course is not None and course.paused_at is not None:
        return replace(seen, ahead=Ahead.HELD)
    under_way = next((row for row in rows if row.step != REVIEW and row.state in UNDER_WAY), None)
    if under_way is not None:
        return _under_way(seen, under_way, now)
    if standing.problem is not None or standing.due_at is None:
        held = stands.held_since is not None and standing.problem is None
        return replace(seen, ahead=Ahead.HELD if held else Ahead.UNKNOWN)
    return _ahead(seen, closed, courses.repeats_of(conn, {plan.course_id}).get(plan.course_id, frozenset()), now)


def may_hurry(seen: Seen, closed: Callable[[date], bool] | None, again: frozenset[str], now: datetime) -> Next:
    """Where the enrolment would stand if its learner asked for the next mail now."""
    asked = replace(seen.enrolment, hurried_at=now)
    return next_due(seen.plan, asked, seen.learner, seen.facts, now, again=again, also_closed=closed)


def _ahead(seen: Seen, closed: Callable[[date], bool] | None, again: frozenset[str], now: datetime) -> Seen:
    """How it stands with a next mail that has its time."""
    try:
        then = next_due(seen.plan, seen.enrolment, seen.learner, seen.facts, now, again=again, also_closed=closed)
        hurried = may_hurry(seen, closed, again, now)
    except PERSONAL:
        return replace(seen, ahead=Ahead.UNKNOWN)
    if then.send is not None:
        return replace(seen, ahead=Ahead.COMING)
    step = seen.plan.step(then.enrolment.next_step or "")
    if then.enrolment.state is State.PAUSED:
        return replace(seen, ahead=Ahead.PAUSED)
    if then.enrolment.state is not State.ACTIVE or step is None:
        return seen
    if then.due_at is None:
        return replace(seen, ahead=Ahead.HELD)
    if isinstance(step, Wait):
        return replace(seen, ahead=Ahead.WAITS, next_at=_deadline(seen, step, then.due_at, now), asks=_asks(seen, step))
    return replace(seen, ahead=Ahead.PLANNED if hurried.send is not None else Ahead.FULL, next_at=then.due_at)


def _under_way(seen: Seen, row: Delivery, now: datetime) -> Seen:
    """How it stands with a mail that has its row in the ledger already."""
    if row.state is Phase.HELD:
        return replace(seen, ahead=Ahead.UNKNOWN)
    if row.state is Phase.RETRY and row.attempts == 0 and row.due_at is not None and row.due_at > now:
        return replace(seen, ahead=Ahead.PLANNED, next_at=row.due_at)
    return replace(seen, ahead=Ahead.COMING)


def _deadline(seen: Seen, step: Wait, look_again: datetime, now: datetime) -> datetime | None:
    """When the course goes on though what it waits for has not come; None where that is not what is next looked at."""
    return look_again if look_again > now else None


def _asks(seen: Seen, step: Wait) -> Question | None:
    """The question that a wait asks to be answered, in the learner's language."""
    named = {name for function, name in parse_condition(step.until).calls if function in ("answered", "correct")}
    mails = (mail for mail in seen.plan.steps if isinstance(mail, Mail) and mail.question is not None)
    found = next((mail for mail in mails if mail.question and mail.question.id in named), None)
    return found.question_in(seen.language) if found is not None and found.id in seen.facts.sent else None


def _place(conn: Connection, library: Library, last: Delivery | None) -> tuple[int, int]:
    """How far somebody is whose last tip was this one."""
    step = library.plan(conn, last.revision).step(last.step) if last is not None else None
    return (step.number, max(step.of, step.number)) if isinstance(step, Mail) else (0, 0)


def _came(conn: Connection, library: Library, row: Delivery, standing: Standing, facts: Facts, now: datetime) -> Came:
    at = gone_at(row)
    assert at is not None
    plan = library.plan(conn, row.revision)
    step = plan.step(row.step)
    title = ""
    if isinstance(step, Mail):
        chosen = next((one for one in step.variants if one.name == row.variant), step.variants[0])
        sees = scope(plan, standing.learner, standing.enrolment, facts, now)
        title = filled(chosen.texts_in(row.language).subject, sees)
    return Came(delivery_id=row.id, at=at, title=" ".join(title.split()))


def languages_of(plan: Plan) -> Sequence[str]:
    """The languages in which a course comes."""
    return (plan.language, *plan.languages)
