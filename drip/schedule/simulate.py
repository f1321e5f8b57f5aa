"""Learners on a virtual clock, through the same functions that deliver uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drip.course.timing import gap_text
from drip.people import Enrolment, Facts, Learner, State
from drip.plan.model import Mail, Plan, Wait
from drip.schedule.advance import Did, after_send, begin, next_due
from drip.schedule.reviews import REVIEW, due_questions, next_review_at
from drip.schedule.slots import zone_of

#: A course that needs more steps of the clock than this does not end (each step leads forward, so none should).
MOST_TICKS = 100_000
#: What is told of what was passed on the way: note → the kind of its row.
_TOLD = {Did.SKIP: "skip", Did.WAIT: "wait", Did.NOTIFY: "notify", Did.AWARD: "award"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a timeline. `at` is in UTC, `local` in the learner's zone; `kind` is mail, skip, wait, notify, award
    or finish (a pause by `silent` is told as a wait).

    A `why` has its own kinds beside these (see engine/explain.py).
    """

    at: datetime
    local: datetime
    step: str
    kind: str
    reason: str


def simulate(plan: Plan, learner: Learner, *, start: datetime) -> Iterator[Row]:
    """The timeline of one learner who is enrolled at `start` and neither opens, clicks nor answers.

    Every mail goes out at the instant at which it is due. It ends with the last step and the last recap, or where
    nothing more would happen without the learner (held, or paused by `silent`).
    """
    zone = zone_of(learner, plan)
    now, facts = start, Facts()
    fresh = Enrolment(
        id=0,
        learner_id=learner.id,
        course_id=plan.course_id,
        revision=plan.revision,
        enrolled_at=start,
        reached_at=start,
    )
    stands, decided, moved, last, finished = begin(plan, fresh), "", "", None, False

    def row(at: datetime, step: str, kind: str, reason: str) -> Row:
        return Row(at=at, local=at.astimezone(zone), step=step, kind=kind, reason=reason)

    for _ in range(MOST_TICKS):
        then = next_due(plan, stands, learner, facts, now)
        for note in then.notes:
            if note.kind in _TOLD:
                yield row(note.at, note.step, _TOLD[note.kind], note.reason)
            elif note.kind is Did.DECIDE:
                decided = _joined(decided, note.reason)
        stands = then.enrolment
        if then.send is not None:
            since = why_then(then.send, stands, last, then.reason or moved)
            riders = [q for q in due_questions(plan, facts, zone, now) if q not in _own(then.send)]
            yield row(now, then.send.id, "mail", _joined(decided, since, _riding(riders)))
            facts = replace(facts, sent={**facts.sent, then.send.id: now}, offered=_offered(facts, riders, now))
            stands, decided, moved, last = after_send(stands, then.send, now), "", "", then.send.id
            continue
        if stands.state is State.FINISHED and not finished:
            finished = True
            yield row(now, "", "finish", _joined(decided, then.notes[-1].reason))
        review_at = next_review_at(plan, stands, facts, zone, now, then.due_at)
        if review_at is not None and (then.due_at is None or review_at < then.due_at):
            now = max(now, review_at)
            questions = due_questions(plan, facts, zone, now)
            yield row(now, REVIEW, "mail", _riding(questions))
            facts = replace(facts, offered=_offered(facts, questions, now))
        elif then.due_at is not None:
            now = max(now, then.due_at)
            moved = "" if isinstance(plan.step(stands.next_step or ""), Wait) else then.reason
        else:
            if not finished and then.reason:
                yield row(now, stands.next_step or "", "wait", then.reason)
            return
    raise RuntimeError(f"the course {plan.course_id} did not end")


def why_then(mail: Mail, stands: Enrolment, last: str | None, moved: str) -> str:
    """Why a mail is due when it is: what it counts from, and what moved it (the words of `schedule.civil`).

    `last` is the mail before it, None for the first. `1 day after welcome; Saturday and Sunday are not sending days`.
    """
    gap = mail.first_gap if last is None else mail.gap
    parts = [part for part in moved.split("; ") if part]
    if parts and parts[0].startswith("not before "):
        parts = parts[1:]
        since = "as soon as the wait is over" if stands.waited else "in the place of the one that was skipped"
    elif last is None:
        since = "the first mail" if gap.count == 0 else f"{gap_text(gap)} after the enrolment"
    else:
        since = f"straight after {last}" if gap.count == 0 else f"{gap_text(gap)} after {last}"
    if parts and parts[0].startswith(("before ", "after ")):
        since = f"{since}, {'enrolled ' if last is None and gap.count == 0 else ''}{parts.pop(0)}"
    return "; ".join([since, *parts])


def _joined(*reasons: str) -> str:
    """All reasons, each part said once."""
    parts = [part for text in reasons for part in text.split("; ") if part]
    return "; ".join(dict.fromkeys(parts))


def _own(mail: Mail) -> tuple[str, ...]:
    return () if mail.question is None else (mail.question.id,)


def _riding(questions: Sequence[str]) -> str:
    return f"brings back {', '.join(questions)}" if questions else ""


def _offered(facts: Facts, questions: Sequence[str], now: datetime) -> dict[str, tuple[datetime, ...]]:
    return {**facts.offered, **{question: (*facts.offered.get(question, ()), now) for question in questions}}
