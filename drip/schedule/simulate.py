"""Learners on a virtual clock, through the same functions that deliver uses."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from drip.course.expressions import holds
from drip.errors import DripError, Refused
from drip.people import AS_PLANNED, Enrolment, Facts, Learner, State, Wish
from drip.plan.model import Mail, Plan, Wait
from drip.schedule.acts import NOTHING, Act, Script, acts_after_mail, acts_from_start, with_act
from drip.schedule.advance import Did, Next, Note, after_send, begin, look_ahead, next_due, scope
from drip.schedule.dates import utc
from drip.schedule.gates import shut
from drip.schedule.reasons import joined, riding, why_then
from drip.schedule.reviews import REVIEW, due_questions, next_review_at, recap_now
from drip.schedule.slots import zone_of
from drip.track.evidence import SETTLES_AFTER, Kind

#: A course that needs more steps of the clock than this for one learner is not looked at to its end.
MOST_TICKS = 100_000
#: What is told of what was passed on the way: note → the kind of its row.
_TOLD = {Did.SKIP: "skip", Did.WAIT: "wait", Did.NOTIFY: "notify", Did.AWARD: "award", Did.FINISH: "finish"}
#: What can go wrong for one learner: a condition, a zone or a time that cannot be worked out.
_PERSONAL = (DripError, LookupError, ValueError, ArithmeticError)
#: How long deliver leaves reviews alone that are held, before it looks at them again.
_LOOK_AGAIN = timedelta(hours=1)
#: What a learner does that may move an enrolment → how long after it does.
_COUNTS_AFTER = {
    Kind.OPEN: SETTLES_AFTER,
    Kind.CLICK: SETTLES_AFTER,
    Kind.ANSWER: timedelta(0),
    Kind.RATING: timedelta(0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a timeline. `at` is in UTC, `local` in the learner's zone; `kind` is mail, skip, wait, notify, award
    or finish (a hold, and a pause by `silent`, are told as waits).

    A `why` has its own kinds beside these (see engine/explain.py).
    """

    at: datetime
    local: datetime
    step: str
    kind: str
    reason: str


def simulate(
    plan: Plan, learner: Learner, *, start: datetime, script: Script = NOTHING, seed: str = ""
) -> Iterator[Row]:
    """The timeline of one learner who is enrolled at `start` and does what `script` says, by default nothing.

    Every mail goes out at the instant at which it is due. It ends with the last step and the last recap, or where
    nothing more would happen (held, or paused by `silent`). Who falls into a script's shares is decided by `seed`.
    """
    return Life(plan, learner, start=start, script=script, seed=seed).rows()


def why_not_enrolled(plan: Plan, learner: Learner, start: datetime) -> str:
    """Why this learner does not come into the course at all, or "". (Whoever is held out does, and is never mailed.)"""
    if plan.start.when is None:
        return ""
    try:
        if holds(plan.start.when, scope(plan, learner, _fresh(plan, learner, start), Facts(), start)):
            return ""
    except _PERSONAL as error:
        return f"start.when cannot be decided: {error}"
    return f"not enrolled: {plan.start.when} is false"


@dataclass(slots=True)
class Life:
    """One enrolment lived on a virtual clock. Once `rows` has ended, `stands` is where it stands, and `problem` what
    a person would have to look at, if there is something.

    `due_at` and `review_at` are when deliver would look at it, and at its reviews. `wish` is the learner's from the
    beginning on.
    """

    plan: Plan
    learner: Learner
    start: datetime
    script: Script = NOTHING
    seed: str = ""
    wish: Wish = AS_PLANNED
    stands: Enrolment = field(init=False)
    problem: str = ""
    facts: Facts = field(default_factory=Facts)
    due_at: datetime | None = None
    review_at: datetime | None = None
    zone: ZoneInfo = field(init=False)
    _ahead: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _asked: Counter[str] = field(default_factory=Counter)
    _teachers: dict[str, Mail] = field(default_factory=dict)
    #: What the row of the next mail still has to say: decisions, what moved it, the mail before it, what it waits for.
    _decided: list[str] = field(default_factory=list)
    _moved: str = ""
    _last: str | None = None
    _waits: str = ""
    _begun: bool = False
    #: For what the reviews were planned last, and when: (facts, enrolment, due_at, review_at).
    _reviewed: tuple[Facts, Enrolment, datetime | None, datetime | None] | None = None

    def __post_init__(self) -> None:
        self.start = utc(self.start)
        self.zone = zone_of(self.learner, self.plan)
        self.stands = begin(self.plan, replace(_fresh(self.plan, self.learner, self.start), wish=self.wish))
        mails = (step for step in self.plan.steps if isinstance(step, Mail))
        self._teachers = {mail.question.id: mail for mail in mails if mail.question is not None}

    def rows(self) -> Iterator[Row]:
        """The timeline. Raises Refused for a course in which more than MOST_TICKS things happen."""
        now: datetime | None = self.start
        for _ in range(MOST_TICKS):
            if now is None:
                return
            try:
                yield from self._tick(now)
            except _PERSONAL as error:  # deliver holds this enrolment, and goes on with the others
                self.problem, self.due_at = str(error), None
                if self.review_at is not None and self.review_at <= now:
                    self.review_at = None
                yield self._row(now, self.stands.next_step or "", "wait", f"waits for a person: {error}")
            now = self._next_instant()
        raise Refused(f"more than {MOST_TICKS:,} things happen to one learner in {self.plan.course_id}")

    def _next_instant(self) -> datetime | None:
        """When something happens next; None where nothing does any more."""
        over = self.stands.state not in (State.ACTIVE, State.PAUSED)
        times = [at for at in (None if over else self.due_at, self.review_at) if at is not None]
        if self._ahead and (times or not over):
            times.append(self._ahead[0][0])
        return min(times, default=None)

    def _tick(self, now: datetime) -> Iterator[Row]:
        """What a worker does at `now`; evidence that comes at the same instant is there already."""
        if not self._begun:
            yield from self._enrol()
        elif self._ahead and self._ahead[0][0] <= now:
            yield from self._happen(heapq.heappop(self._ahead)[2])
        elif self.stands.state is State.ACTIVE and self.due_at is not None and self.due_at <= now:
            yield from self._advance(now)
        else:
            yield from self._recap(now)

    def _enrol(self) -> Iterator[Row]:
        """The learner comes in, as in engine/enrol.py."""
        self._begun = True
        self._expect(acts_from_start(self.script, self.learner, self.start, self.zone, self.seed))
        yield from self._went_on(look_ahead(self.plan, self.stands, self.learner, self.facts, self.start), self.start)

    def _advance(self, now: datetime) -> Iterator[Row]:
        """The enrolment's time has come, as in engine/claim_new.py."""
        then = next_due(self.plan, self.stands, self.learner, self.facts, now)
        if self.stands.held_since is not None and then.enrolment.held_since is None and then.reason.startswith("late"):
            self._decided.append(f"the {'pause' if self.stands.paused_by else 'hold'} is over")
        mail = then.send
        if mail is None:
            yield from self._went_on(then, now)
            return
        yield from self._passed(then.notes)
        questions = due_questions(self.plan, self.facts, self.zone, now, self.wish)
        riders = [one for one in questions if mail.question is None or one != mail.question.id]
        since = why_then(mail, then.enrolment, self._last, then.reason or self._moved)
        yield self._row(now, mail.id, "mail", joined(*self._decided, since, riding(riders)))
        self._decided, self._moved, self._last, self._waits = [], "", mail.id, ""
        self.facts = replace(
            self.facts, sent={**self.facts.sent, mail.id: now}, offered=_offered(self.facts, riders, now)
        )
        self._mailed(mail, riders, now)
        stands = after_send(then.enrolment, mail, now)
        yield from self._went_on(look_ahead(self.plan, stands, self.learner, self.facts, now), now)

    def _went_on(self, then: Next, now: datetime) -> Iterator[Row]:
        """Where the enrolment stands now, and when to look at it, and at its reviews, again."""
        yield from self._passed(then.notes)
        was_silent = self.stands.paused_by is not None
        self.stands, self.due_at = then.enrolment, then.due_at
        self._plan_reviews(now)
        self._moved = "" if isinstance(self.plan.step(self.stands.next_step or ""), Wait) else then.reason
        if then.due_at is not None:
            self._waits = self._waits if was_silent else ""
        elif self.stands.state in (State.ACTIVE, State.PAUSED) and then.reason != self._waits:
            self._waits = then.reason  # held or silent: told once, though it is looked at again
            yield self._row(now, self.stands.next_step or "", "wait", then.reason)

    def _plan_reviews(self, now: datetime) -> None:
        """When to look at the reviews again. What lay ahead still does, where nothing that it hangs on has changed."""
        if self._reviewed is not None:
            facts, stands, due_at, at = self._reviewed
            known = facts.sent is self.facts.sent and facts.offered is self.facts.offered and due_at == self.due_at
            known = known and (stands.state, stands.ended_by) == (self.stands.state, self.stands.ended_by)
            if known and (at is None or at >= now):
                self.review_at = at
                return
        self.review_at = next_review_at(self.plan, self.stands, self.facts, self.zone, now, self.due_at)
        self._reviewed = (self.facts, self.stands, self.due_at, self.review_at)

    def _recap(self, now: datetime) -> Iterator[Row]:
        """Questions may come back in a mail of their own, as in engine/claim_new.py."""
        gate = shut(self.plan, self.stands, scope(self.plan, self.learner, self.stands, self.facts, now), now)
        planned_at = self.review_at or now
        questions = recap_now(
            self.plan, self.facts, self.zone, now, planned_at=planned_at, next_mail_at=self.due_at, wish=self.wish
        )
        next_mail_at = self.due_at
        if gate is not None and gate.ends:
            self.review_at = None
            return
        if gate is not None or self.stands.held_since is not None:
            self.review_at = self._when_held(now)
            return
        if questions:
            yield self._row(now, REVIEW, "mail", riding(questions))
            self.facts = replace(self.facts, offered=_offered(self.facts, questions, now))
            self._mailed(None, questions, now)
            next_mail_at = None  # as deliver does: a day that turns out to have a tip is passed then
        at = next_review_at(self.plan, self.stands, self.facts, self.zone, now, next_mail_at)
        self.review_at = at if at is None or at > now else now + _LOOK_AGAIN

    def _when_held(self, now: datetime) -> datetime | None:
        """The first hourly look at held reviews after something has changed; None where nothing will any more."""
        settling = [at for at in (*self.facts.clicked.values(), *self.facts.opened.values()) if at > now]
        changes = [*settling, *(at for at, _, _ in self._ahead[:1]), *([self.due_at] if self.due_at else [])]
        if not changes:
            return None
        hours = -(-(min(changes) - now) // _LOOK_AGAIN)
        return now + max(1, hours) * _LOOK_AGAIN

    def _mailed(self, mail: Mail | None, riders: Sequence[str], now: datetime) -> None:
        """A mail has come: what the learner will do with it."""
        own = [mail.question.id] if mail is not None and mail.question is not None else []
        asked = [(self._teachers[question], self._asked[question]) for question in (*own, *riders)]
        self._asked.update((*own, *riders))
        if self.script.acts:
            acts = acts_after_mail(self.script, self.plan, self.learner, mail, asked, now, self.zone, self.seed)
            self._expect(acts)

    def _expect(self, acts: Iterator[Act] | Sequence[Act]) -> None:
        for act in acts:
            heapq.heappush(self._ahead, (act.at, next(self._numbers), act))

    def _happen(self, act: Act) -> Iterator[Row]:
        """Evidence comes in, as in engine/record.py and engine/outcomes.py; it may wake the enrolment."""
        self.facts = with_act(self.facts, act)
        if act.kind is Kind.UNSUBSCRIBE:
            if self.stands.state is not State.LEFT:
                ended = self.stands.state is State.FINISHED and self.plan.unsubscribe != "course"
                if not ended:
                    self.stands = replace(self.stands, state=State.LEFT, ended_by="unsubscribed", target=None)
                self.due_at = self.review_at = None
                yield self._row(act.at, act.step, "finish", "left: unsubscribed")
        elif act.kind is Kind.EVENT:
            self._wake(act.at)
        elif self._may_move():
            self._wake(act.at + _COUNTS_AFTER[act.kind])

    def _may_move(self) -> bool:
        """Whether anything may hang on new evidence (engine/record.py)."""
        asks = self.plan.goal or self.plan.stop or self.plan.hold_while
        step = self.plan.step(self.stands.next_step or "")
        return bool(asks) or isinstance(step, Wait) or self.stands.state is State.PAUSED

    def _wake(self, at: datetime) -> None:
        """Look at the enrolment at `at`, if that is sooner than planned (store/enrolments.py)."""
        if self.stands.state is State.PAUSED:
            self.stands, self.due_at = replace(self.stands, state=State.ACTIVE), at
        elif self.stands.state is State.ACTIVE:
            held = self.due_at is None and self.stands.held_since is not None
            if held or (self.due_at is not None and self.due_at > at):
                self.due_at = at

    def _passed(self, notes: Sequence[Note]) -> Iterator[Row]:
        for note in notes:
            if note.kind is Did.DECIDE:
                self._decided.append(note.reason)
            elif note.kind in _TOLD:
                said = [*self._decided, note.reason] if note.kind is Did.FINISH else [note.reason]
                yield self._row(note.at, note.step, _TOLD[note.kind], joined(*said))

    def _row(self, at: datetime, step: str, kind: str, reason: str) -> Row:
        return Row(at=at, local=at.astimezone(self.zone), step=step, kind=kind, reason=reason)


def _offered(facts: Facts, questions: Sequence[str], now: datetime) -> dict[str, tuple[datetime, ...]]:
    return {**facts.offered, **{question: (*facts.offered.get(question, ()), now) for question in questions}}


def _fresh(plan: Plan, learner: Learner, start: datetime) -> Enrolment:
    return Enrolment(
        id=0,
        learner_id=learner.id,
        course_id=plan.course_id,
        revision=plan.revision,
        enrolled_at=start,
        reached_at=start,
    )
