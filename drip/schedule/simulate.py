"""Learners on a virtual clock, through the same functions that deliver uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from drip.people import Enrolment, Facts, Learner, State
from drip.plan.model import Plan, Wait
from drip.schedule.advance import Did, after_send, begin, next_due, zone_of

#: A course that needs more steps of the clock than this does not end (each step leads forward, so none should).
MOST_TICKS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a timeline. `at` is in UTC, `local` in the learner's zone; `kind` is mail, skip, wait or finish."""

    at: datetime
    local: datetime
    step: str
    kind: str
    reason: str


def simulate(plan: Plan, learner: Learner, *, start: datetime) -> Iterator[Row]:
    """The timeline of one learner who is enrolled at `start` and neither opens, clicks nor answers.

    Every mail goes out at the instant at which it is due.
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
    stands, why = begin(plan, fresh), ""

    def row(at: datetime, step: str, kind: str, reason: str) -> Row:
        return Row(at=at, local=at.astimezone(zone), step=step, kind=kind, reason=reason)

    for _ in range(MOST_TICKS):
        then = next_due(plan, stands, learner, facts, now)
        for note in then.notes:
            if note.kind in (Did.SKIP, Did.WAIT):
                yield row(note.at, note.step, str(note.kind), note.reason)
            elif note.kind is Did.DECIDE:
                why = _joined(why, note.reason)
        stands = then.enrolment
        if then.send is not None:
            yield row(now, then.send.id, "mail", _joined(why, then.reason))
            facts = replace(facts, sent={**facts.sent, then.send.id: now})
            stands, why = after_send(stands, then.send, now), ""
        elif stands.state is State.FINISHED:
            yield row(now, "", "finish", _joined(why, "the last step is done"))
            return
        elif then.due_at is not None:
            moved = "" if isinstance(plan.step(stands.next_step or ""), Wait) else then.reason
            now, why = max(now, then.due_at), _joined(why, moved)
    raise RuntimeError(f"the course {plan.course_id} did not end")


def _joined(one: str, other: str) -> str:
    """Both reasons, each part said once."""
    parts = [part for text in (one, other) for part in text.split("; ") if part]
    return "; ".join(dict.fromkeys(parts))
