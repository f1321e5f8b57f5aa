"""Learners on a virtual clock, through the same functions that deliver uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from drip.course.timing import gap_text
from drip.people import Enrolment, Facts, Learner, State
from drip.plan.model import Mail, Plan, Wait
from drip.schedule.advance import Did, after_send, begin, next_due, zone_of

#: A course that needs more steps of the clock than this does not end (each step leads forward, so none should).
MOST_TICKS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a timeline. `at` is in UTC, `local` in the learner's zone; `kind` is mail, skip, wait or finish.

    A `why` has its own kinds beside these (see engine/explain.py).
    """

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
    stands, decided, moved, last = begin(plan, fresh), "", "", None

    def row(at: datetime, step: str, kind: str, reason: str) -> Row:
        return Row(at=at, local=at.astimezone(zone), step=step, kind=kind, reason=reason)

    for _ in range(MOST_TICKS):
        then = next_due(plan, stands, learner, facts, now)
        for note in then.notes:
            if note.kind in (Did.SKIP, Did.WAIT):
                yield row(note.at, note.step, str(note.kind), note.reason)
            elif note.kind is Did.DECIDE:
                decided = _joined(decided, note.reason)
        stands = then.enrolment
        if then.send is not None:
            since = why_then(then.send, stands, last, then.reason or moved)
            yield row(now, then.send.id, "mail", _joined(decided, since))
            facts = replace(facts, sent={**facts.sent, then.send.id: now})
            stands, decided, moved, last = after_send(stands, then.send, now), "", "", then.send.id
        elif stands.state is State.FINISHED:
            yield row(now, "", "finish", _joined(decided, "the last step is done"))
            return
        elif then.due_at is not None:
            now = max(now, then.due_at)
            moved = "" if isinstance(plan.step(stands.next_step or ""), Wait) else then.reason
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


def _joined(one: str, other: str) -> str:
    """Both reasons, each part said once."""
    parts = [part for text in (one, other) for part in text.split("; ") if part]
    return "; ".join(dict.fromkeys(parts))
